/* q8_inspect.c - the command q8-inspect: options -> measuring -> reports */
#include "src/cli/arguments.h"
#include "src/cli/common.h"
#include "src/cli/fold.h"
#include "src/cli/guard.h"
#include "src/cli/progress.h"
#include "src/compare/report.h"
#include "src/compare/compare.h"
#include "src/inspect/inspect.h"
#include "src/inspect/page.h"
#include "src/inspect/report_text.h"
#include "src/inspect/report_header.h"
#include "src/inspect/report_json.h"
#include "src/inspect/report_csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *argp_program_version = "q8-inspect " Q8_VERSION;

enum {
    TO = 't',
    THREADS = 'j',
    QUIET = 'q',
    LAYERS = 256,
    TOP,
    SORT,
    HEADER,
    QUICK,
    REFERENCE,
    ACTIVATIONS,
    THRESHOLD,
    MIN_SQNR,
    SUGGEST,
    JSON,
    CSV,
    HTML,
    DIFF,
    TOLERANCE
};

/* What the command line asks for. */
struct options {
    const char *input, *other; /* other: with --diff */
    const char *reference, *activations;
    struct q8_cli_json json;
    const char *csv_path, *html_path, *suggest_path;
    struct q8_outputs outputs;
    struct q8_output *json_output, *csv, *html, *suggest; /* NULL: not wanted */
    struct q8_process process;
    bool header, diff, quiet, crowded; /* crowded: more operands than there can be */
    double tolerance;
    enum q8_sort sort;
    uint64_t top;
    struct q8_inspect_options run;
    struct q8_select layers;
    struct q8_fold fold; /* of what standard output gets for people */
    struct q8_arena *mem;
    struct q8_err *err;
};

static const struct argp_option table[] = {
    {.doc = "What to look at:", .group = 1},
    {"layers", LAYERS, "PATTERN", 0,
     "only these, with all that is known of each (a name, a glob, or re:REGEX; repeatable)", 1},
    {"header", HEADER, NULL, 0, "names, types, shapes, shards, metadata; reads no data", 1},
    {"quick", QUICK, NULL, 0, "no columns, and of the schemes only that of --to", 1},
    {"reference", REFERENCE, "MODEL", 0,
     "the float model that an int8 one was made from: its true error", 1},
    {"activations", ACTIVATIONS, "FILE", 0,
     "absmax of each input feature by module: SmoothQuant act_scales as safetensors or npz", 1},
    {"threshold", THRESHOLD, "X", 0, "from which an activation is an outlier (default: 6.0)", 1},
    {.doc = "What to suggest:", .group = 2},
    {"to", TO, "TARGET", 0, "of q8-convert: what is wanted (default: bnb-int8)", 2},
    {"min-sqnr", MIN_SQNR, "DB", 0, "a weight below this needs attention (default: 30)", 2},
    {"suggest", SUGGEST, "FILE", 0,
     "write the overrides for q8-convert that bring every weight to --min-sqnr in the fewest bytes",
     2},
    {.doc = "How to compare:", .group = 3},
    {"diff", DIFF, NULL, 0, "compare two models, of any formats; exit 1 when they differ", 3},
    {"tolerance", TOLERANCE, "X", 0,
     "with --diff: differences up to X times the absmax are none (default: 0)", 3},
    {.doc = "What to report:", .group = 4},
    {"sort", SORT, "KEY", 0,
     "sqnr, absmax, crest, outliers, size or name; what hurts most comes first", 4},
    {"top", TOP, "N", 0, "rows of the table (default: 10; 0: all)", 4},
    {"json", JSON, "FILE", OPTION_ARG_OPTIONAL,
     "write the report as JSON to FILE, or to standard output instead of the text", 4},
    {"csv", CSV, "FILE", 0, "write a line per tensor for spreadsheets", 4},
    {"html", HTML, "FILE", 0, "write one self-contained page", 4},
    {"quiet", QUIET, NULL, 0, "no progress and no text", 4},
    {.doc = "How to run:", .group = 5},
    {"threads", THREADS, "N", 0, "threads to use (default: one per processor, 8 at most)", 5},
    {0},
};

