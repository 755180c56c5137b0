/* baseline.c - what an earlier run found: written, read, and compared with this one */
#include "src/verify/baseline.h"

#include "src/base/pour.h"
#include "src/base/json.h"
#include "src/base/json_write.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define SCHEMA "q8-verify-baseline/1"
#define DIGITS 4                            /* of an SQNR in a message */
#define MAX_FILE_BYTES (UINT64_C(64) << 20) /* some 300,000 layers */

char *q8_baseline_settings(const struct q8_verify *v, char *text, size_t size)
{
    const struct q8_verify_options *o = &v->options;
    const struct q8_digest none = {{0}};
    char threshold[32] = "config", digest[Q8_DIGEST_TEXT] = "none";

    if (!isnan(o->threshold))
        (void)snprintf(threshold, sizeof threshold, "%.9g", o->threshold);
    if (!q8_digest_same(&v->activations, &none))
        (void)q8_digest_text(&v->activations, digest);
    (void)snprintf(text, size,
                   "mode=%s threshold=%s tokens=%" PRIu64 " seed=%" PRIu64 " activations=%s",
                   o->mode == Q8_MODES ? "runtime" : q8_mode_name(o->mode), threshold,
                   o->activations.tokens, o->activations.seed, digest);
    return text;
}

/* ---- writing ---- */

/* A value that was measured, or null. */
static void print_sqnr(struct q8_json *j, const char *key, bool have, double sqnr)
{
    if (have)
        q8_json_double(j, key, sqnr);
    else
        q8_json_text(j, key, NULL);
}

bool q8_baseline_print(const struct q8_verify *v, FILE *out, struct q8_err *err)
{
    struct q8_json j = {.out = out, .indent = 1};
    char text[256], digest[Q8_DIGEST_TEXT];

    q8_json_begin(&j, NULL, '{');
    q8_json_text(&j, "schema", SCHEMA);
    q8_json_text(&j, "version", Q8_VERSION);
    q8_json_text(&j, "level", q8_level_name(v->options.level));
    q8_json_text(&j, "settings", q8_baseline_settings(v, text, sizeof text));
    q8_json_begin(&j, "layers", '[');
    for (uint64_t i = 0; i < v->layers; i++) {
        const struct q8_layer *l = &v->layer[i];

        q8_json_begin(&j, NULL, '{');
        q8_json_text(&j, "module", l->module);
        q8_json_text(&j, "reference",
                     l->have_weights ? q8_digest_text(&l->reference, digest) : NULL);
        print_sqnr(&j, "weights_sqnr_db", l->have_weights, l->weights.sqnr);
        print_sqnr(&j, "matmul_sqnr_db", l->have_matmul, l->matmul.sqnr);
        q8_json_end(&j, '}');
    }
    q8_json_end(&j, ']');
    q8_json_end(&j, '}');
    fputc('\n', out);
    return !ferror(out) || q8_fail_errno(err, "cannot write the baseline");
}

/* ---- reading ---- */

/* A member that must be there. */
static const struct cJSON *get_member(const struct cJSON *object, const char *key,
                                      struct q8_err *err)
{
    const struct cJSON *member = q8_json_get(object, key);

    if (!member)
        q8_fail(err, Q8_EINPUT, "'%s' is missing", key);
    return member;
}

/* A string that must be there; the document's. */
static const char *get_string(const struct cJSON *object, const char *key, struct q8_err *err)
{
    const struct cJSON *member = get_member(object, key, err);
    const char *text = q8_json_string(member);

    if (member && !text)
        q8_fail(err, Q8_EINPUT, "'%s' is not a string", key);
    return text;
}

/* An SQNR as print_sqnr has it; null is NaN. */
static bool read_sqnr(double *ret, const struct cJSON *layer, const char *key, struct q8_err *err)
{
    const struct cJSON *member = get_member(layer, key, err);
    const char *text = q8_json_string(member);

    if (!member)
        return false;
    *ret = q8_json_f64(member);
    if (text && strcmp(text, "Infinity") == 0)
        *ret = INFINITY;
    else if (text && strcmp(text, "-Infinity") == 0)
        *ret = -INFINITY;
    else if (isnan(*ret) && q8_json_kind(member) != 'n')
        return q8_fail(err, Q8_EINPUT, "'%s' is not a number, an infinity or null", key);
    return true;
}

static bool read_reference(struct q8_baseline_layer *l, const struct cJSON *layer,
                           struct q8_err *err)
{
    const struct cJSON *member = get_member(layer, "reference", err);
    const char *text = q8_json_string(member);

    if (!member)
        return false;
    if (isnan(l->weights_sqnr) || (text && q8_digest_parse(text, &l->reference)))
        return true;
    return q8_fail(err, Q8_EINPUT, "'reference' is not a digest of 32 hex digits");
}

