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

static char *format_text(const char *format, va_list arguments) {
    char *text;
    if (vasprintf(&text, format, arguments) < 0)
        memory_exhausted();
    return text;
}

static struct error *make(enum error_kind kind, char *message) {
    struct error *err = memory_alloc(sizeof *err);
    *err = (struct error){kind, message};
    return err;
}

struct error *error_create(enum error_kind kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *message = format_text(format, arguments);
    va_end(arguments);
    return make(kind, message);
}

/* Replaces the message by "<first><second>" and frees both. */
static char *join(char *first, const char *separator, char *second) {
    char *text;
    if (asprintf(&text, "%s%s%s", first, separator, second) < 0)
        memory_exhausted();
    free(first);
    free(second);
    return text;
}

struct error *error_create_os(int error_number, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *message = format_text(format, arguments);
    va_end(arguments);
    char *reason = strdup(strerror(error_number));
    if (!reason)
        memory_exhausted();
    return make(ERROR_OS, join(message, ": ", reason));
}

struct error *error_add_context(struct error *err, const char *format, ...) {
    if (!err)
        return NULL;
    va_list arguments;
    va_start(arguments, format);
    char *context = format_text(format, arguments);
    va_end(arguments);
    err->message = join(context, ": ", err->message);
    return err;
}

enum error_kind error_get_kind(const struct error *err) {
    return err->kind;
}

const char *error_get_message(const struct error *err) {
    return err->message;
}

bool error_is_fatal(const struct error *err) {
    return err && err->kind != ERROR_FAULT && err->kind != ERROR_INVALID &&
           err->kind != ERROR_MISSED;
}

void error_destroy(struct error *err) {
    if (!err)
        return;
    free(err->message);
    free(err);
}
