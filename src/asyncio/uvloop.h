/*
 * uvloop: its loops, handles and transports are classes of Cython (uvloop/loop.pxd, cbhandles.pxd,
 * handles/), whose members no attribute tells, and behind them stand libuv's own structures
 * (uv.h, uv/unix.h). This is the one place that knows where they are. None of it is a contract:
 * measured on uvloop 0.17.0 with libuv 1.44.2 and on 0.23.0 with 1.53.0; what stands there is
 * believed only if all of it makes sense together.
 */
#pragma once

#include "wait.h"

/* Loop */
#define UVLOOP_UV_AT 24            /* its uv_loop_t */
#define UVLOOP_SLOW_CALLBACK_AT 40 /* slow_callback_duration, a float object */
#define UVLOOP_CLOSED_AT 48        /* four times an int that is 0 or 1; the last: it is stopping */
#define UVLOOP_DEBUG_AT 52
#define UVLOOP_RUNNING_AT 56
#define UVLOOP_THREAD_AT 64 /* ident of the thread it runs in, or 0 */
#define UVLOOP_MEMBERS_AT 72
#define UVLOOP_EXECUTOR_AT 88 /* the default executor, or None */
#define UVLOOP_READY_AT 96
#define UVLOOP_TIMERS_AT 208 /* of TimerHandle, those that are not cancelled */
#define UVLOOP_POLLS_AT 216  /* {fd: UVPoll} */

/* TimerHandle */
#define UVLOOP_TIMER_SIZE 96
#define UVLOOP_TIMER_CALLBACK_AT 24
#define UVLOOP_TIMER_ARGUMENTS_AT 32
#define UVLOOP_TIMER_CANCELLED_AT 40 /* int */
#define UVLOOP_TIMER_LOOP_AT 56
#define UVLOOP_TIMER_WHEN_AT 88 /* a float object */

/* Handle */
#define UVLOOP_HANDLE_SIZE 120
#define UVLOOP_HANDLE_LOOP_AT 24
#define UVLOOP_HANDLE_CANCELLED_AT 40 /* int */
#define UVLOOP_HANDLE_NAME_AT 48      /* of the method */
#define UVLOOP_HANDLE_FORM_AT 56 /* int: 1 a callable, 2 ... 5 a method with 0 ... 3 arguments */
#define UVLOOP_HANDLE_ARGUMENTS_AT 72 /* callable, tuple; or the method's self, its arguments */

/* UVHandle, of which transports and UVPoll are derived */
#define UVLOOP_UVHANDLE_SIZE 72
#define UVLOOP_UVHANDLE_UV_AT 24 /* its uv_handle_t */
#define UVLOOP_UVHANDLE_LOOP_AT 32

/* UVPoll */
#define UVLOOP_POLL_SIZE 96
#define UVLOOP_POLL_FD_AT 72 /* int */
#define UVLOOP_POLL_READER_AT 80
#define UVLOOP_POLL_WRITER_AT 88

/* uv_loop_t */
#define UV_LOOP_DATA_AT 0
#define UV_LOOP_WATCHERS_AT 104      /* uv__io_t **, by file */
#define UV_LOOP_WATCHER_COUNT_AT 112 /* unsigned int */
#define UV_LOOP_ASYNC_WATCHER_AT 456 /* an uv__io_t */
#define UV_LOOP_TIMER_COUNT_AT 528   /* unsigned int, of its heap */
#define UV_LOOP_TIME_AT 544          /* uint64_t, milliseconds of CLOCK_MONOTONIC */

/* uv_handle_t, uv_stream_t, uv__io_t */
#define UV_HANDLE_DATA_AT 0
#define UV_HANDLE_LOOP_AT 8
#define UV_HANDLE_TYPE_AT 16 /* int */
#define UV_HANDLE_TYPE_PIPE 7
#define UV_HANDLE_TYPE_TCP 12
#define UV_STREAM_WATCHER_AT 136 /* an uv__io_t */
#define UV_WATCHER_FD_AT 48      /* int */

/* A loop of uvloop whose members are where they are expected. */
struct aio_uvloop {
    uint64_t address;
    bool is_known;                           /* false: it is another layout */
    uint64_t ready, timers, polls, executor; /* objects; executor: 0 none */
    uint64_t uv;                             /* its uv_loop_t, 0: that is not as expected */
    double time;                             /* when libuv last looked at the clock, or NaN */
};

/* uvloop.c */
/* NULL: not a loop of uvloop, or of one that is not known. */
struct error *aio_uvloop_find(struct aio *aio, uint64_t loop,
                              const struct aio_uvloop **ret) ERROR_CHECK;
/* The flags of a loop of uvloop; left alone for others and where they make no sense. */
struct error *aio_uvloop_flags_read(struct aio *aio, const struct py_type *type, uint64_t address,
                                    struct aio_loop_flags *ret) ERROR_CHECK;
/* Whether the object is a loop of uvloop. */
struct error *aio_uvloop_is_loop(struct aio *aio, uint64_t address, bool *ret) ERROR_CHECK;
/* NULL: not a frame of uvloop; for aio_rule_find(). */
const struct aio_rule *aio_uvloop_rule_find(const struct snapshot_frame *frame);

/* uvloop_handle.c: what stands elsewhere than expected is left unknown. */
struct error *aio_uvloop_handle_read(struct aio *aio, enum aio_kind kind, uint64_t address,
                                     struct aio_handle *ret) ERROR_CHECK;
/* The handles that are called when a file is ready; 0 none. */
struct error *aio_uvloop_poll_read(struct aio *aio, uint64_t poll, int64_t fd, uint64_t *ret_reader,
                                   uint64_t *ret_writer) ERROR_CHECK;

/* libuv.c */
/* Fills `uv` and `time`. */
struct error *aio_libuv_loop_read(struct aio *aio, struct aio_uvloop *loop) ERROR_CHECK;
/* The file of a transport that its loop watches; left alone of others. */
struct error *aio_libuv_transport_read(struct aio *aio, uint64_t transport,
                                       int64_t *ret_fd) ERROR_CHECK;
