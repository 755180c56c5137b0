/* plan_lists.c - the lists of quantization_config: modules that stay float, modules of a group */
#include "src/convert/plan_parts.h"

#include "src/base/text.h"
#include "src/model/names.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES 4096 /* of a module's name in memory */

/* Whether an entry of the list stands for all modules below it. */
static bool has_subtrees(const struct q8_plan *plan)
{
    return plan->options.target->scheme->layout == Q8_LAYOUT_BNB;
}

/* The name that transformers gives the module of the job, in `text` or as it is. */
static const char *memory_name(const struct q8_plan *plan, const struct q8_job *job,
                               char text[NAME_BYTES])
{
    const char *name = NULL;

    if (job->kind != Q8_KIND_EXPERT) /* fused with others: no module of its own */
        name = q8_arch_memory_name(&plan->arch, job->module, text, NAME_BYTES);
    return name ? name : job->module;
}

/* The modules that transformers makes of a weight of the file by cutting it, if it does. */
static bool put_parts(struct q8_name_set *set, const struct q8_plan *plan, const char *weight,
                      struct q8_arena *mem, struct q8_err *err)
{
    char text[NAME_BYTES];
    const char *name;

    for (size_t i = 0; (name = q8_arch_part_name(&plan->arch, weight, i, text, NAME_BYTES)); i++) {
        name = q8_strndup(mem, name, strlen(name), err);
        if (!name || !q8_name_set_put(set, name, mem, err))
            return false;
    }
    return true;
}

/* The module by its name in the file and, where transformers gives it another one, by that too. */
static bool put_module(struct q8_name_set *set, const struct q8_plan *plan,
                       const struct q8_job *job, struct q8_arena *mem, struct q8_err *err)
{
    char text[NAME_BYTES];
    const char *name = memory_name(plan, job, text);

    if (!q8_name_set_put(set, job->module, mem, err))
        return false;
    if (job->kind == Q8_KIND_FUSED)
        return put_parts(set, plan, job->module, mem, err);
    if (strcmp(name, job->module) == 0)
        return true;
    name = q8_strndup(mem, name, strlen(name), err);
    return name && q8_name_set_put(set, name, mem, err);
}

/* Every float Linear, heads that are tied and so not in the file, and every int8 module. */
static bool find_sides(struct q8_plan_sides *ret, const struct q8_plan *plan, struct q8_arena *mem,
                       struct q8_err *err)
{
    const char *head;

    for (uint64_t i = 0; i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        if (job->module && (!job->reason || Q8_LISTED_KINDS & 1u << job->kind) &&
            !put_module(job->reason ? &ret->kept : &ret->int8, plan, job, mem, err))
            return false;
        if (!job->module && !put_parts(&ret->kept, plan, job->tensor->name, mem, err))
            return false;
    }
    q8_name_set_sort(&ret->int8, 1);
    for (size_t i = 0; (head = q8_arch_head(&plan->arch, i)); i++)
        if (!q8_name_set_has(&ret->int8, head) && !q8_name_set_put(&ret->kept, head, mem, err))
            return false;
    q8_name_set_sort(&ret->kept, 1);
    for (uint64_t i = 0; i < ret->kept.count; i++) {
        char name[256];

        if (q8_name_set_has(&ret->int8, ret->kept.name[i]))
            return q8_fail(err, Q8_EUNSUPPORTED,
                           "'%s' is the name of a module that becomes int8 and of one that does "
                           "not, once transformers has renamed what is in the file: "
                           "quantization_config cannot tell them apart; --skip both",
                           q8_text_escape(ret->kept.name[i], name, sizeof name));
    }
    return true;
}

/*
 * How many bytes of a float module's name stand for it: the fewest, up to a dot, that start no
 * int8 module's name, where other modules are below it too; else all.  "layers.1" starts
 * "layers.10" as well: earlier releases of transformers 5 did not look for a dot.
 */
static size_t stem_length(const struct q8_plan_sides *sides, const char *name)
{
    for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
        const size_t length = (size_t)(dot - name);
        uint64_t first = q8_name_set_first(&sides->int8, name, length);

        if (q8_name_set_starts(&sides->int8, first, name, length))
            continue;
        first = q8_name_set_first(&sides->kept, name, length + 1);
        return q8_name_set_starts(&sides->kept, first + 1, name, length + 1) ? length
                                                                             : strlen(name);
    }
    return strlen(name);
}

