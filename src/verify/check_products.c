/* check_products.c - level 3 of an int8 weight: its products with activations */
#include "src/verify/check_parts.h"

#include "src/compare/values.h"
#include "src/base/json.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/forward/act_codes.h"
#include "src/scheme/error.h"

#include <inttypes.h>
#include <math.h>

#define THRESHOLD 6.0 /* of outlier features: LLM.int8(), section 3.2 */

void q8_check_products_fit(struct q8_checker *w, const struct q8_layer *layer, uint64_t tokens)
{
    const struct q8_view int8 = q8_layer_view(&layer->item->b);
    const uint64_t rows = q8_walk_rows(&w->walk, &int8);
    struct q8_engine_room *room = &w->room;

    if (int8.cols > Q8_MULTIPLY_COLS)
        return;
    room->tokens = q8_max(room->tokens, tokens);
    room->cols = q8_max(room->cols, int8.cols);
    room->rows = q8_max(room->rows, rows);
    room->elements = q8_max(room->elements, tokens * int8.cols);
    room->products = q8_max(room->products, tokens * rows);
    room->tile = q8_max(room->tile, rows * int8.cols);
}

/* The threshold of outlier columns: the user's, that of config.json, or the paper's. */
static double find_threshold(const struct q8_checker *w, enum q8_mode mode)
{
    const struct q8_verify_options *o = &w->v->options;
    const struct cJSON *config = q8_json_get(o->quantized->config_root, "quantization_config");
    double threshold = o->threshold;

    if (mode == Q8_MODE_W8A8 || mode == Q8_MODE_W8A16)
        return 0;
    if (isnan(threshold) && mode == Q8_MODE_BNB)
        threshold = q8_json_f64(q8_json_get(config, "llm_int8_threshold"));
    return isnan(threshold) ? THRESHOLD : threshold;
}

/* Least and largest reference weight, for the modes with one scale for all. */
static bool find_range(struct q8_checker *w, struct q8_err *err)
{
    for (uint64_t row = 0, n; row < w->view.rows; row += n) {
        void *x;

        n = q8_min(q8_min(q8_walk_rows(&w->reference, &w->view), w->tile / w->view.cols),
                   w->view.rows - row);
        if (!(x = q8_walk_read(&w->reference, w->v->options.reference, &w->view, row, n, err)))
            return false;
        w->kernels.widen[w->type](w->wanted, x, n * w->view.cols);
        q8_affine_range(w->wanted, n * w->view.cols, &w->job.least, &w->job.most);
    }
    return true;
}

/* The engine has failed: at which weight. */
static bool fail_in_layer(const struct q8_checker *w, struct q8_err *err)
{
    char place[400];

    return q8_fail_in(err, q8_text_escape(w->layer->module, place, sizeof place));
}

bool q8_check_products_begin(struct q8_checker *w, struct q8_err *err)
{
    struct q8_layer *l = w->layer;
    const enum q8_mode asked = w->v->options.mode;
    struct q8_multiply *job = &w->job;

    *job = (struct q8_multiply){.type = w->type, .cols = w->view.cols};
    if (job->cols > Q8_MULTIPLY_COLS) {
        l->unmeasured = "more than 131,071 columns: int32 does not hold the sums of such rows";
        return true;
    }
    l->matmul = (struct q8_matmul){.kl = NAN};
    l->matmul.from = q8_activations_find(w->activations, l->module, &job->tokens);
    job->mode = asked < Q8_MODES ? asked
                : w->stored      ? q8_mode_of(w->stored->scheme->product)
                                 : Q8_MODE_W8A16;
    job->threshold = find_threshold(w, job->mode);
    if (!q8_activations_fill(w->activations, l->module, job->cols, job->type, w->x, err) ||
        (q8_modes[job->mode].paper && !q8_modes[job->mode].w_rows && !find_range(w, err)))
        return false;
    if (!w->engine.begin(w->engine.self, job, w->x, &l->matmul.outliers, err))
        return fail_in_layer(w, err);
    for (uint64_t t = 0; t < job->tokens; t++)
        w->kl[t] = (struct q8_kl){.most = -INFINITY, .int8_most = -INFINITY};
    w->multiply = true;
    return true;
}

