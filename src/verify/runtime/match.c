/*
 * match.c - which group of the config vLLM 0.33.0 and SGLang 0.5.23 give a module
 *
 * Sources: compressed_tensors/utils.py of both (should_ignore_layer, find_matched_target), and
 * vLLM's quantization/utils/config_utils.py (find_matching_patterns).
 */
#include "src/verify/runtime/runtime_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_BYTES 4096

/* An entry of the list of what stays float that has this name. */
static bool is_listed(const struct q8_runtime_run *r, const char *name)
{
    if (q8_names_find(&r->ignore, name))
        return true;
    if (r->reader == Q8_READER_SGLANG) /* the end of a path will do */
        for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.'))
            if (q8_names_has(&r->ignore, dot + 1))
                return true;
    return false;
}

/* The name of the k-th part, of a fused unit or of its first expert, as the runtime asks for it. */
static const char *part_name(const struct q8_runtime_run *r, const struct q8_unit *u, uint64_t k,
                             char text[NAME_BYTES])
{
    static const char *const parts[] = {"gate_proj", "up_proj", "down_proj"};

    if (u->kind != Q8_UNIT_EXPERTS)
        return u->piece[k].module;
    if (r->reader == Q8_READER_VLLM && !u->whole_experts)
        return u->piece[k].module; /* the first expert's come first */
    if (k >= sizeof parts / sizeof *parts)
        return NULL;
    (void)snprintf(text, NAME_BYTES, "%s.0.%s", u->name, parts[k]);
    return text;
}

/* How many parts the lists are asked about. */
static uint64_t parts_of(const struct q8_runtime_run *r, const struct q8_unit *u)
{
    uint64_t first = 0;

    if (u->kind != Q8_UNIT_EXPERTS)
        return u->pieces;
    if (u->whole_experts || r->reader == Q8_READER_SGLANG)
        return 3;
    while (first < u->pieces) { /* of expert 0: up to its number */
        const char *number = strstr(u->piece[first].module, ".experts.") + strlen(".experts.");

        if (strtoul(number, NULL, 10) != 0)
            break;
        first++;
    }
    return first ? first : 1;
}

static bool expands(const struct q8_runtime_run *r, const struct q8_unit *u)
{
    return u->kind == Q8_UNIT_LINEAR && u->pieces > 1 && u->piece->fused &&
           r->expands & u->piece->fused->bit;
}

/* Whether it is on the list of what stays float. */
static enum q8_match find_ignored(const struct q8_runtime_run *r, const struct q8_unit *u)
{
    char text[NAME_BYTES], part[NAME_BYTES];
    const char *name = q8_unit_name(u, r->reader, text, sizeof text);
    uint64_t listed = 0, parts = 1;

    if (u->kind == Q8_UNIT_EXPERTS || expands(r, u)) {
        if (u->kind == Q8_UNIT_LINEAR &&
            (r->reader == Q8_READER_VLLM ? q8_names_find(&r->ignore, name) != NULL
                                         : q8_names_has(&r->ignore, name)))
            return Q8_MATCH_IGNORED;
        parts = parts_of(r, u);
        for (uint64_t k = 0; k < parts; k++)
            listed += is_listed(r, part_name(r, u, k, part));
    } else {
        listed = is_listed(r, name);
    }
    if (listed && listed < parts)
        return Q8_MATCH_SPLIT;
    if (listed)
        return Q8_MATCH_IGNORED;
    return q8_names_unclear(&r->ignore) ? Q8_MATCH_UNCLEAR : Q8_MATCH_NONE;
}

/* Whether the class that the runtime builds has one of the group's targets in its name. */
static bool has_class(const struct q8_runtime_run *r, const struct q8_group *g,
                      enum q8_unit_kind kind)
{
    static const char *const classes[] = {
        [Q8_UNIT_HEAD] = "ParallelLMHead", [Q8_UNIT_EMBEDDING] = "VocabParallelEmbedding"};

    if (kind == Q8_UNIT_LINEAR)
        return g->linear;
    if (kind == Q8_UNIT_EXPERTS) { /* a target "Linear" is made to mean them too */
        for (uint64_t i = 0; i < g->targets.plains; i++)
            if (strcasestr(r->reader == Q8_READER_VLLM ? "RoutedExperts" : "FusedMoE",
                           g->targets.plain[i]))
                return true;
        return q8_names_has(&g->targets, "Linear");
    }
    if (r->reader == Q8_READER_SGLANG) /* heads go by their names alone */
        return false;
    for (uint64_t i = 0; i < g->targets.plains; i++)
        if (strcasestr(classes[kind], g->targets.plain[i]))
            return true;
    return false;
}

