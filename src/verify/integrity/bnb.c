/* bnb.c - quantization_config for bitsandbytes against the tensors */
#include "src/verify/integrity/integrity_parts.h"

#include "src/base/json.h"
#include "src/base/text.h"
#include "src/model/names.h"

#include <string.h>

#define BIT(kind) (1u << Q8_KIND_##kind)

/* Kinds whose module transformers 5.23 makes an int8 one, unless the list has it. */
#define CONVERTED (BIT(LINEAR) | BIT(CONV1D) | BIT(LINEAR_ROUTER) | BIT(HEAD))

static const char list_key[] = "llm_int8_skip_modules", threshold_key[] = "llm_int8_threshold";

/* What the check of one model needs. */
struct bnb {
    struct q8_verify *v;
    const struct cJSON *config; /* quantization_config */
    bool listed;                /* there is a list; else transformers makes its own */
    struct q8_names skip;       /* that list */
};

/* What transformers 5.23 wants of a member (utils/quantization_config.py, post_init). */
static const struct {
    const char *key, *wanted;
    const char *kinds; /* of JSON values that are fine, as q8_json_kind has them */
} members[] = {
    {"load_in_8bit", "true or false", "tf"},
    {"load_in_4bit", "true or false", "tf"},
    {"llm_int8_enable_fp32_cpu_offload", "true or false", "tf"},
    {"bnb_4bit_use_double_quant", "true or false", "tf"},
    {"bnb_4bit_quant_type", "a string", "\""},
    {"bnb_4bit_compute_dtype", "a string or null", "\"n"},
    {"bnb_4bit_quant_storage", "a string or null", "\"n"},
    {list_key, "a list of strings or null", "[n"},
    /* true makes int8 weights trainable, which torch refuses */
    {"llm_int8_has_fp16_weight", "false", "f"},
};

static bool judge_members(struct bnb *s, struct q8_err *err)
{
    char path[64];

    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct cJSON *value = q8_json_get(s->config, members[i].key);
        bool fine = !value || strchr(members[i].kinds, q8_json_kind(value));

        if (value && q8_json_kind(value) == '[')
            for (value = q8_json_at(value, 0); value; value = q8_json_next(value))
                fine = fine && q8_json_string(value);
        if (!fine &&
            !q8_findings_add(&s->v->findings, Q8_FINDING("config-type", Q8_CONFIG, true), err,
                             "%s: expected %s: transformers does not load the model",
                             q8_text_escape(members[i].key, path, sizeof path), members[i].wanted))
            return false;
    }
    return true;
}

/* From behind the quote of a string to its closing quote. */
static const char *string_end(const char *p)
{
    while (*p != '"')
        p += 1 + (*p == '\\');
    return p;
}

static bool is_text(const char *start, const char *end, const char *text)
{
    return (size_t)(end - start) == strlen(text) && memcmp(start, text, strlen(text)) == 0;
}

/*
 * The text of a member of quantization_config, from its first byte on; NULL = none.  cJSON does not
 * tell 6 from 6.0, Python does.  The document was parsed before, so it is well-formed.
 */
static const char *member_text(const char *json, const char *key)
{
    static const char white[] = " \t\r\n";
    unsigned depth = 0;
    bool inside = false;

    for (const char *p = json; *p; p++) {
        const char *start = p + 1, *end;

        if (*p == '{' || *p == '[')
            depth++;
        if (*p == '}' || *p == ']')
            depth--;
        if (*p != '"')
            continue;
        end = string_end(start);
        p = end + 1 + strspn(end + 1, white);
        if (*p == ':' && depth == 1)
            inside = is_text(start, end, "quantization_config");
        else if (*p == ':' && depth == 2 && inside && is_text(start, end, key))
            return p + 1 + strspn(p + 1, white);
        if (*p != ':')
            p = end;
    }
    return NULL;
}

