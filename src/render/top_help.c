#include <string.h>

#include "page.h"
#include "top_view.h"

#define NAME_COLUMNS 14
#define TEXT_LEAST 20 /* columns; where there are less, it stands below the name */
#define INDENT 2

/* Without a name: a heading, or where both are "" an empty line. */
struct entry {
    const char *name, *text;
};

static const struct entry entries[] = {
    {"", "KEYS"},
    {"up, down", "select a row; so do PgUp, PgDn, Home, End, the wheel and a click. It stays "
                 "selected wherever it moves to."},
    {"Enter", "all about the row: whole stacks, who holds and who waits, where it was created; of "
              "a process: look into it. So does a second click."},
    {"!", "all about what was found"},
    {"Tab, 1 .. 5", "groups, tasks, locks, sockets, threads; so do left, right and a click on the "
                    "name of one"},
    {"s, S", "sort by the next or previous column; after the last one the natural order. A click "
             "on a heading sorts by that column."},
    {"r", "sort the other way round; so does another click on the heading"},
    {"/", "show only rows that hold a text, with A to Z in either case; Enter keeps it, Esc drops "
          "it"},
    {"f, space", "freeze what is shown, and go on. The process is not stopped by it."},
    {"d", "write the picture that is shown as a dump"},
    {"Esc", "back: from here, from details, from a filter, to the list of processes. From here "
            "and from details so do Enter, Left and Backspace."},
    {"?, h", "this help"},
    {"q", "quit; from help and details: back. Ctrl-C quits everywhere."},
    {"", ""},
    {"", "WHERE THE NUMBERS COME FROM"},
    {"samples", "Many times a second only what runs is looked at: shares, CPU and iterations are "
                "counted in samples. What is shorter than the time between two of them is seen by "
                "chance."},
    {"pictures", "At each update everything is looked at: tasks, what they wait for, findings."},
    {">=", "at least: it was so already when watching began, or nobody saw when it began"},
    {"<", "less than: it is so since the last picture but one at the earliest"},
    {"-", "not known, or there is none"},
    {"", ""},
    {"", "THE HEADER"},
    {"busy", "share of the samples that saw the loop run callbacks. Near 100% it cannot keep up."},
    {"iteration", "how long a loop runs callbacks before it looks for events again. Samples meet "
                  "long iterations more often than short ones, and before their end: median and "
                  "worst are those of what was met."},
    {"ready", "callbacks that wait for their turn"},
    {"lag", "how late the last timer ran, or still waits to run"},
    {"Blocked", "iterations of more than 100 ms in the last minute, and what the longest of them "
                "ran"},
    {"Tasks", "those that are not done, and by state: new ones are among those that are ready, "
              "idle ones among those that wait. Births and deaths per second are at least so "
              "many: who lives shorter than the time between two samples may not be seen."},
    {"Executor", "threads of the loop's default executor that work, of how many there may be, and "
                 "what queues behind them"},
    {"GIL", "share of the samples in which a thread held the GIL"},
    {"GC", "share of the samples in which the garbage collector ran"},
    {"Wait", "tasks by the kind of what they wait for"},
    {"samples", "how many there were since the last update; failed: that could not be had; torn: "
                "tasks and threads that changed while they were read, and are left out"},
    {"stopped", "share of the time that the process was stopped to be read; longest: at once"},
    {"accept queue", "connections that nobody has accepted yet, and how many there may be"},
    {"fds", "open file descriptors, and how many there may be"},
    {"", ""},
    {"", "FINDINGS"},
    {"!! ! ?", "certain, likely, possible"},
    {"new, gone", "it has come, or is not there any more, within the last ten seconds"},
    {"", ""},
    {"", "COLUMNS"},
    {"COUNT", "tasks with the same stack that wait for the same; gone tasks and callbacks are "
              "listed below for the CPU that they used"},
    {"+/-s", "by how much a number changes each second"},
    {"STATE",
     "of tasks: run, ready (waits for its turn), new (never ran), wait, idle (waits by "
     "design: for work, for a timer), done (and still known); ended (those that are gone)"},
    {"WAITS FOR", "what they wait for, and how it is"},
    {"OLDEST, AGE", "for how long the longest of them waits, or is in its state"},
    {"MOVED",
     "share of the tasks that went on since the last picture, of a single one yes or no; 0% "
     "for long is a hang"},
    {"CPU%", "of one CPU"},
    {"WHERE", "the innermost of your own functions, its place, and < its callers"},
    {"RUNS", "the same of a thread, behind the task that it runs"},
    {"WAITERS", "tasks that wait for the object"},
    {"HELD BY", "who has taken it; \"perhaps\" where that is likely and not certain"},
    {"UNREAD", "bytes that have arrived and were not read; of a socket that listens: connections "
               "that nobody has accepted yet, and how many there may be"},
    {"UNSENT", "bytes that were written and that the other end has not confirmed"},
    {"SILENT", "since no byte came or went"},
    {"WATCHED", "what the loop waits for on it"},
    {"GIL%, WAIT%", "share of the samples in which the thread held the GIL, and waited for it"},
    {"", ""},
    {"", "PROCESSES"},
    {"STATE",
     "idle, busy (runs code in half of the samples or more), in a call (that sleeps in the "
     "kernel), loop stopped, no asyncio, stopped (by a signal), traced (by a debugger), gone"},
    {"BUSY%", "of the busiest loop"},
    {"READY", "callbacks of all its loops that wait for their turn"},
    {"BLOCKS", "iterations of more than 100 ms in the last minute"},
    {"FINDING", "the gravest thing that was found; or why the process is not watched, or since "
                "when it is gone"},
};

/* The lines of one entry; NULL: only how many. */
static size_t add_entry(const struct entry *entry, struct page *page, int columns,
                        const char **ret) {
    bool is_below = columns < NAME_COLUMNS + TEXT_LEAST;
    int indent = !*entry->name ? 0 : is_below ? INDENT : NAME_COLUMNS;
    size_t first = *entry->name && is_below;
    size_t count =
        page_wrap(page, entry->text, columns - indent, SIZE_MAX, ret ? ret + first : NULL);
    for (size_t i = first; ret && i < first + count && *entry->name; i++)
        ret[i] = arena_format(page->scratch, "%-*s%s", indent, i ? "" : entry->name, ret[i]);
    if (ret && first)
        ret[0] = entry->name;
    return first + count;
}

struct top_lines top_help_make(struct arena *arena, int columns) {
    const size_t count = sizeof entries / sizeof *entries;
    struct page page = {.scratch = arena};
    struct top_lines lines = {0};
    for (size_t i = 0; i < count; i++)
        lines.count += add_entry(&entries[i], &page, columns, NULL);
    lines.items = arena_alloc_array(arena, lines.count, sizeof *lines.items);
    lines.styles = arena_alloc_array(arena, lines.count, sizeof *lines.styles);
    for (size_t i = 0, next = 0; i < count; i++) {
        lines.styles[next] = *entries[i].name ? SCREEN_PLAIN : SCREEN_BOLD;
        next += add_entry(&entries[i], &page, columns, lines.items + next);
    }
    return lines;
}
