/* calls.c - the system calls that the sweep makes fail, and how */
#include "tests/sweep/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

/* Calls that newer architectures do not have. */
#ifdef SYS_open
#define OLD(name) SYS_##name
#else
#define OLD(name) -1
#endif

#ifdef SYS_newfstatat
#define FSTATAT SYS_newfstatat
#else
#define FSTATAT SYS_fstatat
#endif

/* What a disk that is full or failing refuses, of openat what may create. */
#define WRITING                                                                                    \
    SYS_write, SYS_pwrite64, SYS_ftruncate, SYS_fallocate, SYS_openat, SYS_fsync, SYS_mkdirat,     \
        OLD(mkdir)

/* ENOENT is none of them: it is the answer "there is none", which every caller has to believe. */
const struct call calls[] = {
    {"openat", {SYS_openat, OLD(open), -1}, "EIO EACCES EMFILE EINTR ENOMEM", false},
    {"read", {SYS_read, SYS_readv, -1}, "EIO EINTR SHORT NOTHING", false},
    {"pread", {SYS_pread64, SYS_preadv, -1}, "EIO EINTR SHORT NOTHING", false},
    {"write", {SYS_write, SYS_writev, -1}, "ENOSPC EIO EINTR SHORT NOTHING", false},
    {"pwrite", {SYS_pwrite64, SYS_pwritev, -1}, "ENOSPC EIO EINTR SHORT NOTHING", false},
    /* an end that comes early cannot be told from a folder that is shorter */
    {"getdents", {SYS_getdents64, -1}, "EIO EACCES ENOMEM", false},
    {"stat",
     {SYS_fstat, FSTATAT, SYS_statx, OLD(stat), OLD(lstat), -1},
     "EIO EACCES ENOMEM",
     false},
    {"access", {SYS_faccessat, SYS_faccessat2, OLD(access), -1}, "EIO EACCES", false},
    {"readlink", {SYS_readlinkat, OLD(readlink), -1}, "EIO EACCES ENOMEM", false},
    {"getcwd", {SYS_getcwd, -1}, "ENOENT ENOMEM", false},
    {"chdir", {SYS_chdir, SYS_fchdir, -1}, "EIO EACCES", false},
    {"mmap", {SYS_mmap, SYS_mremap, -1}, "ENOMEM", false},
    {"mprotect", {SYS_mprotect, -1}, "ENOMEM", false},
    {"clone", {SYS_clone3, SYS_clone, -1}, "EAGAIN ENOMEM", false},
    {"flock", {SYS_flock, -1}, "EIO EINTR ENOLCK ENOSYS EOPNOTSUPP EAGAIN", false},
    {"fsync", {SYS_fsync, SYS_fdatasync, SYS_syncfs, -1}, "EIO ENOSPC EINTR EINVAL", false},
    {"ftruncate", {SYS_ftruncate, SYS_truncate, -1}, "EIO ENOSPC EINTR", false},
    {"fallocate", {SYS_fallocate, -1}, "EIO ENOSPC EINTR EOPNOTSUPP ENOSYS", false},
    {"rename",
     {SYS_renameat2, SYS_renameat, OLD(rename), -1},
     "EIO ENOSPC EACCES EINVAL ENOSYS EOPNOTSUPP EXDEV",
     false},
    {"mkdir", {SYS_mkdirat, OLD(mkdir), -1}, "EIO ENOSPC EACCES EDQUOT", false},
    {"unlink", {SYS_unlinkat, OLD(unlink), OLD(rmdir), -1}, "EIO EACCES EINTR", false},
    {"link", {SYS_linkat, SYS_symlinkat, OLD(link), OLD(symlink), -1}, "EIO EPERM", false},
    {"statfs", {SYS_statfs, SYS_fstatfs, -1}, "EIO ENOSYS EACCES", false},
    {"chmod", {SYS_fchmod, SYS_fchmodat, OLD(chmod), -1}, "EIO EPERM", false},
    {"chown", {SYS_fchown, SYS_fchownat, OLD(chown), -1}, "EIO EPERM", false},
    {"utimens", {SYS_utimensat, -1}, "EIO EPERM", false},
    {"sync_file_range", {SYS_sync_file_range, -1}, "EIO ENOSPC ENOSYS", false},
    {"copy", {SYS_copy_file_range, SYS_sendfile, -1}, "EIO ENOSPC EXDEV SHORT", false},
    {"fcntl", {SYS_fcntl, -1}, "EIO EMFILE", false},
    {"dup", {SYS_dup, SYS_dup3, OLD(dup2), -1}, "EMFILE EINTR", false},
    {"close", {SYS_close, -1}, "EIO EINTR EDQUOT", false},
    {"lseek", {SYS_lseek, -1}, "EIO ESPIPE", false},
    {"advise", {SYS_fadvise64, -1}, "EIO", false},
    {"pipe", {SYS_pipe2, SYS_memfd_create, OLD(pipe), -1}, "EMFILE", false},
    {"event", {SYS_eventfd2, SYS_signalfd4, SYS_timerfd_create, -1}, "EMFILE ENOMEM", false},
    /* a few descriptors are asked about on the kernel's stack: ENOMEM is for hundreds */
    {"poll", {SYS_ppoll, SYS_pselect6, OLD(poll), OLD(select), -1}, "EINTR", false},
    {"ioctl", {SYS_ioctl, -1}, "EIO", false},
    {"limit", {SYS_prlimit64, SYS_getrlimit, SYS_setrlimit, -1}, "EPERM", false},
    {"random", {SYS_getrandom, -1}, "EINTR ENOSYS", false},
    {"system", {SYS_sysinfo, SYS_uname, -1}, "EFAULT", false},
    {"disk full", {WRITING, -1}, "ENOSPC EDQUOT EROFS", true},
    {"disk gone", {SYS_read, SYS_pread64, FSTATAT, SYS_getdents64, WRITING, -1}, "EIO", true},
    {0},
};

