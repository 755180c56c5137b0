/* q8_convert.c - the command q8-convert: options -> plan -> run -> report */
#include "src/cli/common.h"
#include "src/cli/fold.h"
#include "src/cli/progress.h"
#include "src/convert/convert.h"
#include "src/convert/plan_make.h"
#include "src/convert/publish.h"
#include "src/convert/report_json.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

const char *argp_program_version = "q8-convert " Q8_VERSION;

enum {
    SKIP = 256,
    ONLY,
    ALSO,
    USE,
    OVERRIDES,
    VISION,
    COVERAGE,
    RESUME,
    NO_SYNC,
    JSON,
    NO_SQNR,
    SHA256
};

/* What the command line asks for. */
struct options {
    const char *input, *json;
    struct q8_cli_file json_file;
    bool quiet, dry_run, want_json, list;
    struct q8_plan_options plan;
    struct q8_convert_options run;
    struct q8_select select;
    struct q8_fold fold; /* of what standard output gets for people */
    struct q8_arena *mem;
    struct q8_err *err;
};

static const struct argp_option table[] = {
    {.doc = "What to write:", .group = 1},
    {"to", 't', "TARGET", 0,
     "one of those that --to=list prints, with who loads them (default: the first, bnb-int8)", 1},
    {.doc = "Which modules become int8 (PATTERN: a module name, a glob, or re:REGEX):", .group = 2},
    {"skip", SKIP, "PATTERN", 0, "leave these float", 2},
    {"only", ONLY, "PATTERN", 0, "of what would become int8, take these alone", 2},
    {"also", ALSO, "PATTERN", 0, "take in what stays float by default, such as lm_head", 2},
    {"use", USE, "TARGET=PATTERN", 0,
     "give these the scheme of another target of --to's family, such as ct-w8a16-g32", 2},
    {"overrides", OVERRIDES, "FILE", 0,
     "read such lines from FILE: skip, only, also or use, and a pattern", 2},
    {"vision", VISION, "int8|float", 0,
     "what becomes of towers that see or hear and of projectors behind them (default: float in "
     "ct-* targets)",
     2},
    {"min-coverage", COVERAGE, "PERCENT", 0,
     "fail before the work when less of the Linear parameters would become int8", 2},
    {.doc = "How to run:", .group = 3},
    {"dry-run", 'n', NULL, 0, "print the plan, sizes, memory and disk, and write nothing", 3},
    {"threads", 'j', "N", 0, "threads to use (default: one per processor, 8 at most)", 3},
    {"resume", RESUME, NULL, 0, "continue a run that was stopped or killed", 3},
    {"force", 'f', NULL, 0, "replace an output of q8-convert, or start over", 3},
    {"no-sync", NO_SYNC, NULL, 0, "do not wait for the disk: for output that may be lost", 3},
    {.doc = "What to report:", .group = 4},
    {"quiet", 'q', NULL, 0, "no progress and no summary", 4},
    {"json", JSON, "FILE", OPTION_ARG_OPTIONAL,
     "write the report as JSON to FILE, or to standard output instead of the summary", 4},
    {"no-sqnr", NO_SQNR, NULL, 0,
     "do not measure the error of the weights: 4 to 9 % of a run that never waits for a disk", 4},
    {"sha256", SHA256, NULL, 0, "write SHA256SUMS for sha256sum -c", 4},
    {0},
};

static bool set_target(struct options *o, const char *arg)
{
    o->list = strcmp(arg, "list") == 0;
    o->plan.target = o->list ? q8_targets : q8_target_find(arg);
    return o->plan.target ||
           q8_fail(o->err, Q8_EUSAGE, "--to wants a target, not '%s'; --to=list prints them", arg);
}

static bool set_vision(struct options *o, const char *arg)
{
    o->plan.vision = strcmp(arg, "int8") == 0 ? Q8_VISION_INT8 : Q8_VISION_FLOAT;
    return o->plan.vision == Q8_VISION_INT8 || strcmp(arg, "float") == 0 ||
           q8_fail(o->err, Q8_EUSAGE, "--vision wants int8 or float, not '%s'", arg);
}

