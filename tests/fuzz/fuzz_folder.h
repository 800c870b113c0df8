/* A temporary folder that stands for /proc/PID; it goes away when the program ends. */
#pragma once

#include <stddef.h>

/* Its open descriptor. */
int fuzz_folder_open(void);

/* Writes one of its files; a folder in the name must be one of "task" and "task/1234". */
void fuzz_folder_write(const char *name, const void *bytes, size_t size);
