#include "asyncspy/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"

struct error {
    enum error_kind kind;
    char *message;
};

/* Formatted text on the heap. */
__attribute__((format(printf, 1, 0))) static char *format_message(const char *format,
                                                                  va_list arguments) {
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        memory_exhausted();
    return text;
}

/* Takes over `message`. */
static struct error *create(enum error_kind kind, char *message) {
    struct error *err = memory_alloc(sizeof *err);
    *err = (struct error){.kind = kind, .message = message};
    return err;
}

/* "<first>: <second>" on the heap. */
static char *join(const char *first, const char *second) {
    char *text = NULL;
    if (asprintf(&text, "%s: %s", first, second) < 0)
        memory_exhausted();
    return text;
}

struct error *error_create(enum error_kind kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *message = format_message(format, arguments);
    va_end(arguments);
    return create(kind, message);
}

struct error *error_create_os(int error_number, const char *format, ...) {
    char buffer[256];
    va_list arguments;
    va_start(arguments, format);
    char *message = format_message(format, arguments);
    va_end(arguments);
    struct error *err =
        create(ERROR_OS, join(message, strerror_r(error_number, buffer, sizeof buffer)));
    free(message);
    return err;
}

struct error *error_add_context(struct error *err, const char *format, ...) {
    if (!err)
        return NULL;
    va_list arguments;
    va_start(arguments, format);
    char *context = format_message(format, arguments);
    va_end(arguments);
    char *message = join(context, err->message);
    free(context);
    free(err->message);
    err->message = message;
    return err;
}

enum error_kind error_get_kind(const struct error *err) {
    return err->kind;
}

const char *error_get_message(const struct error *err) {
    return err->message;
}

bool error_is_fatal(const struct error *err) {
    return err && err->kind != ERROR_FAULT && err->kind != ERROR_INVALID;
}

struct error *error_forgive(struct error *err) {
    if (!err || error_is_fatal(err))
        return err;
    error_destroy(err);
    return NULL;
}

struct error *error_keep_first(struct error **first, struct error *err) {
    if (!err || error_is_fatal(err))
        return err;
    if (*first)
        error_destroy(err);
    else
        *first = err;
    return NULL;
}

struct error *error_or_first(struct error *err, struct error *first) {
    if (!err)
        return first;
    error_destroy(first);
    return err;
}

void error_destroy(struct error *err) {
    if (!err)
        return;
    free(err->message);
    free(err);
}
