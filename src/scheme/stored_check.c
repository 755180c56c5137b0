/* stored_check.c - what the parts of an int8 weight must be, and what they tell of it */
#include "src/scheme/stored_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>

/* "it is F32 [4, 1], and the weight is [4, 8]" */
static bool fail_shape(const struct q8_model *model, const struct q8_stored *w,
                       const struct q8_tensor *t, const char *expected, struct q8_err *err)
{
    char text[200];

    q8_tensor_shape(t, text, sizeof text);
    q8_fail(err, Q8_EINPUT,
            "it is %s %s, which does not fit a weight of %" PRIu64 " rows and %" PRIu64
            " columns: expected %s",
            q8_dtypes[t->dtype].name, text, w->rows, w->cols, expected);
    return q8_model_fail(model, t, err);
}

/* F32 [rows] or [rows, 1]. */
static bool take_absmax(const struct q8_model *model, struct q8_stored *w, struct q8_err *err)
{
    const struct q8_tensor *t = w->scales;

    w->group = w->cols;
    if (t->dtype == Q8_F32 && t->dim[0] == w->rows &&
        (t->rank == 1 || (t->rank == 2 && t->dim[1] == 1)))
        return true;
    return fail_shape(model, w, t, "F32 [rows]", err);
}

/* The row of the same parts that has such groups, or else whole rows. */
static const struct q8_scheme *find_row(const struct q8_stored *w, bool shared)
{
    const uint64_t group = w->group == w->cols ? 0 : w->group;
    const struct q8_scheme *ret = w->scheme;

    for (int i = 0; i < Q8_SCHEMES; i++) {
        const struct q8_scheme *row = &q8_schemes[i];

        if (row->layout != w->scheme->layout || row->shared != shared)
            continue;
        if (row->group == group)
            return row;
        if (row->group == 0)
            ret = row;
    }
    return ret;
}

/* One for all, [rows], or [rows, groups] of equal size. */
static bool take_steps(const struct q8_model *model, struct q8_stored *w, struct q8_err *err)
{
    const struct q8_tensor *t = w->scales;
    const uint64_t groups = t->rank == 2 ? t->dim[1] : 1;
    const bool shared = t->rank <= 2 && q8_tensor_elements(t) == 1;

    w->group = shared ? w->cols : groups ? w->cols / groups : 0;
    if ((t->dtype == Q8_F16 || t->dtype == Q8_BF16 || t->dtype == Q8_F32) &&
        (shared || (t->rank >= 1 && t->rank <= 2 && t->dim[0] == w->rows && w->group &&
                    w->cols % groups == 0))) {
        w->scheme = find_row(w, shared);
        return true;
    }
    return fail_shape(model, w, t,
                      "F16, BF16 or F32 [rows, groups], [rows] or [1], in equal groups", err);
}

/* Old versions of bitsandbytes had other orders of the bytes than by row, which is 0. */
static bool take_order(const struct q8_model *model, struct q8_stored *w, struct q8_err *err)
{
    const struct q8_tensor *t = w->detail;
    unsigned char order;

    if (!t)
        return true;
    if (t->dtype != Q8_U8 || t->nbytes != 1) {
        q8_fail(err, Q8_EINPUT, "expected one U8, found %" PRIu64 " bytes of %s", t->nbytes,
                q8_dtypes[t->dtype].name);
        return q8_model_fail(model, t, err);
    }
    if (!q8_model_read(model, t, 0, &order, 1, err))
        return false;
    if (order == 0)
        return true;
    q8_fail(err, Q8_EUNSUPPORTED,
            "its codes are in the order %d of an old bitsandbytes; q8 reads rows (0)", order);
    return q8_model_fail(model, t, err);
}

/* Two whole numbers, the weight's rows and columns. */
static bool take_shape(const struct q8_model *model, struct q8_stored *w, struct q8_err *err)
{
    const struct q8_tensor *t = w->detail;
    uint64_t wide[2];
    uint32_t narrow[2];

    if ((t->dtype != Q8_I64 && t->dtype != Q8_I32) || t->rank != 1 || t->dim[0] != 2) {
        q8_fail(err, Q8_EINPUT, "expected I64 [2]");
        return q8_model_fail(model, t, err);
    }
    if (!q8_model_read(model, t, 0, t->dtype == Q8_I64 ? (void *)wide : narrow, t->nbytes, err))
        return false;
    w->rows = t->dtype == Q8_I64 ? wide[0] : narrow[0];
    w->cols = t->dtype == Q8_I64 ? wide[1] : narrow[1];
    return true;
}

/* Whether codes can be read by row. */
static bool check_matrix(const struct q8_model *model, const struct q8_stored *w,
                         struct q8_err *err)
{
    if (w->codes->rank == 2 && w->rows && w->cols && w->cols <= Q8_STORED_COLS)
        return true;
    q8_fail(err, w->cols > Q8_STORED_COLS ? Q8_EUNSUPPORTED : Q8_EINPUT,
            "int8 codes need two dimensions, none 0, and at most %" PRIu64 " columns",
            Q8_STORED_COLS);
    return q8_model_fail(model, w->codes, err);
}

static bool take_codes(const struct q8_model *model, struct q8_stored *w, struct q8_err *err)
{
    w->rows = w->codes->dim[0];
    w->cols = w->codes->dim[1];
    return check_matrix(model, w, err);
}

/* Packed codes fill ceil(cols / 4) words a row; fewer words are fewer bits. */
static bool take_packed(const struct q8_model *model, struct q8_stored *w, struct q8_err *err)
{
    const bool fits = w->codes->rank == 2 && w->codes->dim[0] == w->rows;
    const uint64_t words = w->codes->dim[1];
    uint64_t bits;

    if (fits && words == q8_div_up(w->cols, 4))
        return check_matrix(model, w, err);
    if (fits && w->cols && q8_mul(words, 32, &bits) && bits / w->cols > 0 && bits / w->cols < 8) {
        q8_fail(err, Q8_EUNSUPPORTED, "its codes have %" PRIu64 " bits; q8 reads 8",
                bits / w->cols);
        return q8_model_fail(model, w->codes, err);
    }
    return fail_shape(model, w, w->codes, "I32 [rows, columns / 4]", err);
}

/* Checks the tensor of such a part, and sets what it tells of the weight. */
static bool (*const take[Q8_PART_KINDS])(const struct q8_model *model, struct q8_stored *w,
                                         struct q8_err *err) = {
    [Q8_PART_SHAPE] = take_shape, [Q8_PART_CODES] = take_codes,   [Q8_PART_PACKED] = take_packed,
    [Q8_PART_ZERO] = take_order,  [Q8_PART_ABSMAX] = take_absmax, [Q8_PART_SCALE] = take_steps,
};

bool q8_stored_check(const struct q8_model *model, struct q8_stored *w, struct q8_err *err)
{
    for (int kind = Q8_PART_NONE + 1; kind < Q8_PART_KINDS; kind++)
        if (q8_scheme_part(w->scheme, (enum q8_part_kind)kind) && !take[kind](model, w, err))
            return false;
    return true;
}
