/* numbers.c - the numbers of a layer: what each is called, how it reads, where it is */
#include "src/verify/numbers.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* A field of level 2 or 3 that is a double or a uint64_t, at that place in its struct. */
#define FIELD(name, level, type)                                                                   \
    static double name(const void *self, const void *row, unsigned which)                          \
    {                                                                                              \
        const struct q8_layer *layer = row;                                                        \
        type value;                                                                                \
                                                                                                   \
        (void)self;                                                                                \
        memcpy(&value, (const char *)&layer->level + which, sizeof value);                         \
        return layer->have_##level ? (double)value : (double)NAN;                                  \
    }

FIELD(weights_double, weights, double)
FIELD(weights_count, weights, uint64_t)
FIELD(matmul_double, matmul, double)
FIELD(matmul_count, matmul, uint64_t)

#define WEIGHTS(field) weights_double, offsetof(struct q8_weights, field)
#define WEIGHTS_COUNT(field) weights_count, offsetof(struct q8_weights, field)
#define MATMUL(field) matmul_double, offsetof(struct q8_matmul, field)
#define MATMUL_COUNT(field) matmul_count, offsetof(struct q8_matmul, field)

static const struct q8_column weights[] = {
    {"sqnr_db", "weights", "SQNR", "dB, against the reference", Q8_HTML_DECIBEL, false,
     WEIGHTS(sqnr)},
    {"relative_mse", "weights", "Rel. MSE", "squared error / squared weights", Q8_HTML_PLAIN, false,
     WEIGHTS(relative_mse)},
    {"cosine", "weights", "Cosine", "of the weights and the reference", Q8_HTML_COSINE, false,
     WEIGHTS(cosine)},
    {"max_error_steps", "weights", "Steps", "largest error, in steps of a code", Q8_HTML_PLAIN,
     false, WEIGHTS(most_steps)},
    {"off", "codes", "Off", "codes that the rule does not give", Q8_HTML_COUNT, false,
     WEIGHTS_COUNT(off)},
    {"off_nearest", "codes", "Off share", "of all codes", Q8_HTML_PERCENT, false,
     WEIGHTS(off_nearest)},
    {"ties", "codes", "Ties", "codes that are off within rounding", Q8_HTML_COUNT, false,
     WEIGHTS_COUNT(ties)},
    {"scales", NULL, NULL, NULL, Q8_HTML_COUNT, false, WEIGHTS_COUNT(scales)},
    {"scales_off", "scales", "Off", "scales that the rule does not give", Q8_HTML_COUNT, false,
     WEIGHTS_COUNT(scales_off)},
    {"scale_off", "scales", "Off by", "largest relative difference", Q8_HTML_PLAIN, false,
     WEIGHTS(scale_off)},
};

static const struct q8_column matmul[] = {
    {"sqnr_db", "products", "SQNR", "dB, against float products", Q8_HTML_DECIBEL, false,
     MATMUL(sqnr)},
    {"relative_error", "products", "Rel. error", "norm of the error / norm of the products",
     Q8_HTML_PLAIN, false, MATMUL(relative_error)},
    {"cosine", "products", "Cosine", "of int8 and float products", Q8_HTML_COSINE, false,
     MATMUL(cosine)},
    {"max_error", "products", "Most", "largest error", Q8_HTML_PLAIN, false, MATMUL(most)},
    {"kl", "products", "KL", "mean divergence of a head's softmax, nats", Q8_HTML_PLAIN, true,
     MATMUL(kl)},
    {"threshold", NULL, NULL, NULL, Q8_HTML_PLAIN, false, MATMUL(threshold)},
    {"outlier_columns", "products", "Outlier columns", "multiplied in 16 bit", Q8_HTML_COUNT, false,
     MATMUL_COUNT(outliers)},
    {"not_finite", "products", "NaN/Inf", "products that are not finite", Q8_HTML_COUNT, false,
     MATMUL_COUNT(bad)},
    {"tokens", "products", "Tokens", "rows of activations", Q8_HTML_COUNT, false,
     MATMUL_COUNT(tokens)},
};

const struct q8_column *q8_numbers_of(enum q8_level level, unsigned *ret_count)
{
    const bool products = level == Q8_LEVEL_MATMUL;

    *ret_count = products ? sizeof matmul / sizeof *matmul : sizeof weights / sizeof *weights;
    return products ? matmul : weights;
}

static bool has(const struct q8_verify *v, const struct q8_column *c)
{
    for (uint64_t i = 0; i < v->layers; i++)
        if (!isnan(q8_column_value(c, NULL, &v->layer[i])))
            return true;
    return false;
}

unsigned q8_numbers_shown(const struct q8_verify *v, const struct q8_column **ret)
{
    unsigned n = 0, count;

    for (enum q8_level level = Q8_LEVEL_WEIGHTS; level <= Q8_LEVEL_MATMUL; level++) {
        const struct q8_column *c = q8_numbers_of(level, &count);

        for (const struct q8_column *end = c + count; c < end; c++)
            if (c->title && has(v, c))
                ret[n++] = c;
    }
    return n;
}
