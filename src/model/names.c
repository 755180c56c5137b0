/* names.c - lists of module names in a quantization_config, matched as their readers match them */
#include "src/model/names.h"

#include "src/base/json.h"
#include "src/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REGEX_LIMIT 1000 /* of one list: each is tried on every module */
#define DOT_LIMIT 1000   /* entries whose dots are taken for any character: each is tried, too */

static bool is_plain(enum q8_names_rule rule, const char *text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

    if (rule == Q8_NAMES_TRANSFORMERS)
        return !text[strspn(text, letters)];
    return rule == Q8_NAMES_SGLANG_BNB || strncmp(text, "re:", 3) != 0;
}

static bool add_plain(struct q8_names *n, const char *text, struct q8_arena *mem,
                      struct q8_err *err)
{
    const char **list = q8_grow(mem, n->plain, n->plains, &n->plain_room, sizeof *list, err);

    if (!list)
        return false;
    n->plain = list;
    list[n->plains++] = text;
    return true;
}

/* The entry as its reader asks Python for it; NULL: no memory. */
static const char *python_of(enum q8_names_rule rule, const char *text, struct q8_arena *mem,
                             struct q8_err *err)
{
    if (rule != Q8_NAMES_TRANSFORMERS)
        return text + strlen("re:");
    return q8_sprintf(mem, err, "(?:%s)(?:(?<=\\.)|(?=\\.|$))", text); /* up to a boundary */
}

static void note_unclear(const struct q8_names *n, const char *text)
{
    if (!n->state->unclear)
        n->state->unclear = text;
}

/* Takes a regex; what cannot be compiled is unclear. */
static bool add_regex(struct q8_names *n, const char *text, struct q8_arena *mem,
                      struct q8_err *err)
{
    struct q8_err reason = {0};
    struct q8_name_regex *list;
    const struct q8_regex *compiled;
    const char *python;

    if (n->regexes >= REGEX_LIMIT) {
        note_unclear(n, text);
        return true;
    }
    list = q8_grow(mem, n->regex, n->regexes, &n->regex_room, sizeof *list, err);
    python = list ? python_of(n->rule, text, mem, err) : NULL;
    if (!python)
        return false;
    n->regex = list;
    compiled = q8_regex_open(python, Q8_REGEX_ANYWHERE, mem, &reason);
    if (compiled)
        list[n->regexes++] = (struct q8_name_regex){text, compiled};
    else if (reason.code == Q8_ELIMIT)
        return q8_fail(err, Q8_ELIMIT, "%s", reason.text);
    else
        note_unclear(n, text);
    return true;
}

static bool add(struct q8_names *n, const char *text, struct q8_arena *mem, struct q8_err *err)
{
    return is_plain(n->rule, text) ? add_plain(n, text, mem, err) : add_regex(n, text, mem, err);
}