/* One entry for each subtree that is float as a whole. */
static bool shorten(struct q8_name_set *ret, const struct q8_plan_sides *sides,
                    struct q8_arena *mem, struct q8_err *err)
{
    size_t last = 0; /* length of the last entry, when it stands for a subtree */

    for (uint64_t i = 0; i < sides->kept.count; i++) {
        const char *name = sides->kept.name[i];
        size_t length;

        if (last && strncmp(ret->name[ret->count - 1], name, last) == 0 && name[last] == '.')
            continue;
        length = stem_length(sides, name);
        last = name[length] ? length : 0;
        if (last)
            name = q8_strndup(mem, name, length, err);
        if (!name || !q8_name_set_put(ret, name, mem, err))
            return false;
    }
    q8_name_set_sort(ret, 1);
    return true;
}

/* "model.layers.0.self_attn.qkv_proj", of modules that runtimes fuse into that. */
static bool put_fused(struct q8_name_set *ret, const struct q8_name_set *names, uint64_t least,
                      struct q8_arena *mem, struct q8_err *err)
{
    for (uint64_t i = 0; i < names->count; i++) {
        const char *name = names->name[i], *group = q8_arch_group(name);

        if (!group || q8_arch_same_experts(name, name)) /* those are one weight */
            continue;
        name = q8_sprintf(mem, err, "%.*s.%s", (int)(strrchr(name, '.') - name), name, group);
        if (!name || !q8_name_set_put(ret, name, mem, err))
            return false;
    }
    q8_name_set_sort(ret, least);
    return true;
}

/*
 * Adds the fused names that are of these modules alone.  SGLang asks for them, and not for their
 * shards, in the list of bitsandbytes, and in `ignore` where a class of it has no
 * packed_modules_mapping (Llama); among the targets of groups it finds the class of the module
 * before its shards (src/model/names.h says where).
 */
static bool add_fused(struct q8_name_set *names, const struct q8_name_set *others,
                      struct q8_arena *mem, struct q8_err *err)
{
    struct q8_name_set mine = {0}, theirs = {0};

    if (!put_fused(&mine, names, 2, mem, err) || !put_fused(&theirs, others, 1, mem, err))
        return false;
    for (uint64_t i = 0; i < mine.count; i++)
        if (!q8_name_set_has(&theirs, mine.name[i]) && !q8_name_set_has(others, mine.name[i]) &&
            !q8_name_set_put(names, mine.name[i], mem, err))
            return false;
    q8_name_set_sort(names, 1);
    return true;
}

/*
 * Types whose default list depends on more than their heads: on the number of layers, or on
 * what is tied.  tests/oracle/judge_lists.py finds them.
 */
static const char *const fickle[] = {
    "bark",      "blip",       "gemma3n_text",    "granite_speech5_ctc",
    "hrm_text",  "mobilebert", "muse_glimmer",    "nanochat",
    "neomme",    "olmo",       "pp_doclayout_v3", "step3p7",
    "ultrabert", "ultravbert", "vibevoice",       "voxtral_realtime",
    "zamba",     "zamba2",
};

static bool is_fickle(const char *model_type)
{
    for (size_t i = 0; model_type && i < sizeof fickle / sizeof *fickle; i++)
        if (strcmp(model_type, fickle[i]) == 0)
            return true;
    return false;
}

static bool is_head(const struct q8_arch *arch, const char *module)
{
    const char *head;

    for (size_t i = 0; (head = q8_arch_head(arch, i)); i++)
        if (strcmp(head, module) == 0)
            return true;
    return false;
}

/* Whether transformers would find one of the names in that of an int8 module. */
static bool is_taken(bool *ret, const struct q8_name_set *names, const struct q8_plan_sides *sides,
                     struct q8_arena *mem, struct q8_err *err)
{
    struct q8_names list;
    bool ok = q8_names_of(&list, names->name, names->count, Q8_NAMES_TRANSFORMERS, mem, err);

    *ret = false;
    for (uint64_t i = 0; ok && !*ret && i < sides->int8.count; i++)
        *ret = q8_names_find(&list, sides->int8.name[i]) != NULL;
    return ok && !err->code;
}

/*
 * Heads that other classes have on the same model (transformers 5.23, modeling_layers.py, and
 * BERT's): opened as one of those, the output gets a new head, which is float.
 */
static const char *const other_heads[] = {"classifier", "lm_head", "qa_outputs", "score"};

static bool add_other_heads(struct q8_name_set *entries, const struct q8_plan_sides *sides,
                            struct q8_arena *mem, struct q8_err *err)
{
    bool taken, ok = true;