static bool judge_threshold(struct bnb *s, struct q8_err *err)
{
    const struct q8_finding *finding = Q8_FINDING("config-threshold", Q8_CONFIG, true);
    const struct cJSON *value = q8_json_get(s->config, threshold_key);
    const char *text = member_text(s->v->options.quantized->config, threshold_key);
    const size_t length = text ? strcspn(text, ",]} \t\r\n") : 0;

    if (!value)
        return true;
    if (q8_json_kind(value) != '0')
        return q8_findings_add(&s->v->findings, finding, err,
                               "%s is not a number: transformers stops with a TypeError",
                               threshold_key);
    if (text && strcspn(text, ".eE") >= length)
        return q8_findings_add(&s->v->findings, finding, err,
                               "%s is %.*s, without a decimal point: Python reads a whole number, "
                               "and transformers stops with a TypeError",
                               threshold_key, (int)(length < 32 ? length : 32), text);
    if (q8_json_f64(value) < 0)
        return q8_findings_add(&s->v->findings, finding, err,
                               "%s is %g: below 0 there are no outlier columns, without a word",
                               threshold_key, q8_json_f64(value));
    return true;
}

/* Why transformers leaves the module float, into `text`; NULL: it does not. */
static const char *skip_reason(const struct bnb *s, const struct q8_module *m, char *text,
                               size_t size)
{
    const char *entry = s->listed ? q8_names_find(&s->skip, m->name) : NULL;
    char shown[200];

    if (entry)
        (void)snprintf(text, size, "%s has '%s'", list_key,
                       q8_text_escape(entry, shown, sizeof shown));
    else if (m->kind == Q8_KIND_KEEP)
        (void)snprintf(text, size, "its class keeps it in fp32");
    else if (!s->listed && m->kind == Q8_KIND_HEAD)
        (void)snprintf(text, size, "%s is null, which stands for the heads", list_key);
    else
        return NULL;
    return text;
}

static bool judge_int8(struct bnb *s, const struct q8_module *m, struct q8_err *err)
{
    char text[300];
    const char *reason = skip_reason(s, m, text, sizeof text);

    if (reason)
        return q8_findings_add(&s->v->findings, Q8_FINDING("config-skip-int8", m->name, true), err,
                               "it is int8, but %s: transformers loads the codes into a float "
                               "Linear without a word, and stops at the first forward",
                               reason);
    if (CONVERTED & 1u << m->kind)
        return true;
    return q8_findings_add(&s->v->findings, Q8_FINDING("config-not-linear", m->name, m->sure), err,
                           "it is int8, but transformers 5.23 makes no int8 module of it (%s): it "
                           "takes the codes for the weights or does not load them",
                           q8_kind_reason(m->kind));
}

static bool judge_module(void *self, const struct q8_module *m, struct q8_err *err)
{
    struct bnb *s = self;
    char text[300];

    if (m->stored)
        return judge_int8(s, m, err);
    if (!(CONVERTED & 1u << m->kind) || skip_reason(s, m, text, sizeof text) ||
        q8_names_unclear(&s->skip))
        return true;
    return q8_findings_add(&s->v->findings, Q8_FINDING("config-skip-missing", m->name, m->sure),
                           err,
                           "it is float%s, and %s %s: transformers makes an int8 module of it and "
                           "stops at the first forward (no attribute 'CB')",
                           m->absent ? " (tied, or under another name in the file)" : "", list_key,
                           s->listed ? "has no such name" : "is null, which stands for heads only");
}

/* An entry that q8 has no answer for. */
static bool note_unclear(struct bnb *s, struct q8_err *err)
{
    const char *entry = q8_names_unclear(&s->skip);
    char shown[200];

    return !entry ||
           q8_findings_add(&s->v->findings, Q8_FINDING("config-pattern", Q8_CONFIG, false), err,
                           "'%s' in %s cannot be judged: whether float modules are missing from "
                           "the list is not known",
                           q8_text_escape(entry, shown, sizeof shown), list_key);
}

bool q8_integrity_bnb(struct q8_verify *v, struct q8_err *err)
{
    const struct cJSON *root = v->options.quantized->config_root;
    struct bnb s = {.v = v, .config = q8_json_get(root, "quantization_config")};
    const struct cJSON *list = q8_json_get(s.config, list_key);

    s.listed = list && q8_json_kind(list) == '[';
    return q8_names_init(&s.skip, list, Q8_NAMES_TRANSFORMERS, v->findings.mem, err) &&
           judge_members(&s, err) && judge_threshold(&s, err) &&
           q8_integrity_modules(v, judge_module, &s, err) && !err->code && note_unclear(&s, err);
}
