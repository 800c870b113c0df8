/* The two halves of writing a core. Private to target. */
#pragma once

#include "asyncspy/target/core_writer.h"
#include "core.h"

/* What the notes tell. */
struct core_facts {
    struct target_process *process;
    const struct target_thread *threads;
    size_t thread_count;
    const char *note;
    size_t note_size;
    const struct core_page *pages;
    size_t page_count;
};

/* The bytes of the PT_NOTE; *ret belongs to the caller. ERROR_USAGE: the text is too long. */
struct error *core_make_notes(const struct core_facts *facts, char **ret,
                              size_t *ret_size) ERROR_CHECK;