    for (size_t i = 0; ok && i < sizeof other_heads / sizeof *other_heads; i++) {
        const char *name = other_heads[i];

        ok = is_taken(&taken, &(struct q8_name_set){&name, 1, 1}, sides, mem, err) &&
             (taken || q8_name_set_put(entries, name, mem, err));
    }
    q8_name_set_sort(entries, 1);
    return ok;
}

/*
 * Whether the list that transformers makes of its own says the same: the heads of the class, and
 * what it keeps in fp32 anyway.  Then there is none, so that another class, with another head, can
 * be opened on the output.  Source: transformers 5.23, quantizers/base.py, get_keys_to_not_convert.
 */
static bool find_default(struct q8_plan *plan, const struct q8_plan_sides *sides,
                         struct q8_arena *mem, struct q8_err *err)
{
    bool same = has_subtrees(plan) && plan->arch.known && !is_fickle(plan->arch.model_type);
    struct q8_name_set heads = {0};
    char text[NAME_BYTES];
    const char *head;
    bool taken = false;

    for (size_t i = 0; same && (head = q8_arch_head(&plan->arch, i)); i++) {
        if (!q8_name_set_put(&heads, head, mem, err))
            return false;
        same = q8_name_set_has(&sides->kept, head);
    }
    for (uint64_t i = 0; same && i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        if (job->module && job->reason && Q8_LISTED_KINDS & 1u << job->kind)
            same = job->kind == Q8_KIND_KEEP || is_head(&plan->arch, memory_name(plan, job, text));
    }
    if (same && !is_taken(&taken, &heads, sides, mem, err))
        return false;
    plan->ignore_default = same && !taken;
    return true;
}

/*
 * Float experts in one tensor: runtimes ask for the Linears of the first, which no file names (vLLM
 * 0.33, compressed_tensors_moe.py, get_moe_method; SGLang 0.5.23, get_moe_scheme), and vLLM renames
 * entries that end in .down_proj for gpt-oss, but not patterns.
 */
static bool put_experts(struct q8_name_set *entries, const struct q8_plan *plan,
                        const struct q8_plan_sides *sides, struct q8_arena *mem, struct q8_err *err)
{
    bool fused = false, int8 = false;

    for (uint64_t i = 0; i < plan->jobs; i++)
        fused = fused || (!plan->job[i].module && q8_tensor_is_fused(plan->job[i].tensor));
    for (uint64_t i = 0; i < sides->int8.count; i++)
        int8 = int8 || strstr(sides->int8.name[i], ".experts.");
    if (!fused || int8 || has_subtrees(plan))
        return true;
    return q8_name_set_put(entries, "re:.*\\.experts\\.[0-9]+\\..*", mem, err);
}

/* The modules that stay float, as their reader wants to have them. */
static bool list_kept(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_plan_sides sides = {0};
    struct q8_name_set entries = {0};
    bool ok = find_sides(&sides, plan, mem, err) && find_default(plan, &sides, mem, err);

    ok = ok && add_fused(&sides.kept, &sides.int8, mem, err);
    if (ok && has_subtrees(plan))
        ok = shorten(&entries, &sides, mem, err) && add_other_heads(&entries, &sides, mem, err);
    for (uint64_t i = 0; ok && !has_subtrees(plan) && i < sides.kept.count; i++)
        ok = q8_name_set_put(&entries, sides.kept.name[i], mem, err);
    if (!ok || !q8_plan_fence(&entries, plan->options.target->scheme->layout, &sides, mem, err) ||
        !put_experts(&entries, plan, &sides, mem, err))
        return false;
    plan->ignore = entries.name;
    plan->ignores = entries.count;
    return true;
}

/* The modules of a group that has a scheme of its own. */
static bool list_group(struct q8_plan *plan, struct q8_group *group, struct q8_arena *mem,
                       struct q8_err *err)
{
    struct q8_name_set mine = {0}, others = {0};

    for (uint64_t i = 0; i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        if (job->module && (!job->reason || Q8_LISTED_KINDS & 1u << job->kind) &&
            !put_module(job->as == group->target ? &mine : &others, plan, job, mem, err))
            return false;
    }
    q8_name_set_sort(&mine, 1);
    q8_name_set_sort(&others, 1);
    if (!add_fused(&mine, &others, mem, err))
        return false;
    group->name = mine.name;
    group->names = mine.count;
    return true;
}

bool q8_plan_lists(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    for (uint64_t i = 1; i < plan->groups; i++)
        if (!list_group(plan, &plan->group[i], mem, err))
            return false;
    return list_kept(plan, mem, err);
}