static bool set_target(struct options *o, const char *arg)
{
    o->run.target = q8_target_find(arg);
    if (q8_target_find_float(arg))
        return q8_fail(o->err, Q8_EUSAGE,
                       "--to=%s makes nothing int8, so there is nothing to measure it by", arg);
    return o->run.target || q8_fail(o->err, Q8_EUSAGE,
                                    "--to wants a target of q8-convert, not '%s'; "
                                    "q8-convert --to=list prints them",
                                    arg);
}

static bool set_sort(struct options *o, const char *arg)
{
    o->sort = 0;
    while (q8_sort_name(o->sort) && strcmp(q8_sort_name(o->sort), arg) != 0)
        o->sort++;
    return q8_sort_name(o->sort) ||
           q8_fail(o->err, Q8_EUSAGE,
                   "--sort wants sqnr, absmax, crest, outliers, size or name, not '%s'", arg);
}

static bool set_top(struct options *o, const char *arg)
{
    double n;

    if (!q8_cli_number("--top", arg, 0, 1e9, &n, o->err))
        return false;
    o->top = (uint64_t)n;
    return true;
}

static bool set_input(struct options *o, unsigned number, const char *arg)
{
    if (!*arg)
        return q8_fail(o->err, Q8_EUSAGE, "MODEL is empty");
    o->crowded = number > 1;
    if (o->crowded)
        return q8_fail(o->err, Q8_EUSAGE, "one MODEL, or two with --diff; not '%s' too", arg);
    *(number ? &o->other : &o->input) = arg;
    return true;
}

static bool check_usage(struct options *o)
{
    if (!o->input || (o->diff && !o->other))
        return q8_fail(o->err, Q8_EUSAGE, "wants %s; see --help", o->diff ? "two MODELs" : "MODEL");
    o->crowded = o->crowded || (o->other && !o->diff);
    if (o->other && !o->diff)
        return q8_fail(o->err, Q8_EUSAGE, "two MODELs are for --diff");
    if (o->diff && (o->csv_path || o->html_path || o->suggest_path || o->activations ||
                    o->reference || o->header || o->run.quick))
        return q8_fail(o->err, Q8_EUSAGE, "--diff goes with --json, --layers and --tolerance only");
    if (o->header && (o->csv_path || o->html_path || o->suggest_path || o->activations ||
                      o->reference || o->layers.count))
        return q8_fail(o->err, Q8_EUSAGE, "--header reads no data: it goes with --json only");
    return true;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    bool ok = true;

    switch (key) {
    case LAYERS: ok = q8_select_add(&o->layers, Q8_ONLY, arg, "--layers", o->mem, o->err); break;
    case HEADER: o->header = true; break;
    case QUICK: o->run.quick = true; break;
    case REFERENCE: o->reference = arg; break;
    case ACTIVATIONS: o->activations = arg; break;
    case THRESHOLD:
        ok = q8_cli_number("--threshold", arg, 0, 1e9, &o->run.threshold, o->err);
        break;
    case TO: ok = set_target(o, arg); break;
    case MIN_SQNR:
        ok = q8_cli_number("--min-sqnr", arg, -300, 300, &o->run.min_sqnr, o->err);
        break;
    case SUGGEST: o->suggest_path = arg; break;
    case DIFF: o->diff = true; break;
    case TOLERANCE: ok = q8_cli_number("--tolerance", arg, 0, 1e9, &o->tolerance, o->err); break;
    case SORT: ok = set_sort(o, arg); break;
    case TOP: ok = set_top(o, arg); break;
    case JSON: q8_cli_json(&o->json, state, arg); break;
    case CSV: o->csv_path = arg; break;
    case HTML: o->html_path = arg; break;
    case QUIET: o->quiet = true; break;
    case THREADS: ok = q8_cli_threads(arg, &o->run.threads, o->err); break;
    case ARGP_KEY_ARG: ok = set_input(o, state->arg_num, arg); break;
    case ARGP_KEY_END: ok = check_usage(o); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return ok ? 0 : EINVAL;
}

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "MODEL\n--diff MODEL MODEL",
    .doc = "Show what int8 does to a model: scales, ranges, outlier features, and the error that "
           "every scheme costs every layer.\v"
           "MODEL is a model directory (config.json and safetensors) or one .safetensors file, "
           "float or int8 (bitsandbytes, compressed-tensors).\n\n"
           "Examples:\n"
           "  q8-inspect model\n"
           "  q8-inspect --layers='model.layers.3.*' model\n"
           "  q8-inspect --html=report.html --json=report.json model\n"
           "  q8-inspect --to=ct-w8a8 --suggest=overrides.txt model\n"
           "  q8-inspect --reference=model model-int8\n"
           "  q8-inspect --diff model-a model-b\n\n"
           "Exit status: 0 done (--diff: equal), 1 --diff found a difference, 2 usage, 3 malformed "
           "input, 4 unsupported, 5 I/O, 6 a limit or memory, 128+n signal n. "
           "Q8_ISA=ref|avx2|avx512|vnni|amx caps the instruction set; the numbers are the same. "
           "NO_COLOR "
           "switches colour off.",
};

