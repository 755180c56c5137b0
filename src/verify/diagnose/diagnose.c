/* diagnose.c - what happened to an int8 weight: one explanation after another is tried */
#include "src/verify/diagnose/diagnose.h"

#include "src/compare/values.h"
#include "src/verify/diagnose/diagnose_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SAMPLES 4 /* rows that tell whether a weight may be another one's */

/* A layer on its way. */
struct work {
    struct q8_verify *v;
    struct q8_layer *layer;
    struct q8_pool *pool;
    struct q8_survey survey;
    struct q8_code_cause cause;
};

static uint64_t least_off(const struct q8_survey *s)
{
    return s->code[q8_codes_nearest(s)].off;
}

/* Whether most rows that are not all 0 have a code that is off, as those of another weight have. */
static bool is_everywhere(const struct q8_survey *s)
{
    uint64_t live = 0;

    for (uint64_t r = 0; r < s->stored->rows; r++)
        live += s->row_want[Q8_BASIS_RULE][r] != 0;
    return s->code[q8_codes_nearest(s)].rows * 2 > live;
}

/*
 * Whether the codes would be nearly all right if `view` were the reference; *ret_scales: and the
 * scales too.
 */
static bool try_reference(struct work *w, const struct q8_view *view, bool *ret, bool *ret_scales,
                          struct q8_err *err)
{
    struct q8_survey s = {.pool = w->pool};
    const bool ok = q8_survey_open(&s, w->v, w->layer->item->b.stored, view, false, err) &&
                    q8_survey_run(&s, err);

    *ret = ok && least_off(&s) <= s.stored->rows * s.stored->cols / 100 &&
           least_off(&s) <= least_off(&w->survey) / 4; /* nearly all of a weight may be 0 */
    *ret_scales = s.scale.off <= s.scale.all / 100;
    q8_survey_close(&s);
    return ok;
}

/* Whether some rows of the stored codes are those of a layer's reference, by either rule. */
static bool sample_rows(struct work *w, const struct q8_layer *from,
                        const struct q8_layer *reference, bool *ret, struct q8_err *err)
{
    const struct q8_stored *stored = from->item->b.stored;
    const struct q8_view view = q8_side_view(&reference->item->a);
    bool ok, live = false, same[Q8_ORDERED] = {true, true};
    struct q8_survey s = {.pool = w->pool};

    ok = q8_survey_open(&s, w->v, stored, &view, false, err);
    for (unsigned i = 0; ok && i < SAMPLES; i++) {
        const uint64_t at = (stored->rows - 1) * i / (SAMPLES - 1) * stored->cols;
        int8_t *have = q8_alloc(&s.mem, stored->cols, 1, err);
        int8_t *want = q8_alloc(&s.mem, stored->cols, 1, err);

        ok = have && want && q8_survey_read(&s, Q8_BASES, at, stored->cols, have, err);
        for (uint64_t c = 0; ok && c < stored->cols; c++)
            live |= have[c] != 0;
        for (unsigned b = 0; ok && b < Q8_ORDERED; b++) {
            ok = q8_survey_read(&s, (enum q8_basis)b, at, stored->cols, want, err);
            same[b] = ok && same[b] && memcmp(want, have, stored->cols) == 0;
        }
    }
    *ret = ok && live && (same[0] || same[1]);
    q8_survey_close(&s);
    return ok;
}

/*
 * Whether the codes of `stored` are those of the reference of another layer.  Digests are those of
 * the format's rule; where the library's own is another, rows are looked at.
 */
static bool holds(struct work *w, const struct q8_layer *from, const struct q8_layer *reference,
                  bool *ret, struct q8_err *err)
{
    const struct q8_side *a = &from->item->b, *b = &reference->item->b;

    *ret = false;
    if (!from->have_weights || !reference->have_weights || a->rows != b->rows || a->cols != b->cols)
        return true;
    *ret = q8_digest_same(&from->stored, &reference->expected);
    if (*ret || a->stored->scheme->shared || !q8_expected_has_library(&w->survey.expect))
        return true;
    return sample_rows(w, from, reference, ret, err);
}

