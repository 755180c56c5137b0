/* runtime.c - whether transformers, vLLM and SGLang load the int8 model: the checks, the outcome */
#include "src/verify/runtime/runtime.h"
#include "src/verify/runtime/runtime_parts.h"

#include "src/base/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEXT_BYTES 900 /* of a finding, before the count of others */

#define SERVERS (Q8_BIT(VLLM) | Q8_BIT(SGLANG))
#define EVERYONE (Q8_BIT(TRANSFORMERS) | SERVERS)

/* Every check: whom it is for, and for which of the two methods. */
static const struct {
    unsigned readers;
    bool bnb, ct;
    bool (*run)(struct q8_runtime_run *r, struct q8_err *err);
} checks[] = {
    {Q8_BIT(TRANSFORMERS), true, true, q8_runtime_transformers},
    {SERVERS, true, false, q8_runtime_bnb},
    {SERVERS, false, true, q8_runtime_config},
    {SERVERS, false, true, q8_runtime_unit_match},
    {SERVERS, false, true, q8_runtime_shapes},
    {SERVERS, false, true, q8_runtime_device},
};

/* Who is stopped by findings that are about no runtime in particular, by their kind. */
static const struct {
    const char *kind; /* or its beginning */
    unsigned readers;
} general[] = {
    {"missing-tensor", EVERYONE},
    {"shape", EVERYONE},
    {"extra-tensor", Q8_BIT(VLLM)},
    {"not-quantized", Q8_BIT(TRANSFORMERS)},
    {"config-missing", EVERYONE},
    {"config-changed", EVERYONE},
    {"config-", Q8_BIT(TRANSFORMERS)}, /* integrity/ goes by transformers' rules */
    {"index-metadata", Q8_BIT(TRANSFORMERS)},
};

const char *q8_outcome_name(enum q8_outcome outcome)
{
    return outcome == Q8_OUTCOME_LOADS   ? "loads"
           : outcome == Q8_OUTCOME_FAILS ? "fails"
                                         : "unknown";
}

/* The runtimes that serve the format of the int8 model. */
static unsigned served(const struct q8_verify *v)
{
    const enum q8_layout layout = v->pairs.stored_b.layout;

    return !layout ? 0 : layout == Q8_LAYOUT_BNB ? Q8_BIT(TRANSFORMERS) : EVERYONE;
}

static unsigned judged(const struct q8_verify *v)
{
    return v->options.runtimes ? v->options.runtimes : served(v);
}

static bool tell(struct q8_runtime_run *r, struct q8_tally t, struct q8_err *err,
                 const char *format, va_list args)
{
    char text[TEXT_BYTES];

    t.reader = r->reader;
    for (unsigned i = 0; i < r->tallies; i++)
        if (r->tally[i].reader == t.reader && strcmp(r->tally[i].kind, t.kind) == 0) {
            r->tally[i].more += strcmp(r->tally[i].name, t.name) != 0;
            return true;
        }
    if (r->tallies == Q8_TALLIES)
        return true;
    (void)vsnprintf(text, sizeof text, format, args);
    t.text = q8_strndup(r->v->findings.mem, text, strlen(text), err);
    if (t.text)
        r->tally[r->tallies++] = t;
    return t.text != NULL;
}

bool q8_runtime_say(struct q8_runtime_run *r, const char *kind, const char *name,
                    struct q8_err *err, const char *format, ...)
{
    va_list args;
    bool ok;

    va_start(args, format);
    ok = tell(r, (struct q8_tally){.kind = kind, .name = name}, err, format, args);
    va_end(args);
    return ok;
}

bool q8_runtime_doubt(struct q8_runtime_run *r, const char *kind, const char *name,
                      struct q8_err *err, const char *format, ...)
{
    va_list args;
    bool ok;

    va_start(args, format);
    ok = tell(r, (struct q8_tally){.kind = kind, .name = name, .doubt = true}, err, format, args);
    va_end(args);
    return ok;
}

/* The notes become findings. */
static bool add_findings(struct q8_runtime_run *r, struct q8_err *err)
{
    for (unsigned i = 0; i < r->tallies; i++) {
        const struct q8_tally *t = &r->tally[i];
        const struct q8_finding finding = {.level = Q8_LEVEL_INTEGRITY,
                                           .kind = t->kind,
                                           .name = t->name,
                                           .runtimes = 1u << t->reader,
                                           .fails = !t->doubt};
        char more[64] = "";

        if (t->more)
            (void)snprintf(more, sizeof more, " (and %" PRIu64 " more like it)", t->more);
        if (!q8_findings_add(&r->v->findings, &finding, err, "%s: %s%s", q8_reader_title(t->reader),
                             t->text, more))
            return false;
        if (t->doubt)
            r->v->runtime[t->reader].doubts++;
    }
    return true;
}

