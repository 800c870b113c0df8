/* What is called by itself, whatever else the report shows: commands, findings, verdicts. */
#include <ctype.h>
#include <string.h>

#include "label.h"

#define WORDS_MAX 20 /* of a command */

static const char *get_base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* The script or module (-m) that a Python runs, behind the options of its own (Python/getopt.c); 0:
 * it is no Python, or runs code of the command line. */
static size_t find_program(const char *const *words, size_t count) {
    if (strncmp(get_base_name(words[0]), "python", 6) != 0)
        return 0;
    for (size_t i = 1; i < count; i++) {
        size_t length = strlen(words[i]);
        bool is_short = length > 1 && words[i][0] == '-' && words[i][1] != '-';
        const char *last = is_short ? words[i] + length - 1 : "";
        if (length && words[i][0] != '-')
            return i;
        if (*last == 'c' || length < 2)
            return 0;
        i += length == 2 && (*last == 'W' || *last == 'X'); /* whose argument is the next word */
    }
    return 0;
}

const char *label_command(struct arena *arena, const char *const *words, size_t count) {
    if (!count)
        return "";
    size_t first = find_program(words, count);
    const char *text = get_base_name(words[first]);
    for (size_t i = first + 1; i < count && i < first + WORDS_MAX; i++)
        text = arena_format(arena, "%s %s", text, words[i]);
    return text;
}

/* True when the summary starts with the words of the code: "PEER_SILENT", "peer silent: ...". */
static bool starts_with_code(const char *summary, const char *code) {
    for (; *code; code++, summary++) {
        bool is_gap = *summary == ' ' && *code == '_';
        if (!is_gap && toupper((unsigned char)*summary) != *code)
            return false;
    }
    return !isalnum((unsigned char)*summary) && *summary != '_';
}

/* True when the summary starts with a headline of its own: "EVENT LOOP BLOCKED for 3 s". */
static bool starts_with_headline(const char *summary) {
    size_t length = 0;
    while (isupper((unsigned char)summary[length]))
        length++;
    return length >= 2 && !islower((unsigned char)summary[length]);
}

const char *label_finding(struct arena *arena, enum snapshot_finding_code code,
                          const char *summary) {
    const char *name = snapshot_finding_code_name(code);
    if (!summary)
        summary = snapshot_finding_code_meaning(code);
    if (starts_with_code(summary, name) || starts_with_headline(summary))
        return summary;
    char *text = arena_format(arena, "%s - %s", name, summary);
    for (size_t i = 0; i < strlen(name); i++)
        if (text[i] == '_')
            text[i] = ' ';
    return text;
}

const char *label_verdict(struct arena *arena, const struct snapshot_verdict *verdict) {
    const char *text = verdict->text ? verdict->text : "";
    if (verdict->code != SNAPSHOT_FINDING_OK)
        return label_finding(arena, verdict->code, verdict->text);
    return starts_with_code(text, "OK") ? text + 2 + strspn(text + 2, " -:,") : text;
}

const char *label_process_state(const struct snapshot_process *process) {
    static const char *const words[SNAPSHOT_PROCESS_STATE_COUNT] = {
        [SNAPSHOT_PROCESS_IDLE] = "idle",
        [SNAPSHOT_PROCESS_BUSY] = "busy",
        [SNAPSHOT_PROCESS_IN_CALL] = "in a call",
        [SNAPSHOT_PROCESS_LOOP_STOPPED] = "loop stopped",
        [SNAPSHOT_PROCESS_NO_ASYNCIO] = "no asyncio",
        [SNAPSHOT_PROCESS_NO_INTERPRETER] = "no interpreter",
        [SNAPSHOT_PROCESS_STOPPED] = "stopped",
        [SNAPSHOT_PROCESS_TRACED] = "traced",
        [SNAPSHOT_PROCESS_UNKNOWN] = "unknown",
        [SNAPSHOT_PROCESS_NOT_PERMITTED] = "not permitted",
        [SNAPSHOT_PROCESS_NOT_SUPPORTED] = "not supported",
        [SNAPSHOT_PROCESS_NOT_READ] = "not read",
        [SNAPSHOT_PROCESS_NOT_PYTHON] = "no Python",
        [SNAPSHOT_PROCESS_ENDED] = "ended",
    };
    return process->why ? process->why : words[process->state];
}
