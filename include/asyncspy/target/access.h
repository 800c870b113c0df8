/*
 * Why the kernel refuses us a process, and which command would help: other user, Yama's
 * ptrace_scope and its value, missing capability, non-dumpable process, traced by another
 * program, no such process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "asyncspy/base/error.h"

/* The error for a read of `pid` that failed with `error_number` (EPERM, EACCES, ESRCH, ...): one
 * line with the reason that applies and the command that would help. `stopping`: it was ptrace
 * that failed, not a read. */
struct error *access_explain(pid_t pid, int error_number, bool stopping) ERROR_CHECK;

/* The same reason in two or three words, for a process that the kernel refused us to read: "not
 * yours", "ptrace_scope 1", "no CAP_SYS_PTRACE", "not dumpable", "denied". */
void access_name_refusal(pid_t pid, char *text, size_t room);

/* Pid of the tracer of `pid`, 0 when there is none. */
pid_t access_get_tracer(pid_t pid);
