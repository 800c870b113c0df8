/* Finds the runtime by what its code and its memory look like (Python/pystate.c). */
#include "runtime.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/python/layout.h"
#include "version.h"

#define CODE_BYTES 32
#define SCAN_MAX ((uint64_t)64 << 20)
#define CHAIN_MAX 4096

static const struct py_table *find_table(uint32_t hexversion) {
    return py_table_find(PY_VERSION_MAJOR(hexversion), PY_VERSION_MINOR(hexversion));
}

static bool read_word(struct target_process *process, uint64_t address, uint64_t *ret) {
    struct error *err = memory_read(process_get_memory(process), address, ret, sizeof *ret);
    error_destroy(err);
    return !err;
}

/* --- the code of PyInterpreterState_Head --- */

/* Machine code that is taken apart one instruction after the other. */
struct code_cursor {
    unsigned char bytes[CODE_BYTES];
    uint64_t address; /* of the first */
    size_t at;
};

static bool accept(struct code_cursor *cursor, const char *bytes, size_t size) {
    if (cursor->at + size > CODE_BYTES || memcmp(cursor->bytes + cursor->at, bytes, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

static int32_t take_displacement(struct code_cursor *cursor) {
    int32_t value = 0;
    if (cursor->at + sizeof value <= CODE_BYTES)
        memcpy(&value, cursor->bytes + cursor->at, sizeof value);
    cursor->at += sizeof value;
    return value;
}

/* `mov head(%rax), %rax; ret` behind an instruction that put the runtime into %rax. */
static bool loads_head(struct code_cursor *cursor, uint32_t head) {
    if (accept(cursor, "\x48\x8b\x40", 3))
        return cursor->at + 2 <= CODE_BYTES && cursor->bytes[cursor->at] == head &&
               cursor->bytes[cursor->at + 1] == 0xc3;
    return accept(cursor, "\x48\x8b\x80", 3) && take_displacement(cursor) == (int32_t)head &&
           accept(cursor, "\xc3", 1);
}

/* A program of its own loads the head at once, a shared library takes the runtime's address from
 * its global offset table first. */
static bool decode(struct target_process *process, struct code_cursor *cursor, uint32_t head,
                   uint64_t *ret) {
    (void)accept(cursor, "\xf3\x0f\x1e\xfa", 4);        /* endbr64 */
    bool is_load = accept(cursor, "\x48\x8b\x05", 3);   /* mov displacement(%rip), %rax */
    if (!is_load && !accept(cursor, "\x48\x8d\x05", 3)) /* lea displacement(%rip), %rax */
        return false;
    int64_t displacement = take_displacement(cursor);
    uint64_t address = cursor->address + cursor->at + (uint64_t)displacement;
    if (is_load && accept(cursor, "\xc3", 1)) {
        *ret = address - head;
        return true;
    }
    if (!loads_head(cursor, head))
        return false;
    *ret = address;
    return !is_load || read_word(process, address, ret);
}

bool py_runtime_decode(struct target_process *process, uint64_t code, uint32_t hexversion,
                       uint64_t *ret) {
    struct code_cursor cursor = {.address = code};
    const struct py_table *table = find_table(hexversion);
    if (!table || table->slots[PY_FIELD_runtime_interpreters_head].source != PY_SLOT_CONSTANT)
        return false;
    struct error *err =
        memory_read(process_get_memory(process), code, cursor.bytes, sizeof cursor.bytes);
    error_destroy(err);
    return !err &&
           decode(process, &cursor, table->slots[PY_FIELD_runtime_interpreters_head].constant, ret);
}

/* --- the scan --- */

struct scan {
    struct target_process *process;
    struct py_layout layout;
    uint64_t runtime; /* the best so far */
    size_t chain;     /* how many interpreters its list has */
};

static bool is_writable(const struct scan *scan, uint64_t address) {
    struct target_mappings mappings = process_get_mappings(scan->process);
    size_t low = 0, high = mappings.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mappings.items[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < mappings.count && mappings.items[low].start <= address &&
           mappings.items[low].writable;
}

static bool read_field(const struct scan *scan, uint64_t address, int32_t offset, uint64_t *ret) {
    return read_word(scan->process, address + (uint64_t)offset, ret);
}

/* Whether `thread` is the first thread state of `interpreter`: it names the interpreter, nothing
 * is before it, and its thread id is a thread control block, which holds its own address. */
static bool is_first_thread(const struct scan *scan, uint64_t thread, uint64_t interpreter) {
    const struct py_layout *layout = &scan->layout;
    uint64_t owner, previous, ident, self;
    return thread % 8 == 0 && thread != interpreter && is_writable(scan, thread) &&
           read_field(scan, thread, PY_OFFSET(layout, thread, interpreter), &owner) &&
           owner == interpreter &&
           read_field(scan, thread, PY_OFFSET(layout, thread, prev), &previous) && !previous &&
           read_field(scan, thread, PY_OFFSET(layout, thread, thread_id), &ident) &&
           is_writable(scan, ident) && read_word(scan->process, ident, &self) && self == ident;
}

static bool is_interpreter(const struct scan *scan, uint64_t address) {
    uint64_t thread;
    return address % 8 == 0 && is_writable(scan, address) &&
           read_field(scan, address, PY_OFFSET(&scan->layout, interpreter, threads_head),
                      &thread) &&
           is_first_thread(scan, thread, address);
}

/* How many interpreters follow in the list, `address` included. */
static size_t count_chain(const struct scan *scan, uint64_t address) {
    size_t count = 0;
    while (count < CHAIN_MAX && is_interpreter(scan, address)) {
        count++;
        if (!read_field(scan, address, PY_OFFSET(&scan->layout, interpreter, next), &address))
            break;
    }
    return count;
}

/* Behind the head of the list a runtime has its main interpreter; 3.6 has but the head, and other
 * variables that point into the list: the head reaches most. */
static void examine_word(struct scan *scan, uint64_t address, uint64_t word) {
    uint64_t main;
    if (!is_interpreter(scan, word))
        return;
    if (PY_HAS(&scan->layout, runtime, size) &&
        (!read_word(scan->process, address + 8, &main) || !is_interpreter(scan, main)))
        return;
    size_t chain = count_chain(scan, word);
    if (chain <= scan->chain)
        return;
    scan->chain = chain;
    scan->runtime = address - (uint64_t)PY_OFFSET(&scan->layout, runtime, interpreters_head);
}

static void scan_mapping(struct scan *scan, const struct target_mapping *mapping) {
    uint64_t size = mapping->end - mapping->start;
    size = size < SCAN_MAX ? size : SCAN_MAX;
    unsigned char *bytes = memory_alloc(size);
    struct error *err =
        memory_read_uncached(process_get_memory(scan->process), mapping->start, bytes, size);
    memory_charge(process_get_memory(scan->process), size / 8);
    for (uint64_t at = 0; !err && at + 8 <= size; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof word);
        if (word)
            examine_word(scan, mapping->start + at, word);
    }
    error_destroy(err);
    free(bytes);
}

bool py_runtime_scan(struct target_process *process, const struct target_module *module,
                     uint32_t hexversion, uint64_t *ret) {
    struct scan scan = {.process = process};
    const struct py_table *table = find_table(hexversion);
    struct py_offset_words none = {NULL, 0};
    if (!table || table->debug_offsets_size)
        return false;
    struct error *err = py_layout_resolve(table, none, none, &scan.layout);
    for (size_t i = 0; !err && i < process_get_mappings(process).count; i++) {
        struct target_mapping mapping = process_get_mappings(process).items[i];
        if (mapping.writable && mapping.start >= module->start && mapping.end <= module->end)
            scan_mapping(&scan, &mapping);
    }
    error_destroy(err);
    *ret = scan.runtime;
    return scan.chain > 0;
}
