/*
 * Who waits for whom, as a tree: what is waited for stands above, who waits for it below. Nodes
 * that look alike, with all that stands below them, are one line with a count. A node stands in the
 * tree once; where it would stand again there is an arrow with its name.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "frames.h"
#include "names.h"
#include "wait_graph.h"

#define INDENT 3
#define DEPTH_MAX 12   /* of lines; the width bounds it too */
#define SIBLINGS_MAX 6 /* lines below one, unless everything is told */
#define ROOTS_MAX 12
#define NAME_SHARE 1 / 2 /* of the width */

/* Nodes that are one line. */
struct set {
    const size_t *nodes;
    size_t count;
    size_t depth;
    bool arrow;       /* they are told elsewhere */
    bool cycle;       /* and so above: they wait for themselves */
    size_t left_out;  /* how many are only counted here; then there are no nodes */
    const char *what; /* those are */
    bool last;        /* below its parent */
};

struct tree {
    struct report *report;
    struct arena *arena;
    const struct wait_graph *graph;
    struct set *stack; /* still to be printed, the next at the end */
    size_t count, capacity;
    bool *placed;        /* stands in the tree, or will */
    const size_t **path; /* per depth the nodes above the line in hand */
    size_t *path_counts;
    bool *on_path;
    bool *lines; /* per depth: a line goes on below */
    size_t depth, depth_max;
    size_t *stamps; /* of the line below which a node was met last */
    size_t stamp;
};

static void push(struct tree *tree, struct set set) {
    tree->stack = snapshot_vector_grow(tree->arena, tree->stack, &tree->count, &tree->capacity,
                                       sizeof *tree->stack);
    tree->stack[tree->count - 1] = set;
}

static const char *describe_other(struct tree *tree, const struct wait_node *node) {
    struct arena *arena = tree->report->page.scratch;
    switch (node->kind) {
    case WAIT_NODE_THREAD:
        return arena_format(arena, "thread %s", label_thread(tree->report, node->number));
    case WAIT_NODE_PROCESS:
        return arena_format(arena, "process %" PRId64, node->number);
    case WAIT_NODE_FUTURE:
        return node->wait->text ? node->wait->text : "a future of unknown owner";
    case WAIT_NODE_TASK:
    case WAIT_NODE_OBJECT:
    case WAIT_NODE_SOCKET:
    case WAIT_NODE_OTHER:
    default:
        break;
    }
    if (node->wait->kind == SNAPSHOT_WAIT_SLEEP)
        return "timers";
    if (node->wait->text)
        return node->wait->text;
    return snapshot_wait_kind_name(node->wait->kind);
}

static const struct snapshot_socket *get_socket(const struct tree *tree,
                                                const struct wait_node *node) {
    return node->kind == WAIT_NODE_SOCKET ? label_find_socket(tree->report, node->number) : NULL;
}

/* What one node is called. */
static const char *describe_node(struct tree *tree, const struct wait_node *node) {
    struct arena *arena = tree->report->page.scratch;
    if (node->task)
        return label_task(tree->report, node->task);
    if (node->object)
        return label_object(tree->report, node->object);
    const struct snapshot_socket *socket = get_socket(tree, node);
    if (socket && socket->peer)
        return arena_format(arena, "socket %s", socket->peer);
    if (node->kind == WAIT_NODE_SOCKET)
        return arena_format(arena, "fd %" PRId64, node->number);
    return describe_other(tree, node);
}

/* What a node is called among others of its kind. */
static const char *name_node(struct tree *tree, const struct wait_node *node) {
    const struct snapshot_thread *thread =
        node->kind == WAIT_NODE_THREAD ? label_find_thread(tree->report, node->number) : NULL;
    return thread && label_thread_name(thread) ? label_thread_name(thread)
                                               : describe_node(tree, node);
}

