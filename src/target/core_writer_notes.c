/* The notes of a core that is written: man 5 core, include/uapi/linux/elfcore.h, fs/binfmt_elf.c.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>

#include "core_writer.h"

static void write_padded(FILE *out, const void *bytes, size_t size) {
    static const char zeros[4];
    fwrite(bytes, 1, size, out);
    fwrite(zeros, 1, -size % 4, out);
}

static void write_note(FILE *out, const char *owner, uint32_t type, const void *bytes,
                       size_t size) {
    Elf64_Nhdr header = {
        .n_namesz = (uint32_t)strlen(owner) + 1, .n_descsz = (uint32_t)size, .n_type = type};
    fwrite(&header, 1, sizeof header, out);
    write_padded(out, owner, header.n_namesz);
    write_padded(out, bytes, size);
}

/* ---- threads ---- */

/* What the kernel tells of the registers: where a thread in a system call has its number and its
 * arguments (entry_64.S of Linux), the stack, the next instruction. The others are unknown. */
static void write_thread(FILE *out, const struct target_thread *thread) {
    struct elf_prstatus status = {.pr_pid = thread->namespace_tid};
    const uint64_t *arguments = thread->arguments;
    struct user_regs_struct registers = {.orig_rax = (uint64_t)thread->syscall,
                                         .rax = (uint64_t)-ENOSYS,
                                         .rdi = arguments[0],
                                         .rsi = arguments[1],
                                         .rdx = arguments[2],
                                         .r10 = arguments[3],
                                         .r8 = arguments[4],
                                         .r9 = arguments[5],
                                         .rsp = thread->stack_pointer,
                                         .rip = thread->program_counter};
    memcpy(&status.pr_reg, &registers, sizeof registers);
    write_note(out, "CORE", NT_PRSTATUS, &status, sizeof status);
}

static bool is_main(const struct core_facts *facts, const struct target_thread *thread) {
    return thread->namespace_tid == process_get_namespace_pid(facts->process);
}

/* The main one first: gdb shows that. */
static void write_threads(FILE *out, const struct core_facts *facts) {
    for (size_t i = 0; i < facts->thread_count; i++)
        if (is_main(facts, &facts->threads[i]))
            write_thread(out, &facts->threads[i]);
    for (size_t i = 0; i < facts->thread_count; i++)
        if (!is_main(facts, &facts->threads[i]))
            write_thread(out, &facts->threads[i]);
}

/* ---- the process ---- */

static void write_process(FILE *out, const struct core_facts *facts) {
    struct elf_prpsinfo process = {.pr_sname = 'R',
                                   .pr_pid = process_get_namespace_pid(facts->process)};
    struct arena *arena = arena_create();
    size_t count, length = 0;
    char **arguments = process_get_command_line(facts->process, arena, &count);
    for (size_t i = 0; i < facts->thread_count; i++)
        if (is_main(facts, &facts->threads[i]))
            memcpy(process.pr_fname, facts->threads[i].name,
                   strnlen(facts->threads[i].name, sizeof process.pr_fname - 1));
    for (size_t i = 0; i < count && length < sizeof process.pr_psargs; i++)
        length += (size_t)snprintf(process.pr_psargs + length, sizeof process.pr_psargs - length,
                                   "%s%s", i ? " " : "", arguments[i]);
    write_note(out, "CORE", NT_PRPSINFO, &process, sizeof process);
    arena_destroy(arena);
}

static void write_auxiliary(FILE *out, const struct core_facts *facts) {
    struct arena *arena = arena_create();
    size_t count;
    const uint64_t *words = process_get_auxiliary(facts->process, arena, &count);
    if (count)
        write_note(out, "CORE", NT_AUXV, words, count * sizeof *words);
    arena_destroy(arena);
}

/* ---- files ---- */

static bool is_file(const struct target_mapping *mapping) {
    return mapping->path[0] == '/' && mapping->inode;
}

static void write_words(FILE *out, const uint64_t *words, size_t count) {
    fwrite(words, sizeof *words, count, out);
}

static void write_rows(FILE *out, const struct target_mappings *mappings, uint64_t count) {
    write_words(out, (const uint64_t[]){count, CORE_PAGE}, 2);
    for (size_t i = 0; i < mappings->count; i++) {
        const struct target_mapping *mapping = &mappings->items[i];
        if (is_file(mapping))
            write_words(
                out,
                (const uint64_t[]){mapping->start, mapping->end, mapping->file_offset / CORE_PAGE},
                3);
    }
    for (size_t i = 0; i < mappings->count; i++) {
        const struct target_mapping *mapping = &mappings->items[i];
        if (is_file(mapping))
            fprintf(out, "%s%s%c", mapping->path, mapping->deleted ? " (deleted)" : "", '\0');
    }
}

static void write_files(FILE *out, const struct core_facts *facts) {
    const struct target_mappings *mappings = &facts->process->mappings;
    uint64_t count = 0;
    char *bytes = NULL;
    size_t size = 0;
    for (size_t i = 0; i < mappings->count; i++)
        count += is_file(&mappings->items[i]);
    FILE *rows = open_memstream(&bytes, &size);
    if (!rows)
        memory_exhausted();
    write_rows(rows, mappings, count);
    if (fclose(rows) != 0)
        memory_exhausted();
    write_note(out, "CORE", NT_FILE, bytes, size);
    free(bytes);
}

struct error *core_make_notes(const struct core_facts *facts, char **ret, size_t *ret_size) {
    if (facts->note_size > CORE_NOTE_MAX)
        return error_create(ERROR_USAGE, "there is too much to be told of it: %zu MiB",
                            facts->note_size >> 20);
    FILE *out = open_memstream(ret, ret_size);
    if (!out)
        memory_exhausted();
    /* Wherever the core is cut off, what it is still shows, or the files are missing. */
    write_note(out, CORE_NOTE_OWNER, CORE_NOTE_PAGES, facts->pages,
               facts->page_count * sizeof *facts->pages);
    write_note(out, CORE_NOTE_OWNER, CORE_NOTE_TEXT, facts->note, facts->note_size);
    write_threads(out, facts);
    write_process(out, facts);
    write_auxiliary(out, facts);
    write_files(out, facts);
    if (fclose(out) != 0)
        memory_exhausted();
    return NULL;
}
