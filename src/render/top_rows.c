/* Which tab shows what. */
#include "top_rows.h"

const struct top_rows *top_rows_find(enum top_tab tab) {
    static const struct top_rows *const tabs[TOP_TAB_COUNT] = {
        [TOP_TAB_GROUPS] = &top_groups,   [TOP_TAB_TASKS] = &top_tasks,
        [TOP_TAB_OBJECTS] = &top_objects, [TOP_TAB_SOCKETS] = &top_sockets,
        [TOP_TAB_THREADS] = &top_threads,
    };
    return tab < TOP_TAB_COUNT ? tabs[tab] : NULL;
}

const size_t *top_order_by_rank(struct top_words *words, size_t count,
                                unsigned char (*get_rank)(struct top_words *words, size_t index)) {
    struct arena *arena = words->report.page.scratch;
    size_t *order = arena_alloc_array(arena, count, sizeof *order);
    unsigned char *ranks = arena_alloc(arena, count + 1);
    size_t places[TOP_RANKS + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        ranks[i] = get_rank(words, i);
        places[ranks[i] + 1]++;
    }
    for (size_t i = 1; i <= TOP_RANKS; i++)
        places[i] += places[i - 1];
    for (size_t i = 0; i < count; i++)
        order[places[ranks[i]]++] = i;
    return order;
}

uint64_t top_key_of_text(uint64_t key, const char *text) {
    for (; text && *text; text++) /* FNV-1a */
        key = (key ^ (unsigned char)*text) * 0x100000001b3;
    return key;
}

struct top_table top_table_make(struct top_words *words, enum top_tab tab) {
    const struct top_rows *rows = top_rows_find(tab);
    if (!rows)
        return top_processes_make(words, tab);
    struct top_table table = {
        .words = words,
        .tab = tab,
        .columns = rows->columns,
        .column_count = rows->column_count,
        .nothing = words->report.snapshot ? rows->nothing : "no picture yet",
    };
    if (words->report.snapshot)
        rows->make(&table);
    return table;
}

void top_table_get_row(const struct top_table *table, size_t row,
                       struct top_cell ret[TOP_COLUMNS_MAX]) {
    const struct top_rows *rows = top_rows_find(table->tab);
    if (rows)
        rows->get_row(table, row, ret);
    else
        top_processes_get_row(table, row, ret);
}

uint64_t top_table_get_key(const struct top_table *table, size_t row) {
    const struct top_rows *rows = top_rows_find(table->tab);
    return rows ? rows->get_key(table, row) : top_processes_get_key(table, row);
}