/* What standard output can show; never setlocale: the variables say what the locale would. */
static struct q8_style find_style(void)
{
    const char *variables[] = {getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")};
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM"), *locale = NULL;
    struct q8_style style = {.width = q8_cli_width(80)};

    for (size_t i = 0; !locale && i < sizeof variables / sizeof *variables; i++)
        if (variables[i] && *variables[i])
            locale = variables[i];
    style.utf8 = locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
    if (isatty(STDOUT_FILENO) != 1)
        return style;
    style.colour = !(none && *none) && !(term && strcmp(term, "dumb") == 0);
    return style;
}

/* The reports, in every form that was asked for, then what a person reads. */
static bool print_all(struct options *o, const struct q8_inspect *in)
{
    struct q8_suggestion suggestion;
    struct q8_inspect_print text = {in,      &suggestion, find_style(),
                                    o->sort, o->top,      o->layers.count > 0};
    bool ok = q8_suggest_run(&suggestion, in, o->mem, o->err);

    if (ok && o->json_output)
        ok = q8_inspect_json(in, &suggestion, o->json_output->out, o->err);
    if (ok && o->csv)
        ok = q8_inspect_csv(in, o->csv->out, o->err);
    if (ok && o->html)
        ok = q8_inspect_page(in, &suggestion, o->html->out, o->err);
    if (ok && o->suggest)
        q8_suggest_print(&suggestion, o->suggest->out);
    ok = ok && q8_outputs_keep(&o->outputs, o->err);
    if (ok && !o->quiet && o->json_output != &o->outputs.std) {
        ok = q8_fold_open(&o->fold, o->outputs.std.out, q8_cli_width(0), o->err) &&
             q8_inspect_text(&text, o->fold.in, o->mem, o->err);
        q8_fold_close(&o->fold);
    }
    return ok && q8_outputs_flush(&o->outputs, o->err);
}

static bool print_header(struct options *o, const struct q8_model *model)
{
    bool ok = true;

    if (o->json_output)
        ok = q8_header_json(model, o->json_output->out, o->err);
    else if (!o->quiet) {
        ok = q8_fold_open(&o->fold, o->outputs.std.out, q8_cli_width(0), o->err) &&
             q8_header_text(model, o->fold.in, o->mem, o->err);
        q8_fold_close(&o->fold);
    }
    return ok && q8_outputs_keep(&o->outputs, o->err) && q8_outputs_flush(&o->outputs, o->err);
}

static bool compare(struct options *o, const struct q8_model *a, const struct q8_model *b,
                    struct q8_compare *ret)
{
    struct q8_compare_options options = {.a = a,
                                         .b = b,
                                         .tolerance = o->tolerance,
                                         .threads = o->run.threads,
                                         .isa = o->run.isa,
                                         .layers = &o->layers,
                                         .watch = o->run.watch};

