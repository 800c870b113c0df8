/*
 * What objects are called over a whole recording: "Lock#3". Private to capture.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

struct sampled_labels;

struct sampled_labels *sampled_labels_create(void);
void sampled_labels_destroy(struct sampled_labels *labels); /* NULL-safe */

/* The label of an object, by its address, its class and its name. It lives as long as the labels,
 * or as `arena`, which is also used for what is needed meanwhile. */
const char *sampled_label_get(struct sampled_labels *labels, struct arena *arena,
                              const struct snapshot_object *object);
