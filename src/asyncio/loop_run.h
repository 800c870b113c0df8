/* What a loop is doing, and what it has to do. */
#pragma once

#include "wait.h"

struct aio_loop_run {
    struct snapshot_loop *loop;      /* out: all from iteration_age_s to executor */
    const struct aio_thread *thread; /* that it runs in, NULL none */
    uint64_t ready, scheduled, timer_cancelled_count, default_executor; /* attributes, 0 none */
    double first_timer; /* out: when the next timer is due */
};
struct error *aio_loop_run_read(struct aio *aio, struct aio_loop_run *run) ERROR_CHECK;