/* The state of a node, and if it stands alone what else is known of it. */
static const char *describe_state(struct tree *tree, const struct wait_node *node, bool alone) {
    struct report *report = tree->report;
    struct arena *arena = report->page.scratch;
    const struct snapshot_socket *socket = get_socket(tree, node);
    if (socket && alone)
        return label_socket_state(
            report, socket, label_silence(report, snapshot_socket_get_silence(socket), false));
    if (node->object) {
        const char *state = label_object_state(report, node->object);
        const char *holders =
            alone ? label_holders(report, node->object, report->page.width / 3) : "";
        return arena_format(arena, "%s%s%s", state, *state && *holders ? ", " : "", holders);
    }
    if (node->kind == WAIT_NODE_THREAD && alone) {
        const struct snapshot_thread *thread = label_find_thread(report, node->number);
        return thread ? label_thread_state(report, thread) : "";
    }
    return "";
}

static void put_task_state(struct tree *tree, const struct snapshot_task *task) {
    struct page *page = &tree->report->page;
    const struct snapshot_frame *frame = stack_find_user(&task->frames);
    if (task->state != SNAPSHOT_TASK_WAITING) {
        page_put_styled(page, PAGE_BOLD, label_task_state(task));
        page_put(page, "  ");
    }
    if (!frame)
        return;
    page_put_head(page, frame_get_name(frame), page->width / 3);
    page_put(page, "  ");
    page_put_tail(page, frame_get_place(page, frame, false), page->width);
}

/* "|  |- ", or in the last line below a parent "|  `- ". */
static void put_branches(struct tree *tree, const struct set *set) {
    struct page *page = &tree->report->page;
    page->column = 2;
    for (size_t i = 1; i < set->depth; i++) {
        page_put_styled(page, PAGE_DIM, tree->lines[i] ? "|" : "");
        page->column = 2 + INDENT * (int)i;
    }
    if (set->depth)
        page_put_styled(page, PAGE_DIM, set->last ? "`- " : "|- ");
}

static void put_names(struct tree *tree, const struct set *set) {
    struct page *page = &tree->report->page;
    int columns = page->width * NAME_SHARE;
    if (set->count == 1) {
        const struct wait_node *node = &tree->graph->nodes[set->nodes[0]];
        page_put_head_styled(page, node->task ? PAGE_PLAIN : PAGE_BOLD, describe_node(tree, node),
                             columns);
        return;
    }
    page_put_styled(page, PAGE_BOLD,
                    arena_format(page->scratch, "[x%s of] ", page_count(page, set->count)));
    struct names *names = names_create(page);
    for (size_t i = 0; i < set->count; i++)
        names_add(names, name_node(tree, &tree->graph->nodes[set->nodes[i]]));
    names_print(names, columns);
}

static void print_set(struct tree *tree, const struct set *set) {
    struct page *page = &tree->report->page;
    put_branches(tree, set);
    if (set->left_out) {
        page_put_styled(page, PAGE_DIM,
                        arena_format(page->scratch, "... %s %s%s", page_count(page, set->left_out),
                                     set->what, tree->report->options->verbose ? "" : " (-v)"));
    } else {
        const struct wait_node *first = &tree->graph->nodes[set->nodes[0]];
        page_put_styled(page, PAGE_DIM, set->arrow ? "-> " : "");
        put_names(tree, set);
        page->column += 2;
        if (set->arrow)
            page_put_styled(page, set->cycle ? PAGE_ALARM : PAGE_DIM,
                            set->cycle ? "(cycle)" : "(also here)");
        else if (first->task)
            put_task_state(tree, first->task);
        else
            page_put(page, describe_state(tree, first, set->count == 1));
    }
    page_end_line(page);
    arena_reset(page->scratch);
}

