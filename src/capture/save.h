/* Saving a picture as a small core, and what such a core says of itself. Private to capture. */
#pragma once

#include "asyncspy/python/discovery.h"
#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/process.h"
#include "walk.h"

/* ---- saving ---- */

struct save;

/* Begins a core that is to stand at `path`. Errors of core_writer_open(). */
struct error *save_open(const char *path, struct save **ret) ERROR_CHECK;
void save_close(struct save *save); /* NULL-safe; without save_finish() nothing is left */

/* What a walk began with. */
struct save_walk {
    struct target_process *process;
    const struct py_discovery *discovery;
    const struct walk_kernel *kernel;
    const struct walk_search *search;
    size_t tasks; /* that it found */
};

/* Writes the memory that the walk read, and keeps the rest of `walk` in mind. To be called behind
 * it, before the memory is forgotten. What fails is told by save_finish(). */
void save_memory(struct save *save, const struct save_walk *walk);

/* Writes what `snapshot` has besides. *ret_size: of the file, which is there then. */
struct error *save_finish(struct save *save, struct target_process *process,
                          const struct snapshot *snapshot, uint64_t *ret_size) ERROR_CHECK;

/* ---- reading ---- */

struct saved;

/* What a core says of itself; *ret is NULL where asyncspy has not saved it. ERROR_INVALID. */
struct error *saved_open(const struct target_process *process, struct saved **ret) ERROR_CHECK;
void saved_close(struct saved *saved); /* NULL-safe */

/* Where its Python is. ERROR_UNSUPPORTED. */
struct error *saved_get_discovery(const struct saved *saved, const struct target_process *process,
                                  struct arena *arena, struct py_discovery *ret) ERROR_CHECK;

/* What the kernel told, and what was found besides what registries lead to; in `arena`, but for
 * what walk_search_free() frees. */
void saved_get_kernel(const struct saved *saved, struct arena *arena, struct walk_kernel *ret);
void saved_get_search(const struct saved *saved, struct arena *arena, struct walk_search *ret);
bool saved_is_searched(const struct saved *saved);

/* Adds to a picture that was read from the memory what that does not tell. ERROR_INVALID. */
struct error *saved_complete(const struct saved *saved, struct snapshot *snapshot) ERROR_CHECK;
