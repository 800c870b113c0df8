#include "asyncspy/render/process_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "process_lines.h"

/* A report, and what decides when its turn is. */
struct turn {
    const struct snapshot_process *process;
    const char *name;
    size_t place; /* in the tree */
};

/* Less is graver: what is certain, then the order of the codes, then the healthy ones. */
static int get_rank(const struct snapshot *snapshot) {
    const struct snapshot_verdict *verdict = &snapshot->verdict;
    if (!verdict->text || verdict->code == SNAPSHOT_FINDING_OK)
        return SNAPSHOT_CONFIDENCE_COUNT * SNAPSHOT_FINDING_CODE_COUNT;
    int doubt = SNAPSHOT_CERTAIN - (int)verdict->confidence;
    return doubt * SNAPSHOT_FINDING_CODE_COUNT + (int)verdict->code;
}

static int compare_turns(const void *a, const void *b) {
    const struct turn *x = a, *y = b;
    int ranks = get_rank(x->process->snapshot) - get_rank(y->process->snapshot);
    return ranks ? ranks : (x->place > y->place) - (x->place < y->place);
}

static size_t list_turns(const struct snapshot_processes *tree, const struct process_name *names,
                         struct turn *turns) {
    size_t count = 0;
    for (size_t i = 0; i < tree->list.count; i++)
        if (tree->list.items[i].snapshot)
            turns[count++] = (struct turn){&tree->list.items[i], names[i].text, i};
    if (count)
        qsort(turns, count, sizeof *turns, compare_turns);
    return count;
}

/* "=== pid 4712, worker 1 =======". */
static void print_separator(struct page *page, const struct turn *turn) {
    page_end_line(page);
    page_put_styled(page, PAGE_BOLD,
                    arena_format(page->scratch, "=== pid %" PRId64 ", ", turn->process->pid));
    page_put_head_styled(page, PAGE_BOLD, turn->name, page->width - page->column - 4);
    page_put_styled(page, PAGE_BOLD, " ");
    size_t rest = (size_t)(page->width - page->column);
    char *line = arena_alloc(page->scratch, rest + 1);
    memset(line, '=', rest);
    page_put_styled(page, PAGE_BOLD, line);
    page_end_line(page);
    arena_reset(page->scratch);
}

static struct error *print_reports(struct page *page, const struct snapshot_processes *tree,
                                   const struct process_name *names, struct arena *arena,
                                   const struct text_options *options) {
    struct turn *turns = arena_alloc_array(arena, tree->list.count, sizeof *turns);
    size_t count = list_turns(tree, names, turns);
    struct error *err = NULL;
    for (size_t i = 0; !err && i < count; i++) {
        print_separator(page, &turns[i]);
        err = render_text(turns[i].process->snapshot, options, page->out);
    }
    return err;
}

struct error *render_process_tree(const struct snapshot_processes *tree,
                                  const struct text_options *options, FILE *out) {
    struct arena *arena = arena_create();
    struct page page = {.out = out,
                        .width =
                            options->width < TEXT_WIDTH_LEAST ? TEXT_WIDTH_LEAST : options->width,
                        .color = options->color,
                        .ascii = options->ascii,
                        .scratch = arena_create()};
    const struct process_name *names = process_names_make(tree, arena);
    struct error *err = NULL;
    errno = 0;
    process_lines_print(&page, tree, names, options->verbose);
    if (!options->verdict_only)
        err = print_reports(&page, tree, names, arena, options);
    int error_number = ferror(out) || fflush(out) != 0 ? errno : 0;
    arena_destroy(page.scratch);
    arena_destroy(arena);
    errno = error_number;
    return err || !ferror(out) ? err : error_create_os(error_number, "writing the text");
}
