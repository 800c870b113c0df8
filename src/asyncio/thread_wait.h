/* What threads wait for outside their event loops. */
#pragma once

#include "wait.h"

struct snapshot_wait *aio_thread_wait_start(struct aio *aio, struct aio_thread *thread,
                                            enum snapshot_wait_kind kind, uint64_t id);

/* thread_lock.c: the lock of threads that it is blocked in, and who has that. */
struct error *aio_thread_lock_read(struct aio *aio, struct aio_thread *thread) ERROR_CHECK;
