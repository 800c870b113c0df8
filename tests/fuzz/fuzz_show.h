/* A core all the way to text, for the fuzzers. */
#pragma once

/* Shows the core at `path`, if it is one. Nothing of this machine is opened for what it says. */
void fuzz_show_core(const char *path);
