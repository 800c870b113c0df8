/*
 * What objects are called over a whole recording: "Lock#3". Private to capture.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

struct sampled_labels;

struct sampled_labels *sampled_labels_create(void);
void sampled_labels_destroy(struct sampled_labels *labels); /* NULL-safe */

/* The label of an object, by its address, its class and its name; it lives as long as the labels.
 * Of too many objects only the class. */
const char *sampled_label_get(struct sampled_labels *labels, const struct snapshot_object *object);

/* A copy that lives as long, equal ones once; NULL for NULL, and for one of too many. */
const char *sampled_label_intern(struct sampled_labels *labels, const char *text);
