/* arguments.c - the command line of a command: what all have alike */
#include "src/cli/arguments.h"

#include <errno.h>
#include <string.h>

enum { HELP = 'h', ASK = '?', VERSION = 'V', USAGE = -3 };

/* What the parsers work on. */
struct common {
    argp_parser_t parser; /* the command's own, and what it works on */
    void *input;
    FILE *out;
    bool shown;
    const struct q8_err *err;
};

static const struct argp_option table[] = {
    {"help", HELP, NULL, 0, "give this help list", -1},
    {NULL, ASK, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {"usage", USAGE, NULL, 0, "give a short usage message", 0},
    {"version", VERSION, NULL, 0, "print program version", -1},
    {0},
};

/* The command's own options; where one is wrong the others are read all the same. */
static error_t parse_own(int key, char *arg, struct argp_state *state)
{
    struct common *c = state->input;
    error_t bad;

    state->input = c->input;
    bad = c->parser(key, arg, state);
    state->input = c;
    return bad == EINVAL && c->err->code ? 0 : bad;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct common *c = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = c; return 0;
    case HELP:
    case ASK: argp_state_help(state, c->out, ARGP_HELP_STD_HELP); break;
    case USAGE: argp_state_help(state, c->out, ARGP_HELP_USAGE); break;
    case VERSION: fprintf(c->out, "%s\n", argp_program_version); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    c->shown = true;
    state->next = state->argc; /* nothing else counts */
    return 0;
}

bool q8_arguments_parse(const struct argp *argp, int argc, char **argv, void *input,
                        struct q8_process *process, struct q8_err *err)
{
    struct common c = {argp->parser, input, process->outputs->std.out, false, err};
    struct argp own = *argp;
    const struct argp_child children[] = {{&own, 0, NULL, 0}, {0}};
    const struct argp all = {.options = table, .parser = parse, .children = children};
    const struct q8_err before = *err;
    int bad;

    if (before.code)
        return false;
    own.parser = parse_own;
    bad = argp_parse(&all, argc, argv, ARGP_NO_HELP | ARGP_NO_EXIT, NULL, &c);
    if (c.shown)
        *err = before;
    else if (bad == ENOMEM)
        q8_fail(err, Q8_ELIMIT, "out of memory");
    else if (bad && !err->code) /* argp has said what */
        process->said = !q8_fail(err, Q8_EUSAGE, "the command line is not understood");
    return !err->code && !c.shown;
}
