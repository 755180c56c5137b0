/* json.c - a strict reader of small JSON documents, over cJSON */
#include "src/base/json.h"

#include "src/base/json_scan.h"
#include "src/base/text.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void q8_json_blank(char *text, uint64_t len)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    bool in_string = false;

    for (uint64_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        for (size_t w = 0; !in_string && w < sizeof words / sizeof *words; w++) {
            size_t n = strlen(words[w]);

            if (n <= len - i && memcmp(text + i, words[w], n) == 0) {
                memset(text + i, ' ', n);
                memcpy(text + i, "[]", 2);
            }
        }
    }
}

/* Says "line 3, column 14" (both from 1, columns in bytes) in place of the byte. */
static bool fail_at(struct q8_err *err, const char *text, uint64_t at)
{
    const char *byte = strstr(err->text, "JSON at byte "), *what = byte ? strstr(byte, ": ") : NULL;
    uint64_t line = 1, column = 1;
    char place[64];

    if (byte == err->text && what) {
        memmove(err->text + strlen("no JSON"), what, strlen(what) + 1);
        memcpy(err->text, "no JSON", strlen("no JSON"));
    }
    for (uint64_t i = 0; i < at; i++) {
        column++;
        if (text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    (void)snprintf(place, sizeof place, "line %" PRIu64 ", column %" PRIu64, line, column);
    return q8_fail_in(err, place);
}

/* Whether `text` is one JSON value and nothing else, by the strict reader. */
static bool is_strict(char *text, uint64_t len, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_source source = q8_source_memory(text, len);
    struct q8_scan s;

    if (!q8_scan_init(&s, &source, 0, mem, err))
        return false;
    if (!q8_scan_skip(&s) || !q8_scan_done(&s))
        return fail_at(err, text, s.at);
    return s.values <= Q8_JSON_VALUES ||
           q8_fail(err, Q8_ELIMIT, "%" PRIu64 " values in one document (at most %d)", s.values,
                   Q8_JSON_VALUES);
}

/* Whether no number is longer than cJSON takes them; of a text that is_strict took. */
static bool has_short_numbers(const char *text, uint64_t len, struct q8_err *err)
{
    bool in_string = false;
    uint64_t n = 0;

    for (uint64_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        n = !in_string && strchr("+-.0123456789Ee", text[i]) ? n + 1 : 0;
        if (n > Q8_JSON_DIGITS) {
            q8_fail(err, Q8_EINPUT, "a number of more than %d characters", Q8_JSON_DIGITS);
            return fail_at(err, text, i - n + 1);
        }
    }
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Refuses an object that has a key twice. */
static bool has_unique_keys(const struct cJSON *object, struct q8_arena *mem, struct q8_err *err)
{
    uint64_t count = 0, i = 0;
    const struct cJSON *child;
    const char **keys;
    char shown[200];

    for (child = object->child; child; child = child->next)
        count++;
    keys = q8_alloc(mem, count, sizeof *keys, err);
    if (!keys)
        return false;
    for (child = object->child; child; child = child->next)
        keys[i++] = child->string;
    qsort(keys, count, sizeof *keys, compare_keys);
    for (i = 1; i < count; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            return q8_fail(err, Q8_EINPUT, "the key '%s' appears twice in one object",
                           q8_text_escape(keys[i], shown, sizeof shown));
    return true;
}

/* What only the finished tree shows: duplicate keys, numbers too large for a double. */
static bool check_value(const struct cJSON *value, struct q8_arena *mem, struct q8_err *err)
{
    const struct cJSON *child;
    char shown[200];

    if (cJSON_IsNumber(value) && !isfinite(value->valuedouble))
        return q8_fail(err, Q8_EINPUT, "a number is too large for a double%s%s",
                       value->string ? ", at the key " : "",
                       value->string ? q8_text_escape(value->string, shown, sizeof shown) : "");
    if (cJSON_IsObject(value) && !has_unique_keys(value, mem, err))
        return false;
    for (child = value->child; child; child = child->next)
        if (!check_value(child, mem, err)) /* at most 64 deep: the strict reader saw to it */
            return false;
    return true;
}

static struct cJSON *parse(const char *text, uint64_t len, struct q8_arena *mem, struct q8_err *err)
{
    char *copy = q8_strndup(mem, text, len, err);
    struct cJSON *root;

    if (!copy)
        return NULL;
    q8_json_blank(copy, len);
    if (!is_strict(copy, len, mem, err) || !has_short_numbers(copy, len, err))
        return NULL;
    root = cJSON_ParseWithLengthOpts(copy, len + 1, NULL, true);
    if (!root) { /* what it could complain of was looked for */
        q8_fail(err, Q8_ELIMIT, "out of memory for a document of %" PRIu64 " bytes", len);
        return NULL;
    }
    if (check_value(root, mem, err))
        return root;
    cJSON_Delete(root);
    return NULL;
}

struct cJSON *q8_json_parse(const char *text, uint64_t len, struct q8_err *err)
{
    struct cJSON *root;
    struct q8_arena mem;

    q8_arena_init(&mem, UINT64_MAX); /* grows with the text, which has its own limit */
    root = parse(text, len, &mem, err);
    q8_arena_clear(&mem);
    return root;
}

/* The same in a text without words that are not JSON. */
static bool find(const char *text, uint64_t len, const char *key, uint64_t ret[2],
                 struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_source source = q8_source_memory(text, len);
    struct q8_scan s;

    if (!q8_scan_init(&s, &source, 0, mem, err) || q8_scan_peek(&s) != '{' ||
        !q8_scan_open(&s, '{'))
        return false;
    while (q8_scan_key(&s)) {
        const bool found = strcmp(s.text, key) == 0;

        if (!q8_scan_peek(&s))
            return false;
        ret[0] = s.at;
        if (!q8_scan_skip(&s))
            return false;
        ret[1] = s.at;
        if (found)
            return true;
    }
    return false;
}

bool q8_json_find(const char *text, uint64_t len, const char *key, uint64_t *ret_start,
                  uint64_t *ret_end, struct q8_err *err)
{
    struct q8_arena mem;
    uint64_t place[2];
    bool found;
    char *copy;

    q8_arena_init(&mem, UINT64_MAX); /* grows with the text, which has its own limit */
    copy = q8_strndup(&mem, text, len, err);
    if (copy)
        q8_json_blank(copy, len);
    found = copy && find(copy, len, key, place, &mem, err);
    q8_arena_clear(&mem);
    if (found) {
        *ret_start = place[0];
        *ret_end = place[1];
    }
    return found;
}

void q8_json_free(struct cJSON *root)
{
    cJSON_Delete(root);
}

const struct cJSON *q8_json_get(const struct cJSON *object, const char *key)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

const struct cJSON *q8_json_at(const struct cJSON *list, size_t i)
{
    const struct cJSON *child = list ? list->child : NULL;

    while (child && i--)
        child = child->next;
    return child;
}

const struct cJSON *q8_json_next(const struct cJSON *value)
{
    return value ? value->next : NULL;
}

const char *q8_json_key(const struct cJSON *value)
{
    return value ? value->string : NULL;
}

char q8_json_kind(const struct cJSON *value)
{
    static const struct {
        int type;
        char kind;
    } kinds[] = {{cJSON_Object, '{'}, {cJSON_Array, '['}, {cJSON_String, '"'},
                 {cJSON_Number, '0'}, {cJSON_True, 't'},  {cJSON_False, 'f'}};

    for (size_t i = 0; value && i < sizeof kinds / sizeof *kinds; i++)
        if (value->type & kinds[i].type)
            return kinds[i].kind;
    return 'n';
}

const char *q8_json_string(const struct cJSON *value)
{
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

int q8_json_bool(const struct cJSON *value)
{
    return cJSON_IsTrue(value) ? 1 : cJSON_IsFalse(value) ? 0 : -1;
}

bool q8_json_u64(const struct cJSON *value, uint64_t *ret)
{
    double number = cJSON_IsNumber(value) ? value->valuedouble : -1;

    if (!(number >= 0 && number < 0x1p53) || number != (double)(uint64_t)number)
        return false;
    *ret = (uint64_t)number;
    return true;
}

double q8_json_f64(const struct cJSON *value)
{
    return cJSON_IsNumber(value) ? value->valuedouble : NAN;
}
