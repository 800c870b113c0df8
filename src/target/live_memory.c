/* The memory of a live process: process_vm_readv(2). */
#include <errno.h>
#include <sys/uio.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/target/access.h"
#include "process_private.h"

#define RANGES_MAX 256
#define REFRESH_INTERVAL_S 0.01 /* memory mapped since is looked for at most this often */

/* How much of each range arrived, when `total` bytes did. */
static void spread(const struct memory_range *ranges, size_t count, size_t total, size_t *done) {
    for (size_t i = 0; i < count; i++) {
        done[i] = total < ranges[i].size ? total : ranges[i].size;
        total -= done[i];
    }
}

static struct error *read_some(pid_t pid, const struct memory_range *ranges, size_t count,
                               size_t *total) {
    struct iovec local[RANGES_MAX], remote[RANGES_MAX];
    for (size_t i = 0; i < count; i++) {
        local[i] = (struct iovec){ranges[i].buffer, ranges[i].size};
        remote[i] = (struct iovec){(void *)(uintptr_t)ranges[i].address, ranges[i].size};
    }
    ssize_t got = process_vm_readv(pid, local, count, remote, count, 0);
    *total = got < 0 ? 0 : (size_t)got;
    if (got >= 0 || errno == EFAULT)
        return NULL;
    if (errno == ESRCH)
        return error_create(ERROR_GONE, "process %d ended while it was read", (int)pid);
    return access_explain(pid, errno, false);
}

/* A range that cannot be read ends the call; the ones behind it are tried again without it. */
static struct error *read_ranges(void *context, const struct memory_range *ranges, size_t count,
                                 size_t *done) {
    const struct target_process *process = context;
    for (size_t first = 0; first < count;) {
        size_t total, number = count - first < RANGES_MAX ? count - first : RANGES_MAX;
        struct error *err = read_some(process->reader, ranges + first, number, &total);
        if (err)
            return err;
        spread(ranges + first, number, total, done + first);
        size_t last = first;
        while (last < first + number && done[last] == ranges[last].size)
            last++;
        first = last < first + number ? last + 1 : last;
    }
    return NULL;
}

static bool clamp(void *context, uint64_t address, uint64_t *start, uint64_t *end) {
    struct target_process *process = context;
    if (!mappings_find(&process->mappings, address) &&
        clock_monotonic() - process->mappings_read_at > REFRESH_INTERVAL_S)
        error_destroy(process_refresh_mappings(process)); /* the read will tell what is wrong */
    return mappings_clamp(&process->mappings, address, start, end);
}

struct memory_source live_get_source(struct target_process *process) {
    return (struct memory_source){.context = process, .read = read_ranges, .clamp = clamp};
}
