/* q8_convert.c - the command q8-convert: options -> plan -> run -> report */
#include "src/cli/arguments.h"
#include "src/cli/common.h"
#include "src/cli/fold.h"
#include "src/cli/guard.h"
#include "src/cli/progress.h"
#include "src/convert/convert.h"
#include "src/convert/plan_make.h"
#include "src/convert/output/publish.h"
#include "src/convert/report_json.h"

#include <errno.h>
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
    const char *input, *overrides;
    struct q8_cli_json json;
    struct q8_outputs outputs;
    struct q8_process process;
    struct q8_output *json_output;      /* NULL: no JSON */
    const char *partial;                /* OUTPUT.partial */
    bool quiet, dry_run, list, crowded; /* crowded: more operands than there can be */
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
    if (!o->plan.target)
        o->plan.target = q8_target_find_float(arg);
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
    case OVERRIDES:
        o->overrides = arg;
        ok = q8_select_file(&o->select, arg, o->mem, o->err);
        break;
    case VISION: ok = set_vision(o, arg); break;
    case COVERAGE: ok = q8_cli_percent("--min-coverage", arg, &o->plan.min_coverage, o->err); break;
    case 'n': o->dry_run = true; break;
    case 'j': ok = q8_cli_threads(arg, &o->run.threads, o->err); break;
    case RESUME: o->run.resume = true; break;
    case 'f': o->run.force = true; break;
    case NO_SYNC: o->run.sync = false; break;
    case 'q': o->quiet = true; break;
    case JSON: q8_cli_json(&o->json, state, arg); break;
    case NO_SQNR: o->run.measure = false; break;
    case SHA256: o->plan.sha256 = true; break;
    case ARGP_KEY_ARG:
        o->crowded = state->arg_num > 1;
        if (o->crowded)
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
           "OUTPUT is a new directory or an empty one. There is no --device: conversion is "
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

static bool print_report(struct options *o, const struct q8_report *report)
{
    bool ok = !o->json_output || q8_report_json(report, o->json_output->out, o->err);

    ok = ok && q8_outputs_keep(&o->outputs, o->err);
    if (ok && !o->quiet && o->json_output != &o->outputs.std) {
        ok = q8_fold_open(&o->fold, o->outputs.std.out, q8_cli_width(0), o->err) &&
             (report->convert ? q8_report_text : q8_report_plan)(report, o->fold.in, o->err);
        q8_fold_close(&o->fold);
    }
    return ok && q8_outputs_flush(&o->outputs, o->err);
}

/* No file that is read may lie where the output goes, however it is linked. */
static bool check_input(const struct options *o, const struct q8_plan *plan)
{
    const struct q8_model *m = plan->model;
    struct q8_arena own;
    bool ok;

    q8_arena_init(&own, Q8_CLI_MEMORY);
    ok = q8_publish_apart(o->run.output, m->dir, &own, o->err);
    for (uint32_t i = 0; ok && i < m->shards; i++)
        ok = q8_publish_apart(o->run.output, m->shard[i].file.path, &own, o->err);
    for (uint64_t i = 0; ok && i < plan->sides; i++) {
        const char *path = q8_sprintf(&own, o->err, "%s/%s", m->dir, plan->side[i].name);

        ok = path && q8_publish_apart(o->run.output, path, &own, o->err);
        q8_arena_clear(&own); /* there may be many */
    }
    q8_arena_clear(&own);
    return ok;
}

static void warn(const char *text)
{
    q8_process_say("q8-convert", "warning: ", text);
}

/* The warnings from that one on. */
static void print_warnings(const struct q8_plan *plan, uint64_t from)
{
    for (; from < plan->warnings; from++)
        warn(plan->warning[from]);
}

