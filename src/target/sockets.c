/* Which row of which table is whose. */
#include "asyncspy/target/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "process_private.h"
#include "socket_table.h"

#define TABLE_ROOM ((size_t)32 << 10)

/* To ask for the protocol of every socket pays while that is less than reading another table. */
#define PROTOCOLS_MAX 1000

static int compare_inodes(const void *left, const void *right) {
    const struct target_socket *a = *(struct target_socket *const *)left;
    const struct target_socket *b = *(struct target_socket *const *)right;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

void socket_join_create(struct socket_join *join, struct arena *arena,
                        struct target_sockets *sockets) {
    *join = (struct socket_join){.arena = arena, .count = sockets->count};
    join->by_inode = arena_alloc_array(arena, sockets->count, sizeof *join->by_inode);
    for (size_t i = 0; i < sockets->count; i++)
        join->by_inode[i] = &sockets->items[i];
    qsort(join->by_inode, join->count, sizeof *join->by_inode, compare_inodes);
}

static bool may_be_in(const struct target_socket *socket, enum target_socket_protocol table) {
    return socket->protocol == table || socket->protocol == TARGET_SOCKET_UNKNOWN;
}

bool socket_join_begin(struct socket_join *join, enum target_socket_protocol table) {
    join->table = table;
    join->left = 0;
    for (size_t i = 0; i < join->count; i++)
        join->left += may_be_in(join->by_inode[i], table);
    return join->left > 0;
}

/* The first of the sockets of that inode, or where it would stand. */
static size_t find_first(const struct socket_join *join, uint64_t inode) {
    size_t low = 0, high = join->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (join->by_inode[middle]->inode < inode)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void set_facts(struct socket_join *join, struct target_socket *socket, const char *row) {
    struct target_socket facts = *socket;
    if (socket->state) { /* it was found already: one of two unix rows is forged */
        if (join->table == TARGET_SOCKET_UNIX)
            socket->local = NULL;
        return;
    }
    if (!socket_parse_row(join->table, row, join->arena, &facts))
        return;
    *socket = facts;
    socket->protocol = join->table;
    join->left--;
}

bool socket_join_row(struct socket_join *join, const char *row) {
    uint64_t inode = socket_row_inode(join->table, row);
    size_t i = inode ? find_first(join, inode) : join->count;
    for (; i < join->count && join->by_inode[i]->inode == inode; i++)
        if (may_be_in(join->by_inode[i], join->table))
            set_facts(join, join->by_inode[i], row);
    /* The table that may have forged rows is read to its end. */
    return join->left > 0 || join->table == TARGET_SOCKET_UNIX;
}

/* The lines of a table; they are read in pieces, so that a long table needs no memory. */
struct table_reader {
    int file;
    size_t start, end; /* of what is in `text` and was not taken yet */
    bool is_cut;       /* a line that is longer than `text` is being dropped */
    char text[TABLE_ROOM + 1];
};

static bool fill(struct table_reader *reader) {
    size_t rest = reader->end - reader->start;
    memmove(reader->text, reader->text + reader->start, rest);
    reader->start = 0;
    reader->end = rest;
    if (rest == TABLE_ROOM) {
        reader->is_cut = true;
        reader->end = 0;
    }
    ssize_t got = read(reader->file, reader->text + reader->end, TABLE_ROOM - reader->end);
    if (got > 0)
        reader->end += (size_t)got;
    return got > 0;
}

/* The next whole line, NULL: no more. Valid until the next call. */
static const char *next_row(struct table_reader *reader) {
    for (;;) {
        char *line = reader->text + reader->start;
        char *end = memchr(line, '\n', reader->end - reader->start);
        if (!end && !fill(reader))
            return NULL;
        if (!end)
            continue;
        *end = '\0';
        reader->start = (size_t)(end + 1 - reader->text);
        if (!reader->is_cut)
            return line;
        reader->is_cut = false;
    }
}

/* NULL, or why not all was read. */
static const char *read_table(const struct target_process *process, struct socket_join *join,
                              const char *name) {
    struct table_reader *reader = NULL;
    const char *row;
    int file = openat(process->folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? NULL : strerror(errno); /* ENOENT: a kernel without that family */
    reader = memory_alloc(sizeof *reader);
    reader->file = file;
    reader->start = reader->end = 0;
    reader->is_cut = false;
    size_t rows = 0;
    while (rows < SOCKET_ROWS_MAX && (row = next_row(reader)) && socket_join_row(join, row))
        rows++;
    free(reader);
    close(file);
    return rows < SOCKET_ROWS_MAX ? NULL : "there are very many sockets in its network namespace";
}

const char *sockets_read_tables(const struct target_process *process, struct arena *arena,
                                bool with_unix, struct target_sockets *sockets) {
    static const char *const names[TARGET_SOCKET_TABLE_COUNT] = {"net/tcp", "net/tcp6", "net/udp",
                                                                 "net/udp6", "net/unix"};
    struct socket_join join;
    const char *why = NULL;
    socket_join_create(&join, arena, sockets);
    for (enum target_socket_protocol table = 0; table < TARGET_SOCKET_TABLE_COUNT; table++) {
        if ((table == TARGET_SOCKET_UNIX && !with_unix) || !socket_join_begin(&join, table))
            continue;
        const char *problem = read_table(process, &join, names[table]);
        why = problem ? problem : why;
    }
    return why;
}

/* The name of a socket's protocol is an extended attribute of it (sockfs_xattr_get of
 * net/socket.c). */
static enum target_socket_protocol read_protocol(const struct target_process *process, int fd) {
    char path[96], name[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d/fd/%d", process->folder, fd);
    ssize_t length = getxattr(path, "system.sockprotoname", name, sizeof name - 1);
    if (length <= 0)
        return TARGET_SOCKET_UNKNOWN;
    name[length] = '\0';
    return socket_parse_protocol(name);
}

void sockets_list(const struct target_process *process, const struct target_files *files,
                  size_t max, struct arena *arena, struct target_sockets *ret) {
    size_t count = 0;
    for (size_t i = 0; i < files->count; i++)
        count += files->items[i].kind == TARGET_FILE_SOCKET;
    *ret = (struct target_sockets){.complete = count <= max};
    count = count < max ? count : max;
    ret->items = arena_alloc_array(arena, count, sizeof *ret->items);
    for (size_t i = 0; i < files->count && ret->count < count; i++)
        if (files->items[i].kind == TARGET_FILE_SOCKET)
            ret->items[ret->count++] = (struct target_socket){
                .fd = files->items[i].fd,
                .inode = files->items[i].inode,
                .protocol = count <= PROTOCOLS_MAX ? read_protocol(process, files->items[i].fd)
                                                   : TARGET_SOCKET_UNKNOWN,
                .receive_queue = -1,
                .send_queue = -1,
                .retransmits = -1,
                .last_received_s = NAN,
                .last_sent_s = NAN,
                .backlog_max = -1};
}
