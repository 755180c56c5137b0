/* trap.c - runs a command and answers its system calls, one of them wrongly */
#include "tests/sweep/trap.h"

#include "tests/sweep/order.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_SECONDS 20 /* a command that takes longer hangs */
#define HALF_BYTES (1 << 20)

/* One run. */
struct trap {
    const struct fault *fault;
    struct outcome *ret;
    struct order *order;
    pid_t pid;
    int process, listener, page; /* descriptors */
    long seen;                   /* calls of the fault's kind */
};

static void add(struct order *o, unsigned short code, unsigned value, unsigned char yes,
                unsigned char no)
{
    if (o->filters < ORDER_FILTERS)
        o->filter[o->filters++] = (struct sock_filter)BPF_JUMP(code, value, yes, no);
}

static void add_return(struct order *o, unsigned value)
{
    add(o, BPF_RET | BPF_K, value, 0, 0);
}

/* Each of these numbers gets that answer, all others the other one. */
static void build_filter(struct order *o, const int *numbers, unsigned listed, unsigned others)
{
    add(o, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
    for (; *numbers >= 0; numbers++) {
        add(o, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)*numbers, 0, 1);
        add_return(o, listed);
    }
    add_return(o, others);
}

static void give_order(struct order *o, const struct fault *fault)
{
    *o = (struct order){0};
    if (!fault->call) {
        o->alloc_at = fault->at;
        o->alloc_ever = fault->ever;
    }
    if (!fault->at)
        build_filter(o, calls_let_alone, SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF);
    else if (fault->call)
        build_filter(o, fault->call->number, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ALLOW);
}

/* In the child: becomes the command. */
static void become(const struct command *command, int page)
{
    char number[16];
    int out, err;

    (void)snprintf(number, sizeof number, "%d", page);
    if (chdir(command->folder) < 0 || setenv(ORDER_VARIABLE, number, 1) < 0 ||
        setenv("LD_PRELOAD", command->agent, 1) < 0)
        _exit(98);
    out = open("stdout", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    err = open("stderr", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);
    if (out < 0 || err < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(98);
    (void)close(out);
    (void)close(err);
    (void)execv(command->argv[0], command->argv);
    _exit(98);
}

static bool start(struct trap *t, const struct command *command)
{
    t->page = memfd_create("order", 0);
    if (t->page < 0 || ftruncate(t->page, sizeof *t->order) < 0)
        return false;
    t->order = mmap(NULL, sizeof *t->order, PROT_READ | PROT_WRITE, MAP_SHARED, t->page, 0);
    if (t->order == MAP_FAILED)
        return false;
    give_order(t->order, t->fault);
    t->pid = fork();
    if (t->pid == 0)
        become(command, t->page);
    t->process = t->pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, t->pid, 0);
    return t->process >= 0;
}

/* Waits until the agent has its listener, and takes a copy of it. */
static bool take_listener(struct trap *t)
{
    const struct timespec tenth = {0, 100000000};
    struct pollfd ended = {.fd = t->process, .events = POLLIN};
    int fd;

    while ((fd = atomic_load(&t->order->listener)) == 0) {
        (void)syscall(SYS_futex, &t->order->listener, FUTEX_WAIT, 0, &tenth, NULL, 0);
        if (poll(&ended, 1, 0) > 0)
            return false;
    }
    t->listener = fd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, t->process, fd - 1, 0);
    return t->listener >= 0;
}

/* Does half of a read or write in the command's place; returns what the call returns. */
static long long do_half(const struct trap *t, const struct seccomp_data *call)
{
    static char bytes[HALF_BYTES];
    const size_t half = call->args[2] > 1 ? call->args[2] / 2 : call->args[2];
    struct iovec here = {bytes, half < sizeof bytes ? half : sizeof bytes};
    struct iovec there = {(void *)call->args[1], here.iov_len};
    const int fd = (int)syscall(SYS_pidfd_getfd, t->process, (int)call->args[0], 0);
    const bool reads = call->nr == SYS_read || call->nr == SYS_pread64;
    long long done = -1;

    if (fd < 0)
        return -EBADF;
    if (reads || process_vm_readv(t->pid, &here, 1, &there, 1, 0) == (ssize_t)here.iov_len)
        done = syscall(call->nr, fd, bytes, here.iov_len, call->args[3]);
    if (reads && done > 0) {
        here.iov_len = there.iov_len = (size_t)done;
        (void)process_vm_writev(t->pid, &here, 1, &there, 1, 0);
    }
    if (done < 0)
        done = -errno;
    (void)close(fd);
    return done;
}