/* The entry of the group that has this name. */
static const char *find_entry(const struct q8_runtime_run *r, const struct q8_unit *u,
                              const struct q8_group *g, const char *name)
{
    const char *entry = q8_names_find(&g->targets, name);

    if (!entry && u->kind == Q8_UNIT_HEAD && r->reader == Q8_READER_SGLANG)
        for (const char *dot = strchr(name, '.'); !entry && dot; dot = strchr(dot + 1, '.'))
            if (q8_names_has(&g->targets, dot + 1))
                entry = dot + 1;
    return entry;
}

/* The first group, as the config lists them, that has this name; a later one with that entry. */
static const struct q8_group *find_name(const struct q8_runtime_run *r, const struct q8_unit *u,
                                        const char *name)
{
    const struct q8_group *ret = NULL;
    const char *entry = NULL;

    for (uint64_t i = 0; i < r->groups; i++) {
        if (!entry && (entry = find_entry(r, u, &r->group[i], name)))
            ret = &r->group[i];
        else if (entry && q8_names_has(&r->group[i].targets, entry))
            ret = &r->group[i];
    }
    return ret;
}

/* The group of the first part, when every part has one. */
static const struct q8_group *find_parts(const struct q8_runtime_run *r, const struct q8_unit *u)
{
    const struct q8_group *ret = NULL;

    if (!expands(r, u))
        return NULL;
    for (uint64_t i = 0; i < u->pieces; i++) {
        const char *module = u->piece[i].module, *leaf = strrchr(module, '.');
        const struct q8_group *g = find_name(r, u, module);

        if (!g)
            return NULL;
        if (strcmp(leaf ? leaf + 1 : module, u->piece->fused->part[0]) == 0)
            ret = g;
    }
    return ret;
}

static const struct q8_group *find_class(const struct q8_runtime_run *r, const struct q8_unit *u)
{
    const struct q8_group *ret = NULL;

    for (uint64_t i = 0; i < r->groups; i++)
        if (has_class(r, &r->group[i], u->kind) &&
            (!ret || q8_names_has(&r->group[i].targets, "Linear")))
            ret = &r->group[i];
    return ret;
}

static const struct q8_group *find_target(const struct q8_runtime_run *r, const struct q8_unit *u,
                                          const char *name)
{
    const struct q8_group *g = find_name(r, u, name);
    const bool late = r->reader == Q8_READER_SGLANG; /* the parts of a fused name come last */

    if (!g && !late)
        g = find_parts(r, u);
    if (!g)
        g = find_class(r, u);
    return g || !late ? g : find_parts(r, u);
}

/* Whether two groups say the same; they are the same dictionary or equal ones. */
static bool is_same(const struct q8_group *a, const struct q8_group *b)
{
    return a == b || (a && b && a->recipe[Q8_READER_VLLM] == b->recipe[Q8_READER_VLLM] &&
                      strcmp(a->strategy, b->strategy) == 0 && a->size == b->size);
}

/* The group that all parts of the first expert get. */
static enum q8_match match_experts(const struct q8_runtime_run *r, const struct q8_unit *u,
                                   const struct q8_group **ret_group)
{
    const uint64_t parts = parts_of(r, u);
    char text[NAME_BYTES];

    for (uint64_t k = 0; k < parts; k++) {
        const struct q8_group *g = find_target(r, u, part_name(r, u, k, text));

        if (k && !is_same(g, *ret_group))
            return Q8_MATCH_SPLIT;
        *ret_group = g;
    }
    return *ret_group ? Q8_MATCH_GROUP : Q8_MATCH_NONE;
}

enum q8_match q8_runtime_match(const struct q8_runtime_run *r, const struct q8_unit *u,
                               const struct q8_group **ret_group)
{
    const enum q8_match ignored = find_ignored(r, u);
    char text[NAME_BYTES];
    enum q8_match match;
    bool unclear = ignored == Q8_MATCH_UNCLEAR;

    *ret_group = NULL;
    if (r->expands & Q8_LOST_PATH && u->kind != Q8_UNIT_HEAD &&
        (ignored != Q8_MATCH_NONE || find_name(r, u, u->name)))
        return Q8_MATCH_UNCLEAR;
    if (ignored == Q8_MATCH_IGNORED || ignored == Q8_MATCH_SPLIT)
        return ignored;
    if (u->kind == Q8_UNIT_EXPERTS) {
        match = match_experts(r, u, ret_group);
    } else {
        *ret_group = find_target(r, u, q8_unit_name(u, r->reader, text, sizeof text));
        match = *ret_group ? Q8_MATCH_GROUP : Q8_MATCH_NONE;
    }
    for (uint64_t i = 0; i < r->groups; i++)
        unclear = unclear || q8_names_unclear(&r->group[i].targets) ||
                  (match == Q8_MATCH_NONE && r->group[i].other_class);
    return unclear ? Q8_MATCH_UNCLEAR : match;
}
