/* The notes of a core: man 5 core, include/uapi/linux/elf.h, fs/binfmt_elf.c of Linux. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>

#include "core.h"

#define THREADS_MAX ((size_t)1 << 20)
#define AUXILIARY_MAX 128 /* words */

/* ---- threads ---- */

static bool take_status(struct core *core, const void *bytes, size_t size) {
    struct elf_prstatus status;
    if (size != sizeof status || core->thread_count == THREADS_MAX)
        return false;
    memcpy(&status, bytes, sizeof status);
    size_t count = core->thread_count;
    if ((count & (count - 1)) == 0) { /* the room is a power of two */
        struct core_thread *threads =
            arena_alloc_array(core->arena, count ? 2 * count : 1, sizeof *threads);
        if (count)
            memcpy(threads, core->threads, count * sizeof *threads);
        core->threads = threads;
    }
    struct core_thread *thread = &core->threads[core->thread_count++];
    thread->tid = status.pr_pid;
    thread->signal = status.pr_cursig;
    memcpy(&thread->registers, &status.pr_reg, sizeof thread->registers);
    return true;
}

/* ---- the process ---- */

static bool take_process(struct core *core, const void *bytes, size_t size) {
    struct elf_prpsinfo process;
    if (size != sizeof process)
        return false;
    memcpy(&process, bytes, sizeof process);
    core->pid = process.pr_pid;
    memcpy(core->name, process.pr_fname, sizeof process.pr_fname);
    memcpy(core->arguments, process.pr_psargs, sizeof process.pr_psargs);
    size_t length = strlen(core->arguments);
    if (length && core->arguments[length - 1] == ' ')
        core->arguments[length - 1] = '\0'; /* stands for the last NUL */
    return true;
}

static bool take_auxiliary(struct core *core, const void *bytes, size_t size) {
    size_t count = size / sizeof *core->auxiliary;
    if (count > AUXILIARY_MAX)
        return false;
    uint64_t *words = arena_alloc_array(core->arena, count, sizeof *words);
    memcpy(words, bytes, count * sizeof *words);
    core->auxiliary = words;
    core->auxiliary_count = count & ~(size_t)1;
    return true;
}

uint64_t core_get_auxiliary(const struct core *core, uint64_t type) {
    for (size_t i = 0; i + 1 < core->auxiliary_count; i += 2)
        if (core->auxiliary[i] == type)
            return core->auxiliary[i + 1];
    return 0;
}

bool core_take_note(struct core *core, uint32_t type, const void *bytes, size_t size) {
    switch (type) {
    case NT_PRSTATUS:
        return take_status(core, bytes, size);
    case NT_PRPSINFO:
        return take_process(core, bytes, size);
    case NT_AUXV:
        return take_auxiliary(core, bytes, size);
    case NT_FILE:
        return core_take_names(core, bytes, size);
    default:
        return true;
    }
}

/* ---- what asyncspy saved ---- */

static bool are_ascending(const struct core_page *pages, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (pages[i].address % CORE_PAGE || (i && pages[i].address <= pages[i - 1].address))
            return false;
    return true;
}

static bool take_pages(struct core *core, const void *bytes, size_t size) {
    size_t count = size / sizeof *core->pages;
    struct core_page *pages = arena_alloc_array(core->arena, count, sizeof *pages);
    if (count)
        memcpy(pages, bytes, count * sizeof *pages);
    core->pages = pages;
    core->page_count = count;
    return size % sizeof *pages == 0 && are_ascending(pages, count);
}

bool core_take_own_note(struct core *core, uint32_t type, const void *bytes, size_t size) {
    if (size > CORE_NOTE_MAX)
        return false;
    if (type == CORE_NOTE_PAGES && !core->pages)
        return take_pages(core, bytes, size);
    if (type == CORE_NOTE_TEXT && !core->note) {
        core->note = arena_copy_string(core->arena, bytes, size);
        core->note_size = size;
    }
    return true;
}
