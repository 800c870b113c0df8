/* What a test of the writer of recordings needs besides. Private to snapshot. */
#pragma once

#include "asyncspy/snapshot/recording_file.h"

/* recording_write_begin() of a writer that remembers about so many bytes of what it has defined. */
struct error *recording_write_begin_small(int fd, const struct recording_info *info,
                                          size_t memory_max,
                                          struct recording_writer **ret) ERROR_CHECK;
