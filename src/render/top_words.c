/* What the parts of the screen take their words from. */
#include "asyncspy/snapshot/task_index.h"
#include "label.h"
#include "report_holds.h"
#include "top_parts.h"

struct top_words *top_words_create(struct arena *arena, const struct top_input *input,
                                   int columns) {
    struct top_words *words = arena_alloc(arena, sizeof *words);
    const struct snapshot *snapshot = input->live ? input->live->snapshot : NULL;
    int width = columns < TEXT_WIDTH_LEAST ? TEXT_WIDTH_LEAST : columns;
    *words = (struct top_words){
        .options = {.width = width, .ascii = input->ascii},
        .input = input,
        .report = {.snapshot = snapshot,
                   .options = &words->options,
                   .page = {.width = width, .ascii = input->ascii, .scratch = arena}},
    };
    if (snapshot) {
        words->report.index = task_index_create(arena, snapshot);
        words->report.labels = label_index_create(arena, snapshot);
        words->report.pools = report_index_pools(arena, snapshot);
        words->report.spliced = arena_alloc_array(arena, snapshot->threads.count, sizeof(bool));
    }
    return words;
}
