/* progress.c - one line on a terminal, a few in a pipe */
#include "src/cli/progress.h"

#include "src/base/clock.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
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
        fprintf(stderr, "%s: %s\n", s->process->tool, line);
    }
    fflush(stderr);
}

static bool tick(void *self, const struct q8_progress *p, struct q8_err *err)
{
    struct q8_show *s = self;
    unsigned third;

    if (q8_process_stopped(s->process, err))
        return false;
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

void q8_show_open(struct q8_show *s, struct q8_process *process, bool quiet)
{
    *s = (struct q8_show){
        .process = process, .quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1};
    s->watch = (struct q8_watch){tick, s, process->stop};
}

void q8_show_close(struct q8_show *s)
{
    if (s->terminal && s->phase)
        fprintf(stderr, "\r\033[K");
}