/* An event counter or a queue of signals: memory of the kernel, which no disk can refuse. */
static bool is_event(const struct trap *t, const struct seccomp_data *call)
{
    char path[64], target[12];

    if (call->nr != SYS_read && call->nr != SYS_write)
        return false;
    (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", t->pid, (int)call->args[0]);
    return readlink(path, target, sizeof target) == sizeof target &&
           memcmp(target, "anon_inode:", 11) == 0;
}

/* Counts a call; true when it is the one that goes wrong. */
static bool is_due(struct trap *t, const struct seccomp_data *call)
{
    const struct fault *fault = t->fault;
    bool known = false;

    if (is_event(t, call))
        return false;
    if (!fault->at) {
        for (int i = 0; calls[i].name; i++)
            if (call_has(&calls[i], call->nr, call->args[2])) {
                t->ret->count[i]++;
                known = true;
            }
        if (!known)
            t->ret->strange = call->nr;
        return false;
    }
    /* what a disk refuses are files, not what the command says */
    if (!call_has(fault->call, call->nr, call->args[2]) ||
        (fault->call->ever && call->nr == SYS_write && call->args[0] <= 2))
        return false;
    t->seen++;
    return t->seen == fault->at || (fault->ever && t->seen > fault->at);
}

static void answer(struct trap *t)
{
    struct seccomp_notif call = {0};
    struct seccomp_notif_resp reply = {0};

    if (ioctl(t->listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
        return; /* its thread has ended */
    reply.id = call.id;
    if (!is_due(t, &call.data)) {
        reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    } else {
        const int how = t->fault->how.value;

        t->ret->fired = true;
        t->ret->mute |= call.data.nr == SYS_write && call.data.args[0] == 2;
        if (how == HOW_SHORT)
            reply.val = do_half(t, &call.data);
        else if (how > 0)
            reply.error = -how;
        if (reply.val < 0) {
            reply.error = (int)reply.val;
            reply.val = 0;
        }
    }
    (void)ioctl(t->listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

/* Answers until the command has ended; false when that takes too long. */
static bool serve(struct trap *t)
{
    struct pollfd fds[2] = {{.fd = t->process, .events = POLLIN},
                            {.fd = t->listener, .events = POLLIN}};
    const time_t last = time(NULL) + PATIENCE_SECONDS;

    do {
        if (poll(fds, 2, 1000) < 0 || time(NULL) > last)
            return false;
        if (fds[1].revents & POLLIN)
            answer(t);
    } while (!(fds[0].revents & POLLIN));
    return true;
}

/* Waits for the end of the command, by force where it hangs. */
static void finish(struct trap *t, bool ended)
{
    int status = 0;

    if (!ended)
        (void)kill(t->pid, SIGKILL);
    (void)waitpid(t->pid, &status, 0);
    if (!ended)
        t->ret->status = 256;
    else
        t->ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    t->ret->allocs = atomic_load(&t->order->allocs);
    if (!t->fault->call)
        t->ret->fired = t->fault->at > 0 && t->ret->allocs >= t->fault->at;
}

bool trap_run(const struct command *command, const struct fault *fault, struct outcome *ret)
{
    struct trap t = {.fault = fault, .ret = ret, .process = -1, .listener = -1};
    bool ok;

    *ret = (struct outcome){.strange = -1};
    ok = start(&t, command) && (!t.order->filters || take_listener(&t));
    if (t.process >= 0)
        finish(&t, ok && serve(&t));
    if (t.listener >= 0)
        (void)close(t.listener);
    if (t.process >= 0)
        (void)close(t.process);
    if (t.order && t.order != MAP_FAILED)
        (void)munmap(t.order, sizeof *t.order);
    if (t.page >= 0)
        (void)close(t.page);
    return ok && ret->status != 98 && ret->status != 99;
}
