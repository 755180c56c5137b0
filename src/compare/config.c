/* config.c - the changes between two config.json, path by path */
#include "src/compare/config.h"

#include "src/base/json.h"
#include "src/base/json_write.h"
#include "src/base/memo.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH 64                          /* of a config.json: q8_json_parse takes no more */
#define PATH_MEMORY (UINT64_C(256) << 20) /* of all paths; real configs need 100 KB */

/* A value, and where it stands. */
struct node {
    const char *path;
    const struct cJSON *value;
};

/* All values of a document, sorted. */
struct nodes {
    struct node *node;
    uint64_t count, room;
    struct q8_arena *mem;
};

/* An object or array whose members are being listed. */
struct level {
    const char *path; /* NULL: the root */
    const struct cJSON *next;
    uint64_t index;
};

/*
 * A key in a path: as it is when it is plain, else in quotes, so that no two places have one path.
 */
static const char *quote_key(const char *key, struct q8_arena *mem, struct q8_err *err)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    char *text, *end;

    if (*key && !key[strspn(key, letters)])
        return key;
    text = end = q8_alloc(mem, strlen(key) + 2, 2, err); /* each byte doubled, quotes and NUL */
    if (!text)
        return NULL;
    *end++ = '"';
    for (; *key; key++) {
        if (*key == '"' || *key == '\\')
            *end++ = '\\';
        *end++ = *key;
    }
    *end = '"';
    return text;
}

static const char *make_path(const struct level *l, const struct cJSON *value, struct q8_arena *mem,
                             struct q8_err *err)
{
    const char *key = q8_json_key(value);

    if (!key)
        return q8_sprintf(mem, err, "%s[%llu]", l->path, (unsigned long long)l->index);
    key = quote_key(key, mem, err);
    if (!key || !l->path)
        return key;
    return q8_sprintf(mem, err, "%s.%s", l->path, key);
}

static bool is_container(const struct cJSON *value)
{
    const char kind = q8_json_kind(value);

    return kind == '{' || kind == '[';
}

/*
 * '.' and '[' come before all other bytes, so that what is inside a value follows it at once.  Each
 * changes places with the byte that it displaces.
 */
static int rank(char c)
{
    switch (c) {
    case '.': return 1;
    case '[': return 2;
    case 1: return '.';
    case 2: return '[';
    default: return (unsigned char)c;
    }
}

static int compare_paths(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return rank(*a) - rank(*b);
}

static int compare_nodes(const void *a, const void *b)
{
    return compare_paths(((const struct node *)a)->path, ((const struct node *)b)->path);
}

/* Lists every value below the root, by path. */
static bool list_nodes(struct nodes *n, const struct cJSON *root, struct q8_err *err)
{
    struct level stack[DEPTH] = {{.next = q8_json_at(root, 0)}};
    unsigned depth = 1;

    while (depth > 0) {
        struct level *l = &stack[depth - 1];
        const struct cJSON *value = l->next;
        struct node *list;

        if (!value) {
            depth--;
            continue;
        }
        list = q8_grow(n->mem, n->node, n->count, &n->room, sizeof *list, err);
        if (!list)
            return false;
        n->node = list;
        list[n->count] = (struct node){make_path(l, value, n->mem, err), value};
        if (!list[n->count].path)
            return false;
        l->next = q8_json_next(value);
        l->index++;
        if (is_container(value)) {
            if (depth == DEPTH)
                return q8_fail(err, Q8_ELIMIT, "config.json is deeper than %d levels", DEPTH);
            stack[depth++] =
                (struct level){.path = list[n->count].path, .next = q8_json_at(value, 0)};
        }
        n->count++;
    }
    if (n->count)
        qsort(n->node, n->count, sizeof *n->node, compare_nodes);
    return true;
}

/* JSON text of a value; NULL with an error. */
static const char *value_text(const struct cJSON *value, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_memo memo;

    if (!q8_memo_open(&memo, mem, err))
        return NULL;
    q8_json_value(&(struct q8_json){.out = memo.out}, NULL, value);
    return q8_memo_close(&memo, err) ? memo.text : NULL;
}

/* Adds a change; either node may be NULL. */
static bool add_change(struct q8_compare *r, const struct node *a, const struct node *b,
                       uint64_t *room, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_config_change c = {0}, *list;
    const char *path = a ? a->path : b->path;

    list = q8_grow(mem, r->change, r->changes, room, sizeof *list, err);
    if (!list)
        return false;
    r->change = list;
    c.path = q8_strndup(mem, path, strlen(path), err);
    c.a = a ? value_text(a->value, mem, err) : NULL;
    c.b = b ? value_text(b->value, mem, err) : NULL;
    if (err->code)
        return false;
    list[r->changes++] = c;
    return true;
}

/* The node behind everything that is inside node i. */
static uint64_t skip(const struct nodes *n, uint64_t i)
{
    const char *path = n->node[i].path;
    const size_t length = strlen(path);

    for (i++; i < n->count; i++) {
        const char *other = n->node[i].path;

        if (strncmp(other, path, length) != 0 || (other[length] != '.' && other[length] != '['))
            break;
    }
    return i;
}

/* Whether two values are the same as far as they themselves go: 10000 and 1e4 are. */
static bool same_value(const struct cJSON *a, const struct cJSON *b)
{
    const char kind = q8_json_kind(a);

    if (kind != q8_json_kind(b))
        return false;
    if (kind == '"')
        return strcmp(q8_json_string(a), q8_json_string(b)) == 0;
    return kind != '0' || !(q8_json_f64(a) < q8_json_f64(b) || q8_json_f64(a) > q8_json_f64(b));
}

/* Steps through both lists.  What is on one side only, or of another kind, is one change. */
static bool merge(struct q8_compare *r, const struct nodes n[2], struct q8_arena *mem,
                  struct q8_err *err)
{
    uint64_t i = 0, j = 0, room = 0;

    while (i < n[0].count || j < n[1].count) {
        const struct node *a = i < n[0].count ? &n[0].node[i] : NULL;
        const struct node *b = j < n[1].count ? &n[1].node[j] : NULL;
        const int order = !a ? 1 : !b ? -1 : compare_paths(a->path, b->path);

        if (order == 0 && same_value(a->value, b->value)) {
            i++;
            j++;
            continue;
        }
        if (!add_change(r, order <= 0 ? a : NULL, order >= 0 ? b : NULL, &room, mem, err))
            return false;
        if (order <= 0)
            i = skip(&n[0], i);
        if (order >= 0)
            j = skip(&n[1], j);
    }
    return true;
}

bool q8_compare_config(struct q8_compare *r, struct q8_arena *mem, struct q8_err *err)
{
    const struct cJSON *a = r->options.a->config_root, *b = r->options.b->config_root;
    struct q8_arena paths;
    struct nodes n[2] = {{.mem = &paths}, {.mem = &paths}};
    bool ok;

    r->have_configs = a && b;
    if (!r->have_configs)
        return true;
    q8_arena_init(&paths, PATH_MEMORY);
    ok = list_nodes(&n[0], a, err) && list_nodes(&n[1], b, err) && merge(r, n, mem, err);
    q8_arena_clear(&paths);
    return ok;
}