/* Makes the line in hand the last of the path. */
static void enter(struct tree *tree, const struct set *set) {
    for (; tree->depth > set->depth; tree->depth--)
        for (size_t i = 0; i < tree->path_counts[tree->depth - 1]; i++)
            tree->on_path[tree->path[tree->depth - 1][i]] = false;
    tree->path[set->depth] = set->nodes;
    tree->path_counts[set->depth] = set->count;
    for (size_t i = 0; i < set->count; i++)
        tree->on_path[set->nodes[i]] = true;
    tree->lines[set->depth] = !set->last;
    tree->depth = set->depth + 1;
}

/* The nodes that wait for those of a set, each once. */
struct children {
    size_t *fresh, *placed, *cyclic;
    size_t fresh_count, placed_count, cyclic_count;
};

static struct children collect_children(struct tree *tree, const struct set *set) {
    size_t most = 0;
    for (size_t i = 0; i < set->count; i++)
        most += tree->graph->nodes[set->nodes[i]].waiter_count;
    struct children children = {
        .fresh = arena_alloc_array(tree->arena, most, sizeof *children.fresh),
        .placed = arena_alloc_array(tree->arena, most, sizeof *children.placed),
        .cyclic = arena_alloc_array(tree->arena, most, sizeof *children.cyclic),
    };
    tree->stamp++;
    for (size_t i = 0; i < set->count; i++) {
        const struct wait_node *node = &tree->graph->nodes[set->nodes[i]];
        for (size_t j = 0; j < node->waiter_count; j++) {
            size_t waiter = node->waiters[j];
            if (tree->stamps[waiter] == tree->stamp)
                continue;
            tree->stamps[waiter] = tree->stamp;
            if (tree->on_path[waiter])
                children.cyclic[children.cyclic_count++] = waiter;
            else if (tree->placed[waiter])
                children.placed[children.placed_count++] = waiter;
            else
                children.fresh[children.fresh_count++] = waiter;
        }
    }
    return children;
}

static int compare_shapes(const void *a, const void *b, void *graph) {
    const size_t *first = a, *second = b;
    const struct wait_node *nodes = ((const struct wait_graph *)graph)->nodes;
    if (nodes[*first].shape != nodes[*second].shape)
        return nodes[*first].shape < nodes[*second].shape ? -1 : 1;
    return *first < *second ? -1 : 1;
}

static int compare_sets(const void *a, const void *b) {
    const struct set *first = a, *second = b;
    if (first->count != second->count)
        return first->count > second->count ? -1 : 1;
    return first->nodes[0] < second->nodes[0] ? -1 : 1;
}

/* Nodes of the same shape become one set; the biggest first. */
static struct set *make_sets(struct tree *tree, size_t *nodes, size_t count, size_t depth,
                             size_t *ret_count) {
    struct set *sets = arena_alloc_array(tree->arena, count, sizeof *sets);
    *ret_count = 0;
    if (!count)
        return sets;
    qsort_r(nodes, count, sizeof *nodes, compare_shapes, (void *)(uintptr_t)tree->graph);
    for (size_t i = 0; i < count; i++) {
        tree->placed[nodes[i]] = true;
        if (i && tree->graph->nodes[nodes[i]].shape == tree->graph->nodes[nodes[i - 1]].shape)
            sets[*ret_count - 1].count++;
        else
            sets[(*ret_count)++] = (struct set){.nodes = &nodes[i], .count = 1, .depth = depth};
    }
    qsort(sets, *ret_count, sizeof *sets, compare_sets);
    return sets;
}

/* Pushes sets so that the first is printed first; what is more than `most` is one line. */
static void push_sets(struct tree *tree, const struct set *sets, size_t count, size_t most,
                      bool last) {
    if (count > most + 1) {
        push(tree, (struct set){.depth = sets[0].depth,
                                .left_out = count - most,
                                .what = "more such lines",
                                .last = last});
        count = most;
        last = false;
    }
    for (size_t i = count; i-- > 0; last = false) {
        push(tree, sets[i]);
        tree->stack[tree->count - 1].last = last;
    }
}

static void push_arrows(struct tree *tree, const size_t *nodes, size_t count, struct set arrow) {
    arrow.nodes = nodes;
    arrow.count = count;
    arrow.arrow = true;
    if (count)
        push(tree, arrow);
}

