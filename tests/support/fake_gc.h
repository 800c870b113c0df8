/*
 * The garbage collector of the fake Python: its lists, empty at first, where the version has them.
 */
#pragma once

#include "fake_python.h"

/* Gives an interpreter empty lists; in versions in which all interpreters share them, once. */
void fake_gc_create(struct fake_python *fake, uint64_t interpreter);

/* How many lists there are: the generations, and the permanent one from 3.7 on. */
size_t fake_gc_count_lists(const struct fake_python *fake);

/* Address of the head of a list. */
uint64_t fake_gc_head(struct fake_python *fake, uint64_t interpreter, size_t list);

/* Puts an object at the end of a list; returns the address of what stands before it. */
uint64_t fake_gc_track(struct fake_python *fake, uint64_t head, uint64_t object);

/* From now on the lists are where another patch release has them; before fake_gc_create(). */
void fake_gc_drift(struct fake_python *fake);
