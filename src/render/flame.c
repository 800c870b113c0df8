#include "flame.h"

#include <string.h>

#include "asyncspy/analysis/place.h"
#include "asyncspy/base/text.h"
#include "label.h"

#define COLUMNS_MOST 400 /* of a name */

static const struct flame_look looks[FLAME_KIND_COUNT] = {
    [FLAME_ALL] =
        {"all", NULL, {"#e6e3dc", "#e6e3dc", "#e6e3dc"}, {"#33353b", "#33353b", "#33353b"}, false},
    [FLAME_USER] = {"user",
                    "your code",
                    {"#fbb16b", "#fdbf7a", "#f7a561"},
                    {"#98561f", "#a1651f", "#8d4c22"},
                    false},
    [FLAME_PACKAGE] = {"package",
                       "packages",
                       {"#e3d6a6", "#e9deb5", "#dccf9b"},
                       {"#5f5633", "#676039", "#574e2f"},
                       false},
    [FLAME_STDLIB] = {"stdlib",
                      "standard library",
                      {"#dad6cf", "#e0dcd6", "#d3cfc7"},
                      {"#4a4742", "#514e48", "#43403c"},
                      false},
    [FLAME_ROOT] = {"root",
                    "thread or loop",
                    {"#c2cbc4", "#cad2cb", "#bac4bd"},
                    {"#3f4f47", "#46564e", "#394841"},
                    false},
    [FLAME_TASK] = {"task",
                    "task without a stack",
                    {"#d9c6e6", "#dfceeb", "#d2bde0"},
                    {"#584668", "#604d70", "#503f60"},
                    false},
    [FLAME_WAIT] = {"wait",
                    "waits",
                    {"#a9cbee", "#b5d3f1", "#9dc2ea"},
                    {"#2b5580", "#315e8b", "#274c74"},
                    true},
    [FLAME_IDLE] = {"idle",
                    "idle",
                    {"#e2e5ea", "#e2e5ea", "#e2e5ea"},
                    {"#2a2e35", "#2a2e35", "#2a2e35"},
                    true},
};

static const struct flame_view views[PROFILE_MODE_COUNT] = {
    [PROFILE_TASKS] = {"Tasks", "Every task that is not done, by wall time", "tasks"},
    [PROFILE_RUNNING] = {"Running", "What the event loops run, by wall time", NULL},
    [PROFILE_CPU] = {"CPU", "What runs, by CPU time", "CPUs"},
    [PROFILE_GIL] = {"GIL", "The threads that hold the GIL, by wall time", NULL},
    [PROFILE_THREADS] = {"Threads", "The stacks of all threads, by wall time", "threads"},
};

const struct flame_view *flame_get_view(enum profile_mode mode) {
    return &views[mode];
}

const struct flame_look *flame_get_look(enum flame_kind kind) {
    return &looks[kind];
}

static enum flame_kind get_code_kind(enum frame_origin origin) {
    switch (origin) {
    case FRAME_USER:
        return FLAME_USER;
    case FRAME_PACKAGE:
        return FLAME_PACKAGE;
    case FRAME_STDLIB:
        break;
    }
    return FLAME_STDLIB;
}

enum flame_kind flame_get_kind(const struct profile_function *function) {
    if (!function)
        return FLAME_ALL;
    switch (function->frame->kind) {
    case PROFILE_FRAME_ROOT:
        return FLAME_ROOT;
    case PROFILE_FRAME_TASK:
        return FLAME_TASK;
    case PROFILE_FRAME_WAIT:
        return strcmp(function->frame->name, "idle") == 0 ? FLAME_IDLE : FLAME_WAIT;
    case PROFILE_FRAME_CODE:
        break;
    }
    return get_code_kind(function->frame->origin);
}

unsigned flame_get_shade(const struct profile_function *function) {
    uint32_t hash = 2166136261; /* FNV-1a */
    for (const char *at = function ? function->frame->name : ""; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619;
    return (hash >> 16) % FLAME_SHADES;
}

const char *flame_escape(struct arena *arena, const char *text) {
    return text ? text_clip(arena, text_escape(arena, text), COLUMNS_MOST) : NULL;
}

const char *flame_describe_command(struct arena *arena, const struct recording_info *info) {
    const struct snapshot_target *target = &info->target;
    const char *text = label_command(arena, target->command_line, target->command_line_count);
    if (!*text && target->executable)
        text = target->executable;
    return flame_escape(arena, text);
}

const char *flame_explain_empty(const struct profile *profile, const struct recording_end *end) {
    if (profile->weight_s > 0 && profile->stack_count)
        return NULL;
    if (end->samples == 0)
        return end->failed ? "None could be taken: every attempt failed."
                           : "The recording ended before the first one was taken.";
    switch (profile->mode) {
    case PROFILE_TASKS:
        return "There was no task, or the filters left none.";
    case PROFILE_RUNNING:
        return "No event loop ran anything while it was looked at, or the filters left nothing. "
               "The view \"tasks\" shows what the tasks wait for.";
    case PROFILE_CPU:
        return "No thread used CPU time, or the filters left nothing. "
               "The view \"tasks\" shows what the tasks wait for.";
    case PROFILE_GIL:
        return "No thread was seen to hold the GIL, or the filters left nothing.";
    case PROFILE_THREADS:
    case PROFILE_MODE_COUNT:
        break;
    }
    return "The stack of no thread could be read, or the filters left none.";
}
