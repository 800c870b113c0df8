/*
 * measure RUNS PROGRAM [ARG...]: for each run a line "seconds peak_kib status". A process starts
 * with the peak memory of the one that forked it, so whoever measures has to be small.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void run(char **argv) {
    if (!freopen("/dev/null", "w", stdout))
        _exit(126);
    execvp(argv[0], argv);
    _exit(127);
}

int main(int argc, char **argv) {
    long runs = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    for (long i = 0; i < runs; i++) {
        struct rusage usage;
        int status;
        double start = now();
        pid_t child = fork();
        if (child == 0)
            run(argv + 2);
        if (child < 0 || wait4(child, &status, 0, &usage) < 0)
            return 1;
        printf("%.6f %ld %d\n", now() - start, usage.ru_maxrss, status);
    }
    return runs > 0 ? 0 : 2;
}
