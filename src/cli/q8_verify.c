/* q8_verify.c - the command q8-verify: options -> verification -> reports and the exit status */
#include "src/cli/arguments.h"
#include "src/cli/common.h"
#include "src/cli/fold.h"
#include "src/cli/guard.h"
#include "src/cli/progress.h"
#include "src/model/reader.h"
#include "src/verify/report.h"
#include "src/verify/gate.h"
#include "src/verify/baseline.h"
#include "src/verify/report_text.h"
#include "src/verify/report_json.h"
#include "src/verify/report_junit.h"
#include "src/verify/page.h"
#include "src/verify/verify.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *argp_program_version = "q8-verify " Q8_VERSION;

#define TOKENS_MOST 65536 /* as long as the longest windows; beyond it only memory grows */
#define TOKENS 128
#define MAX_DROP 0.5

enum {
    THREADS = 'j',
    QUIET = 'q',
    LEVEL = 256,
    LAYERS,
    MODE,
    THRESHOLD,
    ACTIVATIONS,
    TOKEN_COUNT,
    SEED,
    MIN_SQNR,
    MIN_COSINE,
    MAX_REL_ERROR,
    MIN_COVERAGE,
    THRESHOLDS,
    BASELINE,
    MAX_DROP_DB,
    WRITE_BASELINE,
    JSON,
    JUNIT,
    HTML,
    DEVICE,
    GPU_MEMORY,
    RUNTIME,
    TENSOR_PARALLEL,
    CAPABILITY
};

/* What the command line asks for. */
struct options {
    const char *reference, *quantized;
    struct q8_cli_json json;
    const char *baseline, *junit_path, *html_path, *write_path;
    struct q8_outputs outputs;
    struct q8_output *json_output, *junit, *html, *write_baseline; /* NULL: not wanted */
    struct q8_process process;
    bool quiet, have_drop, crowded; /* crowded: more operands than there can be */
    struct q8_verify_options run;
    struct q8_gate gate;
    const char *thresholds; /* read behind the options: its lines hold against them */
    struct q8_select layers;
    struct q8_fold fold; /* of what standard output gets for people */
    const char *device;  /* a word of q8_device_find; NULL: cpu */
    uint64_t gpu_memory; /* bytes; 0: not given */
    struct q8_arena *mem;
    struct q8_err *err;
};

static const struct argp_option table[] = {
    {.doc = "What to verify:", .group = 1},
    {"level", LEVEL, "LEVEL", 0,
     "integrity, weights or matmul: how deep to look (default: matmul, all three)", 1},
    {"layers", LAYERS, "PATTERN", 0, "only these (a name, a glob, or re:REGEX; repeatable)", 1},
    {.doc = "What must load it:", .group = 2},
    {"runtime", RUNTIME, "NAME", 0,
     "transformers, vllm, sglang or all: must load it (repeatable; default: a note where one of "
     "them does not)",
     2},
    {"tp", TENSOR_PARALLEL, "N", 0, "GPUs that vLLM or SGLang splits it for (default: 1)", 2},
    {"cc", CAPABILITY, "X.Y", 0, "compute capability of those GPUs, such as 8.0", 2},
    {.doc = "How to multiply:", .group = 3},
    {"activations", ACTIVATIONS, "FILE", 0,
     "captured inputs [tokens, in] or absmax [in] by module, as safetensors or npz", 3},
    {"tokens", TOKEN_COUNT, "N", 0, "rows of activations (default: 128)", 3},
    {"seed", SEED, "N", 0, "of activations that are made (default: 1)", 3},
    {"threshold", THRESHOLD, "X", 0,
     "of outlier columns; 0: none are multiplied apart (default: that of config.json, 6.0)", 3},
    {"mode", MODE, "MODE", 0,
     "absmax, row-wise, vector-wise, zeropoint or zeropoint-vector-wise: as in the LLM.int8() "
     "paper, from the reference weights (default: what the runtime does)",
     3},
    {.doc = "What must hold:", .group = 4},
    {"min-sqnr", MIN_SQNR, "DB", 0,
     "signal-to-noise ratio of weights and products; weights:DB or matmul:DB for one of them", 4},
    {"min-cosine", MIN_COSINE, "X", 0, "cosine of them, as with --min-sqnr", 4},
    {"max-rel-error", MAX_REL_ERROR, "X", 0, "relative error of them, as with --min-sqnr", 4},
    {"min-coverage", MIN_COVERAGE, "PERCENT", 0, "of the Linear parameters that are int8", 4},
    {"thresholds", THRESHOLDS, "FILE", 0, "lines LEVEL METRIC VALUE [PATTERN]", 4},
    {"baseline", BASELINE, "FILE", 0, "an earlier run to compare with", 4},
    {"max-drop", MAX_DROP_DB, "DB", 0, "that a layer may be below it (default: 0.5)", 4},
    {.doc = "What to report:", .group = 5},
    {"write-baseline", WRITE_BASELINE, "FILE", 0, "write this run, if it passes, as a baseline", 5},
    {"json", JSON, "FILE", OPTION_ARG_OPTIONAL,
     "write the report as JSON to FILE, or to standard output instead of the text", 5},
    {"junit", JUNIT, "FILE", 0, "write JUnit XML, a test case per layer", 5},
    {"html", HTML, "FILE", 0, "write one self-contained page", 5},
    {"quiet", QUIET, NULL, 0, "no progress and no text", 5},
    {.doc = "How to run:", .group = 6},
    {"threads", THREADS, "N", 0, "threads to use (default: one per processor, 8 at most)", 6},
    {"device", DEVICE, "DEVICE", 0,
     "what multiplies: cpu (the default), cuda, cuda:N, or auto, a GPU if one is of use, else the "
     "CPU",
     6},
    {"gpu-memory", GPU_MEMORY, "SIZE", 0,
     "of a GPU to take at most, such as 24G (default: seven eighths of what is free)", 6},
    {0},
};

