/* common.c - what the commands share: numbers of options, instruction sets, the terminal */
#include "src/cli/common.h"

#include "src/base/text.h"
#include "src/flow/pool.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

bool q8_cli_percent(const char *option, const char *arg, double *ret, struct q8_err *err)
{
    double percent = 0;
    char said[64];

    if (!q8_cli_number(option, arg, 0, 100, &percent, err))
        return false;
    if (q8_text_fraction(percent, said))
        return q8_fail(err, Q8_EUSAGE, "%s wants %s", option, said);
    *ret = percent;
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

void q8_cli_json(struct q8_cli_json *json, struct argp_state *state, const char *arg)
{
    const char *next = arg || state->next >= state->argc ? NULL : state->argv[state->next];

    *json = (struct q8_cli_json){.wanted = true, .path = arg};
    if (!next || *next == '-')
        return;
    if (q8_text_stem(next, ".json")) {
        json->path = next;
        state->next++;
    } else {
        json->operand = next;
    }
}

struct q8_output *q8_cli_json_output(const struct q8_cli_json *json, struct q8_outputs *os)
{
    if (json->path)
        return q8_outputs_add(os, "--json", json->path, NULL);
    return json->wanted ? &os->std : NULL;
}

void q8_cli_json_hint(const struct q8_cli_json *json, bool crowded, struct q8_err *err)
{
    const size_t used = strlen(err->text);

    if (err->code && json->operand && (crowded || access(json->operand, F_OK) < 0))
        (void)snprintf(err->text + used, sizeof err->text - used,
                       "; if '%s' is the FILE of --json, write --json=%s", json->operand,
                       json->operand);
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

    if (cap && !*cap) /* as good as not set, for scripts that hand variables on */
        cap = NULL;
    for (int i = 0; cap && i < Q8_ISAS; i++)
        if (strcmp(cap, q8_isa_name((enum q8_isa)i)) == 0)
            isa = (enum q8_isa)i;
    if (cap && isa == Q8_ISAS)
        return q8_fail(err, Q8_EUSAGE, "Q8_ISA wants ref, avx2, avx512, vnni or amx, not '%s'",
                       cap);
    *ret = q8_isa_detect(isa);
    return true;
}

bool q8_cli_open(struct q8_model *model, const char *path, const struct q8_decode_options *decode,
                 struct q8_arena *mem, struct q8_err *err)
{
    return q8_model_open(model, path, mem, err) && q8_model_decode(model, decode, mem, err);
}
