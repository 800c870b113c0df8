#include "child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct child_shared *child_shared;

void child_on_signal(int number) {
    (void)number;
    child_shared->signals++;
}

void child_count_forever(void) {
    for (;;) {
        child_shared->ticks++;
        usleep(200);
    }
}

void *child_pause_forever(void *unused) {
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

pid_t child_start(void (*body)(void)) {
    /* A page for each child: one that a failed test left behind must not count in another's. */
    child_shared =
        mmap(NULL, sizeof *child_shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(child_shared, MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGUSR1, child_on_signal);
        body();
        _exit(0);
    }
    usleep(50000);
    return pid;
}

void child_finish(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, __WALL);
}

char child_read_state(pid_t pid) {
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    const char *at = size ? strrchr(text, ')') : NULL;
    return at ? at[2] : '\0';
}

bool child_is_running(void) {
    unsigned long before = child_shared->ticks;
    for (int i = 0; i < 100 && child_shared->ticks == before; i++)
        usleep(10000);
    return child_shared->ticks != before;
}

struct target_process *child_open(pid_t pid) {
    struct target_process *process = NULL;
    struct error *err = process_open(pid, &process);
    if (err)
        fail_msg("%s", error_get_message(err));
    return process;
}

void *child_count_in_thread(void *unused) {
    (void)unused;
    child_count_forever();
    return NULL;
}

void child_wait_for_signals(unsigned long count) {
    for (int k = 0; k < 3000 && child_shared->signals < count; k++)
        usleep(1000);
    assert_int_equal(child_shared->signals, count);
}

void child_run_many_threads(void) {
    pthread_t thread;
    for (int i = 0; i < 20; i++)
        pthread_create(&thread, NULL, child_pause_forever, NULL);
    child_count_forever();
}

struct target_stop *child_stop(struct target_process *process) {
    struct target_stop *stop = NULL;
    struct error *err = stop_begin(process, &stop);
    if (err)
        fail_msg("%s", error_get_message(err));
    return stop;
}
