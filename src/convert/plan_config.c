/* plan_config.c - the list of float modules, quantization_config and the new config.json */
#include "src/convert/plan_parts.h"

#include "src/base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kinds that a runtime takes for a Linear: when float, they must be listed by name. */
static bool add_ignored(struct q8_plan *plan, const char *module, struct q8_arena *mem,
                        struct q8_err *err)
{
    const char **list =
        q8_grow(mem, plan->ignore, plan->ignores, &plan->ignore_room, sizeof *list, err);

    if (!list)
        return false;
    plan->ignore = list;
    list[plan->ignores++] = module;
    return true;
}

static bool is_int8(const struct q8_plan *plan, const char *module)
{
    for (uint64_t i = 0; i < plan->jobs; i++)
        if (!plan->job[i].reason && strcmp(plan->job[i].module, module) == 0)
            return true;
    return false;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every float Linear by its full name, and heads that are tied and so not in the file. */
static bool list_ignored(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const char *head;
    uint64_t kept = 0;

    for (uint64_t i = 0; i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        if (job->reason && job->module && (Q8_LISTED_KINDS & 1u << job->kind) &&
            !add_ignored(plan, job->module, mem, err))
            return false;
    }
    for (size_t i = 0; (head = q8_arch_head(&plan->arch, i)); i++)
        if (!is_int8(plan, head) && !add_ignored(plan, head, mem, err))
            return false;
    if (plan->ignores)
        qsort(plan->ignore, plan->ignores, sizeof *plan->ignore, compare_names);
    for (uint64_t i = 0; i < plan->ignores; i++)
        if (kept == 0 || strcmp(plan->ignore[kept - 1], plan->ignore[i]) != 0)
            plan->ignore[kept++] = plan->ignore[i];
    plan->ignores = kept;
    return true;
}

static void print_names(struct q8_json *j, const char *key, const char **name, uint64_t count)
{
    q8_json_begin(j, key, '[');
    for (uint64_t i = 0; i < count; i++)
        q8_json_text(j, NULL, name[i]);
    q8_json_end(j, ']');
}

static void print_ignore(const struct q8_plan *plan, struct q8_json *j)
{
    print_names(j, NULL, plan->ignore, plan->ignores);
}

static bool is_mixed(const struct q8_plan *plan)
{
    for (uint64_t i = 1; i < plan->groups; i++)
        if (strcmp(plan->group[i].target->layout, plan->group[0].target->layout) != 0)
            return true;
    return false;
}

/* compressed_tensors/compressors/format.py, _flatten_formats. */
static void print_format(const struct q8_plan *plan, struct q8_json *j)
{
    q8_json_text(j, NULL, is_mixed(plan) ? "mixed-precision" : plan->group[0].target->layout);
}

/*
 * One group for each scheme.  The first takes every Linear; the others name their modules, which
 * goes before the class (compressed_tensors/utils/match.py, match_targets; vLLM,
 * compressed_tensors/utils.py, find_matched_target).  Releases that know no format of a group
 * refuse the key, so it is there only where formats differ.
 */
static void print_groups(const struct q8_plan *plan, struct q8_json *j)
{
    q8_json_begin(j, NULL, '{');
    for (uint64_t i = 0; i < plan->groups; i++) {
        const struct q8_group *group = &plan->group[i];
        char key[32];

        (void)snprintf(key, sizeof key, "group_%" PRIu64, i);
        q8_json_begin(j, key, '{');
        if (is_mixed(plan))
            q8_json_text(j, "format", group->target->layout);
        q8_json_raw(j, "input_activations", group->target->activations);
        q8_json_text(j, "output_activations", NULL);
        if (i == 0)
            q8_json_raw(j, "targets", "[\"Linear\"]");
        else
            print_names(j, "targets", group->module, group->modules);
        q8_json_raw(j, "weights", group->target->weights);
        q8_json_end(j, '}');
    }
    q8_json_end(j, '}');
}

/* What stands between two @ in the text of a target, and who prints the value. */
static const struct {
    const char *name;
    void (*print)(const struct q8_plan *plan, struct q8_json *j);
} marks[] = {{"@ignore@", print_ignore}, {"@groups@", print_groups}, {"@format@", print_format}};

/* The value over lines, as json.dumps(indent=2) nests it below two levels; malloc's. */
static char *value_text(const struct q8_plan *plan,
                        void (*print)(const struct q8_plan *plan, struct q8_json *j))
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct q8_json j = {.out = out, .indent = 2, .depth = 2};

    if (!out)
        return NULL;
    print(plan, &j);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static bool make_quantization(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const char *text = plan->options.target->config;

    for (size_t i = 0; text && i < sizeof marks / sizeof *marks; i++) {
        const char *mark = strstr(text, marks[i].name);
        char *value = mark ? value_text(plan, marks[i].print) : NULL;

        if (mark && !value)
            return q8_fail(err, Q8_ELIMIT, "out of memory for the text of config.json");
        if (mark)
            text = q8_sprintf(mem, err, "%.*s%s%s", (int)(mark - text), text,
                              value + strspn(value, " \n"), mark + strlen(marks[i].name));
        free(value);
    }
    plan->quantization = text;
    return text != NULL;
}

/*
 * Puts the new member in front of the closing brace; every other byte of the text stays.  The
 * text was parsed before, so its last character that is no white space is that brace.
 */
static bool edit_config(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const char *text = plan->model->config;
    size_t brace = plan->model->config_len, last;

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

bool q8_plan_config(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    return list_ignored(plan, mem, err) && make_quantization(plan, mem, err) &&
           (!plan->model->config || edit_config(plan, mem, err));
}