/* Plan made: shows it, or carries it out. */
static bool run(struct options *o, struct q8_plan *plan)
{
    struct q8_report report = {.plan = plan, .output = o->run.output};
    const uint64_t told = plan->warnings;
    struct q8_show show;
    bool ok;

    print_warnings(plan, 0);
    report.memory_bytes = q8_convert_memory(plan, o->mem, o->run.threads);
    if (!q8_publish_free(o->run.output, &report.free_bytes, o->mem, o->err) ||
        !check_input(o, plan) || !q8_outputs_open(&o->outputs, o->mem, o->err))
        return false;
    if (report.free_bytes == Q8_FREE_UNKNOWN)
        warn("the file system of the output does not say how much room it has");
    if (o->dry_run && report.free_bytes < plan->total.disk_bytes)
        q8_process_say("q8-convert", "warning: not enough disk space for ", o->run.output);
    if (o->dry_run)
        return q8_convert_check(plan, &o->run, o->mem, o->err) && print_report(o, &report);
    q8_show_open(&show, &o->process, o->quiet);
    o->run.watch = &show.watch;
    atomic_store(&o->process.partial, o->partial);
    o->run.warn = warn;
    ok = q8_convert_run(&report.convert, plan, &o->run, o->mem, o->err);
    q8_show_close(&show);
    if (ok)
        print_warnings(plan, told);
    return ok && print_report(o, &report);
}

static bool print_targets(struct options *o)
{
    static const struct q8_target *const lists[] = {q8_targets, q8_float_targets};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct q8_target *t = lists[i]; t->name; t++)
            fprintf(o->outputs.std.out, "%-14s %s\n", t->name, t->summary);
    return q8_outputs_flush(&o->outputs, o->err);
}

/* Names the report, which may lie neither where the output goes nor among what comes along. */
static bool place_report(struct options *o)
{
    static const char *const taken = "which the output takes the place of";
    const char *output = o->run.output ? o->run.output : "";
    size_t n = strlen(output);
    const char *old;

    while (n > 1 && output[n - 1] == '/')
        n--;
    o->partial = q8_sprintf(o->mem, o->err, "%.*s.partial", (int)n, output);
    old = q8_sprintf(o->mem, o->err, "%.*s.old", (int)n, output);
    o->json_output = q8_cli_json_output(&o->json, &o->outputs);
    return q8_guard_check(&o->outputs,
                          (const struct q8_guard[]){{o->input, "whose files come along"},
                                                    {o->overrides, NULL},
                                                    {n ? output : NULL, taken},
                                                    {n ? o->partial : NULL, taken},
                                                    {n ? old : NULL, taken}},
                          5, o->mem, o->err);
}

/* The input as floats, whatever its weights are; or as its files have it. */
static bool open_input(struct options *o, struct q8_model *model)
{
    const struct q8_target *target = o->plan.target;
    struct q8_decode_options decode = {.which = Q8_DECODE_ALL, .dtype = Q8_DTYPES};

    if (!q8_cli_isa(&o->run.isa, o->err))
        return false;
    if (!target->scheme && target->dtype == Q8_DTYPES)
        return q8_model_open(model, o->input, o->mem, o->err);
    if (!target->scheme)
        decode.dtype = target->dtype;
    decode.isa = o->run.isa;
    return q8_cli_open(model, o->input, &decode, o->mem, o->err);
}

static void work(struct options *o)
{
    struct q8_model model = {0};
    struct q8_plan plan;

    if (o->list)
        (void)print_targets(o);
    else if (open_input(o, &model) && q8_plan_make(&plan, &model, &o->plan, o->mem, o->err))
        (void)run(o, &plan);
    q8_model_close(&model);
}

int main(int argc, char **argv)
{
    struct q8_err err = {0};
    struct q8_arena mem;
    struct options o = {.mem = &mem, .err = &err};
    bool ok;
    int status;

    q8_process_begin(&o.process, "q8-convert", &o.outputs, &err);
    q8_arena_init(&mem, Q8_CLI_MEMORY);
    o.plan.target = q8_targets;
    o.plan.select = &o.select;
    o.run.sync = true;
    o.run.measure = true;
    o.run.threads = q8_cli_default_threads();
    ok = q8_arguments_parse(&argp, argc, argv, &o, &o.process, &err);
    if (place_report(&o) && ok)
        work(&o);
    q8_cli_json_hint(&o.json, o.crowded, &err);
    status = q8_process_end(&o.process, &err);
    q8_arena_clear(&mem);
    return status;
}