static bool set_pattern(struct options *o, int key, const char *arg)
{
    static const struct {
        enum q8_verb verb;
        const char *origin;
    } verbs[] = {{Q8_SKIP, "--skip"}, {Q8_ONLY, "--only"}, {Q8_ALSO, "--also"}, {Q8_USE, "--use"}};

    return q8_select_add(&o->select, verbs[key - SKIP].verb, arg, verbs[key - SKIP].origin, o->mem,
                         o->err);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    bool ok = true;

    switch (key) {
    case 't': ok = set_target(o, arg); break;
    case SKIP:
    case ONLY:
    case ALSO:
    case USE: ok = set_pattern(o, key, arg); break;
    case OVERRIDES: ok = q8_select_file(&o->select, arg, o->mem, o->err); break;
    case VISION: ok = set_vision(o, arg); break;
    case COVERAGE:
        ok = q8_cli_number("--min-coverage", arg, 0, 100, &o->plan.min_coverage, o->err);
        break;
    case 'n': o->dry_run = true; break;
    case 'j': ok = q8_cli_threads(arg, &o->run.threads, o->err); break;
    case RESUME: o->run.resume = true; break;
    case 'f': o->run.force = true; break;
    case NO_SYNC: o->run.sync = false; break;
    case 'q': o->quiet = true; break;
    case JSON: o->want_json = true, o->json = q8_cli_optional(state, arg, ".json"); break;
    case NO_SQNR: o->run.measure = false; break;
    case SHA256: o->plan.sha256 = true; break;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            ok = q8_fail(o->err, Q8_EUSAGE, "one INPUT and one OUTPUT, not '%s' too", arg);
        if (!*arg)
            ok = q8_fail(o->err, Q8_EUSAGE, "INPUT or OUTPUT is empty");
        *(state->arg_num ? &o->run.output : &o->input) = arg;
        break;
    case ARGP_KEY_END:
        if (!o->list && !o->run.output)
            ok = q8_fail(o->err, Q8_EUSAGE, "wants INPUT and OUTPUT; see --help");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return ok ? 0 : EINVAL;
}

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "INPUT OUTPUT",
    .doc = "Turn a Hugging Face checkpoint into int8 that runtimes load as it is.\v"
           "INPUT is a model directory (config.json and safetensors) or one .safetensors file. "
           "OUTPUT is a directory that does not exist yet. There is no --device: conversion is "
           "bound by "
           "the disk, so a GPU would make it no faster.\n\n"
           "Examples:\n"
           "  q8-convert model model-int8\n"
           "  q8-convert --to=ct-w8a16-g128 --dry-run model out\n"
           "  q8-convert --skip='model.layers.0.*' model out\n\n"
           "Exit status: 0 done, 1 under --min-coverage, 2 usage, 3 malformed input, 4 "
           "unsupported, 5 I/O, "
           "6 a limit or memory, 7 busy, 128+n signal n. Q8_ISA=ref|avx2|avx512|vnni|amx caps the "
           "instruction set; "
           "the bytes are the same. A GPU would not help: the work is bound by memory and disk.",
};

static bool write_json(struct options *o, const struct q8_report *report)
{
    return q8_report_json(report, o->json ? o->json_file.out : stdout, o->err) &&
           q8_cli_file_keep(&o->json_file, o->err);
}

static bool print_report(struct options *o, const struct q8_report *report)
{
    bool ok = !o->want_json || write_json(o, report);

    if (ok && !o->quiet && (!o->want_json || o->json)) {
        ok = q8_fold_open(&o->fold, stdout, q8_cli_width(0), o->err) &&
             (report->convert ? q8_report_text : q8_report_plan)(report, o->fold.in, o->err);
        q8_fold_close(&o->fold);
    }
    if (ok && fflush(stdout) != 0)
        ok = q8_fail_errno(o->err, "cannot write the report");
    return ok;
}

/* The report may lie neither where the output goes nor among the files that come along. */
static bool check_json(const struct options *o, const struct q8_model *m, struct q8_arena *mem)
{
    const char *slash = strrchr(o->json, '/'), *folder = ".";

    if (slash)
        folder = q8_strndup(mem, o->json, (uint64_t)(slash - o->json) + 1, o->err);
    if (!folder || !q8_publish_apart(o->run.output, folder, mem, o->err))
        return false;
    return m->bare || !q8_publish_below(folder, m->dir) ||
           q8_fail(o->err, Q8_EUSAGE, "--json=%s lies in %s, whose files come along", o->json,
                   m->dir);
}

