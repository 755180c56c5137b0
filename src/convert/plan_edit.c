/* plan_edit.c - what config.json says of the source's numbers goes, all else byte for byte */
#include "src/convert/plan_parts.h"

#include "src/base/json.h"
#include "src/base/json_scan.h"
#include "src/base/memo.h"
#include "src/base/text.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LEVELS (sizeof((struct q8_scan *)0)->stack + 1)

/* The words of torch's types in a config. */
static const struct {
    enum q8_dtype dtype;
    const char *word; /* JSON */
} words[] = {
    {Q8_BF16, "\"bfloat16\""}, {Q8_F16, "\"float16\""}, {Q8_F32, "\"float32\""},
    {Q8_F64, "\"float64\""},   {Q8_F16, "\"half\""},    {Q8_F32, "\"float\""},
};

/* The work. */
struct edit {
    const struct q8_plan *plan;
    const char *text;
    struct q8_scan scan;
    bool kept[LEVELS]; /* a member of the object at each depth is */
    uint64_t done;     /* bytes of the text that are decided */
    FILE *out;
};

static const char *find_word(enum q8_dtype dtype)
{
    size_t i = 0;

    while (words[i].dtype != dtype)
        i++;
    return words[i].word;
}

/* Whether a value is a word for a float type, "torch.float16" too. */
static bool is_float_word(const char *value)
{
    static const char lead[] = "\"torch.";
    const size_t n = sizeof lead - 1;
    const char *word = strncmp(value, lead, n) == 0 ? value + n : value + (*value == '"');

    for (size_t i = 0; i < COUNT(words); i++)
        if (strncmp(word, words[i].word + 1, strlen(words[i].word + 1)) == 0)
            return *value == '"';
    return false;
}

/*
 * What becomes of a member: NULL: it stays; "": it goes; or its new value.  By the words alone: the
 * root's quantization_config is put in place of the old one, where weights become int8.
 */
static const char *judge_member(const struct edit *e, const char *value)
{
    const struct q8_plan *plan = e->plan;
    const struct q8_target *target = plan->options.target;
    const char *key = e->scan.text;

    if (strcmp(key, "quantization_config") == 0)
        return (target->scheme ? plan->model->decoded && e->scan.depth > 1 : true) ? "" : NULL;
    if (!target->scheme && (strcmp(key, "dtype") == 0 || strcmp(key, "torch_dtype") == 0))
        return is_float_word(value) ? find_word(target->dtype) : NULL;
    return NULL;
}

/* What stands before `at` and is not decided yet stays. */
static void keep_until(struct edit *e, uint64_t at)
{
    if (at > e->done) {
        (void)fwrite(e->text + e->done, 1, at - e->done, e->out);
        e->done = at;
    }
}

/* Takes a value, or enters it. */
static bool pass_value(struct q8_scan *s)
{
    const char kind = q8_scan_peek(s);

    return kind == '{' || kind == '[' ? q8_scan_open(s, kind) : q8_scan_skip(s);
}

/* The member goes, and so does a comma: the one in front of it, or of a first one that behind. */
static void cut(struct edit *e, uint64_t from)
{
    uint64_t end = e->scan.at;

    keep_until(e, from);
    if (!e->kept[e->scan.depth]) {
        const uint64_t comma = end + strspn(e->text + end, " \t\r\n");

        if (e->text[comma] == ',')
            end = comma + 1;
    }
    e->done = end;
}

/* One member whose key was taken; `from`: what stands in front of that begins here. */
static bool edit_member(struct edit *e, uint64_t from)
{
    struct q8_scan *s = &e->scan;
    const char *value;
    uint64_t start;

    if (!q8_scan_peek(s)) /* white space */
        return false;
    start = s->at;
    value = judge_member(e, e->text + start);
    if (value ? !q8_scan_skip(s) : (e->kept[s->depth] = true, !pass_value(s)))
        return false;
    if (!value)
        return true;
    if (!*value) {
        cut(e, from);
        return true;
    }
    e->kept[s->depth] = true;
    keep_until(e, start);
    fputs(value, e->out);
    e->done = s->at;
    return true;
}

static bool edit(struct edit *e)
{
    struct q8_scan *s = &e->scan;

    if (!q8_scan_open(s, '{'))
        return false;
    while (s->depth > 0) {
        const bool object = s->stack[s->depth - 1] == '{';
        const uint64_t from = s->at;

        if (s->first)
            e->kept[s->depth] = false;
        if (!(object ? q8_scan_key(s) : q8_scan_more(s))) {
            if (s->err->code)
                return false;
            continue;
        }
        if (!(object ? edit_member(e, from) : pass_value(s)))
            return false;
    }
    return q8_scan_done(s);
}

const char *q8_plan_edit(const struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const char *text = plan->model->config;
    const uint64_t length = plan->model->config_len;
    struct edit e = {.plan = plan, .text = text};
    struct q8_source source;
    struct q8_memo memo;
    struct q8_arena own;
    char *copy;
    bool ok;

    if (!q8_memo_open(&memo, mem, err))
        return NULL;
    e.out = memo.out;
    q8_arena_init(&own, UINT64_MAX); /* grows with the text, which has its own limit */
    copy = q8_strndup(&own, text, length, err);
    if (copy)
        q8_json_blank(copy, length);
    source = q8_source_memory(copy, length);
    ok = copy && q8_scan_init(&e.scan, &source, 0, &own, err) && edit(&e);
    keep_until(&e, length);
    q8_arena_clear(&own);
    return q8_memo_close(&memo, err) && ok ? memo.text : NULL;
}
