/*
 * Everything that is known about one thing: with whole stacks, holders, waiters. Headings are
 * whoever's who calls. Private to render.
 */
#pragma once

#include "report.h"

/* What the tasks of a group wait for, who they are, the stack of the first one, what they hold,
 * where they were created, and the object they wait for. */
void report_group_details(struct report *report, const struct snapshot_group *group);

/* The same of one task, given by its place in the snapshot. */
void report_task_details(struct report *report, size_t place);

/* State, holders with the stacks of the first ones, waiters in their order. */
void report_object_details(struct report *report, const struct snapshot_object *object);

/* Both ends, state, queues, and the tasks that wait for it. */
void report_socket_details(struct report *report, const struct snapshot_socket *socket);

/* State, what it runs or waits for, and the whole stack. */
void report_thread_details(struct report *report, const struct snapshot_thread *thread);

/* What its code means, all that the report says of it, the first of the objects and of the tasks
 * that it names. */
void report_finding_details(struct report *report, const struct snapshot_finding *finding);
