/* The picture that is shown, as a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "asyncspy/snapshot/json.h"
#include "top.h"

#define NUMBERS_MAX 100 /* of files of one second */

/* -1: none of the names is free, or errno says what is wrong. */
static int create(int64_t pid, char name[TOP_DUMP_NAME_MAX]) {
    char stamp[32] = "";
    time_t now = time(NULL);
    struct tm broken;
    if (localtime_r(&now, &broken))
        strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &broken);
    for (int i = 1; i <= NUMBERS_MAX; i++) {
        char number[16] = "";
        if (i > 1)
            snprintf(number, sizeof number, "-%d", i);
        snprintf(name, TOP_DUMP_NAME_MAX, "asyncspy-%lld-%s%s.json", (long long)pid, stamp, number);
        int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file >= 0 || errno != EEXIST)
            return file;
    }
    return -1;
}

static struct error *write_and_close(const struct snapshot *snapshot, int file) {
    FILE *out = fdopen(file, "w");
    if (!out) {
        close(file);
        return error_create_os(errno, "opening it");
    }
    struct error *err = snapshot_json_write(snapshot, out);
    if (fclose(out) != 0 && !err)
        err = error_create_os(errno, "closing it");
    return err;
}

struct error *top_dump_write(const struct snapshot *snapshot, char name[TOP_DUMP_NAME_MAX]) {
    int file = create(snapshot->target.pid, name);
    if (file < 0)
        return error_create_os(errno, "%s", name);
    struct error *err = write_and_close(snapshot, file);
    if (err)
        (void)unlink(name); /* half of it is of no use */
    return err ? error_add_context(err, "%s", name) : NULL;
}
