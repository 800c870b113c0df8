/*
 * A recording as a file (".asyncspy"): compact, append-only, readable up to the last whole sample
 * however it ends. Its form: src/snapshot/recording_format.h.
 */
#pragma once

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/recording.h"

struct recording_writer;

/* Begins a recording in the empty file `fd`, which is not closed by the writer. */
struct error *recording_write_begin(int fd, const struct recording_info *info,
                                    struct recording_writer **ret) ERROR_CHECK;

/* Appends a sample: its changes, threads and loops, in one write(2). Of `before` and of `tasks`
 * only what tells which task it is is looked at. Pointers of the sample need to live only for this
 * call; but equal pointers within an `epoch` are taken to be equal contents, so whoever reuses
 * memory names another epoch. A task that changed is taken to be so since this sample. ERROR_OS:
 * the disk is full, ...; ERROR_INVALID: its number does not follow the last one's, or a task
 * changes twice: what was written before stays whole, and nothing more can be written. */
struct error *recording_write_sample(struct recording_writer *writer, uint64_t epoch,
                                     const struct recording_sample *sample) ERROR_CHECK;

/* Bytes so far. */
uint64_t recording_get_size(const struct recording_writer *writer);

struct error *recording_write_end(struct recording_writer *writer,
                                  const struct recording_end *end) ERROR_CHECK;
void recording_writer_destroy(struct recording_writer *writer); /* NULL-safe */

struct recording_reader;

/* Opens the recording at `path`. ERROR_OS; ERROR_INVALID: it is none, of a later form, or cut off
 * before it says what was recorded. */
struct error *recording_read_begin(const char *path, struct recording_reader **ret) ERROR_CHECK;

const struct recording_info *recording_get_info(const struct recording_reader *reader);

/* The next sample, NULL at the end. The sample itself, its arrays and the `before` of its changes
 * live until the next call; stacks, frames, waits and strings as long as the reader, tasks as long
 * as they are in `tasks`. ERROR_INVALID: the file is damaged here; what came before holds, and
 * nothing follows. ERROR_OS. */
struct error *recording_read_next(struct recording_reader *reader,
                                  const struct recording_sample **ret) ERROR_CHECK;

/* After the last sample: how it ended. Where the file is cut off the facts are those of the samples
 * that were read and the reason is NULL. */
const struct recording_end *recording_get_end(const struct recording_reader *reader);

/* How far in the file the reader is, from 0 to 1; for progress. */
double recording_get_progress(const struct recording_reader *reader);

void recording_reader_destroy(struct recording_reader *reader); /* NULL-safe */
