/*
 * The readers of the records, one file for each subject as in the encoder. Private to snapshot.
 * A json_read_record fills a zeroed record; what is wrong is the decoder's failure.
 */
#pragma once

#include "json_decode.h"

/* One JSON object; ERROR_INVALID when the text is none. The caller deletes it. */
struct error *json_parse_object(const char *text, size_t length, cJSON **ret) ERROR_CHECK;

/* The whole of an empty snapshot. */
struct error *json_read_snapshot(struct snapshot *snapshot, const cJSON *root) ERROR_CHECK;

/* Members of the root. */
void json_read_target(struct json_decoder *decoder, const cJSON *root);
void json_read_capture(struct json_decoder *decoder, const cJSON *root);
void json_read_files(struct json_decoder *decoder, const cJSON *root);
void json_read_findings(struct json_decoder *decoder, const cJSON *root);
void json_read_verdict(struct json_decoder *decoder, const cJSON *root);

json_read_record json_read_interpreter, json_read_loop, json_read_thread; /* json_read_threads.c */
json_read_record json_read_task, json_read_group;                         /* json_read_tasks.c */
json_read_record json_read_object, json_read_socket, json_read_coroutine; /* json_read_objects.c */

/* The member "awaiting" of a task or a thread, or NULL. */
struct snapshot_wait *json_read_wait(struct json_decoder *decoder, const cJSON *object);

/* Fills what it has of who refers to the future. */
void json_read_referrers(struct json_decoder *decoder, const cJSON *object,
                         struct snapshot_wait *wait);

/* The member "confidence". */
enum snapshot_confidence json_read_confidence(struct json_decoder *decoder, const cJSON *object);

/* What records say of each other, once all are there: the tasks of groups (json_read_group leaves
 * ids in place of their indexes), the threads of running tasks, the frames of holders. */
void json_read_links(struct json_decoder *decoder);
