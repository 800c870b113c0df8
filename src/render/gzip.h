/*
 * Writes a gzip file. Private to render.
 */
#pragma once

#include <stdio.h>

#include "asyncspy/base/error.h"

struct gzip;

/* Onto `out`, which stays open. */
struct gzip *gzip_create(FILE *out);
void gzip_write(struct gzip *gzip, const void *bytes, size_t size);

/* Writes what is left and destroys it. ERROR_OS: not everything could be written. */
struct error *gzip_finish(struct gzip *gzip) ERROR_CHECK;
