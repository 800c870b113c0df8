/*
 * Writes a core file that holds some pages of a process. Hides ELF. The file gets its name when it
 * is whole: what is given up before, or whatever ends this program, leaves none (but where the file
 * system cannot have a file without a name). Nobody else may read it. No file is overwritten.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/error.h"
#include "asyncspy/target/process.h"

struct core_writer;

/* Begins a core that is to stand at `path`. ERROR_OS, ERROR_USAGE: there is something already. */
struct error *core_writer_open(const char *path, struct core_writer **ret) ERROR_CHECK;

/* Gives up what was not finished, and frees; NULL-safe. */
void core_writer_close(struct core_writer *writer);

/* Writes the pages that the memory of `process` keeps (memory_keep), and the first bytes of each
 * mapped program and library, as far as they tell its build id. Once for each core. ERROR_OS. */
struct error *core_writer_add_memory(struct core_writer *writer,
                                     struct target_process *process) ERROR_CHECK;

/* Writes the notes: what the process is, its `threads`, and the text `note` that core_get_note()
 * gives back. Then the file is there. *ret_size: of it. ERROR_OS, ERROR_USAGE. */
struct error *core_writer_finish(struct core_writer *writer, struct target_process *process,
                                 const struct target_thread *threads, size_t thread_count,
                                 const char *note, size_t note_size,
                                 uint64_t *ret_size) ERROR_CHECK;
