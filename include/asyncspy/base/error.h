/*
 * Errors are values. A fallible function returns `struct error *`: NULL is success, anything else
 * belongs to the caller, who returns it (perhaps with context added), or destroys it. Only the
 * cmd layer prints one.
 *
 * The message is one line for the user: what failed, why, what to do.
 */
#pragma once

#include <stdbool.h>

enum error_kind {
    ERROR_FAULT,       /* an address that cannot be read; costs one object */
    ERROR_INVALID,     /* bytes that make no sense for what they should be; costs one object */
    ERROR_EXHAUSTED,   /* all the work that a walk may do is done: ends the walk */
    ERROR_GONE,        /* the target ended, or became another program: ends the run */
    ERROR_PERMISSION,  /* the kernel refuses us the target: ends the run */
    ERROR_UNSUPPORTED, /* not a Python, or not one that this program reads: ends the run */
    ERROR_OS,          /* a system call on our own side failed */
    ERROR_USAGE,       /* the user's input is wrong */
};

struct error;

#define ERROR_CHECK __attribute__((warn_unused_result))

/* A new error with a formatted message. Never NULL. */
struct error *error_create(enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 2, 3))) ERROR_CHECK;

/* The same, ending in ": " and the text of `error_number` (an errno value). */
struct error *error_create_os(int error_number, const char *format, ...)
    __attribute__((format(printf, 2, 3))) ERROR_CHECK;

/* Puts "<context>: " before the message of `err`; NULL stays NULL. Returns `err`. */
struct error *error_add_context(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3))) ERROR_CHECK;

enum error_kind error_get_kind(const struct error *err);

/* The message; lives as long as the error. */
const char *error_get_message(const struct error *err);

/* True when the error ends a run (GONE, PERMISSION, UNSUPPORTED, OS, USAGE) or a walk (EXHAUSTED),
 * false when it costs only the object that was being read (FAULT, INVALID). NULL is not fatal. */
bool error_is_fatal(const struct error *err);

/* Destroys an error that costs only one object, where that is of no interest, and returns NULL; one
 * that is fatal is returned. NULL stays NULL. */
struct error *error_forgive(struct error *err) ERROR_CHECK;

/* Where one thing of several cannot be read and the rest is: moves `err` to *first, or destroys it
 * if another one is there already, and returns NULL; a fatal one is returned. */
struct error *error_keep_first(struct error **first, struct error *err) ERROR_CHECK;

/* What such a loop ends with: `err`, which broke it off, else `first`. */
struct error *error_or_first(struct error *err, struct error *first) ERROR_CHECK;

/* NULL-safe. */
void error_destroy(struct error *err);
