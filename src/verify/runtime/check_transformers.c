/*
 * check_transformers.c - what transformers 5.23 does with an int8 model, beyond the lists of its
 * config, which integrity/ looks at
 */
#include "src/verify/runtime/runtime_parts.h"

#include "src/base/json.h"
#include "src/model/folder/folder.h"
#include "src/model/path.h"

#include <string.h>

/* Whether the first group of the config tells of the scheme of that int8 weight. */
static bool is_of_first_group(const struct q8_runtime_run *r, const struct q8_stored *w)
{
    const bool packed = w->scheme->layout == Q8_LAYOUT_PACKED;

    return !r->groups || (packed != r->group->acts &&
                          (strcmp(r->group->strategy, "group") == 0 ? r->group->size == w->group
                                                                    : w->group == w->cols));
}

/* Whether a group names that module, and not by a pattern or a class. */
static bool is_named(const struct q8_runtime_run *r, const char *module)
{
    for (uint64_t i = 0; i < r->groups; i++)
        if (q8_names_has(&r->group[i].targets, module))
            return true;
    return false;
}

/* Whether a group names a module as the file does, and not as transformers does. */
static bool is_misnamed(const struct q8_runtime_run *r, const char *module)
{
    char text[4096];
    const char *name = q8_arch_memory_name(&r->arch, module, text, sizeof text);

    return q8_arch_moved(&r->arch, module) && is_named(r, module) && !(name && is_named(r, name));
}

/* Whether something that is int8 is beside the language model. */
static bool have_towers(const struct q8_runtime_run *r)
{
    for (uint64_t i = 0; i < r->pieces; i++)
        if (r->piece[i].stored &&
            q8_sections_find(&r->sections, r->piece[i].module) != Q8_SECTION_MAIN)
            return true;
    return false;
}

/* What the int8 model holds that decides whether transformers loads it. */
static void read_traits(const struct q8_runtime_run *r, struct q8_arch_traits *ret)
{
    const struct q8_compare *pairs = &r->v->pairs;

    *ret = (struct q8_arch_traits){0};
    for (uint64_t i = 0; i < r->pieces; i++) {
        const struct q8_piece *p = &r->piece[i];
        const bool expert = p->kind == Q8_KIND_EXPERT && p->key != p->module;

        ret->experts = ret->experts || expert;
        if (!p->stored)
            continue;
        ret->sublinear = ret->sublinear || p->kind == Q8_KIND_SUBLINEAR;
        ret->other_experts = ret->other_experts || (expert && !is_of_first_group(r, p->stored));
        ret->moved = ret->moved || is_misnamed(r, p->module);
    }
    for (uint64_t i = 0; !ret->split_experts && i < pairs->items; i++)
        ret->split_experts = pairs->item[i].a.slice && pairs->item[i].b.stored;
}

/* The module whose storage is a refusal's reason: the first int8 one. */
static const char *first_int8(const struct q8_runtime_run *r)
{
    return r->v->pairs.stored_b.count ? r->v->pairs.stored_b.weight[0].module : Q8_WHOLE_MODEL;
}

static bool judge_refusals(struct q8_runtime_run *r, struct q8_err *err)
{
    const enum q8_layout layout = r->v->pairs.stored_b.layout;
    struct q8_arch_traits traits;
    struct q8_arch_refusal refusal;
    struct q8_arch arch;

    q8_sections_arch(&arch, &r->sections, &r->arch, have_towers(r));
    read_traits(r, &traits);
    for (size_t i = 0; q8_arch_refusal(&arch, layout, &traits, i, &refusal); i++)
        if (strncmp(refusal.runtime, "transformers", strlen("transformers")) == 0 &&
            !q8_runtime_say(r, "runtime-weight", first_int8(r), err, "it does not run it: %s",
                            refusal.reason))
            return false;
    return true;
}

/* Groups that are not what level 1 takes them for. */
static bool judge_groups(struct q8_runtime_run *r, struct q8_err *err)
{
    for (uint64_t i = 0; i < r->groups; i++) {
        const struct q8_group *g = &r->group[i];

        if (q8_json_kind(g->json) == '[') {
            if (!q8_runtime_doubt(r, "runtime-config", Q8_CONFIG, err,
                                  "a group is the short form of a preset, which q8 does not judge"))
                return false;
        } else if (q8_json_kind(q8_json_get(g->json, "weights")) != '{') {
            if (r->groups == 1 &&
                !q8_runtime_say(r, "runtime-config", Q8_CONFIG, err,
                                "the only group quantizes no weights: it expects floats, and "
                                "fills their places at random"))
                return false;
            if (r->groups > 1 && !q8_runtime_doubt(r, "runtime-config", Q8_CONFIG, err,
                                                   "a group quantizes no weights, which q8 does "
                                                   "not judge"))
                return false;
        }
    }
    return true;
}

bool q8_runtime_transformers(struct q8_runtime_run *r, struct q8_err *err)
{
    const struct cJSON *transform = q8_json_get(r->config, "transform_config");

    if (q8_json_at(q8_json_get(transform, "config_groups"), 0) &&
        !q8_runtime_say(r, "runtime-transform", Q8_CONFIG, err,
                        "transform_config: it does not look at it, and computes garbage, without a "
                        "word"))
        return false;
    if (!r->arch.known && !q8_runtime_doubt(r, "runtime-unknown", Q8_CONFIG, err,
                                            "the class is none that q8 was proved for"))
        return false;
    if (q8_json_kind(q8_json_get(r->config, "kv_cache_scheme")) == '{' &&
        !q8_runtime_doubt(r, "runtime-cache", Q8_CONFIG, err,
                          "kv_cache_scheme wants scales that q8 does not look at"))
        return false;
    return judge_groups(r, err) && q8_runtime_inputs(r, err) && judge_refusals(r, err);
}
