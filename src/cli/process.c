/* process.c - how a command begins and ends: descriptors, limits, signals, the last word */
#include "src/cli/process.h"

#include "src/base/text.h"
#include "src/model/folder/folder.h"
#include "src/model/model.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define NOTICE_MS 300 /* a pool looks at once; what has not looked by then will not */

static const int stops[] = {SIGINT, SIGTERM, SIGHUP};

/* ---- words ---- */

/* The text in a buffer of `size`, hidden characters as \xNN or \u{NNNN}. */
static size_t escape(const char *text, char *ret, size_t size)
{
    size_t used = 0;

    while (*text && used + 16 < size) {
        const char *start = text;
        const uint32_t c = q8_text_next(&text);
        int n;

        if (c == Q8_TEXT_BAD || (c < 0x80 && q8_text_hidden(c)))
            n = snprintf(ret + used, size - used, "\\x%02x", (unsigned char)*start);
        else if (q8_text_hidden(c))
            n = snprintf(ret + used, size - used, "\\u{%04" PRIx32 "}", c);
        else
            n = snprintf(ret + used, size - used, "%.*s", (int)(text - start), start);
        used += (size_t)n;
    }
    return used;
}

void q8_process_say(const char *tool, const char *kind, const char *text)
{
    char line[3072];
    size_t n = (size_t)snprintf(line, sizeof line, "%s: %s", tool, kind);

    n += escape(text, line + n, sizeof line - n);
    line[n++] = '\n';
    (void)!write(STDERR_FILENO, line, n); /* no lock: the first thread may stand in one */
}

void q8_process_notes(const char *tool, const struct q8_model *model)
{
    char text[1600];

    for (uint64_t i = 0; i < model->notes; i++) {
        (void)snprintf(text, sizeof text, "%s: %s", model->path, model->note[i]);
        q8_process_say(tool, "warning: ", text);
    }
}

/* ---- signals ---- */

/* The process ends here and now, whatever the first thread is at. */
static void end_now(struct q8_process *p, int number)
{
    struct q8_err err = {.code = Q8_ESIGNAL + number};
    const char *partial = atomic_load(&p->partial);
    char journal[PATH_MAX];
    bool stays;

    stays = partial &&
            snprintf(journal, sizeof journal, "%s/" Q8_JOURNAL, partial) < (int)sizeof journal &&
            access(journal, F_OK) == 0;
    (void)snprintf(err.text, sizeof err.text, "stopped by %s%s%s%s", strsignal(number),
                   stays ? "; what is done stays in " : "", stays ? partial : "",
                   stays ? " for --resume" : "");
    q8_outputs_abandon(p->outputs, &err);
    if (!p->said && poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, 0) > 0)
        q8_process_say(p->tool, "", err.text);
    _exit(err.code);
}

/* The number of the next signal; 0 when `ms` have passed, -1 when the command is at its end. */
static int wait_signal(const struct q8_process *p, int ms)
{
    struct pollfd fds[2] = {{.fd = p->end, .events = POLLIN}, {.fd = p->signals, .events = POLLIN}};
    struct signalfd_siginfo info;
    const int n = poll(fds, 2, ms);

    if (n <= 0)
        return 0;
    if (fds[0].revents)
        return -1;
    return read(p->signals, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

static void *listen_to(void *process)
{
    struct q8_process *p = process;
    const uint64_t one = 1;
    int number, next;

    do
        number = wait_signal(p, -1);
    while (number == 0);
    if (number < 0)
        return NULL;
    atomic_store(&p->number, number);
    (void)!write(p->stop, &one, sizeof one);
    next = wait_signal(p, NOTICE_MS);
    while (next == 0 && atomic_load(&p->noticed))
        next = wait_signal(p, NOTICE_MS);
    if (next >= 0)
        end_now(p, next ? next : number);
    return NULL;
}

static void listen_begin(struct q8_process *p, struct q8_err *err)
{
    sigset_t set, all;
    int number;

    (void)sigprocmask(SIG_SETMASK, NULL, &p->old);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct sigaction now;

        /* nohup, or a shell for its background jobs, has said that this one counts for nothing */
        if (sigaction(stops[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN &&
            !sigismember(&p->old, stops[i]))
            sigaddset(&set, stops[i]);
    }
    p->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    p->end = eventfd(0, EFD_CLOEXEC);
    p->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->signals < 0 || p->end < 0 || p->stop < 0) {
        q8_fail_errno(err, "cannot listen for signals");
        return;
    }
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
    number = pthread_create(&p->listener, NULL, listen_to, p);
    p->listens = number == 0;
    (void)pthread_sigmask(SIG_SETMASK, &p->old, NULL);
    if (p->listens)
        (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    else
        q8_fail(err, Q8_ELIMIT, "cannot start a thread: %s", strerror(number));
}

static void listen_end(struct q8_process *p)
{
    const uint64_t one = 1;

    if (p->listens) {
        (void)!write(p->end, &one, sizeof one);
        (void)pthread_join(p->listener, NULL);
    }
    (void)pthread_sigmask(SIG_SETMASK, &p->old, NULL);
    for (int i = 0; i < 3; i++) {
        const int fd = i == 0 ? p->signals : i == 1 ? p->end : p->stop;

        if (fd >= 0)
            (void)close(fd);
    }
}

bool q8_process_stopped(struct q8_process *p, struct q8_err *err)
{
    const int number = atomic_load(&p->number);

    if (!number)
        return false;
    atomic_store(&p->noticed, true);
    q8_fail(err, Q8_ESIGNAL + number, "stopped by %s", strsignal(number));
    return true;
}

/* ---- begin and end ---- */

/* What is opened later must not take the number of a stream, and get its words. */
static void fill_streams(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
            _exit(Q8_EIO);
}

/* Two files are open for each shard; models of hundreds come near the usual limit of 1,024. */
static void raise_file_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

void q8_process_begin(struct q8_process *p, const char *tool, struct q8_outputs *outputs,
                      struct q8_err *err)
{
    fill_streams();
    (void)signal(SIGPIPE, SIG_IGN); /* the reader of a pipe has gone */
    (void)signal(SIGXFSZ, SIG_IGN); /* a file beyond ulimit -f */
    raise_file_limit();
    *p =
        (struct q8_process){.tool = tool, .outputs = outputs, .signals = -1, .end = -1, .stop = -1};
    if (q8_outputs_init(outputs, err))
        listen_begin(p, err);
}

int q8_process_end(struct q8_process *p, struct q8_err *err)
{
    atomic_store(&p->noticed, false); /* what is left takes no time, unless a pipe stands */
    if (p->outputs->std.out)
        (void)q8_outputs_flush(p->outputs, err);
    q8_outputs_explain(p->outputs, err);
    if (err->code)
        q8_outputs_fail(p->outputs, err);
    else
        q8_outputs_drop(p->outputs);
    if (err->code && *err->text && !p->said)
        q8_process_say(p->tool, "", err->text);
    p->said = true;
    listen_end(p);
    q8_outputs_close(p->outputs);
    return err->code;
}
