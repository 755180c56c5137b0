/* common.c - what the commands share: numbers of options, instruction sets, files of reports */
#include "src/cli/common.h"

#include "src/flow/pool.h"
#include "src/model/model.h"

#include <argp.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

bool q8_cli_threads(const char *arg, unsigned *ret, struct q8_err *err)
{
    char *end;
    long n = strtol(arg, &end, 10);

    if (*end || end == arg || n < 1 || n > Q8_THREADS_MAX)
        return q8_fail(err, Q8_EUSAGE, "--threads wants a number from 1 to %d, not '%s'",
                       Q8_THREADS_MAX, arg);
    *ret = (unsigned)n;
    return true;
}

bool q8_cli_number(const char *option, const char *arg, double least, double most, double *ret,
                   struct q8_err *err)
{
    char *end;
    double n = strtod(arg, &end);

    if (*end || end == arg || !(n >= least && n <= most))
        return q8_fail(err, Q8_EUSAGE, "%s wants a number from %.10g to %.10g, not '%s'", option,
                       least, most, arg);
    *ret = n;
    return true;
}

bool q8_cli_whole(const char *option, const char *arg, uint64_t least, uint64_t most, uint64_t *ret,
                  struct q8_err *err)
{
    char *end;
    unsigned long long n;

    errno = 0;
    n = strtoull(arg, &end, 10);
    if (*arg < '0' || *arg > '9' || *end || errno || n < least || n > most)
        return q8_fail(err, Q8_EUSAGE, "%s wants a whole number from %llu to %llu, not '%s'",
                       option, (unsigned long long)least, (unsigned long long)most, arg);
    *ret = n;
    return true;
}

const char *q8_cli_optional(struct argp_state *state, const char *arg, const char *suffix)
{
    const char *next = arg || state->next >= state->argc ? NULL : state->argv[state->next];
    size_t length = next ? strlen(next) : 0;

    if (length <= strlen(suffix) || *next == '-' ||
        strcmp(next + length - strlen(suffix), suffix) != 0)
        return arg;
    state->next++;
    return next;
}

unsigned q8_cli_width(unsigned other)
{
    struct winsize size;

    if (isatty(STDOUT_FILENO) != 1)
        return other;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return 80;
    return size.ws_col > 40 ? size.ws_col : 40;
}

bool q8_cli_bytes(const char *option, const char *arg, uint64_t *ret, struct q8_err *err)
{
    static const char units[] = "KMGT";
    const char *unit;
    char *end;
    double n = strtod(arg, &end);

    unit = end != arg && *end ? strchr(units, *end) : NULL;
    if (unit)
        n *= (double)(UINT64_C(1024) << 10 * (unit - units));
    if (!unit || end[1] || !(n >= 1 && n <= 0x1p60))
        return q8_fail(err, Q8_EUSAGE, "%s wants a number of bytes such as 512M or 24G, not '%s'",
                       option, arg);
    *ret = (uint64_t)n;
    return true;
}

unsigned q8_cli_default_threads(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : n > 8 ? 8 : (unsigned)n;
}

bool q8_cli_isa(enum q8_isa *ret, struct q8_err *err)
{
    const char *cap = getenv("Q8_ISA");
    enum q8_isa isa = Q8_ISAS;

    for (int i = 0; cap && i < Q8_ISAS; i++)
        if (strcmp(cap, q8_isa_name((enum q8_isa)i)) == 0)
            isa = (enum q8_isa)i;
    if (cap && isa == Q8_ISAS)
        return q8_fail(err, Q8_EUSAGE, "Q8_ISA wants ref, avx2, avx512, vnni or amx, not '%s'",
                       cap);
    *ret = q8_isa_detect(isa);
    return true;
}

void q8_cli_raise_file_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

void q8_cli_notes(const char *tool, const struct q8_model *model)
{
    for (uint64_t i = 0; i < model->notes; i++)
        fprintf(stderr, "%s: warning: %s: %s\n", tool, model->path, model->note[i]);
}

/* A new file beside the path, with the mode that a file made in the plain way would have. */
static int create_part(char *part)
{
    const int fd = mkostemp(part, O_CLOEXEC);
    const mode_t mask = umask(0);

    (void)umask(mask);
    if (fd >= 0)
        (void)fchmod(fd, 0666 & ~mask);
    return fd;
}

bool q8_cli_file_open(struct q8_cli_file *f, const char *path, struct q8_arena *mem,
                      struct q8_err *err)
{
    struct stat st;
    int fd = -1;

    *f = (struct q8_cli_file){.path = path};
    if (!path)
        return true;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    } else {
        f->part = q8_sprintf(mem, err, "%s.XXXXXX", path);
        if (!f->part)
            return false;
        fd = create_part(f->part);
    }
    f->out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f->out) {
        q8_fail_errno(err, "cannot write %s", path);
        if (fd < 0)
            f->part = NULL;
        else
            (void)close(fd);
    }
    return f->out != NULL;
}

/* What a file behind a link held before goes; a pipe or a device has no end. */
static bool end_here(FILE *out)
{
    struct stat st;

    return fstat(fileno(out), &st) < 0 || !S_ISREG(st.st_mode) ||
           ftruncate(fileno(out), ftello(out)) == 0;
}

bool q8_cli_file_keep(struct q8_cli_file *f, struct q8_err *err)
{
    bool ok;

    if (!f->out)
        return true;
    ok = !ferror(f->out) && fflush(f->out) == 0 &&
         (f->part ? fsync(fileno(f->out)) == 0 : end_here(f->out));
    ok = fclose(f->out) == 0 && ok;
    f->out = NULL;
    ok = ok && (!f->part || rename(f->part, f->path) == 0);
    if (ok)
        f->part = NULL;
    return ok || q8_fail_errno(err, "cannot write %s", f->path);
}

void q8_cli_file_drop(struct q8_cli_file *f)
{
    if (f->out)
        (void)fclose(f->out);
    if (f->part)
        (void)unlink(f->part);
    *f = (struct q8_cli_file){0};
}