/* Reads one layer, which must come behind `before` (NULL: it is the first). */
static bool read_layer(struct q8_baseline_layer *l, const char *before, const struct cJSON *layer,
                       struct q8_arena *mem, struct q8_err *err)
{
    const char *module = get_string(layer, "module", err);
    char shown[2][200];

    if (!module)
        return false;
    if (before && strcmp(before, module) >= 0)
        return q8_fail(err, Q8_EINPUT, "'module' is '%s', which does not come behind '%s'",
                       q8_text_escape(module, shown[0], sizeof shown[0]),
                       q8_text_escape(before, shown[1], sizeof shown[1]));
    l->module = q8_strndup(mem, module, strlen(module), err);
    return l->module && read_sqnr(&l->weights_sqnr, layer, "weights_sqnr_db", err) &&
           read_sqnr(&l->matmul_sqnr, layer, "matmul_sqnr_db", err) &&
           read_reference(l, layer, err);
}

static bool read_layers(struct q8_baseline *b, const struct cJSON *root, struct q8_arena *mem,
                        struct q8_err *err)
{
    const struct cJSON *list = get_member(root, "layers", err), *layer;
    char place[64];
    uint64_t i = 0;

    if (!list)
        return false;
    if (q8_json_kind(list) != '[')
        return q8_fail(err, Q8_EINPUT, "'layers' is not an array");
    for (layer = q8_json_at(list, 0); layer; layer = q8_json_next(layer))
        b->layers++;
    b->layer = q8_alloc(mem, b->layers, sizeof *b->layer, err);
    if (!b->layer)
        return false;
    for (layer = q8_json_at(list, 0); layer; layer = q8_json_next(layer), i++)
        if (!read_layer(&b->layer[i], i ? b->layer[i - 1].module : NULL, layer, mem, err)) {
            (void)snprintf(place, sizeof place, "layers[%" PRIu64 "]", i);
            return q8_fail_in(err, place);
        }
    return true;
}

/* Reads the level; one that measures no layer has no baseline. */
static bool read_level(enum q8_level *ret, const struct cJSON *root, struct q8_err *err)
{
    const char *level = get_string(root, "level", err);
    char shown[200];

    for (int i = Q8_LEVEL_WEIGHTS; level && i < Q8_LEVELS; i++)
        if (strcmp(level, q8_level_name((enum q8_level)i)) == 0) {
            *ret = (enum q8_level)i;
            return true;
        }
    return level && q8_fail(err, Q8_EINPUT, "'level' is '%s', neither weights nor matmul",
                            q8_text_escape(level, shown, sizeof shown));
}

static bool read_root(struct q8_baseline *b, const struct cJSON *root, struct q8_arena *mem,
                      struct q8_err *err)
{
    const char *schema, *settings;
    char shown[200];

    if (q8_json_kind(root) != '{')
        return q8_fail(err, Q8_EINPUT, "it is not a JSON object, so not a baseline");
    schema = get_string(root, "schema", err);
    if (!schema)
        return false;
    if (strcmp(schema, SCHEMA) != 0)
        return q8_fail(err, Q8_EINPUT, "'schema' is '%s', not " SCHEMA,
                       q8_text_escape(schema, shown, sizeof shown));
    settings = get_string(root, "settings", err);
    if (!get_string(root, "version", err) || !settings || !read_level(&b->level, root, err))
        return false;
    b->settings = q8_strndup(mem, settings, strlen(settings), err);
    return b->settings && read_layers(b, root, mem, err);
}

bool q8_baseline_read(struct q8_baseline *ret, const char *path, struct q8_arena *mem,
                      struct q8_err *err)
{
    struct q8_baseline b = {.path = path};
    uint64_t length;
    char *text = q8_pour_text(path, MAX_FILE_BYTES, &length, mem, err);
    struct cJSON *root;
    bool ok;

    if (!text)
        return false;
    root = q8_json_parse(text, length, err);
    ok = root && read_root(&b, root, mem, err);
    q8_json_free(root);
    if (!ok)
        return q8_fail_in(err, path);
    *ret = b;
    return true;
}

/* ---- comparing ---- */

static bool check_settings(const struct q8_verify *v, struct q8_err *err)
{
    const struct q8_baseline *b = v->options.baseline;
    char text[256], shown[300];

    if (b->level != v->options.level)
        return q8_fail(err, Q8_EUSAGE,
                       "is of level %s, and this run of level %s: write it again with "
                       "--write-baseline",
                       q8_level_name(b->level), q8_level_name(v->options.level));
    if (b->level == Q8_LEVEL_MATMUL &&
        strcmp(b->settings, q8_baseline_settings(v, text, sizeof text)) != 0)
        return q8_fail(err, Q8_EUSAGE,
                       "was made with \"%s\", and this run with \"%s\": give the same options, "
                       "or write it again with --write-baseline",
                       q8_text_escape(b->settings, shown, sizeof shown), text);
    return true;
}

