/*
 * What the two flame graphs, the page and the picture, share: what kinds of boxes there are, how
 * they look, and what is said above them. Private to render.
 */
#pragma once

#include "asyncspy/analysis/profile_tree.h"

#define FLAME_SHADES 3

enum flame_kind {
    FLAME_ALL,     /* the root, and what was left out */
    FLAME_USER,    /* the user's own code */
    FLAME_PACKAGE, /* code of packages */
    FLAME_STDLIB,  /* code of the standard library */
    FLAME_ROOT,    /* a thread's name */
    FLAME_TASK,    /* a task without a stack */
    FLAME_WAIT,
    FLAME_IDLE,
    FLAME_KIND_COUNT
};

/* Colours are "#rrggbb", for a light and a dark background; neighbours differ in their shade. */
struct flame_look {
    const char *name;  /* "user" */
    const char *label; /* for the legend; NULL: not in it */
    const char *light[FLAME_SHADES], *dark[FLAME_SHADES];
    bool is_wait; /* is told from code by more than its colour */
};

enum flame_kind flame_get_kind(const struct profile_function *function); /* NULL: FLAME_ALL */
const struct flame_look *flame_get_look(enum flame_kind kind);

/* What a profile shows. */
struct flame_view {
    const char *title; /* "Tasks" */
    const char *about; /* "Every task that is not done, by wall time" */
    const char *unit;  /* of what there is one for each second of weight in a second; or NULL */
};
const struct flame_view *flame_get_view(enum profile_mode mode);

/* The shade of a name, always the same. */
unsigned flame_get_shade(const struct profile_function *function);

/* Text of the target as it is shown: escaped, and no longer than anybody reads. NULL stays NULL. */
const char *flame_escape(struct arena *arena, const char *text);

/* "shop.py --port 80", or "" where it is not known. */
const char *flame_describe_command(struct arena *arena, const struct recording_info *info);

/* Why a profile without time is so; NULL: it has some. */
const char *flame_explain_empty(const struct profile *profile, const struct recording_end *end);
