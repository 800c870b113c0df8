/*
 * The words that describe things to people. Texts live in the snapshot's arena; long names of the
 * target are shortened, but nothing is escaped: whoever shows them does that. Private to analysis.
 */
#pragma once

#include "analysis.h"

#define WORDS_NAME 48 /* bytes of a name that are shown */

/* "Task-7", "task 0x7f12" where it has no name. */
const char *words_task(const struct analysis *analysis, const struct snapshot_task *task);

/* "Lock#1 'pool.sem'". Made once per object. */
const char *words_object(struct analysis *analysis, const struct snapshot_object *object);
/* The same of its parts; `name` may be NULL. */
const char *words_labelled(struct arena *arena, const char *label, const char *name);

/* "Lock#1": without the name. */
const char *words_label(const struct snapshot_object *object);

/* "MainThread (tid 4242)". */
const char *words_thread(const struct analysis *analysis, int64_t tid);

/* "handler  /srv/app.py:20" of a frame; NULL of NULL. */
const char *words_frame(const struct analysis *analysis, const struct snapshot_frame *frame);

/* The same of the user's own frame in a stack, NULL of an empty stack; with what runs below it
 * before it ("getaddrinfo <- fetch  app.py:3") where the innermost frame is another one. */
const char *words_where(const struct analysis *analysis, const struct snapshot_stack *stack);
/* The same of a given frame: "caller  file:line", behind "innermost <- " where that is another.
 * Both may be NULL. */
const char *words_call(const struct analysis *analysis, const struct snapshot_frame *innermost,
                       const struct snapshot_frame *caller);

/* "10,000". */
const char *words_count(const struct analysis *analysis, int64_t count);

/* "1 task", "10,000 tasks". */
const char *words_many(const struct analysis *analysis, int64_t count, const char *noun);
const char *words_many_in(struct arena *arena, int64_t count, const char *noun);

/* "420 ms", "41.2 s", "2h30m". */
const char *words_seconds(const struct analysis *analysis, double seconds);
/* The same of a bound, rounded down. */
const char *words_at_least(const struct analysis *analysis, double seconds);

/* "1st", "22nd". */
const char *words_ordinal(const struct analysis *analysis, int64_t number);

/* At most `most` bytes of a text, cut between characters, with "..." where it was cut. */
const char *words_shorten(const struct analysis *analysis, const char *text, size_t most);
const char *words_shorten_in(struct arena *arena, const char *text, size_t most);
