/* ct.c - quantization_config for compressed-tensors against the tensors */
#include "src/verify/integrity/integrity_parts.h"

#include "src/base/json.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/names.h"

#include <inttypes.h>
#include <string.h>

#define GROUP_LIMIT 4096 /* of a config; recipes have a few */

/* Who is stopped; runtime/ finds by itself what stops vLLM and SGLang. */
#define TRANSFORMERS (1u << Q8_READER_TRANSFORMERS)
#define OTHERS (1u << Q8_READERS)

#define BIT(kind) (1u << Q8_KIND_##kind)

/* Kinds that the class name Linear stands for.  A router is one in vLLM, and in some classes. */
#define LINEAR                                                                                     \
    (BIT(LINEAR) | BIT(SUBLINEAR) | BIT(HEAD) | BIT(KEEP) | BIT(LINEAR_ROUTER) | BIT(EXPERT) |     \
     BIT(BYPASSED) | BIT(ROUTER))

/* One of config_groups. */
struct group {
    const struct cJSON *json; /* its scheme, or a bare list of targets */
    const char *format;       /* its own or the config's; NULL: the config has several */
    enum q8_layout layout;    /* what that stands for */
    struct q8_names targets;
    bool judged; /* what holds for all of its modules was said */
};

/* What the check of one model needs. */
struct ct {
    struct q8_verify *v;
    const struct cJSON *config; /* quantization_config */
    struct group *group;        /* [groups] */
    uint64_t groups;
    struct q8_names ignore;
};

