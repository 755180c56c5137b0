/* plan_config.c - quantization_config and the new config.json */
#include "src/convert/plan_parts.h"

#include "src/base/json.h"
#include "src/base/json_write.h"
#include "src/base/memo.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_names(struct q8_json *j, const char *key, const char **name, uint64_t count)
{
    q8_json_begin(j, key, '[');
    for (uint64_t i = 0; i < count; i++)
        q8_json_text(j, NULL, name[i]);
    q8_json_end(j, ']');
}

static enum q8_layout main_layout(const struct q8_plan *plan)
{
    return plan->options.target->scheme->layout;
}

/* What transformers 5.23 reads; the threshold must be a float.  formats.md 2.1.3, 2.1.9. */
static void print_bnb(const struct q8_plan *plan, struct q8_json *j)
{
    q8_json_flag(j, "_load_in_4bit", false);
    q8_json_flag(j, "_load_in_8bit", true);
    q8_json_text(j, "bnb_4bit_compute_dtype", "float32");
    q8_json_text(j, "bnb_4bit_quant_storage", "uint8");
    q8_json_text(j, "bnb_4bit_quant_type", "fp4");
    q8_json_flag(j, "bnb_4bit_use_double_quant", false);
    q8_json_flag(j, "llm_int8_enable_fp32_cpu_offload", false);
    q8_json_flag(j, "llm_int8_has_fp16_weight", false);
    if (plan->ignore_default)
        q8_json_text(j, "llm_int8_skip_modules", NULL);
    else
        print_names(j, "llm_int8_skip_modules", plan->ignore, plan->ignores);
    q8_json_raw(j, "llm_int8_threshold", "6.0");
    q8_json_flag(j, "load_in_4bit", false);
    q8_json_flag(j, "load_in_8bit", true);
    q8_json_text(j, "quant_method", q8_layouts[main_layout(plan)].method);
}

static bool is_mixed(const struct q8_plan *plan)
{
    for (uint64_t i = 1; i < plan->groups; i++)
        if (plan->group[i].target->scheme->layout != main_layout(plan))
            return true;
    return false;
}

/* How numbers become int8: those of a weight, in groups of columns or rows, or activations. */
static void print_args(struct q8_json *j, const char *key, const char *strategy, uint32_t group)
{
    q8_json_begin(j, key, '{');
    j->flat = true;
    q8_json_number(j, "num_bits", 8);
    q8_json_text(j, "type", "int");
    q8_json_flag(j, "symmetric", true);
    q8_json_text(j, "strategy", strategy);
    if (group)
        q8_json_number(j, "group_size", group);
    q8_json_flag(j, "dynamic", strcmp(strategy, "token") == 0);
    q8_json_end(j, '}');
    j->flat = false;
}

/*
 * The leaf of a module that its class name does not reach in vLLM and SGLang: their head is no
 * Linear, nor is an embedding.  Its path is another there too, so a regex names it.  NULL: any
 * other.  Source: vLLM 0.33.0, compressed_tensors/utils.py, find_matched_target.
 */
static const char *apart_leaf(const struct q8_job *job)
{
    static const char *const heads[] = {"lm_head", "embed_out", "output_layer"};
    const char *dot = strrchr(job->module, '.'), *leaf = dot ? dot + 1 : job->module;

    if (job->kind == Q8_KIND_EMBEDDING)
        return leaf;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strcmp(leaf, heads[i]) == 0)
            return leaf;
    return NULL;
}

/* The first job of that target whose module has this leaf and stands apart. */
static uint64_t first_apart(const struct q8_plan *plan, const struct q8_target *target,
                            const char *leaf)
{
    for (uint64_t i = 0; i < plan->jobs; i++) {
        const char *other = plan->job[i].as == target ? apart_leaf(&plan->job[i]) : NULL;

        if (other && strcmp(other, leaf) == 0)
            return i;
    }
    return plan->jobs;
}

/* What stands apart in a group, each leaf once. */
static void print_apart(const struct q8_plan *plan, const struct q8_target *target,
                        struct q8_json *j)
{
    char text[Q8_NAME_BYTES];

    for (uint64_t i = 0; i < plan->jobs; i++) {
        const char *leaf = plan->job[i].as == target ? apart_leaf(&plan->job[i]) : NULL;

        if (!leaf || first_apart(plan, target, leaf) != i)
            continue;
        (void)snprintf(text, sizeof text, "re:.*%s$", leaf);
        q8_json_text(j, NULL, text);
    }
}

/* The first group takes every Linear, the others name their modules. */
static void print_targets(const struct q8_plan *plan, uint64_t number, struct q8_json *j)
{
    const struct q8_group *group = &plan->group[number];

    q8_json_begin(j, "targets", '[');
    j->flat = number == 0;
    if (number == 0)
        q8_json_text(j, NULL, "Linear");
    for (uint64_t i = 0; number > 0 && i < group->names; i++)
        q8_json_text(j, NULL, group->name[i]);
    print_apart(plan, group->target, j);
    q8_json_end(j, ']');
    j->flat = false;
}

