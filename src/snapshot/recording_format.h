/*
 * The form of a recording file, version 1. Private to snapshot.
 *
 *     file    = "asyncspy recording 1\n" chunk...
 *     chunk   = type (a letter), length (number), payload (so many bytes), check
 *     check   = CRC-32 (zlib's) of the chunk before it, 4 bytes, least first
 *
 *     number   = 7 bits a byte, the lowest first; the top bit: more follow
 *     signed   = number: 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
 *     optional = number: 0: unknown; else 1 + what stands for it as `signed`
 *     text     = number: 0: none; else 1 + its length, then its bytes
 *     yes/no   = number: 0 no, 1 yes, 2 not known
 *     time     = number of microseconds, at most RECORDING_US_MAX
 *
 * The chunks: RECORDING_INFO first, RECORDING_END last if the recording was not cut off, between
 * them RECORDING_SAMPLE, each after RECORDING_DEFINITIONS of what it is the first to speak of. A
 * sample and its definitions are written at once, so that a file without its rest ends behind a
 * whole sample, or with a part of one that is told from a damage by the file being too short.
 *
 * RECORDING_INFO: text asyncspy, text started_at, number rate (millionths a second), text kind,
 * optional pid, text core, text executable, number of arguments, text each, text architecture, text
 * python_version, yes/no debug_build, yes/no free_threaded, text started_at, text signal.
 *
 * RECORDING_DEFINITIONS: a tag each (enum recording_definition) and what follows it. What is
 * defined gets the next number of its kind, from 1; 0 is none (of stacks: the empty one). All
 * numbers are taken back by RECORDING_RESET, which is empty: so a writer needs to remember little.
 *   STRING: number of bytes, these bytes.
 *   FRAME: number 1 where it is native, else 0; strings function, qualified_name, file, source;
 *     signed line; signed end_line - line; signed column; signed end_column - column; number
 *     address.
 *   PATH: a stack, number of frames, frames: each frame makes a new stack, in which it is the
 *     innermost one of the stack before.
 *   WAIT: number kind * 2 + is_client, strings object, name, type, peer, callee, task, optional
 *     tasks, fd, pid.
 *
 * RECORDING_SAMPLE: number mask of enum recording_sample_part, number of the sample less that of
 * the one before, time since that one; then for each bit of the mask, the lowest first:
 *   PAUSE, LATE: time. TORN, FAILED, GC: number.
 *   CHANGES: number of changes; each: signed task number less that of the change before (in this
 *     sample or an earlier one), mask of enum recording_task_part, then for each bit:
 *     STACK: stack. WAIT: wait. STATE: number. AWAITED_BY: optional awaited_by less the task's
 *     number. TID: optional. WHO: signed id less that of the WHO before, string name, string
 *     coroutine, signed event_loop less that of the WHO before. GONE (alone) and NEW (all that is
 *     not said of it is 0 or none, its tid not known) bring nothing.
 *   THREADS: number of threads; then those that are not as in the sample before at the same place:
 *     number place less the last one named here (from 1 on: the first is place + 1), 0 ends; mask
 *     of enum recording_thread_part, then for each bit:
 *     MOVED: signed place in the sample before, less this one: that thread stands here now.
 *     STACK: stack. CPU: change of cpu_s. FLAGS: yes/no on_cpu + 4 * holds_gil + 16 *
 *     waits_for_gil. TASK: number. LOOP: number. WHO: optional tid, number ident, string name.
 *   LOOPS: in the same way; for each bit:
 *     STATE: state. TASK: number. READY, TIMERS: optional. OVERDUE, BLOCKED: change.
 *     WHO: number id, string type, optional tid.
 *   A change of a time is an optional: microseconds less those before (0 if that was unknown).
 *
 * RECORDING_END: time since the last sample, text reason, numbers samples, failed, times pause,
 * longest pause, late, and RECORDING_MAGIC_END: a file that ends so was not cut off.
 */
#pragma once

#include <stdint.h>

#define RECORDING_MAGIC "asyncspy recording "
#define RECORDING_VERSION 1
#define RECORDING_VERSION_TEXT "1"
#define RECORDING_MAGIC_END "the end\n"

#define RECORDING_CHECK_SIZE 4
#define RECORDING_US_MAX (INT64_C(1) << 50)   /* 35 years; as a double it is exact both ways */
#define RECORDING_DEPTH_MAX ((size_t)1 << 18) /* frames of a stack: the innermost ones */

enum recording_chunk {
    RECORDING_INFO = 'I',
    RECORDING_DEFINITIONS = 'D',
    RECORDING_RESET = 'R',
    RECORDING_SAMPLE = 'S',
    RECORDING_END = 'E',
};

enum recording_definition {
    RECORDING_STRING,
    RECORDING_FRAME,
    RECORDING_WAIT,
    RECORDING_PATH,
    RECORDING_DEFINITION_COUNT
};

enum recording_sample_part {
    SAMPLE_PAUSE = 1,
    SAMPLE_LATE = 2,
    SAMPLE_TORN = 4,
    SAMPLE_FAILED = 8,
    SAMPLE_CHANGES = 16,
    SAMPLE_THREADS = 32,
    SAMPLE_LOOPS = 64,
    SAMPLE_GC = 128,
    SAMPLE_ALL = 255
};

enum recording_task_part {
    TASK_STACK = 1,
    TASK_WAIT = 2,
    TASK_STATE = 4,
    TASK_AWAITED_BY = 8,
    TASK_TID = 16,
    TASK_GONE = 32, /* alone */
    TASK_NEW = 64,
    TASK_WHO = 128,
    TASK_ALL = 255
};

enum recording_thread_part {
    THREAD_MOVED = 1,
    THREAD_STACK = 2,
    THREAD_CPU = 4,
    THREAD_FLAGS = 8,
    THREAD_TASK = 16,
    THREAD_LOOP = 32,
    THREAD_WHO = 64,
    THREAD_ALL = 127
};

enum recording_loop_part {
    LOOP_STATE = 1,
    LOOP_TASK = 2,
    LOOP_READY = 4,
    LOOP_TIMERS = 8,
    LOOP_OVERDUE = 16,
    LOOP_BLOCKED = 32,
    LOOP_WHO = 64,
    LOOP_ALL = 127
};
