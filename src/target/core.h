/* What the files about cores share. Private to target. */
#pragma once

#include <sys/user.h>

#include "asyncspy/target/core.h"
#include "build_id.h"
#include "process_private.h"

/* The end of user memory with five-level page tables. */
#define CORE_ADDRESS_END ((uint64_t)1 << 56)
#define CORE_PAGE ((uint64_t)4096)

/* The notes of a core that asyncspy saved: a text, and an array of core_page. */
#define CORE_NOTE_OWNER "asyncspy"
#define CORE_NOTE_TEXT 0x41530001
#define CORE_NOTE_PAGES 0x41530002
#define CORE_NOTE_MAX ((size_t)128 << 20)

/* A page of which not all was wanted: the rest is zeros in the core. Ascending. */
struct core_page {
    uint64_t address;
    uint64_t pieces; /* a bit for each of MEMORY_PIECE bytes that is what it was */
};

/* A PT_LOAD. They are sorted and do not overlap. */
struct core_segment {
    uint64_t start, end;
    uint64_t claimed; /* so many bytes from `start` on should stand in the core: no file has them */
    uint64_t stored;  /* so many do: less where it is cut off */
    uint64_t offset;  /* there */
    bool readable, writable, executable;
};

/* A file that was mapped. */
struct core_file {
    const char *path;
    bool is_deleted;
    uint64_t start, size; /* the mapping of its first bytes; size 0: none */
    bool is_stored;       /* they stand in the core */
    bool is_looked_for;   /* then: */
    int descriptor;       /* -1: it cannot be had */
    const char *why;
};

/* A row of NT_FILE. They are sorted and do not overlap. */
struct core_name {
    uint64_t start, end;
    uint64_t offset; /* in the file */
    struct core_file *file;
};

struct core_thread {
    pid_t tid;
    int signal;
    struct user_regs_struct registers;
};

struct core {
    int descriptor;
    uint64_t size;              /* of the core */
    bool is_cut;                /* the compressed file ends too early */
    uint64_t claimed;           /* bytes of memory that its segments should have, */
    uint64_t present;           /* and have */
    uint64_t refused;           /* segments that make no sense */
    bool lacks_notes;           /* they are cut off */
    char *executable, *sysroot; /* of the options, or NULL */
    struct arena *arena;        /* of what follows */
    struct core_segment *segments;
    size_t segment_count;
    struct core_name *names;
    size_t name_count;
    struct core_file *files;
    size_t file_count;
    struct core_file *program; /* NULL unknown */
    struct core_thread *threads;
    size_t thread_count;
    int64_t pid; /* of NT_PRPSINFO, -1: none */
    char name[17], arguments[81];
    const uint64_t *auxiliary; /* pairs, as on the stack of the process */
    size_t auxiliary_count;    /* words */
    const char *note;          /* of CORE_NOTE_OWNER, or NULL */
    size_t note_size;
    const struct core_page *pages;
    size_t page_count;
};

/* ---- what the file says ---- */

/* The error for what is neither ELF nor compressed. */
struct error *core_refuse_other(void) ERROR_CHECK;

/* Fills segments, then all that the notes tell. */
struct error *core_read_file(struct core *core) ERROR_CHECK;

/* What core_read_file() does with one note; false: it makes no sense. */
bool core_take_note(struct core *core, uint32_t type, const void *bytes, size_t size);

/* The same with a note of CORE_NOTE_OWNER. */
bool core_take_own_note(struct core *core, uint32_t type, const void *bytes, size_t size);

/* Takes NT_FILE. */
bool core_take_names(struct core *core, const void *bytes, size_t size);

/* A word of the auxiliary vector, 0: it is not there. */
uint64_t core_get_auxiliary(const struct core *core, uint64_t type);

/* Puts segments in order; overlaps are cut off. Returns how many are left. */
size_t core_sort_segments(struct core_segment *segments, size_t count);

/* Mappings as /proc/PID/maps would show them. */
struct target_mappings core_make_mappings(const struct core *core);

/* ---- memory ---- */

/* How many bytes of [address, address + size) were copied: from the core alone, or from files as
 * well. */
size_t core_read_stored(const struct core *core, uint64_t address, void *buffer, size_t size);
size_t core_read(struct core *core, uint64_t address, void *buffer, size_t size);

const struct core_segment *core_find_segment(const struct core *core, uint64_t address);
const struct core_name *core_find_name(const struct core *core, uint64_t address);

struct memory_source core_get_source(struct target_process *process);
struct error *core_list_spans(struct target_process *process, struct span_list *list) ERROR_CHECK;

/* ---- files ---- */

#define CORE_FILE_ABSENT                                                                           \
    "the core leaves it to the file, which is not here; give it with --executable or --sysroot"

/* The file as it was mapped; -1: it cannot be had, `why` tells. */
int core_file_open(struct core *core, struct core_file *file);

/* ---- what the process was ---- */

/* argv as it stands on the stack; NULL: it was not found. */
char **core_find_arguments(const struct core *core, struct arena *arena, size_t *ret_count);

struct error *core_list_threads(struct target_process *process, struct arena *arena,
                                struct target_thread **ret, size_t *ret_count) ERROR_CHECK;
/* What the process itself calls its pid. */
pid_t core_find_namespace_pid(const struct core *core);

/* ---- compression ---- */

/* Whether the file in `descriptor` is compressed, or none that can be read at any place; then
 * core_unpack() puts what is in it into a file without a name. *ret_cut: it ends too early. */
bool core_is_packed(int descriptor);
struct error *core_unpack(int descriptor, const struct core_progress *progress, int *ret,
                          bool *ret_cut) ERROR_CHECK;