static bool check_reader(struct q8_runtime_run *r, enum q8_reader reader, struct q8_err *err)
{
    const bool bnb = r->v->pairs.stored_b.layout == Q8_LAYOUT_BNB;
    bool ok = true;

    r->reader = reader;
    r->expands = q8_runtime_expands(reader, r->arch.class_name);
    q8_reading_init(&r->reading, reader, r->arch.class_name, r->sections.text_type);
    r->v->runtime[reader].known = reader == Q8_READER_TRANSFORMERS || r->reading.known;
    for (size_t i = 0; ok && i < COUNT(checks); i++)
        if (checks[i].readers & 1u << reader && (bnb ? checks[i].bnb : checks[i].ct))
            ok = checks[i].run(r, err);
    return ok;
}

bool q8_runtime_check(struct q8_verify *v, struct q8_err *err)
{
    struct q8_runtime_run r = {.v = v, .root = v->options.quantized->config_root};
    bool ok = true;

    r.config = q8_json_get(r.root, "quantization_config");
    if (!r.root || !q8_json_at(r.config, 0) || !v->pairs.stored_b.layout)
        return true;
    q8_model_arch(&r.arch, v->options.quantized);
    q8_sections_init(&r.sections, v->options.quantized);
    if (v->pairs.stored_b.layout != Q8_LAYOUT_BNB)
        ok = q8_runtime_groups(&r, err) && q8_runtime_units(&r, err);
    for (enum q8_reader reader = 0; ok && reader < Q8_READERS; reader++)
        if (judged(v) & 1u << reader)
            ok = check_reader(&r, reader, err);
    return ok && !err->code && add_findings(&r, err);
}

/* The runtimes that a failing finding stops. */
static unsigned stopped(const struct q8_finding *f)
{
    if (f->runtimes || f->level != Q8_LEVEL_INTEGRITY)
        return f->runtimes;
    for (size_t i = 0; i < COUNT(general); i++) {
        const size_t length = strlen(general[i].kind);

        if (strncmp(f->kind, general[i].kind, length) == 0 &&
            (!f->kind[length] || general[i].kind[length - 1] == '-'))
            return general[i].readers;
    }
    return 0;
}

static bool is_prediction(const struct q8_finding *f)
{
    return strncmp(f->kind, "runtime-", strlen("runtime-")) == 0;
}

/* What a kernel does not take; it may be another tomorrow, and is no fault of the file. */
static bool is_shape(const struct q8_finding *f)
{
    return strcmp(f->kind, "runtime-shape") == 0;
}

/*
 * Who could be meant to read the model: of compressed-tensors vLLM and SGLang, with transformers
 * where one of them has no model file for its class; of bitsandbytes transformers.
 */
static unsigned meant(const struct q8_verify *v)
{
    unsigned ret = served(v) & SERVERS;

    for (enum q8_reader reader = 0; reader < Q8_READERS; reader++)
        if (ret & 1u << reader && !v->runtime[reader].known)
            ret = (ret & ~(1u << reader)) | Q8_BIT(TRANSFORMERS);
    return ret ? ret : Q8_BIT(TRANSFORMERS);
}

/* Whether the finding counts for the verdict: when nobody who could be meant loads the model. */
static bool counts(const struct q8_verify *v, const struct q8_finding *f)
{
    const unsigned readers = meant(v);
    unsigned failing = 0;

    if (v->options.runtimes)
        return !stopped(f) || stopped(f) & v->options.runtimes;
    if (!is_prediction(f))
        return true;
    if (is_shape(f))
        return false;
    for (enum q8_reader reader = 0; reader < Q8_READERS; reader++)
        if (v->runtime[reader].firm)
            failing |= 1u << reader;
    return (failing & readers) == readers && f->runtimes & readers;
}

void q8_runtime_judge(struct q8_verify *v)
{
    const bool configured = v->options.quantized->config_root != NULL;

    for (enum q8_reader reader = 0; reader < Q8_READERS; reader++) {
        struct q8_runtime *runtime = &v->runtime[reader];

        runtime->judged = configured && judged(v) & 1u << reader;
        for (uint64_t i = 0; i < v->findings.count; i++) {
            const struct q8_finding *f = &v->findings.list[i];
            const bool stops = f->fails && stopped(f) & 1u << reader;

            runtime->findings += stops;
            runtime->firm += stops && is_prediction(f) && !is_shape(f);
        }
        runtime->outcome = runtime->findings ? Q8_OUTCOME_FAILS
                           : runtime->doubts ? Q8_OUTCOME_UNKNOWN
                                             : Q8_OUTCOME_LOADS;
    }
    for (uint64_t i = 0; i < v->findings.count; i++)
        v->findings.list[i].fails = v->findings.list[i].fails && counts(v, &v->findings.list[i]);
}
