/*
 * Findings as they come and go.
 */
#include <ctype.h>
#include <string.h>

#include "live_fold.h"
#include "live_hash.h"

#define GONE_MAX 16

/* --- which one it is --- */

/* "63", "1,204", "41.2", "2h30m", "(7)": a count or a time; not "10.0.0.3:5432". */
static bool is_number(const char *word, size_t length) {
    size_t dots = 0;
    if (length && !isdigit((unsigned char)*word))
        return false;
    for (size_t i = 0; i < length; i++) {
        dots += word[i] == '.';
        if (word[i] == ':')
            return false;
    }
    return dots <= 1;
}

static bool is_unit(const char *word, size_t length) {
    return (length == 1 && *word == 's') || (length == 2 && memcmp(word, "ms", 2) == 0);
}

/* A word without what stands around it, and without the "s" of "2 tasks wait", "1 task waits". */
static size_t trim(const char **word, size_t length) {
    while (length && strchr("(,", (*word)[0]))
        ++*word, --length;
    while (length && strchr("),.;", (*word)[length - 1]))
        length--;
    return length;
}

/* The words of a summary without its numbers: they change while the finding stays. */
static uint64_t hash_words(uint64_t hash, const char *summary) {
    bool after_number = false;
    for (const char *at = summary; *at;) {
        size_t whole = strcspn(at, " ");
        const char *word = at;
        size_t length = trim(&word, whole);
        at += whole + strspn(at + whole, " ");
        bool is_skipped = is_number(word, length) || (after_number && is_unit(word, length));
        after_number = is_number(word, length);
        if (is_skipped)
            continue;
        length -= length > 1 && word[length - 1] == 's';
        hash = live_hash_bytes(hash, word, length);
    }
    return hash;
}

/* The lock or thread that it is about; else what it says. */
static uint64_t make_key(const struct snapshot_finding *finding) {
    uint64_t hash = live_hash_number(LIVE_HASH, (uint64_t)finding->code);
    if (finding->object_count)
        return live_hash_number(hash, finding->objects[0]);
    if (finding->thread_count)
        return live_hash_number(live_hash_number(hash, 1), (uint64_t)finding->threads[0]);
    return finding->summary ? hash_words(hash, finding->summary) : hash;
}

/* --- pictures --- */

static const char *copy_text(struct arena *arena, const char *text) {
    return text ? arena_copy_string(arena, text, strlen(text)) : NULL;
}

static struct live_finding_state make_state(struct live_picture *picture, size_t place) {
    const struct snapshot_finding *finding = &picture->snapshot->findings.items[place];
    return (struct live_finding_state){
        .key = make_key(finding),
        .shown = {.code = finding->code,
                  .confidence = finding->confidence,
                  .summary = copy_text(picture->arena, finding->summary),
                  .where = copy_text(picture->arena, finding->where),
                  .is_bound = picture->is_first,
                  .index = place},
        .from_s = picture->time_s};
}

/* Equal keys are numbered, in their order. */
static void index_state(struct id_table *table, struct live_finding_state *state) {
    for (uint64_t count = 1; !id_table_add(table, state->key, state) && count < 100; count++)
        state->key = live_hash_number(state->key, count);
}

/* Goes on if the picture before had it. */
static void follow(struct live_finding_state *state, const struct live_finding_state *old) {
    if (!old || old->shown.news == LIVE_GONE)
        return;
    state->from_s = old->from_s;
    state->shown.is_bound = old->shown.is_bound;
}

static struct live_finding_state keep_gone(struct live_picture *picture,
                                           const struct live_finding_state *old) {
    struct live_finding_state state = *old;
    state.shown.summary = copy_text(picture->arena, old->shown.summary);
    state.shown.where = copy_text(picture->arena, old->shown.where);
    state.shown.index = SIZE_MAX;
    state.shown.is_bound = false;
    if (old->shown.news != LIVE_GONE)
        state.from_s = picture->time_s;
    state.shown.news = LIVE_GONE;
    return state;
}

/* Those that are gone now come before those that are so for longer: the findings of the picture
 * before are in that order. */
static void add_gone(struct live_picture *picture, const struct live_picture *before,
                     const struct id_table *table) {
    size_t most = picture->finding_count + GONE_MAX;
    for (size_t i = 0; i < before->finding_count && picture->finding_count < most; i++)
        if (!id_table_find(table, before->findings[i].key))
            picture->findings[picture->finding_count++] = keep_gone(picture, &before->findings[i]);
}

static struct id_table *index_states(struct arena *arena, struct live_finding_state *states,
                                     size_t count) {
    struct id_table *table = id_table_create(arena, count);
    for (size_t i = 0; i < count; i++)
        index_state(table, &states[i]);
    return table;
}

void live_findings_look(struct live_picture *picture, const struct live_picture *before) {
    size_t count = picture->snapshot->findings.count;
    picture->findings =
        arena_alloc_array(picture->arena, count + GONE_MAX, sizeof *picture->findings);
    picture->finding_count = count;
    for (size_t i = 0; i < count; i++)
        picture->findings[i] = make_state(picture, i);
    struct id_table *table = index_states(picture->arena, picture->findings, count);
    if (!before)
        return;
    struct id_table *old = id_table_create(picture->arena, before->finding_count);
    for (size_t i = 0; i < before->finding_count; i++)
        id_table_add(old, before->findings[i].key, &before->findings[i]);
    for (size_t i = 0; i < count; i++)
        follow(&picture->findings[i], id_table_find(old, picture->findings[i].key));
    add_gone(picture, before, table);
}

/* --- updates --- */

void live_findings_end(struct live_fold *fold, struct live *live) {
    const struct live_picture *picture = fold->picture;
    size_t count = picture ? picture->finding_count : 0;
    struct live_finding *rows = arena_alloc_array(fold->shown, count, sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        const struct live_finding_state *state = &picture->findings[i];
        struct live_finding row = state->shown;
        bool is_gone = row.news == LIVE_GONE;
        row.since_s = (is_gone ? fold->time_s : picture->time_s) - state->from_s;
        if (!is_gone && !row.is_bound && row.since_s < LIVE_NEW_S)
            row.news = LIVE_NEW;
        if (!is_gone || row.since_s <= LIVE_GONE_S)
            rows[live->finding_count++] = row;
    }
    live->findings = rows;
}