static bool is(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

/* Reads config_groups; a group may be the name of a preset with a bare list of targets. */
static bool read_groups(struct ct *s, struct q8_arena *mem, struct q8_err *err)
{
    const char *format = q8_json_string(q8_json_get(s->config, "format"));
    const struct cJSON *list = q8_json_get(s->config, "config_groups");
    const struct cJSON *first = q8_json_kind(list) == '{' ? q8_json_at(list, 0) : NULL;
    uint64_t count = 0;

    for (const struct cJSON *json = first; json; json = q8_json_next(json))
        if (++count > GROUP_LIMIT)
            return q8_fail(err, Q8_ELIMIT, "%s: more than %d config_groups",
                           s->v->options.quantized->path, GROUP_LIMIT);
    s->group = q8_alloc(mem, count, sizeof *s->group, err);
    if (!s->group ||
        !q8_names_init(&s->ignore, q8_json_get(s->config, "ignore"), Q8_NAMES_COMPRESSED, mem, err))
        return false;
    for (const struct cJSON *json = first; json; json = q8_json_next(json)) {
        struct group *g = &s->group[s->groups++];
        const bool bare = q8_json_kind(json) == '[';
        const char *own = q8_json_string(q8_json_get(json, "format"));

        *g = (struct group){.json = json, .format = own ? own : format};
        g->layout = q8_layout_find(q8_layouts[Q8_LAYOUT_MIXED].method, g->format);
        if (!q8_names_init(&g->targets, bare ? json : q8_json_get(json, "targets"),
                           Q8_NAMES_COMPRESSED, mem, err))
            return false;
        g->targets.steps = s->ignore.steps;
    }
    return true;
}

/* A target that cannot be judged; NULL = none. */
static const char *unclear_target(const struct ct *s)
{
    const char *entry = NULL;

    for (uint64_t i = 0; !entry && i < s->groups; i++)
        entry = q8_names_unclear(&s->group[i].targets);
    return entry;
}

/* The entry that has the class of the module; NULL = none. */
static const char *find_class(const struct q8_names *names, enum q8_kind kind)
{
    if (LINEAR & 1u << kind && q8_names_has(names, "Linear"))
        return "Linear";
    if (kind == Q8_KIND_EMBEDDING && q8_names_has(names, "Embedding"))
        return "Embedding";
    for (uint64_t i = 0; kind == Q8_KIND_SUBLINEAR && i < names->plains; i++) {
        const size_t length = strlen(names->plain[i]), end = strlen("Linear");

        if (length > end && strcmp(names->plain[i] + length - end, "Linear") == 0)
            return names->plain[i]; /* FalconLinear */
    }
    return NULL;
}

/*
 * The group that a module gets: by its name, else by the first regex as text, else by its class; of
 * groups with the same target, the last (quantization/lifecycle/apply.py, utils/match.py).
 */
static struct group *find_group(const struct ct *s, const struct q8_module *m)
{
    struct group *ret = NULL;
    const char *best = NULL;

    for (uint64_t i = 0; i < s->groups; i++) {
        const char *entry = q8_names_find(&s->group[i].targets, m->name);
        const bool regex = entry && strncmp(entry, "re:", 3) == 0;

        if (!entry || (best && regex && (strncmp(best, "re:", 3) != 0 || strcmp(entry, best) > 0)))
            continue;
        best = entry;
        ret = &s->group[i];
    }
    for (uint64_t i = 0; !best && i < s->groups; i++)
        if (find_class(&s->group[i].targets, m->kind))
            ret = &s->group[i];
    return ret;
}

static const char *find_ignored(const struct ct *s, const struct q8_module *m)
{
    const char *entry = q8_names_find(&s->ignore, m->name);

    return entry ? entry : find_class(&s->ignore, m->kind);
}

/* What holds for all modules of a group, once. */
static bool judge_group(struct ct *s, struct group *g, const struct q8_module *m,
                        struct q8_err *err)
{
    const bool acts = q8_json_kind(q8_json_get(g->json, "input_activations")) == '{';
    const bool packed = m->stored->scheme->layout == Q8_LAYOUT_PACKED;
    const char *layout = q8_layouts[g->layout].name;
    struct q8_findings *f = &s->v->findings;
    char name[100];

    if (g->judged || q8_json_kind(g->json) != '{')
        return true;
    g->judged = true;
    q8_text_escape(q8_json_key(g->json), name, sizeof name);
    if (g->layout == Q8_LAYOUT_PLAIN && !acts)
        return q8_findings_add(
            f, Q8_FINDING_FOR(packed ? OTHERS : TRANSFORMERS, "config-format", Q8_CONFIG, true),
            err,
            "%s is %s without input_activations: transformers stops "
            "at the first forward, vLLM finds no scheme",
            name, layout);
    if (g->layout == Q8_LAYOUT_PACKED && acts)
        return q8_findings_add(
            f, Q8_FINDING_FOR(packed ? TRANSFORMERS : OTHERS, "config-format", Q8_CONFIG, true),
            err,
            "%s is %s with input_activations: SGLang looks for plain codes, "
            "vLLM multiplies such with the Humming kernel alone",
            name, layout);
    if (g->layout == Q8_LAYOUT_PLAIN && m->stored->group != m->stored->cols)
        return q8_findings_add(f, Q8_FINDING_FOR(OTHERS, "config-strategy", Q8_CONFIG, true), err,
                               "%s is %s in groups of columns: vLLM takes int8 weights "
                               "and activations only with one scale per row or tensor",
                               name, layout);
    return true;
}

/* How many scales the group asks for; 0: that cannot be told.  Sets the word for it. */
static uint64_t count_scales(const struct cJSON *weights, const struct q8_stored *w,
                             const char **ret_strategy)
{
    const char *strategy = q8_json_string(q8_json_get(weights, "strategy"));
    const struct cJSON *size = q8_json_get(weights, "group_size");
    uint64_t group, count;

    if (!strategy) /* quantization/quant_args.py, validate_model_before */
        strategy = q8_json_f64(size) > 0 ? "group" : q8_json_f64(size) == -1 ? "channel" : "tensor";
    *ret_strategy = strategy;
    if (is(strategy, "tensor"))
        return 1;
    if (is(strategy, "channel"))
        return w->rows;
    if (!is(strategy, "group") || !q8_json_u64(size, &group) || group == 0 ||
        !q8_mul(w->rows, q8_div_up(w->cols, group), &count))
        return 0;
    return count;
}

/* Whether an int8 weight is stored as its group says. */
static bool judge_scheme(struct ct *s, struct group *g, const struct q8_module *m,
                         struct q8_err *err)
{
    const struct cJSON *weights = q8_json_get(g->json, "weights");
    const uint64_t stored = q8_tensor_elements(m->stored->scales);
    const enum q8_layout layout = m->stored->scheme->layout;
    struct q8_findings *f = &s->v->findings;
    const char *strategy;
    char word[64];
    uint64_t wanted;

    if ((g->layout == Q8_LAYOUT_PLAIN || g->layout == Q8_LAYOUT_PACKED) && g->layout != layout)
        return q8_findings_add(f, Q8_FINDING_FOR(OTHERS, "config-format", m->name, true), err,
                               "config.json says %s, but its codes are %s: vLLM looks for tensors "
                               "that are not there",
                               q8_text_escape(g->format, word, sizeof word),
                               layout == Q8_LAYOUT_PACKED ? "packed" : "plain");
    if (q8_json_kind(weights) != '{')
        return true;
    wanted = count_scales(weights, m->stored, &strategy);
    if (wanted && wanted != stored)
        return q8_findings_add(f, Q8_FINDING("config-strategy", m->name, true), err,
                               "config.json says %s, so the number of its scales should be %" PRIu64
                               ", but is %" PRIu64 ": runtimes do not load it",
                               q8_text_escape(strategy, word, sizeof word), wanted, stored);
    return true;
}

static bool judge_int8(struct ct *s, const struct q8_module *m, struct q8_err *err)
{
    static const char effect[] = "leaves a float Linear: plain codes stop at the first forward "
                                 "(dtypes differ), packed ones leave it with random weights";
    const char *entry = find_ignored(s, m);
    /* transformers decodes all experts, whatever the lists say of one */
    const unsigned readers = m->kind == Q8_KIND_EXPERT ? OTHERS : 0;
    struct group *g = find_group(s, m);
    char shown[200];

    if (entry)
        return q8_findings_add(&s->v->findings,
                               Q8_FINDING_FOR(readers, "config-ignore-int8", m->name, true), err,
                               "it is int8, but ignore has '%s': transformers %s",
                               q8_text_escape(entry, shown, sizeof shown), effect);
    if (unclear_target(s)) /* it might have another group */
        return true;
    if (g)
        return judge_group(s, g, m, err) && judge_scheme(s, g, m, err);
    return q8_findings_add(
        &s->v->findings,
        Q8_FINDING_FOR(readers, "config-target", m->name, m->sure || LINEAR & 1u << m->kind), err,
        "it is int8, but no group of config.json has it as a target (%s): "
        "transformers %s",
        q8_kind_reason(m->kind), effect);
}

static bool judge_module(void *self, const struct q8_module *m, struct q8_err *err)
{
    struct ct *s = self;
    const struct group *g;

    if (m->stored)
        return judge_int8(s, m, err);
    g = find_group(s, m);
    if (!((LINEAR | BIT(EMBEDDING)) & 1u << m->kind) || !g || find_ignored(s, m) ||
        q8_names_unclear(&s->ignore) ||
        (q8_json_kind(g->json) == '{' && q8_json_kind(q8_json_get(g->json, "weights")) != '{'))
        return true;
    return q8_findings_add(
        &s->v->findings,
        Q8_FINDING("config-ignore-missing", m->name, m->sure && m->kind != Q8_KIND_ROUTER), err,
        "it is float%s, and ignore has no such name: transformers makes an int8 module of it that "
        "has no scales, and stops, or gives NaN or noise",
        m->absent ? " (tied, or under another name in the file)" : "");
}

/* Entries whose regex q8 cannot judge. */
static bool note_unclear(struct ct *s, struct q8_err *err)
{
    const char *entry = q8_names_unclear(&s->ignore);
    char shown[200];

    if (!entry)
        entry = unclear_target(s);
    return !entry ||
           q8_findings_add(&s->v->findings, Q8_FINDING("config-pattern", Q8_CONFIG, false), err,
                           "the regex '%s' cannot be judged: what would need it is not looked at",
                           q8_text_escape(entry, shown, sizeof shown));
}

/* What holds for the whole config. */
static bool judge_whole(struct ct *s, struct q8_err *err)
{
    struct q8_findings *f = &s->v->findings;

    if (!q8_json_string(q8_json_get(s->config, "quantization_status")) &&
        !q8_findings_add(f, Q8_FINDING("config-status", Q8_CONFIG, true), err,
                         "there is no quantization_status 'compressed': transformers expects float "
                         "weights and loads none, without a word"))
        return false;
    return s->groups ||
           q8_findings_add(f, Q8_FINDING("config-target", Q8_CONFIG, true), err,
                           "there are no config_groups: transformers makes no module int8");
}

bool q8_integrity_ct(struct q8_verify *v, struct q8_err *err)
{
    const struct cJSON *root = v->options.quantized->config_root;
    struct ct s = {.v = v, .config = q8_json_get(root, "quantization_config")};

    return read_groups(&s, v->findings.mem, err) && judge_whole(&s, err) &&
           (!s.groups || q8_integrity_modules(v, judge_module, &s, err)) && !err->code &&
           note_unclear(&s, err);
}
