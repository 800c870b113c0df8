/* Threads as their registers in NT_PRSTATUS show them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* Where glibc keeps the thread id that the process itself knows (struct pthread, nptl/descr.h). */
#define PTHREAD_TID_AT 720
#define PID_MAX (1 << 22) /* no kernel gives out higher ones */

static int32_t read_own_tid(const struct core *core, const struct core_thread *thread) {
    int32_t tid = 0;
    uint64_t address = thread->registers.fs_base + PTHREAD_TID_AT;
    if (core_read_stored(core, address, &tid, sizeof tid) != sizeof tid)
        return 0;
    return tid > 0 && tid < PID_MAX ? tid : 0;
}

static const struct core_thread *find_main(const struct core *core) {
    for (size_t i = 0; i < core->thread_count; i++)
        if (core->threads[i].tid == core->pid)
            return &core->threads[i];
    return NULL;
}

/* gcore names the threads as they are called outside of a container, the kernel as inside. */
static bool has_outer_ids(const struct core *core) {
    const struct core_thread *main = find_main(core);
    if (!main || read_own_tid(core, main) == main->tid)
        return false;
    for (size_t i = 0; i < core->thread_count; i++)
        if (!read_own_tid(core, &core->threads[i]))
            return false; /* another C library */
    return true;
}

pid_t core_find_namespace_pid(const struct core *core) {
    const struct core_thread *main = find_main(core);
    if (main && has_outer_ids(core))
        return read_own_tid(core, main);
    return core->pid > 0 ? (pid_t)core->pid : 0;
}

/* A thread in a system call has its number there, others a negative one (entry_64.S of Linux). */
static void read_syscall(const struct user_regs_struct *registers, struct target_thread *ret) {
    int64_t number = (int64_t)registers->orig_rax;
    const uint64_t arguments[] = {registers->rdi, registers->rsi, registers->rdx,
                                  registers->r10, registers->r8,  registers->r9};
    ret->syscall = number >= 0 && number < 4096 ? number : -1;
    ret->on_cpu = number < 0;
    ret->stack_pointer = registers->rsp;
    ret->program_counter = registers->rip;
    if (ret->syscall >= 0)
        memcpy(ret->arguments, arguments, sizeof arguments);
}

static int compare_threads(const void *a, const void *b) {
    const struct target_thread *x = a, *y = b;
    return (x->tid > y->tid) - (x->tid < y->tid);
}

struct error *core_list_threads(struct target_process *process, struct arena *arena,
                                struct target_thread **ret, size_t *ret_count) {
    const struct core *core = process->core;
    bool is_outer = has_outer_ids(core);
    *ret_count = core->thread_count;
    *ret = arena_alloc_array(arena, core->thread_count, sizeof **ret);
    for (size_t i = 0; i < core->thread_count; i++) {
        const struct core_thread *thread = &core->threads[i];
        struct target_thread *item = &(*ret)[i];
        *item = (struct target_thread){.tid = thread->tid,
                                       .namespace_tid =
                                           is_outer ? read_own_tid(core, thread) : thread->tid,
                                       .cpu_s = NAN};
        if (thread->tid == core->pid) /* the kernel tells the name of no other */
            memcpy(item->name, core->name, sizeof core->name);
        read_syscall(&thread->registers, item);
    }
    qsort(*ret, *ret_count, sizeof **ret, compare_threads);
    return NULL;
}