static int compare_plain(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The byte that is i before the end, 0 = the last; -1 in front of the first. */
static int byte_at(const char *text, size_t length, size_t i)
{
    return i < length ? (unsigned char)text[length - 1 - i] : -1;
}

static int compare_tails(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    const size_t n = strlen(x), m = strlen(y);
    size_t i = 0;

    while (i < n && i < m && byte_at(x, n, i) == byte_at(y, m, i))
        i++;
    return byte_at(x, n, i) - byte_at(y, m, i);
}

static int compare_regexes(const void *a, const void *b)
{
    return strcmp(((const struct q8_name_regex *)a)->text, ((const struct q8_name_regex *)b)->text);
}

/* Sorts what was taken. */
static bool sort(struct q8_names *n, struct q8_arena *mem, struct q8_err *err)
{
    if (n->regexes)
        qsort(n->regex, n->regexes, sizeof *n->regex, compare_regexes);
    if (!n->plains)
        return true;
    qsort(n->plain, n->plains, sizeof *n->plain, compare_plain);
    if (n->rule != Q8_NAMES_TRANSFORMERS)
        return true;
    n->tail = q8_alloc(mem, n->plains, sizeof *n->tail, err);
    if (!n->tail)
        return false;
    memcpy(n->tail, n->plain, n->plains * sizeof *n->tail);
    qsort(n->tail, n->plains, sizeof *n->tail, compare_tails);
    return true;
}

static bool begin(struct q8_names *ret, enum q8_names_rule rule, struct q8_arena *mem,
                  struct q8_err *err)
{
    *ret = (struct q8_names){.rule = rule};
    ret->state = q8_alloc(mem, 1, sizeof *ret->state, err);
    if (!ret->state)
        return false;
    ret->state->err = err;
    ret->steps = &ret->state->steps;
    return true;
}

bool q8_names_init(struct q8_names *ret, const struct cJSON *list, enum q8_names_rule rule,
                   struct q8_arena *mem, struct q8_err *err)
{
    if (!begin(ret, rule, mem, err))
        return false;
    if (q8_json_kind(list) != '[')
        return true;
    for (const struct cJSON *entry = q8_json_at(list, 0); entry; entry = q8_json_next(entry)) {
        const char *text = q8_json_string(entry);

        if (text && !add(ret, text, mem, err))
            return false;
    }
    return sort(ret, mem, err);
}

bool q8_names_of(struct q8_names *ret, const char *const *entry, uint64_t count,
                 enum q8_names_rule rule, struct q8_arena *mem, struct q8_err *err)
{
    if (!begin(ret, rule, mem, err))
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (!add(ret, entry[i], mem, err))
            return false;
    return sort(ret, mem, err);
}

/* The plain entry of these bytes; NULL = none. */
static const char *find_plain(const struct q8_names *n, const char *text, size_t length)
{
    uint64_t low = 0, high = n->plains;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        const char *entry = n->plain[middle];
        int order = strncmp(entry, text, length);

        if (order == 0)
            order = entry[length] != 0;
        if (order == 0)
            return entry;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The first of tail[low .. high) whose byte `i` from the end is `byte` or more. */
static uint64_t find_byte(const struct q8_names *n, uint64_t low, uint64_t high, size_t i, int byte)
{
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        const char *entry = n->tail[middle];

        if (byte_at(entry, strlen(entry), i) < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The shortest plain entry that the text ends with; NULL = none. */
static const char *find_tail(const struct q8_names *n, const char *text, size_t length)
{
    uint64_t low = 0, high = n->plains;

    for (size_t i = 0; low < high; i++) {
        const int byte = byte_at(text, length, i);

        if (strlen(n->tail[low]) == i)
            return n->tail[low];
        if (byte < 0)
            break;
        low = find_byte(n, low, high, i, byte);
        high = find_byte(n, low, high, i, byte + 1);
    }
    return NULL;
}

/* Whether transformers lets a match from the start end before byte i of the name. */
static bool is_boundary(const char *module, size_t i)
{
    return !module[i] || module[i] == '.' || (i > 0 && module[i - 1] == '.');
}

/* Whether the entry matches the start of the name where its dots are any character. */
static bool fits_start(const char *entry, const char *module)
{
    size_t i = 0;

    while (entry[i] && module[i] && (entry[i] == module[i] || entry[i] == '.'))
        i++;
    return !entry[i] && is_boundary(module, i);
}

/* The plain entry that is the start of the name up to a boundary, or its tail. */
static const char *find_start_or_tail(const struct q8_names *n, const char *module)
{
    const size_t length = strlen(module);
    const char *entry = find_tail(n, module, length);

    for (size_t i = 0; !entry && i < length; i++)
        if (is_boundary(module, i))
            entry = find_plain(n, module, i);
    for (uint64_t i = 0; !entry && n->plains <= DOT_LIMIT && i < n->plains; i++)
        if (fits_start(n->plain[i], module))
            entry = n->plain[i];
    return entry;
}

/* The plain entry that is the name, or what follows one of its dots. */
static const char *find_after_dot(const struct q8_names *n, const char *module)
{
    const char *entry = find_plain(n, module, strlen(module));

    for (const char *p = strchr(module, '.'); !entry && p; p = strchr(p + 1, '.'))
        entry = find_plain(n, p + 1, strlen(p + 1));
    return entry;
}

/* The plain entry that is the name, its start up to a dot, or what is between two. */
static const char *find_component(const struct q8_names *n, const char *module)
{
    const char *entry = NULL, *start = module;

    while (!entry) {
        const char *end = start + strcspn(start, ".");

        entry = find_plain(n, module, (size_t)(end - module));
        if (!entry)
            entry = find_plain(n, start, (size_t)(end - start));
        if (!*end)
            break;
        start = end + 1;
    }
    return entry;
}

bool q8_names_matches(const struct q8_names *n, struct q8_name_regex *regex, const char *text)
{
    enum q8_regex_answer answer;

    if (n->rule == Q8_NAMES_TRANSFORMERS && q8_text_ends(text, regex->text))
        return true;
    if (!regex->compiled)
        return false;
    answer = q8_regex_match(regex->compiled, text, n->steps);
    if (answer == Q8_REGEX_MEMORY)
        q8_fail(n->state->err, Q8_ELIMIT, "a regular expression of config.json %s",
                q8_regex_reason(answer));
    if (answer > Q8_REGEX_YES) {
        note_unclear(n, regex->text);
        regex->compiled = NULL;
    }
    return answer == Q8_REGEX_YES;
}

const char *q8_names_unclear(const struct q8_names *n)
{
    return n->state ? n->state->unclear : NULL;
}

const char *q8_names_find(const struct q8_names *n, const char *module)
{
    const char *entry;

    switch (n->rule) {
    case Q8_NAMES_TRANSFORMERS: entry = find_start_or_tail(n, module); break;
    case Q8_NAMES_SGLANG: entry = find_after_dot(n, module); break;
    case Q8_NAMES_SGLANG_BNB: entry = find_component(n, module); break;
    default: entry = find_plain(n, module, strlen(module)); break;
    }
    for (uint64_t i = 0; !entry && i < n->regexes; i++)
        if (q8_names_matches(n, &n->regex[i], module))
            entry = n->regex[i].text;
    return entry;
}

bool q8_names_has(const struct q8_names *n, const char *text)
{
    return find_plain(n, text, strlen(text)) != NULL;
}