    return q8_compare_run(ret, &options, o->mem, o->err);
}

static bool print_diff(struct options *o, const struct q8_compare *result)
{
    bool ok = !o->json_output || q8_compare_json(result, o->json_output->out, o->err);

    ok = ok && q8_outputs_keep(&o->outputs, o->err);
    if (ok && !o->quiet && o->json_output != &o->outputs.std) {
        ok = q8_fold_open(&o->fold, o->outputs.std.out, q8_cli_width(0), o->err) &&
             q8_compare_text(result, o->fold.in, q8_cli_width(80), o->err);
        q8_fold_close(&o->fold);
    }
    ok = ok && q8_outputs_flush(&o->outputs, o->err);
    if (ok && result->different)
        o->err->code = Q8_EGATE;
    return ok;
}

/*
 * The input, whose int8 weights stay what they are, and the model beside it: B of --diff likewise,
 * or the one of --reference as floats.
 */
static bool open_models(struct options *o, struct q8_model *model, struct q8_model *other)
{
    const struct q8_decode_options all = {Q8_DECODE_ALL, Q8_DTYPES, o->run.isa},
                                   rest = {Q8_DECODE_BUT_INT8, Q8_DTYPES, o->run.isa};
    const char *path = o->diff ? o->other : o->reference;
    struct q8_err unread = {0};

    if (o->header) /* also of weights that do not fit together */
        return q8_model_open(model, o->input, o->mem, o->err) &&
               (q8_model_decode(model, &all, o->mem, &unread) ||
                q8_model_note(model, o->mem, o->err, "%s", unread.text));
    return q8_cli_open(model, o->input, &rest, o->mem, o->err) &&
           (!path || q8_cli_open(other, path, o->diff ? &rest : &all, o->mem, o->err));
}

static bool run(struct options *o, const struct q8_model *model, const struct q8_model *other)
{
    struct q8_statistics acts;
    struct q8_inspect in;
    struct q8_compare result;
    struct q8_show show;
    bool ok;

    q8_process_notes("q8-inspect", model);
    q8_process_notes("q8-inspect", other);
    if (o->header)
        return print_header(o, model);
    if (o->activations) {
        if (!q8_statistics_read(&acts, o->activations, o->mem, o->err))
            return false;
        o->run.acts = &acts;
    }
    q8_show_open(&show, &o->process, o->quiet);
    o->run.watch = &show.watch;
    o->run.reference = o->reference ? other : NULL;
    if (o->diff)
        ok = compare(o, model, other, &result);
    else
        ok = q8_inspect_run(&in, model, &o->run, o->mem, o->err);
    q8_show_close(&show);
    return ok && (o->diff ? print_diff(o, &result) : print_all(o, &in));
}

/* Names the reports, none of which may lie over what is read. */
static bool place_reports(struct options *o)
{
    o->json_output = q8_cli_json_output(&o->json, &o->outputs);
    o->csv = q8_outputs_add(&o->outputs, "--csv", o->csv_path, NULL);
    o->html = q8_outputs_add(&o->outputs, "--html", o->html_path, NULL);
    o->suggest = q8_outputs_add(&o->outputs, "--suggest", o->suggest_path, NULL);
    return q8_guard_check(
        &o->outputs,
        (const struct q8_guard[]){
            {o->input, NULL}, {o->other, NULL}, {o->reference, NULL}, {o->activations, NULL}},
        4, o->mem, o->err);
}

static void work(struct options *o)
{
    struct q8_model model = {0}, other = {0};

    if (q8_cli_isa(&o->run.isa, o->err) && open_models(o, &model, &other) &&
        q8_outputs_open(&o->outputs, o->mem, o->err))
        (void)run(o, &model, &other);
    q8_model_close(&model);
    q8_model_close(&other);
}

int main(int argc, char **argv)
{
    struct q8_err err = {0};
    struct q8_arena mem;
    struct options o = {.mem = &mem, .err = &err, .top = 10};
    bool ok;
    int status;

    q8_process_begin(&o.process, "q8-inspect", &o.outputs, &err);
    q8_arena_init(&mem, Q8_CLI_MEMORY);
    o.run = (struct q8_inspect_options){.target = q8_targets,
                                        .layers = &o.layers,
                                        .threshold = 6.0,
                                        .min_sqnr = Q8_MIN_SQNR,
                                        .threads = q8_cli_default_threads()};
    ok = q8_arguments_parse(&argp, argc, argv, &o, &o.process, &err);
    if (place_reports(&o) && ok)
        work(&o);
    q8_cli_json_hint(&o.json, o.crowded, &err);
    status = q8_process_end(&o.process, &err);
    q8_arena_clear(&mem);
    return status;
}