static void print_group(const struct q8_plan *plan, uint64_t number, struct q8_json *j)
{
    const struct q8_group *group = &plan->group[number];
    const uint32_t columns = group->target->scheme->group;

    if (is_mixed(plan))
        q8_json_text(j, "format", q8_layouts[group->target->scheme->layout].name);
    if (group->target->scheme->product == Q8_PRODUCT_INT8)
        print_args(j, "input_activations", "token", 0);
    else
        q8_json_text(j, "input_activations", NULL);
    q8_json_text(j, "output_activations", NULL);
    print_targets(plan, number, j);
    print_args(j, "weights", columns ? "group" : "channel", columns);
}

/*
 * The portable minimum (formats.md 2.2.4), with a group for each scheme.  Modules that are named go
 * before the class (compressed_tensors/utils/match.py, match_targets; vLLM, compressed_tensors/
 * utils.py, find_matched_target).  Releases that know no format of a group refuse the key, so it is
 * there only where formats differ (compressed_tensors/compressors/format.py, _flatten_formats).
 */
static void print_ct(const struct q8_plan *plan, struct q8_json *j)
{
    q8_json_begin(j, "config_groups", '{');
    for (uint64_t i = 0; i < plan->groups; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "group_%" PRIu64, i);
        q8_json_begin(j, key, '{');
        print_group(plan, i, j);
        q8_json_end(j, '}');
    }
    q8_json_end(j, '}');
    q8_json_text(j, "format",
                 q8_layouts[is_mixed(plan) ? Q8_LAYOUT_MIXED : main_layout(plan)].name);
    q8_json_text(j, "global_compression_ratio", NULL);
    print_names(j, "ignore", plan->ignore, plan->ignores);
    q8_json_text(j, "kv_cache_scheme", NULL);
    q8_json_text(j, "quant_method", q8_layouts[main_layout(plan)].method);
    q8_json_text(j, "quantization_status", "compressed");
}

/* Who prints the members of quantization_config. */
static void (*const print[Q8_LAYOUTS])(const struct q8_plan *plan, struct q8_json *j) = {
    [Q8_LAYOUT_BNB] = print_bnb,
    [Q8_LAYOUT_PLAIN] = print_ct,
    [Q8_LAYOUT_PACKED] = print_ct,
};

/* Over lines, as json.dumps(indent=2) nests a member of the outermost object. */
static bool make_quantization(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_json j = {.indent = 2, .depth = 1};
    struct q8_memo memo;

    if (!q8_memo_open(&memo, mem, err))
        return false;
    j.out = memo.out;
    q8_json_begin(&j, NULL, '{');
    print[main_layout(plan)](plan, &j);
    q8_json_end(&j, '}');
    if (!q8_memo_close(&memo, err))
        return false;
    plan->quantization = memo.text + strspn(memo.text, " \n"); /* no line break in front of it */
    return true;
}

/*
 * Puts the new member where an old one stands, or else in front of the closing brace; every other
 * byte of the text stays.  The text was parsed before, so its last character that is no white space
 * is that brace.
 */
static bool put_quantization(struct q8_plan *plan, const char *text, struct q8_arena *mem,
                             struct q8_err *err)
{
    size_t brace = strlen(text), last;
    uint64_t start, end;

    if (q8_json_find(text, brace, "quantization_config", &start, &end, err))
        plan->config =
            q8_sprintf(mem, err, "%.*s%s%s", (int)start, text, plan->quantization, text + end);
    if (plan->config || err->code)
        return plan->config != NULL;
    while (brace > 0 && text[brace - 1] != '}')
        brace--;
    if (brace == 0)
        return q8_fail(err, Q8_EINPUT, "%s/config.json is not an object", plan->model->path);
    last = --brace;
    while (last > 0 && strchr(" \t\r\n", text[last - 1]))
        last--;
    plan->config =
        q8_sprintf(mem, err, "%.*s%s\n  \"quantization_config\": %s\n%s", (int)last, text,
                   text[last - 1] == '{' ? "" : ",", plan->quantization, text + brace);
    return plan->config != NULL;
}

/* A model that nothing is computed of keeps its text. */
static bool make_config(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_target *target = plan->options.target;
    const char *text = plan->model->config;

    if (target->scheme || target->dtype != Q8_DTYPES)
        text = q8_plan_edit(plan, mem, err);
    if (text && target->scheme)
        return put_quantization(plan, text, mem, err);
    plan->config = text;
    return text != NULL;
}

bool q8_plan_config_check(const struct q8_plan *plan, const char *path, const char *text,
                          uint64_t length, struct q8_err *err)
{
    struct q8_err found = {0};
    struct cJSON *root = q8_json_parse(text, length, &found);
    const bool good = root && (!plan->options.target->scheme ||
                               q8_json_kind(q8_json_get(root, "quantization_config")) == '{');

    q8_json_free(root);
    return good || q8_fail(err, !root && found.code == Q8_ELIMIT ? Q8_ELIMIT : Q8_EIO,
                           "re-read: %s does not give its quantization_config back: %s", path,
                           root ? "it is not there" : found.text);
}

bool q8_plan_config(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    return (!plan->options.target->scheme ||
            (q8_plan_lists(plan, mem, err) && make_quantization(plan, mem, err))) &&
           (!plan->model->config || make_config(plan, mem, err));
}