/* No file that is read may lie where the output goes, however it is linked. */
static bool check_input(const struct options *o, const struct q8_plan *plan, struct q8_arena *mem)
{
    const struct q8_model *m = plan->model;
    bool ok = q8_publish_apart(o->run.output, m->dir, mem, o->err);

    for (uint32_t i = 0; ok && i < m->shards; i++)
        ok = q8_publish_apart(o->run.output, m->shard[i].file.path, mem, o->err);
    for (uint64_t i = 0; ok && i < plan->sides; i++) {
        const char *path = q8_sprintf(mem, o->err, "%s/%s", m->dir, plan->side[i].name);

        ok = path && q8_publish_apart(o->run.output, path, mem, o->err);
        q8_arena_clear(mem); /* there may be many */
    }
    return ok;
}

static bool check_places(const struct options *o, const struct q8_plan *plan)
{
    struct q8_arena own;
    bool ok;

    q8_arena_init(&own, Q8_CLI_MEMORY);
    ok = check_input(o, plan, &own) && (!o->json || check_json(o, plan->model, &own));
    q8_arena_clear(&own);
    return ok;
}

/* Plan made: shows it, or carries it out. */
static bool run(struct options *o, struct q8_plan *plan)
{
    struct q8_report report = {.plan = plan, .output = o->run.output};
    struct q8_show show;
    bool ok;

    for (uint64_t i = 0; i < plan->warnings; i++)
        fprintf(stderr, "q8-convert: warning: %s\n", plan->warning[i]);
    report.memory_bytes = q8_convert_memory(plan, o->mem, o->run.threads);
    if (!q8_publish_free(o->run.output, &report.free_bytes, o->mem, o->err) ||
        !check_places(o, plan) || !q8_cli_file_open(&o->json_file, o->json, o->mem, o->err))
        return false;
    if (o->dry_run && report.free_bytes < plan->total.disk_bytes)
        fprintf(stderr, "q8-convert: warning: not enough disk space for %s\n", o->run.output);
    if (o->dry_run)
        return q8_publish_check(o->run.output, o->run.resume, o->run.force, o->mem, o->err) &&
               print_report(o, &report);
    if (!q8_show_open(&show, "q8-convert", o->quiet, o->err))
        return false;
    o->run.watch = &show.watch;
    ok = q8_convert_run(&report.convert, plan, &o->run, o->mem, o->err);
    q8_show_close(&show);
    return ok && print_report(o, &report);
}

static bool print_targets(struct q8_err *err)
{
    for (const struct q8_target *t = q8_targets; t->name; t++)
        printf("%-14s %s\n", t->name, t->summary);
    return fflush(stdout) == 0 || q8_fail_errno(err, "cannot write the list");
}

int main(int argc, char **argv)
{
    struct q8_err err = {0};
    struct q8_arena mem;
    struct q8_model model = {0};
    struct q8_plan plan;
    struct options o = {.mem = &mem, .err = &err};
    int bad;

    argp_err_exit_status = Q8_EUSAGE;
    q8_arena_init(&mem, Q8_CLI_MEMORY);
    o.plan.target = q8_targets;
    o.plan.select = &o.select;
    o.run.sync = true;
    o.run.measure = true;
    o.run.threads = q8_cli_default_threads();
    bad = argp_parse(&argp, argc, argv, 0, NULL, &o);
    if (bad && !err.code)
        q8_fail(&err, Q8_EUSAGE, "%s", strerror(bad));
    q8_cli_raise_file_limit();
    (void)signal(SIGXFSZ, SIG_IGN); /* a file beyond ulimit -f is an error like any other */
    if (!bad && o.list)
        (void)print_targets(&err);
    else if (!bad && q8_cli_isa(&o.run.isa, &err) && q8_model_open(&model, o.input, &mem, &err) &&
             q8_plan_make(&plan, &model, &o.plan, &mem, &err))
        (void)run(&o, &plan);
    if (err.code)
        fprintf(stderr, "q8-convert: %s\n", err.text);
    q8_cli_file_drop(&o.json_file);
    q8_model_close(&model);
    q8_select_close(&o.select);
    q8_arena_clear(&mem);
    return err.code;
}