/* One level of a layer, then and now. */
struct sides {
    enum q8_level level;
    const char *module;
    double then, now; /* dB */
    bool have_now;    /* else NaN */
    const char *why;  /* it was not measured now; or NULL */
};

static bool compare_sides(struct q8_verify *v, const struct sides *s, struct q8_err *err)
{
    const char *path = v->options.baseline->path;
    const double most = v->options.max_drop, drop = s->then - s->now;
    struct q8_finding f = {.level = s->level, .kind = "drop", .name = s->module, .fails = true};
    char now[32], then[32], lost[2][32];

    if (isnan(s->then) && s->have_now) {
        f.kind = "baseline-new";
        f.fails = false;
        return q8_findings_add(&v->findings, &f, err,
                               "not in the baseline: --write-baseline takes it up (%s)", path);
    }
    if (isnan(s->then) || (s->have_now && (s->now == s->then || drop <= most)))
        return true;
    (void)q8_text_number(s->now, DIGITS, now);
    (void)q8_text_number(s->then, DIGITS, then);
    if (!s->have_now) {
        f.kind = "baseline-missing";
        return q8_findings_add(&v->findings, &f, err,
                               "SQNR %s dB in the baseline, but not measured now%s%s (%s)", then,
                               s->why ? ": " : "", s->why ? s->why : "", path);
    }
    if (!isfinite(drop))
        return q8_findings_add(&v->findings, &f, err, "SQNR %s dB, but %s dB in the baseline (%s)",
                               now, then, path);
    q8_text_numbers(drop, most, lost);
    return q8_findings_add(
        &v->findings, &f, err,
        "SQNR %s dB, but %s dB in the baseline: %s dB less, and at most %s dB are "
        "allowed (--max-drop, %s)",
        now, then, lost[0], lost[1], path);
}

/* Compares a layer that is in both. */
static bool compare_layer(struct q8_verify *v, const struct q8_layer *now,
                          const struct q8_baseline_layer *then, struct q8_err *err)
{
    const struct sides weights = {.level = Q8_LEVEL_WEIGHTS,
                                  .module = now->module,
                                  .then = then->weights_sqnr,
                                  .now = now->weights.sqnr,
                                  .have_now = now->have_weights};
    const struct sides matmul = {.level = Q8_LEVEL_MATMUL,
                                 .module = now->module,
                                 .then = then->matmul_sqnr,
                                 .now = now->matmul.sqnr,
                                 .have_now = now->have_matmul,
                                 .why = now->unmeasured};
    char shown[300];

    if (now->have_weights && !isnan(then->weights_sqnr) &&
        !q8_digest_same(&now->reference, &then->reference))
        return q8_fail(err, Q8_EUSAGE,
                       "was made from another reference model: '%s' is not the same in it",
                       q8_text_escape(now->module, shown, sizeof shown));
    return compare_sides(v, &weights, err) && compare_sides(v, &matmul, err);
}

/* A layer that only this run has. */
static bool add_new(struct q8_verify *v, const struct q8_layer *now, struct q8_err *err)
{
    const struct sides s = {
        .level = Q8_LEVEL_WEIGHTS, .module = now->module, .then = NAN, .have_now = true};

    return compare_sides(v, &s, err);
}

/* A layer that only the baseline has. */
static bool add_missing(struct q8_verify *v, const struct q8_baseline_layer *then,
                        struct q8_err *err)
{
    const struct q8_finding f = {
        .level = Q8_LEVEL_WEIGHTS, .kind = "baseline-missing", .name = then->module, .fails = true};

    return v->options.layers ||
           q8_findings_add(&v->findings, &f, err,
                           "in the baseline, but it is not an int8 weight of this model (%s)",
                           v->options.baseline->path);
}

static bool compare_layers(struct q8_verify *v, struct q8_err *err)
{
    const struct q8_baseline *b = v->options.baseline;
    uint64_t i = 0, k = 0, common = 0;

    while (i < v->layers || k < b->layers) {
        const int order = i == v->layers   ? 1
                          : k == b->layers ? -1
                                           : strcmp(v->layer[i].module, b->layer[k].module);

        if (!(order < 0   ? add_new(v, &v->layer[i], err)
              : order > 0 ? add_missing(v, &b->layer[k], err)
                          : compare_layer(v, &v->layer[i], &b->layer[k], err)))
            return false;
        i += order <= 0;
        k += order >= 0;
        common += order == 0;
    }
    return common || (!v->layers && !b->layers) ||
           q8_fail(err, Q8_EUSAGE,
                   "was made from another reference model: none of the %" PRIu64
                   " modules in it is an int8 weight here",
                   b->layers);
}

bool q8_baseline_compare(struct q8_verify *v, struct q8_err *err)
{
    return (check_settings(v, err) && compare_layers(v, err)) ||
           q8_fail_in(err, v->options.baseline->path);
}