static bool set_level(struct options *o, const char *arg)
{
    for (enum q8_level level = 0; level < Q8_LEVELS; level++)
        if (strcmp(q8_level_name(level), arg) == 0) {
            o->run.level = level;
            return true;
        }
    return q8_fail(o->err, Q8_EUSAGE, "--level wants integrity, weights or matmul, not '%s'", arg);
}

static bool set_runtime(struct options *o, const char *arg)
{
    if (strcmp(arg, "all") == 0) {
        o->run.runtimes = (1u << Q8_READERS) - 1;
        return true;
    }
    for (enum q8_reader reader = 0; reader < Q8_READERS; reader++)
        if (strcmp(q8_reader_name(reader), arg) == 0) {
            o->run.runtimes |= 1u << reader;
            return true;
        }
    return q8_fail(o->err, Q8_EUSAGE, "--runtime wants transformers, vllm, sglang or all, not '%s'",
                   arg);
}

static bool set_capability(struct options *o, const char *arg)
{
    const size_t major = strspn(arg, "0123456789");
    const char *minor = arg + major + (arg[major] == '.');

    if (!major || major > 2 || arg[major] != '.' || strspn(minor, "0123456789") != 1 || minor[1])
        return q8_fail(o->err, Q8_EUSAGE,
                       "--cc wants a compute capability such as 8.0 or 12.0, not '%s'", arg);
    o->run.cc = (unsigned)(strtoul(arg, NULL, 10) * 10) + (unsigned)(*minor - '0');
    return true;
}

static bool set_mode(struct options *o, const char *arg)
{
    for (enum q8_mode mode = 0; mode < Q8_MODES; mode++)
        if (q8_modes[mode].paper && strcmp(q8_modes[mode].name, arg) == 0) {
            o->run.mode = mode;
            return true;
        }
    return q8_fail(o->err, Q8_EUSAGE,
                   "--mode wants absmax, row-wise, vector-wise, zeropoint or "
                   "zeropoint-vector-wise, not '%s'",
                   arg);
}

static bool set_input(struct options *o, unsigned number, const char *arg)
{
    if (!*arg)
        return q8_fail(o->err, Q8_EUSAGE, "%s is empty", number ? "QUANTIZED" : "REFERENCE");
    o->crowded = number > 1;
    if (o->crowded)
        return q8_fail(o->err, Q8_EUSAGE, "REFERENCE and QUANTIZED; not '%s' too", arg);
    *(number ? &o->quantized : &o->reference) = arg;
    return true;
}

