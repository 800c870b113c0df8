/* The processes of a tree, one row each; each stands below its parent. */
#include <inttypes.h>
#include <math.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/snapshot/processes.h"
#include "label.h"
#include "top_parts.h"

#define INDENT 2
#define DEPTH_MAX 4 /* deeper ones are not indented any further */
#define BUSY_FROM 0.5

enum { PID, STATE, BUSY, TASKS, READY, BLOCKS, CPU, FINDING, COMMAND, COLUMN_COUNT };

static const struct top_column columns[COLUMN_COUNT] = {
    [PID] = {.title = "PID", .columns = 7, .is_number = true},
    [STATE] = {.title = "STATE", .columns = 12, .rank = 3},
    [BUSY] = {.title = "BUSY%", .columns = 5, .is_number = true},
    [TASKS] = {.title = "TASKS", .columns = 6, .rank = 2, .is_number = true},
    [READY] = {.title = "READY", .columns = 5, .rank = 5, .is_number = true},
    [BLOCKS] = {.title = "BLOCKS", .columns = 6, .rank = 4, .is_number = true},
    [CPU] = {.title = "CPU%", .columns = 5, .rank = 6, .is_number = true},
    [FINDING] = {.title = "FINDING", .columns = 22, .share = 3},
    [COMMAND] = {.title = "COMMAND", .columns = 12, .share = 2, .rank = 1},
};

/* Puts each behind its parent. `order` becomes the numbers in the input, `more` how deep in the
 * tree each row is. */
static void sort_as_tree(struct top_table *table, struct arena *arena) {
    const struct top_input *input = table->words->input;
    size_t count = input->process_count;
    struct snapshot_processes tree = {.arena = arena};
    tree.list.items = arena_alloc_array(arena, count, sizeof *tree.list.items);
    tree.list.count = count;
    for (size_t i = 0; i < count; i++) {
        tree.list.items[i].pid = input->processes[i].pid;
        tree.list.items[i].parent = input->processes[i].parent;
        tree.list.items[i].tasks = (int64_t)i;
    }
    snapshot_processes_sort_as_tree(&tree);
    const size_t *parents = snapshot_processes_find_parents(&tree, arena);
    size_t *order = arena_alloc_array(arena, count, sizeof *order);
    size_t *depths = arena_alloc_array(arena, count + 1, sizeof *depths);
    for (size_t i = 0; i < count; i++) {
        order[i] = (size_t)tree.list.items[i].tasks;
        depths[i + 1] = parents[i + 1] ? depths[parents[i + 1]] + 1 : 0;
    }
    table->order = order;
    table->more = depths + 1;
}

struct top_table top_processes_make(struct top_words *words, enum top_tab tab) {
    struct top_table table = {.words = words,
                              .tab = tab,
                              .columns = columns,
                              .column_count = COLUMN_COUNT,
                              .row_count = words->input->process_count,
                              .nothing = "there is no process"};
    sort_as_tree(&table, words->report.page.scratch);
    return table;
}

static const struct top_process *get_process(const struct top_table *table, size_t row) {
    return &table->words->input->processes[table->order[row]];
}

uint64_t top_processes_get_key(const struct top_table *table, size_t row) {
    return (uint64_t)get_process(table, row)->pid;
}

/* --- what its loops and threads do together --- */

static double find_busy(const struct live *live) {
    double busy = NAN;
    for (size_t i = 0; i < live->loop_count; i++)
        busy = fmax(busy, live->loops[i].busy);
    return busy;
}

static double add_cpu(const struct live *live) {
    double cpu = NAN;
    for (size_t i = 0; live->snapshot && i < live->snapshot->threads.count; i++)
        if (!isnan(live->thread_rows[i].cpu))
            cpu = (isnan(cpu) ? 0 : cpu) + live->thread_rows[i].cpu;
    return cpu;
}

static double add_ready(const struct live *live) {
    double ready = NAN;
    for (size_t i = 0; i < live->loop_count; i++)
        if (live->loops[i].ready != SNAPSHOT_UNKNOWN)
            ready = (isnan(ready) ? 0 : ready) + (double)live->loops[i].ready;
    return ready;
}

