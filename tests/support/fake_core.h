/*
 * Core files made by hand: segments, notes and mapped files that a test adds, in the order in which
 * the kernel writes them. Notes come first, or last as gcore has them. A mistake in a test ends the
 * program.
 */
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

struct fake_core;

struct fake_core *fake_core_create(void);
void fake_core_destroy(struct fake_core *core); /* NULL-safe */

/* Puts the notes behind the memory. */
void fake_core_put_notes_last(struct fake_core *core);

/* Memory of `size` bytes at `address`, of which `stored` are in the core: those at `bytes`, zeros
 * where that is NULL. `flags`: PF_R, PF_W, PF_X. */
void fake_core_add_memory(struct fake_core *core, uint64_t address, uint64_t size,
                          const void *bytes, size_t stored, uint32_t flags);

/* A segment as it is. */
void fake_core_add_segment(struct fake_core *core, const Elf64_Phdr *segment);

void fake_core_add_note(struct fake_core *core, uint32_t type, const void *bytes, size_t size);
void fake_core_add_note_of(struct fake_core *core, const char *owner, uint32_t type,
                           const void *bytes, size_t size);
void fake_core_add_thread(struct fake_core *core, int32_t tid,
                          const struct user_regs_struct *registers);
void fake_core_add_process(struct fake_core *core, int32_t pid, const char *name,
                           const char *arguments);
/* A row of NT_FILE; the offset in pages. */
void fake_core_add_name(struct fake_core *core, uint64_t start, uint64_t end, uint64_t page,
                        const char *path);

/* The bytes of the core, as long as it lives and nothing is added. */
unsigned char *fake_core_get(struct fake_core *core, size_t *ret_size);

/* One with two threads, a program of which a page is in the core, and a heap. */
#define FAKE_CORE_PROGRAM UINT64_C(0x555500000000)
#define FAKE_CORE_HEAP UINT64_C(0x555600000000)
#define FAKE_CORE_HEAP_SIZE 8192
#define FAKE_CORE_PID 4711
struct fake_core *fake_core_create_usual(void);

/* An ELF program that fits into a page, with that build id (NULL: none) of 8 bytes. */
struct fake_elf {
    Elf64_Ehdr header;
    Elf64_Phdr segments[2];
    struct {
        Elf64_Nhdr header;
        char name[4];
        unsigned char id[8];
    } note;
    char text[32];
};
struct fake_elf fake_elf_make(const char *build_id);

void fake_file_write(const char *path, const void *bytes, size_t size);