/* Below a line: first who waits, then who waits but stands elsewhere, then what closes a cycle. */
static void push_children(struct tree *tree, const struct set *set) {
    struct children children = collect_children(tree, set);
    size_t count, depth = set->depth + 1;
    size_t most = tree->report->options->verbose ? SIZE_MAX - 1 : SIBLINGS_MAX;
    if (depth >= tree->depth_max) {
        if (children.fresh_count)
            push(tree, (struct set){.depth = depth,
                                    .left_out = children.fresh_count,
                                    .what = "wait for that, and perhaps more behind them",
                                    .last = true});
        return;
    }
    struct set *sets = make_sets(tree, children.fresh, children.fresh_count, depth, &count);
    bool last = true;
    push_arrows(tree, children.cyclic, children.cyclic_count,
                (struct set){.depth = depth, .cycle = true, .last = last});
    last = last && !children.cyclic_count;
    push_arrows(tree, children.placed, children.placed_count,
                (struct set){.depth = depth, .last = last});
    last = last && !children.placed_count;
    push_sets(tree, sets, count, most, last);
}

static void print_tree(struct tree *tree) {
    while (tree->count) {
        struct set set = tree->stack[--tree->count];
        print_set(tree, &set);
        if (set.arrow || set.left_out)
            continue;
        enter(tree, &set);
        push_children(tree, &set);
    }
}

/* Roots that look alike are one set, in the order of the first of each. */
static size_t fold_roots(struct tree *tree, size_t *roots, size_t count, struct set *sets) {
    size_t folded = 0;
    for (size_t i = 0; i < count; i++) {
        bool same =
            i && tree->graph->nodes[roots[i]].shape == tree->graph->nodes[roots[i - 1]].shape;
        tree->placed[roots[i]] = true;
        if (same)
            sets[folded - 1].count++;
        else
            sets[folded++] = (struct set){.nodes = &roots[i], .count = 1};
    }
    return folded;
}

static struct tree start_tree(struct report *report, struct arena *arena,
                              const struct wait_graph *graph) {
    size_t depth_max = (size_t)(report->page.width / 2 / INDENT), count = graph->count;
    if (!report->options->verbose && depth_max > DEPTH_MAX)
        depth_max = DEPTH_MAX;
    return (struct tree){
        .report = report,
        .arena = arena,
        .graph = graph,
        .depth_max = depth_max,
        .placed = arena_alloc_array(arena, count, sizeof(bool)),
        .on_path = arena_alloc_array(arena, count, sizeof(bool)),
        .stamps = arena_alloc_array(arena, count, sizeof(size_t)),
        .path = arena_alloc_array(arena, depth_max + 1, sizeof(size_t *)),
        .path_counts = arena_alloc_array(arena, depth_max + 1, sizeof(size_t)),
        .lines = arena_alloc_array(arena, depth_max + 1, sizeof(bool)),
    };
}

void report_graph(struct report *report) {
    struct arena *arena = arena_create();
    const struct wait_graph *graph = wait_graph_create(arena, report);
    size_t *roots = arena_alloc_array(arena, graph->count, sizeof *roots);
    struct set *sets = arena_alloc_array(arena, graph->count, sizeof *sets);
    struct tree tree = start_tree(report, arena, graph);
    size_t count = wait_graph_find_roots(graph, arena, roots);
    count = fold_roots(&tree, roots, count, sets);
    report_title_with(report, "WAIT GRAPH   below each line: who waits for it",
                      report->options->verbose ? "" : "-v all of it");
    push_sets(&tree, sets, count, report->options->verbose ? SIZE_MAX - 1 : ROOTS_MAX, true);
    if (!count) {
        report->page.column = 2;
        page_put(&report->page, "nobody waits for anything");
        page_end_line(&report->page);
    }
    print_tree(&tree);
    arena_destroy(arena);
}