static bool check_usage(struct options *o)
{
    const bool multiplied = o->run.level == Q8_LEVEL_MATMUL;

    if (!o->quantized)
        return q8_fail(o->err, Q8_EUSAGE, "wants REFERENCE and QUANTIZED; see --help");
    if (!multiplied && (o->run.mode < Q8_MODES || !isnan(o->run.threshold) ||
                        o->run.activations.path || o->device || o->gpu_memory))
        return q8_fail(o->err, Q8_EUSAGE,
                       "--mode, --threshold, --activations, --device and --gpu-memory are for "
                       "--level=matmul");
    if (o->run.level == Q8_LEVEL_INTEGRITY && (o->baseline || o->write_path))
        return q8_fail(o->err, Q8_EUSAGE,
                       "--baseline and --write-baseline are for --level=weights or matmul: "
                       "integrity measures nothing");
    if (o->have_drop && !o->baseline)
        return q8_fail(o->err, Q8_EUSAGE, "--max-drop is for --baseline");
    return !o->thresholds || q8_gate_file(&o->gate, o->thresholds, o->mem, o->err);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    struct q8_verify_options *run = &o->run;
    bool ok = true;

    switch (key) {
    case LEVEL: ok = set_level(o, arg); break;
    case LAYERS: ok = q8_select_add(&o->layers, Q8_ONLY, arg, "--layers", o->mem, o->err); break;
    case ACTIVATIONS: run->activations.path = arg; break;
    case TOKEN_COUNT:
        ok = q8_cli_whole("--tokens", arg, 1, TOKENS_MOST, &run->activations.tokens, o->err);
        break;
    case SEED:
        ok = q8_cli_whole("--seed", arg, 0, UINT64_MAX, &run->activations.seed, o->err);
        break;
    case RUNTIME: ok = set_runtime(o, arg); break;
    case TENSOR_PARALLEL: ok = q8_cli_whole("--tp", arg, 1, 4096, &run->tp, o->err); break;
    case CAPABILITY: ok = set_capability(o, arg); break;
    case THRESHOLD: ok = q8_cli_number("--threshold", arg, 0, 1e9, &run->threshold, o->err); break;
    case MODE: ok = set_mode(o, arg); break;
    case MIN_SQNR: ok = q8_gate_option(&o->gate, "min-sqnr", arg, o->mem, o->err); break;
    case MIN_COSINE: ok = q8_gate_option(&o->gate, "min-cosine", arg, o->mem, o->err); break;
    case MAX_REL_ERROR: ok = q8_gate_option(&o->gate, "max-rel-error", arg, o->mem, o->err); break;
    case MIN_COVERAGE: ok = q8_gate_option(&o->gate, "min-coverage", arg, o->mem, o->err); break;
    case THRESHOLDS: o->thresholds = arg; break;
    case BASELINE: o->baseline = arg; break;
    case MAX_DROP_DB:
        o->have_drop = true;
        ok = q8_cli_number("--max-drop", arg, 0, 1000, &run->max_drop, o->err);
        break;
    case WRITE_BASELINE: o->write_path = arg; break;
    case JSON: q8_cli_json(&o->json, state, arg); break;
    case JUNIT: o->junit_path = arg; break;
    case HTML: o->html_path = arg; break;
    case QUIET: o->quiet = true; break;
    case THREADS: ok = q8_cli_threads(arg, &run->threads, o->err); break;
    case DEVICE: o->device = arg; break;
    case GPU_MEMORY: ok = q8_cli_bytes("--gpu-memory", arg, &o->gpu_memory, o->err); break;
    case ARGP_KEY_ARG: ok = set_input(o, state->arg_num, arg); break;
    case ARGP_KEY_END: ok = check_usage(o); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return ok ? 0 : EINVAL;
}

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "REFERENCE QUANTIZED",
    .doc = "Verify an int8 model against the float model that it was made from, and fail when it "
           "is worse than it should be.\v"
           "REFERENCE is a float model, QUANTIZED an int8 one (bitsandbytes or compressed-tensors, "
           "by q8-convert or by the libraries): directories, or single .safetensors files.\n\n"
           "Three levels: what was carried over is the same and the runtime will load it; scales "
           "and codes are what the format's rule makes of the reference; products with activations "
           "are near those of the float weights.\n\n"
           "Examples:\n"
           "  q8-verify model model-int8\n"
           "  q8-verify model model-int8 --runtime=vllm --tp=4 --cc=8.0\n"
           "  q8-verify model model-int8 --min-sqnr=30 --junit=out.xml\n"
           "  q8-verify model model-int8 --write-baseline=base.json\n"
           "  q8-verify model model-int8 --baseline=base.json --max-drop=0.5\n"
           "  q8-verify model model-int8 --activations=acts.safetensors --json=report.json\n\n"
           "Exit status: 0 pass, 1 fail, 2 usage, 3 malformed input, 4 unsupported, 5 I/O, 6 a "
           "limit or memory, 128+n signal n. Q8_ISA=ref|avx2|avx512|vnni|amx caps the instruction "
           "set; the numbers are the same.",
};

/* The reports, in every form that was asked for, then what a person reads. */
static bool print_all(struct options *o, const struct q8_verify *v)
{
    bool ok = true;

    if (v->failed) /* a run that fails is no baseline: the old file stays */
        q8_outputs_leave(&o->outputs, o->write_baseline);
    if (o->json_output)
        ok = q8_verify_json(v, o->json_output->out, o->err);
    if (ok && o->junit)
        ok = q8_verify_junit(v, o->junit->out, o->err);
    if (ok && o->html)
        ok = q8_verify_page(v, o->html->out, o->err);
    if (ok && o->write_baseline && !v->failed)
        ok = q8_baseline_print(v, o->write_baseline->out, o->err);
    ok = ok && q8_outputs_keep(&o->outputs, o->err);
    if (ok && !o->quiet && o->json_output != &o->outputs.std) {
        ok = q8_fold_open(&o->fold, o->outputs.std.out, q8_cli_width(0), o->err) &&
             q8_verify_text(v, o->fold.in, q8_cli_width(80), o->err);
        q8_fold_close(&o->fold);
    }
    return ok && q8_outputs_flush(&o->outputs, o->err);
}