/* other-weight */
static bool find_other(struct work *w, bool *ret, struct q8_err *err)
{
    bool scales = false, back = false;

    for (uint64_t i = 0; !*ret && i < w->v->layers; i++) {
        const struct q8_layer *other = &w->v->layer[i];
        const struct q8_view view = q8_side_view(&other->item->a);

        if (other == w->layer)
            continue;
        if (!holds(w, w->layer, other, ret, err))
            return false;
        if (*ret && !try_reference(w, &view, ret, &scales, err))
            return false;
        if (*ret && !holds(w, other, w->layer, &back, err))
            return false;
        if (*ret) {
            w->cause.kind = "other-weight";
            w->cause.scales = scales;
            (void)snprintf(w->cause.text, sizeof w->cause.text,
                           back ? "the codes%s were exchanged with those of %.300s"
                                : "the codes%s are those of %.300s",
                           scales && w->survey.scale.off ? " and scales" : "", other->module);
        }
    }
    return true;
}

/* A square weight that was not turned before it was quantized, or needlessly. */
static bool find_turned(struct work *w, bool *ret, struct q8_err *err)
{
    struct q8_view view = w->survey.view;
    bool scales;

    if (view.rows != view.cols || view.first != 0 || view.stored || w->layer->item->a.slice)
        return true;
    view.transpose = !view.transpose;
    if (!try_reference(w, &view, ret, &scales, err))
        return false;
    w->cause.kind = "transposed";
    w->cause.scales = scales;
    (void)snprintf(w->cause.text, sizeof w->cause.text,
                   "the codes%s are those of the weight turned: [column, row]",
                   scales ? " and scales" : "");
    return true;
}

/* bytes-shifted */
static bool find_displaced(struct work *w, enum q8_basis basis, bool *ret, struct q8_err *err)
{
    const struct q8_code_survey *n = &w->survey.code[basis];
    int64_t by;

    if (!q8_bytes_shift(&w->survey, basis, &by, err))
        return false;
    *ret = by != 0;
    w->cause.kind = "bytes-shifted";
    w->cause.scales = false;
    (void)snprintf(w->cause.text, sizeof w->cause.text,
                   "codes from [%" PRIu64 ", %" PRIu64 "] on stand %" PRIu64 " byte%s too %s",
                   n->row, n->col, (uint64_t)(by < 0 ? -by : by), by == 1 || by == -1 ? "" : "s",
                   by < 0 ? "early" : "late");
    return true;
}

/* Tries one explanation after another, the most certain first. */
static bool explain(struct work *w, struct q8_err *err)
{
    struct q8_survey *s = &w->survey;
    const bool all = is_everywhere(s);
    bool found = q8_codes_by_numbers(s, &w->cause);

    if (!found && all && !find_other(w, &found, err))
        return false;
    for (unsigned b = 0; b < Q8_ORDERED && !found; b++)
        found = q8_codes_by_order(s, (enum q8_basis)b, false, &w->cause);
    for (unsigned b = 0; b < Q8_ORDERED && !found; b++)
        if (s->active[b] && s->code[b].off > 1 && !find_displaced(w, (enum q8_basis)b, &found, err))
            return false;
    for (unsigned b = 0; b < Q8_ORDERED && !found; b++)
        found = q8_codes_by_order(s, (enum q8_basis)b, true, &w->cause);
    if (!found && all && !find_turned(w, &found, err))
        return false;
    if (!found)
        q8_codes_rest(s, &w->cause);
    return true;
}

/* Findings about codes and scales. */
static bool tell(struct work *w, bool fails, struct q8_err *err)
{
    struct q8_survey *s = &w->survey;
    const enum q8_basis best = q8_codes_nearest(s);
    struct q8_finding f = {.level = Q8_LEVEL_WEIGHTS, .name = w->layer->module, .fails = fails};

    if (s->code[best].off > 0) {
        if (!explain(w, err))
            return false;
        f.kind = w->cause.kind;
        if (!q8_findings_add(&s->v->findings, &f, err, "%s", w->cause.text))
            return false;
    }
    if (s->scale.off == 0 || (s->code[best].off > 0 && w->cause.scales))
        return true;
    return q8_scales_tell(s, &f, s->code[best].off == 0 && best >= Q8_ORDERED, err);
}

bool q8_diagnose(struct q8_verify *v, struct q8_layer *layer, bool fails, struct q8_pool *pool,
                 struct q8_err *err)
{
    const struct q8_view view = q8_side_view(&layer->item->a);
    struct work w = {.v = v, .layer = layer, .pool = pool, .survey.pool = pool};
    const bool as_stored = !layer->have_weights || layer->weights.scales_off > 0;
    const bool ok = q8_survey_open(&w.survey, v, layer->item->b.stored, &view, as_stored, err) &&
                    q8_survey_run(&w.survey, err) && tell(&w, fails, err);

    q8_survey_close(&w.survey);
    return ok || (err->code && q8_fail_in(err, layer->module));
}