static double add_blocks(const struct live *live) {
    double blocks = 0;
    for (size_t i = 0; i < live->loop_count; i++)
        blocks += (double)live->loops[i].blocks;
    return live->loop_count ? blocks : NAN;
}

/* --- cells --- */

static struct top_cell make_number(struct arena *arena, double number, int decimals) {
    if (isnan(number))
        return (struct top_cell){.text = "-", .order = NAN};
    return (struct top_cell){.text = arena_format(arena, "%.*f", decimals, number),
                             .order = number};
}

static void fill_numbers(struct arena *arena, const struct live *live, struct top_cell *ret) {
    ret[BUSY] = make_number(arena, live ? find_busy(live) * 100 : NAN, 0);
    ret[TASKS] = make_number(arena, live && live->snapshot ? (double)live->tasks : NAN, 0);
    ret[READY] = make_number(arena, live ? add_ready(live) : NAN, 0);
    ret[BLOCKS] = make_number(arena, live ? add_blocks(live) : NAN, 0);
    ret[CPU] = make_number(arena, live ? add_cpu(live) * 100 : NAN, 1);
}

static bool is_gone(const struct top_process *process) {
    return !isnan(process->gone_s);
}

static const char *describe_state(const struct top_process *process) {
    if (is_gone(process))
        return "gone";
    if (!process->live || !process->live->snapshot)
        return "-";
    struct snapshot_process state = {.state =
                                         snapshot_process_find_state(process->live->snapshot, 0)};
    double busy = find_busy(process->live);
    bool may_be_busy = state.state == SNAPSHOT_PROCESS_IDLE || state.state == SNAPSHOT_PROCESS_BUSY;
    if (may_be_busy && !isnan(busy)) /* samples know better than the moment of the picture */
        state.state = busy >= BUSY_FROM ? SNAPSHOT_PROCESS_BUSY : SNAPSHOT_PROCESS_IDLE;
    return label_process_state(&state);
}

static struct top_cell describe_finding(struct arena *arena, const struct top_process *process) {
    struct top_cell cell = {.order = NAN, .style = SCREEN_DIM};
    const struct snapshot *snapshot = process->live ? process->live->snapshot : NULL;
    if (is_gone(process))
        cell.text =
            arena_format(arena, "gone %s ago", clock_format_seconds(arena, process->gone_s));
    else if (!process->live)
        cell.text = process->why ? process->why : "not watched";
    else if (!snapshot)
        cell.text = "the first picture is being taken";
    else {
        static const enum screen_style styles[SNAPSHOT_CONFIDENCE_COUNT] = {
            [SNAPSHOT_POSSIBLE] = SCREEN_BOLD,
            [SNAPSHOT_LIKELY] = SCREEN_WARNING,
            [SNAPSHOT_CERTAIN] = SCREEN_ALARM};
        bool is_ok = snapshot->verdict.code == SNAPSHOT_FINDING_OK;
        cell.text = label_verdict(arena, &snapshot->verdict);
        cell.style = is_ok ? SCREEN_GOOD : styles[snapshot->verdict.confidence];
    }
    return cell;
}

void top_processes_get_row(const struct top_table *table, size_t row,
                           struct top_cell ret[TOP_COLUMNS_MAX]) {
    const struct top_process *process = get_process(table, row);
    struct arena *arena = table->words->report.page.scratch;
    const size_t *depths = table->more;
    int depth = depths[row] < DEPTH_MAX ? (int)depths[row] : DEPTH_MAX;
    fill_numbers(arena, is_gone(process) ? NULL : process->live, ret);
    ret[PID] = (struct top_cell){.text = arena_format(arena, "%" PRId64, process->pid),
                                 .order = (double)process->pid};
    ret[STATE] = (struct top_cell){.text = describe_state(process), .order = NAN};
    ret[FINDING] = describe_finding(arena, process);
    ret[COMMAND] = (struct top_cell){
        .text = label_command(arena, process->command_line, process->command_line_count),
        .indent = depth * INDENT,
        .order = NAN};
    for (size_t i = 0; i < COLUMN_COUNT && (is_gone(process) || !process->live); i++)
        ret[i].style = SCREEN_DIM;
}