static bool run(struct options *o, struct q8_model model[2])
{
    struct q8_baseline baseline;
    struct q8_verify v;
    struct q8_show show;
    bool ok;

    q8_process_notes("q8-verify", &model[0]);
    q8_process_notes("q8-verify", &model[1]);
    o->run.reference = &model[0];
    o->run.quantized = &model[1];
    o->run.gate = &o->gate;
    o->run.layers = o->layers.count ? &o->layers : NULL;
    if (o->baseline) {
        if (!q8_baseline_read(&baseline, o->baseline, o->mem, o->err))
            return false;
        o->run.baseline = &baseline;
    }
    q8_show_open(&show, &o->process, o->quiet);
    o->run.watch = &show.watch;
    ok = q8_verify_run(&v, &o->run, o->mem, o->err);
    q8_show_close(&show);
    if (ok && *v.options.device.why && !o->quiet) /* a GPU is there, and was not used */
        q8_process_say("q8-verify", "the CPU multiplies: ", v.options.device.why);
    ok = ok && print_all(o, &v);
    if (ok && v.failed)
        o->err->code = Q8_EGATE;
    return ok;
}

/* Names the reports, none of which may lie over what is read. */
static bool place_reports(struct options *o)
{
    struct q8_outputs *os = &o->outputs;

    os->model = o->quantized;
    o->json_output = q8_cli_json_output(&o->json, os);
    if (o->json_output)
        o->json_output->excuse = q8_verify_json_error;
    o->junit = q8_outputs_add(os, "--junit", o->junit_path, q8_verify_junit_error);
    o->html = q8_outputs_add(os, "--html", o->html_path, NULL);
    o->write_baseline = q8_outputs_add(os, "--write-baseline", o->write_path, NULL);
    if (o->write_baseline)
        o->write_baseline->lasting = true;
    return q8_guard_check(os,
                          (const struct q8_guard[]){{o->reference, NULL},
                                                    {o->quantized, NULL},
                                                    {o->run.activations.path, NULL},
                                                    {o->thresholds, NULL},
                                                    {o->baseline, NULL}},
                          5, o->mem, o->err);
}

/* The reference as floats, whatever it is; what is int8 in the other stays so. */
static bool open_models(struct options *o, struct q8_model model[2])
{
    const struct q8_decode_options all = {Q8_DECODE_ALL, Q8_DTYPES, o->run.isa},
                                   rest = {Q8_DECODE_BUT_INT8, Q8_DTYPES, o->run.isa};

    return q8_cli_open(&model[0], o->reference, &all, o->mem, o->err) &&
           q8_cli_open(&model[1], o->quantized, &rest, o->mem, o->err);
}

static void work(struct options *o)
{
    struct q8_model model[2] = {{0}, {0}};

    if (q8_cli_isa(&o->run.isa, o->err) &&
        (o->run.level < Q8_LEVEL_MATMUL ||
         q8_device_find(&o->run.device, o->device ? o->device : "cpu", o->gpu_memory, o->err)) &&
        open_models(o, model) && q8_outputs_open(&o->outputs, o->mem, o->err))
        (void)run(o, model);
    q8_model_close(&model[0]);
    q8_model_close(&model[1]);
}

int main(int argc, char **argv)
{
    struct q8_err err = {0};
    struct q8_arena mem;
    struct options o = {.mem = &mem, .err = &err};
    bool ok;
    int status;

    q8_process_begin(&o.process, "q8-verify", &o.outputs, &err);
    q8_arena_init(&mem, Q8_CLI_MEMORY);
    o.run = (struct q8_verify_options){.level = Q8_LEVEL_MATMUL,
                                       .mode = Q8_MODES,
                                       .threshold = NAN,
                                       .activations = {.tokens = TOKENS, .seed = 1},
                                       .max_drop = MAX_DROP,
                                       .threads = q8_cli_default_threads()};
    ok = q8_gate_init(&o.gate, &mem, &err) &&
         q8_arguments_parse(&argp, argc, argv, &o, &o.process, &err);
    if (place_reports(&o) && ok)
        work(&o);
    q8_cli_json_hint(&o.json, o.crowded, &err);
    status = q8_process_end(&o.process, &err);
    q8_arena_clear(&mem);
    return status;
}
