/*
 * One consistent picture of a live process: read it without stopping it if the kernel proves that
 * it did not run meanwhile, else stop it for as long as the copy takes. A session may take many.
 * Or the picture that a core shows.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/core.h"

struct capture_options {
    bool nonblocking; /* never stop the target: the picture may be torn */
    bool gc;          /* also look for tasks and loops among all objects of the garbage collector */
    bool forgotten;   /* look for coroutines that nobody awaited with the first look already, not
                       * while the second one is waited for, and take more time for it */
    bool context;     /* read the values of context variables: they may be secrets */
    bool referrers;   /* look who refers to the futures that nobody is known to complete */
    const char *save; /* NULL, or where capture_save() is to put a core of the picture */
};

struct capture;

/* Opens process `pid`, finds its Python and the layout. Errors say what to do. */
struct error *capture_open(pid_t pid, const struct capture_options *options,
                           struct capture **ret) ERROR_CHECK;

/* The same of a core. There is no second look at one. */
struct error *capture_open_core(const char *path, const struct core_options *core,
                                const struct capture_options *options,
                                struct capture **ret) ERROR_CHECK;

/* Saves the picture that capture_take made, and what was added to it since, as a core that holds
 * just the memory that was needed, at the path of the options: capture_open_core() gives the same
 * picture of it. Before another capture_take, and once. *ret_size: of the file. An error leaves no
 * file. */
struct error *capture_save(struct capture *capture, const struct snapshot *snapshot,
                           uint64_t *ret_size) ERROR_CHECK;

void capture_close(struct capture *capture); /* NULL-safe; nothing is left stopped */

/* Fills `snapshot` (it is reset first). On an error it is no picture, but its capture.pause_s tells
 * for how long the process was stopped, at most. */
struct error *capture_take(struct capture *capture, struct snapshot *snapshot) ERROR_CHECK;

/* Fills `snapshot` with a further picture, and sets `moved` in it: what changed since `before`, the
 * one that this capture took last. Without one (NULL) it is the first of several. */
struct error *capture_take_next(struct capture *capture, struct snapshot *before,
                                struct snapshot *snapshot) ERROR_CHECK;

/* Watches which threads run until then, so that the next picture of capture_take_next tells of them
 * too: to be called some 50 ms before it, in which nothing may stop the process. */
struct error *capture_watch_threads(struct capture *capture) ERROR_CHECK;

/* Looks a second time, 200 ms later, and sets `moved` in the picture that capture_take just made:
 * which tasks, loops, threads and sockets changed. Meanwhile it looks for coroutines that nobody
 * awaited, and adds them, if the target stands still and there is time. ERROR_GONE when the process
 * ended meanwhile; the picture stays as it is. */
struct error *capture_look_again(struct capture *capture, struct snapshot *snapshot) ERROR_CHECK;

/* The same in two halves, so that several captures wait once: begin each behind its capture_take,
 * sleep CAPTURE_SECOND_LOOK_S, finish each. What a walk needs is given back in between. Without a
 * `snapshot` (NULL) the first half does not look for coroutines that nobody awaited. */
#define CAPTURE_SECOND_LOOK_S 0.2
struct error *capture_begin_second_look(struct capture *capture,
                                        struct snapshot *snapshot) ERROR_CHECK;
struct error *capture_finish_second_look(struct capture *capture,
                                         struct snapshot *snapshot) ERROR_CHECK;
