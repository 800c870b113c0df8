/* What the arguments of a system call say: the manual page of each in section 2. */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "asyncspy/target/process.h"

#define FUTEX_WAIT_CALL 455 /* futex_wait(2), which older headers lack */
#define ID_TYPE_PIDFD 3     /* P_PIDFD of waitid(2), which older headers lack */

/* Those that may take long and whose first argument is the file that they are about. A copy from
 * one file to another is about the one that stands first. */
static const short file_calls[] = {
    SYS_accept,       SYS_accept4,
    SYS_bind,         SYS_close,
    SYS_connect,      SYS_copy_file_range,
    SYS_epoll_ctl,    SYS_epoll_pwait,
    SYS_epoll_pwait2, SYS_epoll_wait,
    SYS_fadvise64,    SYS_fallocate,
    SYS_fchdir,       SYS_fchmod,
    SYS_fchown,       SYS_fcntl,
    SYS_fdatasync,    SYS_fgetxattr,
    SYS_flock,        SYS_fsetxattr,
    SYS_fstat,        SYS_fstatfs,
    SYS_fsync,        SYS_ftruncate,
    SYS_getdents,     SYS_getdents64,
    SYS_getpeername,  SYS_getsockname,
    SYS_getsockopt,   SYS_io_uring_enter,
    SYS_ioctl,        SYS_listen,
    SYS_lseek,        SYS_mq_timedreceive,
    SYS_mq_timedsend, SYS_pidfd_send_signal,
    SYS_pread64,      SYS_preadv,
    SYS_preadv2,      SYS_pwrite64,
    SYS_pwritev,      SYS_pwritev2,
    SYS_read,         SYS_readahead,
    SYS_readv,        SYS_recvfrom,
    SYS_recvmmsg,     SYS_recvmsg,
    SYS_sendfile,     SYS_sendmmsg,
    SYS_sendmsg,      SYS_sendto,
    SYS_setsockopt,   SYS_shutdown,
    SYS_splice,       SYS_sync_file_range,
    SYS_syncfs,       SYS_tee,
    SYS_vmsplice,     SYS_write,
    SYS_writev,
};

/* The kernel looks at the lower half of the register only. */
static int64_t to_fd(uint64_t argument) {
    int32_t fd = (int32_t)(uint32_t)argument;
    return fd < 0 ? -1 : fd;
}

int64_t process_syscall_fd(const struct target_thread *thread) {
    for (size_t i = 0; i < sizeof file_calls / sizeof *file_calls; i++)
        if (thread->syscall == file_calls[i])
            return to_fd(thread->arguments[0]);
    if (thread->syscall == SYS_waitid && thread->arguments[0] == ID_TYPE_PIDFD)
        return to_fd(thread->arguments[1]);
    return -1;
}

uint64_t process_syscall_poll(const struct target_thread *thread) {
    bool polls = thread->syscall == SYS_poll || thread->syscall == SYS_ppoll;
    return polls && (uint32_t)thread->arguments[1] == 1 ? thread->arguments[0] : 0;
}

static bool is_futex_wait(uint64_t operation) {
    int command = (int)operation & FUTEX_CMD_MASK;
    return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI;
}

uint64_t process_syscall_futex(const struct target_thread *thread) {
    if (thread->syscall == SYS_futex && is_futex_wait(thread->arguments[1]))
        return thread->arguments[0];
    return thread->syscall == FUTEX_WAIT_CALL ? thread->arguments[0] : 0;
}
