/* progress.c - one line on a terminal, a few in a pipe, and the signals */
#include "src/cli/progress.h"

#include "src/base/clock.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define PIPE_LINES 10
#define SETTLED 0.3 /* seconds after which a rate means something */

/* Columns of the terminal; 80 where it does not say. */
static size_t columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* The line in `room` columns: what it says last is what a narrow terminal does without. */
static void fill_line(const struct q8_show *s, const struct q8_progress *p, char *line, size_t room)
{
    const double seconds = q8_now() - s->begin, rate = (double)p->bytes / (seconds + 1e-9);
    char one[32], two[32], part[4][96] = {{0}};

    (void)snprintf(part[0], sizeof part[0], "%s: %" PRIu64 "/%" PRIu64, p->phase, p->items,
                   p->items_total);
    (void)snprintf(part[1], sizeof part[1], ", %s of %s", q8_text_bytes(p->bytes, one, sizeof one),
                   q8_text_bytes(p->bytes_total, two, sizeof two));
    if (seconds >= SETTLED && p->bytes > 0) {
        const double left = ((double)p->bytes_total - (double)p->bytes) / rate;

        (void)snprintf(part[2], sizeof part[2], ", %s/s",
                       q8_text_bytes((uint64_t)rate, one, sizeof one));
        (void)snprintf(part[3], sizeof part[3], ", %s left",
                       q8_text_seconds(left, two, sizeof two));
    }
    *line = 0;
    for (size_t i = 0; i < 4 && strlen(line) + strlen(part[i]) <= room; i++)
        strcat(line, part[i]);
}

static void print_line(const struct q8_show *s, const struct q8_progress *p)
{
    char line[512];

    if (s->terminal) { /* a line that wraps could not be taken back */
        fill_line(s, p, line, q8_min(columns() - 1, sizeof line - 1));
        fprintf(stderr, "\r\033[K%s", line);
    } else {
        fill_line(s, p, line, sizeof line - 1);
        fprintf(stderr, "%s: %s\n", s->tool, line);
    }
    fflush(stderr);
}

static bool tick(void *self, const struct q8_progress *p, struct q8_err *err)
{
    struct q8_show *s = self;
    struct signalfd_siginfo info;
    unsigned third;

    if (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
        return q8_fail(err, Q8_ESIGNAL + (int)info.ssi_signo, "stopped by %s",
                       strsignal((int)info.ssi_signo));
    if (s->quiet || p->bytes_total == 0)
        return true;
    if (s->phase != p->phase) {
        s->phase = p->phase;
        s->begin = q8_now();
        s->thirds = 0;
    }
    /* a pipe gets a line every third of a long phase */
    third = (unsigned)(3.0 * (double)p->bytes / (double)p->bytes_total);
    if (s->terminal) {
        print_line(s, p);
    } else if (third > s->thirds && q8_now() - s->begin > 2 && s->lines < PIPE_LINES) {
        s->lines++;
        s->thirds = third;
        print_line(s, p);
    }
    return true;
}

static const int stops[] = {SIGINT, SIGTERM, SIGHUP};

bool q8_show_open(struct q8_show *s, const char *tool, bool quiet, struct q8_err *err)
{
    sigset_t set;

    *s = (struct q8_show){.tool = tool, .quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1};
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct sigaction old;

        /* nohup, or a shell for its background jobs, has said that this one counts for nothing */
        if (sigaction(stops[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaddset(&set, stops[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    s->watch = (struct q8_watch){tick, s, s->signals};
    return s->signals >= 0 || q8_fail_errno(err, "cannot listen for signals");
}

void q8_show_close(struct q8_show *s)
{
    if (s->terminal && s->phase)
        fprintf(stderr, "\r\033[K");
    if (s->signals >= 0)
        (void)close(s->signals);
    s->signals = -1;
}