const int calls_let_alone[] = {
    /* the end and the beginning of a process, and what is no request to anybody */
    SYS_execve, SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall,
    SYS_set_tid_address, SYS_set_robust_list, SYS_rseq, SYS_getpid, SYS_gettid, SYS_getuid,
    SYS_geteuid, SYS_getgid, SYS_getegid, SYS_umask, SYS_tgkill,
    /* cannot fail with what the C library gives them */
    SYS_futex, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_sigaltstack, SYS_sched_yield,
    SYS_sched_getaffinity, SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep,
    /* tell the kernel what is no longer wanted: nobody can do anything about a no */
    SYS_munmap, SYS_madvise,
    /* the allocator's own, whose failures are swept as those of malloc */
    SYS_brk,
#ifdef SYS_arch_prctl
    SYS_arch_prctl,
#endif
    -1};

static const struct call_how hows[] = {
    {"EIO", EIO},       {"EACCES", EACCES}, {"EMFILE", EMFILE},         {"EINTR", EINTR},
    {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT},         {"EROFS", EROFS},
    {"EINVAL", EINVAL}, {"ENOSYS", ENOSYS}, {"EOPNOTSUPP", EOPNOTSUPP}, {"EXDEV", EXDEV},
    {"EAGAIN", EAGAIN}, {"ENOLCK", ENOLCK}, {"EPERM", EPERM},           {"ENOENT", ENOENT},
    {"ESPIPE", ESPIPE}, {"EFAULT", EFAULT}, {"SHORT", HOW_SHORT},       {"NOTHING", HOW_NOTHING},
};

int call_hows(const struct call *call, struct call_how ret[CALL_HOWS])
{
    const char *at = call->hows;
    int count = 0;

    while (*at && count < CALL_HOWS) {
        const size_t length = strcspn(at, " ");

        for (size_t i = 0; i < sizeof hows / sizeof *hows; i++)
            if (strlen(hows[i].name) == length && memcmp(hows[i].name, at, length) == 0)
                ret[count++] = hows[i];
        at += length + (at[length] == ' ');
    }
    return count;
}

bool call_has(const struct call *call, int number, unsigned long long flags)
{
    for (int i = 0; i < CALL_NUMBERS && call->number[i] >= 0; i++)
        if (call->number[i] == number)
            return !call->ever || number != SYS_openat || flags & O_CREAT;
    return false;
}