/* Moves sums that are relative to one maximum to a larger one. */
static double rescale(double most, double larger_most)
{
    return isinf(most) ? 0 : exp(most - larger_most);
}

static void add_logits(struct q8_kl *kl, const float *y, const float *y_int8, uint64_t n)
{
    double most = kl->most, int8_most = kl->int8_most, factor;

    for (uint64_t i = 0; i < n; i++) {
        most = fmax(most, (double)y[i]);
        int8_most = fmax(int8_most, (double)y_int8[i]);
    }
    factor = rescale(kl->most, most);
    kl->sum *= factor;
    kl->gap *= factor;
    kl->int8_sum *= rescale(kl->int8_most, int8_most);
    for (uint64_t i = 0; i < n; i++) {
        const double p = exp((double)y[i] - most);

        kl->sum += p;
        kl->gap += p * ((double)y[i] - (double)y_int8[i]);
        kl->int8_sum += exp((double)y_int8[i] - int8_most);
    }
    kl->most = most;
    kl->int8_most = int8_most;
}

bool q8_check_products(struct q8_checker *w, const float *rows, uint64_t n, struct q8_err *err)
{
    const struct q8_operands operands = {
        .rows = n,
        .codes = (const int8_t *)w->walk.decoder.codes,
        .step = w->walk.decoder.step,
        .scale = w->stored && q8_scheme_part(w->stored->scheme, Q8_PART_ABSMAX) ? w->found : NULL,
        .weights = rows,
        .reference = w->wanted,
    };
    const bool head = w->layer->kind == Q8_KIND_HEAD;
    float *y, *y_int8;

    if (!w->engine.tile(w->engine.self, &operands, &w->products, head ? &y : NULL,
                        head ? &y_int8 : NULL, err))
        return fail_in_layer(w, err);
    for (uint64_t t = 0; head && t < w->job.tokens; t++)
        add_logits(&w->kl[t], y + t * n, y_int8 + t * n, n);
    return true;
}

/* Mean over the tokens of sum p (log p - log q). */
static double mean_kl(const struct q8_checker *w)
{
    double sum = 0;

    for (uint64_t t = 0; t < w->job.tokens; t++) {
        const struct q8_kl *k = &w->kl[t];

        sum += k->gap / k->sum - (k->most + log(k->sum)) + (k->int8_most + log(k->int8_sum));
    }
    return sum / (double)w->job.tokens;
}

bool q8_check_products_end(struct q8_checker *w, struct q8_err *err)
{
    const struct q8_diff *d = &w->products.diff;
    struct q8_matmul *m = &w->layer->matmul;
    const struct q8_finding finding = {.level = Q8_LEVEL_MATMUL,
                                       .kind = "product-not-finite",
                                       .name = w->layer->module,
                                       .fails = true};

    m->mode = w->job.mode;
    m->threshold = w->job.threshold;
    m->tokens = w->job.tokens;
    m->relative_error = sqrt(q8_relative_mse(d->val2, d->err2));
    m->sqnr = q8_sqnr(d->val2, d->err2);
    m->cosine = q8_cosine(d->val2, d->b2, d->dot);
    m->most = d->most;
    m->bad = w->products.bad;
    if (w->layer->kind == Q8_KIND_HEAD)
        m->kl = mean_kl(w);
    w->layer->have_matmul = true;
    return m->bad == 0 || q8_findings_add(&w->v->findings, &finding, err,
                                          "%" PRIu64 " of %" PRIu64 " products are NaN or infinite",
                                          m->bad, m->tokens * w->view.rows);
}
