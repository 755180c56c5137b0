/* names.c - lists of module names in a quantization_config, matched as their readers match them */
#include "src/model/names.h"
#include "src/model/names_regex.h"

#include "src/base/json.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REGEX_BYTES 500  /* of a regex; glibc's compiler recurses into brackets */
#define REGEX_LIMIT 1000 /* of one list: each is tried on every module */
#define NAME_BYTES 4096  /* of a module's name; no regex matches longer ones */

static bool is_plain(enum q8_names_rule rule, const char *text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

    if (rule == Q8_NAMES_COMPRESSED)
        return strncmp(text, "re:", 3) != 0;
    return !text[strspn(text, letters)] && (!*text || text[strlen(text) - 1] != '.');
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

/* Compiles an entry; what cannot be is unclear. */
static bool add_regex(struct q8_names *n, const char *text, struct q8_arena *mem,
                      struct q8_err *err)
{
    const char *python = n->rule == Q8_NAMES_COMPRESSED ? text + strlen("re:") : text;
    char posix[8192], whole[sizeof posix + 8];
    struct q8_name_regex *list;

    n->unclear = n->unclear ? n->unclear : text;
    if (n->regexes >= REGEX_LIMIT || strlen(python) > REGEX_BYTES ||
        !q8_names_posix(python, posix, sizeof posix))
        return true;
    list = q8_grow(mem, n->regex, n->regexes, &n->regex_room, sizeof *list, err);
    if (!list)
        return false;
    n->regex = list;
    list[n->regexes] = (struct q8_name_regex){text, q8_alloc(mem, 1, sizeof(regex_t), err)};
    if (!list[n->regexes].compiled)
        return false;
    (void)snprintf(whole, sizeof whole, "^(%s)%s", posix,
                   n->rule == Q8_NAMES_TRANSFORMERS ? "$" : "");
    if (regcomp(list[n->regexes].compiled, whole, REG_EXTENDED | REG_NOSUB) != 0)
        return true;
    n->regexes++;
    if (n->unclear == text)
        n->unclear = NULL;
    return true;
}

static int compare_plain(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_regexes(const void *a, const void *b)
{
    return strcmp(((const struct q8_name_regex *)a)->text, ((const struct q8_name_regex *)b)->text);
}

bool q8_names_init(struct q8_names *ret, const struct cJSON *list, enum q8_names_rule rule,
                   struct q8_arena *mem, struct q8_err *err)
{
    *ret = (struct q8_names){.rule = rule};
    if (q8_json_kind(list) != '[')
        return true;
    for (const struct cJSON *entry = q8_json_at(list, 0); entry; entry = q8_json_next(entry)) {
        const char *text = q8_json_string(entry);

        if (text && !(is_plain(rule, text) ? add_plain(ret, text, mem, err)
                                           : add_regex(ret, text, mem, err)))
            return false;
    }
    if (ret->plains)
        qsort(ret->plain, ret->plains, sizeof *ret->plain, compare_plain);
    if (ret->regexes)
        qsort(ret->regex, ret->regexes, sizeof *ret->regex, compare_regexes);
    return true;
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

/* Whether a match from the start may end before byte i of the name. */
static bool is_boundary(const char *module, size_t i)
{
    return !module[i] || module[i] == '.' || (i > 0 && module[i - 1] == '.');
}

/* The plain entry that is the start of the name up to a boundary, or its tail. */
static const char *find_part(const struct q8_names *n, const char *module)
{
    const size_t length = strlen(module);
    const char *entry = NULL;

    for (size_t i = 0; !entry && i <= length; i++)
        entry = find_plain(n, module + i, length - i);
    for (size_t i = 0; !entry && i < length; i++)
        if (is_boundary(module, i))
            entry = find_plain(n, module, i);
    return entry;
}

static bool matches(const struct q8_names *n, const struct q8_name_regex *r, const char *module)
{
    const size_t length = strlen(module), tail = strlen(r->text);
    char part[NAME_BYTES];

    if (n->rule == Q8_NAMES_COMPRESSED)
        return regexec(r->compiled, module, 0, NULL, 0) == 0;
    if (tail <= length && strcmp(module + length - tail, r->text) == 0)
        return true;
    for (size_t i = 0; i <= length && i < sizeof part; i++) {
        if (!is_boundary(module, i))
            continue;
        memcpy(part, module, i);
        part[i] = 0;
        if (regexec(r->compiled, part, 0, NULL, 0) == 0)
            return true;
    }
    return false;
}

const char *q8_names_find(const struct q8_names *n, const char *module)
{
    const char *entry = n->rule == Q8_NAMES_COMPRESSED ? find_plain(n, module, strlen(module))
                                                       : find_part(n, module);

    for (uint64_t i = 0; !entry && i < n->regexes; i++)
        if (matches(n, &n->regex[i], module))
            entry = n->regex[i].text;
    return entry;
}

bool q8_names_has(const struct q8_names *n, const char *text)
{
    return find_plain(n, text, strlen(text)) != NULL;
}

void q8_names_close(struct q8_names *n)
{
    for (uint64_t i = 0; i < n->regexes; i++)
        regfree(n->regex[i].compiled);
    n->regexes = 0;
}
