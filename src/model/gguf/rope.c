/*
 * rope.c - rope_scaling of config.json out of the keys of a GGUF file and its factors
 *
 * llama3: convert_hf_to_gguf.py of llama.cpp writes the factors that it computes of factor, low and
 * high frequency factor and original length (transformers, modeling_rope_utils.py,
 * _compute_llama3_parameters); they are found by computing them again.
 */
#include "src/model/gguf/gguf_parts.h"

#include "src/base/json_write.h"
#include "src/base/num.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define FACTORS 1024 /* of a head; real ones have 64 to 128 */
#define TWO_PI 6.283185307179586

/* Numbers of a key; `otherwise` without it. */
static double get_number(const struct q8_gguf_facts *f, const char *key, double otherwise)
{
    const struct q8_value *v = q8_gguf_key(f, key);

    return v && v->type == Q8_META_F64   ? v->f64
           : v && v->type == Q8_META_U64 ? (double)v->u64
                                         : otherwise;
}

/* Reads a vector of F32; *ret_count is how many. */
static bool read_factors(const struct q8_gguf_facts *f, const struct q8_tensor *t,
                         float ret[FACTORS], uint64_t *ret_count, struct q8_err *err)
{
    if (t->rank != 1 || t->dtype != Q8_F32 || t->dim[0] == 0 || t->dim[0] > FACTORS)
        return q8_fail(err, Q8_EUNSUPPORTED, "'%s' is no vector of F32 of at most %d", t->name,
                       FACTORS);
    *ret_count = t->dim[0];
    return q8_model_read(f->m, t, 0, ret, t->nbytes, err);
}

/* What the formula gives for one of `count` frequencies. */
static double llama3_factor(double base, double factor, double old, uint64_t i, uint64_t count)
{
    const double low = 1, high = 4; /* of all models that are known */
    const double wave = TWO_PI * pow(base, (double)i / (double)count);
    double smooth;

    if (wave < old / high)
        return 1;
    if (wave > old / low)
        return factor;
    smooth = (old / wave - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
}

static bool put_llama3(const struct q8_gguf_facts *f, const struct q8_tensor *t, struct q8_json *j,
                       struct q8_err *err)
{
    const double base = get_number(f, "rope.freq_base", 10000);
    float x[FACTORS];
    uint64_t count = 0, old;
    bool same = false;

    if (!read_factors(f, t, x, &count, err))
        return false;
    for (old = 64; !same && old <= 262144; old *= 2) {
        same = true;
        for (uint64_t i = 0; same && i < count; i++) {
            const double want = llama3_factor(base, (double)x[count - 1], (double)old, i, count);

            same = fabs((double)x[i] - want) <= 1e-4 * want;
        }
    }
    if (!same || count * 2 != f->head)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "the factors of rope_freqs.weight are no scaling of Llama 3 that q8 knows");
    q8_json_begin(j, "rope_scaling", '{');
    q8_json_text(j, "rope_type", "llama3");
    q8_gguf_number_json(j, "factor", (double)x[count - 1], true);
    q8_json_raw(j, "low_freq_factor", "1.0");
    q8_json_raw(j, "high_freq_factor", "4.0");
    q8_json_number(j, "original_max_position_embeddings", old / 2);
    q8_json_end(j, '}');
    return true;
}

static bool put_longrope(const struct q8_gguf_facts *f, struct q8_json *j, struct q8_err *err)
{
    static const char *const names[][2] = {{"rope_factors_short.weight", "short_factor"},
                                           {"rope_factors_long.weight", "long_factor"}};

    q8_json_begin(j, "rope_scaling", '{');
    q8_json_text(j, "type", "longrope");
    for (size_t k = 0; k < 2; k++) {
        const struct q8_tensor *t = q8_gguf_tensor(f, names[k][0]);
        float x[FACTORS];
        uint64_t count = 0;

        if (!t)
            return q8_fail(err, Q8_EINPUT, "there is no %s", names[k][0]);
        if (!read_factors(f, t, x, &count, err))
            return false;
        q8_json_begin(j, names[k][1], '[');
        for (uint64_t i = 0; i < count; i++) {
            if (!isfinite(x[i]))
                return q8_fail(err, Q8_EINPUT, "a factor of %s is not finite", names[k][0]);
            q8_gguf_number_json(j, NULL, (double)x[i], true);
        }
        q8_json_end(j, ']');
    }
    q8_json_end(j, '}');
    return true;
}

/* Scaling that keys say: linear and yarn. */
static bool put_keys(const struct q8_gguf_facts *f, const char *type, struct q8_json *j,
                     struct q8_err *err)
{
    static const struct {
        const char *gguf, *hf;
    } yarn[] = {{"rope.scaling.yarn_attn_factor", "attention_factor"},
                {"rope.scaling.yarn_beta_fast", "beta_fast"},
                {"rope.scaling.yarn_beta_slow", "beta_slow"}};
    const double factor = get_number(f, "rope.scaling.factor", 0);
    const bool is_yarn = strcmp(type, "yarn") == 0;
    uint64_t old;

    if (!is_yarn && strcmp(type, "linear") != 0)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "rotary embeddings are scaled in a way that q8 does not know "
                       "(rope.scaling.type)");
    if (!(factor >= 1 && factor < 1e6))
        return q8_fail(err, Q8_EINPUT, "rope.scaling.factor is no number from 1 on");
    q8_json_begin(j, "rope_scaling", '{');
    q8_json_text(j, "rope_type", type);
    q8_gguf_number_json(j, "factor", factor, true);
    if (is_yarn) {
        if (!q8_gguf_count(f, "rope.scaling.original_context_length", 0, &old, err))
            return false;
        q8_json_number(j, "original_max_position_embeddings", old);
    }
    for (size_t i = 0; is_yarn && i < sizeof yarn / sizeof *yarn; i++) {
        const double value = get_number(f, yarn[i].gguf, NAN);

        if (isfinite(value))
            q8_gguf_number_json(j, yarn[i].hf, value, true);
    }
    q8_json_end(j, '}');
    return true;
}

bool q8_gguf_rope(const struct q8_gguf_facts *f, struct q8_json *j, struct q8_err *err)
{
    const struct q8_tensor *freqs = q8_gguf_tensor(f, "rope_freqs.weight");
    const struct q8_value *type = q8_gguf_key(f, "rope.scaling.type");

    if (freqs)
        return put_llama3(f, freqs, j, err);
    if (q8_gguf_tensor(f, "rope_factors_long.weight") ||
        q8_gguf_tensor(f, "rope_factors_short.weight"))
        return put_longrope(f, j, err);
    if (!type || (type->type == Q8_META_TEXT && strcmp(type->text, "none") == 0))
        return true;
    return put_keys(f, type->type == Q8_META_TEXT ? type->text : "", j, err);
}
