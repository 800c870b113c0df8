/*
 * What /proc says of a process. A program can give itself, its threads and the files that it maps
 * any name, and so a unix socket, so none of it is to be trusted. Input: maps, stat, cmdline, then
 * stat, syscall, wchan and status of a thread, then the tables of sockets, an epoll instance and
 * the offsets of the clocks, each up to a byte 0xff.
 */
#include <stdlib.h>

#include "../../src/target/file_text.h"
#include "../../src/target/process_private.h"
#include "asyncspy/target/module.h"
#include "asyncspy/target/socket.h"
#include "fuzz_folder.h"
#include "fuzz_input.h"

static void write_part(const char *name, struct fuzz_input *input) {
    struct fuzz_input part = fuzz_take_part(input);
    fuzz_folder_write(name, part.bytes, part.left);
}

/* Every mapping is found by its addresses. */
static void check_mappings(const struct target_process *process) {
    for (size_t i = 0; i < process->mappings.count; i++) {
        const struct target_mapping *mapping = &process->mappings.items[i];
        if (mapping->end <= mapping->start || !mapping->path)
            abort();
        (void)mappings_find(&process->mappings, mapping->start);
    }
}

/* What has a state was found in a table, and what was not has nothing. */
static void check_socket(const struct target_socket *socket) {
    bool is_blank = !socket->local && !socket->peer && socket->receive_queue < 0 &&
                    socket->send_queue < 0 && socket->retransmits < 0;
    if (socket->state ? socket->protocol >= TARGET_SOCKET_TABLE_COUNT : !is_blank)
        abort();
}

static void read_sockets(struct target_process *process, struct arena *arena) {
    struct target_socket items[8];
    struct target_sockets sockets = {.count = sizeof items / sizeof *items, .items = items};
    struct target_watches watches;
    char text[256];
    for (size_t i = 0; i < sockets.count; i++) /* the inodes 1 to 7, one of them twice */
        items[i] = (struct target_socket){.fd = (int)i,
                                          .inode = i ? i : 1,
                                          .protocol = TARGET_SOCKET_UNKNOWN,
                                          .receive_queue = -1,
                                          .send_queue = -1,
                                          .retransmits = -1};
    (void)sockets_read_tables(process, arena, true, &sockets);
    for (size_t i = 0; i < sockets.count; i++)
        check_socket(&items[i]);
    if (files_read_epoll(process, 5, arena, &watches) && watches.count > FILES_MAX)
        abort();
    (void)files_read_pidfd(process, 5);
    process_read_small(process->folder, "timens_offsets", text, sizeof text);
    (void)process_parse_clock_offset(text);
}

static void check_thread(const struct target_thread *thread) {
    if (process_syscall_fd(thread) < -1)
        abort();
    (void)process_syscall_poll(thread);
    (void)process_syscall_futex(thread);
}

static void read_all(struct target_process *process, struct arena *arena) {
    struct target_module *modules;
    struct target_thread *threads;
    size_t count;
    struct error *err = process_refresh_mappings(process);
    check_mappings(process);
    if (!err)
        err = module_list(process, arena, &modules, &count);
    if (!err)
        err = process_list_threads(process, arena, &threads, &count);
    for (size_t i = 0; !err && i < count; i++)
        check_thread(&threads[i]);
    error_destroy(err);
    read_sockets(process, arena);
    (void)process_is_alive(process);
    (void)process_get_command_line(process, arena, &count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct arena *arena = arena_create();
    char executable[] = "/bin/python";
    write_part("maps", &input);
    write_part("stat", &input);
    write_part("cmdline", &input);
    write_part("task/1234/stat", &input);
    write_part("task/1234/syscall", &input);
    write_part("task/1234/wchan", &input);
    write_part("task/1234/status", &input);
    write_part("net/tcp", &input);
    write_part("net/tcp6", &input);
    write_part("net/udp", &input);
    write_part("net/unix", &input);
    write_part("fdinfo/5", &input);
    write_part("timens_offsets", &input);
    write_part("limits", &input);
    struct target_process process = {.operations = &live_operations,
                                     .pid = 1234,
                                     .folder = fuzz_folder_open(),
                                     .namespaced = true,
                                     .arena = arena,
                                     .executable = executable,
                                     .mappings_arenas = {arena_create(), arena_create()},
                                     .paths = string_pool_create(arena)};
    read_all(&process, arena);
    string_pool_destroy(process.paths);
    arena_destroy(process.mappings_arenas[0]);
    arena_destroy(process.mappings_arenas[1]);
    arena_destroy(arena);
    return 0;
}
