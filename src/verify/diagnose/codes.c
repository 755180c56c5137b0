/* codes.c - names for codes that are not what they should be */
#include "src/verify/diagnose/diagnose_parts.h"

#include <inttypes.h>
#include <stdio.h>

/* A cause with a text in printf style. */
#define TELL(ret, word, ...)                                                                       \
    ((ret)->kind = (word), (ret)->scales = false,                                                  \
     (void)snprintf((ret)->text, sizeof(ret)->text, __VA_ARGS__))

enum q8_basis q8_codes_nearest(const struct q8_survey *s)
{
    enum q8_basis best = Q8_BASIS_RULE;

    for (unsigned b = 1; b < Q8_BASES; b++)
        if (s->active[b] && s->code[b].off < s->code[best].off)
            best = (enum q8_basis)b;
    return best;
}

static uint64_t count_codes(const struct q8_survey *s)
{
    return s->stored->rows * s->stored->cols;
}

static bool tell_negated(const struct q8_survey *s, const struct q8_code_survey *n,
                         struct q8_code_cause *ret)
{
    uint64_t live = 0;

    if (n->negated != n->off)
        return false;
    for (uint64_t r = 0; r < s->stored->rows; r++)
        live += s->row_have[Q8_BASIS_RULE][r] != 0;
    if (n->negated_rows >= live)
        TELL(ret, "codes-negated", "every code has the other sign");
    else if (n->negated_rows == 1)
        TELL(ret, "codes-negated", "all codes of row %" PRIu64 " have the other sign", n->row);
    else
        TELL(ret, "codes-negated",
             "all codes of %" PRIu64 " rows have the other sign; the first is row %" PRIu64,
             n->negated_rows, n->row);
    return true;
}

/* Where the codes that are meant end. */
static bool tell_clipped(const struct q8_survey *s, const struct q8_code_survey *n,
                         struct q8_code_cause *ret)
{
    int least = -128, most = 127;

    while (s->tally[(uint8_t)least] == 0)
        least++;
    while (s->tally[(uint8_t)most] == 0)
        most--;
    if (!n->clipped || (n->low && n->low != least) || (n->high && n->high != most))
        return false;
    TELL(ret, "codes-clipped",
         "no code is beyond %d and %d; %" PRIu64 " should be, the first is [%" PRIu64 ", %" PRIu64
         "]: %d, expected %d",
         least, most, n->off, n->row, n->col, n->have, n->want);
    return true;
}

static void tell_zeroed(const struct q8_code_survey *n, struct q8_code_cause *ret)
{
    if (n->row == n->last_row)
        TELL(ret, "codes-zeroed",
             "%" PRIu64 " codes that should not be 0 are: in row %" PRIu64 ", columns %" PRIu64
             " to %" PRIu64,
             n->off, n->row, n->least_col, n->most_col);
    else
        TELL(ret, "codes-zeroed",
             "%" PRIu64 " codes that should not be 0 are: in rows %" PRIu64 " to %" PRIu64
             ", columns %" PRIu64 " to %" PRIu64,
             n->off, n->row, n->last_row, n->least_col, n->most_col);
}

/* "bit 6 differs", "bits 6 and 7 differ", "bits 0, 6 and 7 differ": of one code. */
static void tell_flip(const struct q8_code_survey *n, struct q8_code_cause *ret)
{
    const unsigned bits = (unsigned)(n->want ^ n->have) & 0xff;
    unsigned left = (unsigned)__builtin_popcount(bits), at = 0;
    char text[40] = "";

    for (unsigned i = 0; i < 8; i++)
        if (bits >> i & 1) {
            left--;
            at += (unsigned)snprintf(text + at, sizeof text - at, "%u%s", i,
                                     left > 1    ? ", "
                                     : left == 1 ? " and "
                                                 : "");
        }
    TELL(ret, "byte-flip",
         "code [%" PRIu64 ", %" PRIu64 "] is %d, expected %d (one byte; bit%s %s differ%s)", n->row,
         n->col, n->have, n->want, bits & (bits - 1) ? "s" : "", text,
         bits & (bits - 1) ? "" : "s");
}

static bool tell_numbers(const struct q8_survey *s, const struct q8_code_survey *n,
                         struct q8_code_cause *ret)
{
    if (n->off == 1 && n->by_one == 0) {
        tell_flip(n, ret);
        return true;
    }
    if (n->off < 2)
        return false;
    if (n->unsign == count_codes(s)) {
        TELL(ret, "codes-unsigned",
             q8_scheme_part(s->stored->scheme, Q8_PART_PACKED)
                 ? "the highest bit of every code is the other way round: plain codes "
                   "where code ^ 0x80 was expected"
                 : "the highest bit of every code is the other way round: code ^ 0x80 "
                   "where plain codes were expected");
        return true;
    }
    if (n->zero == n->off && n->off > n->by_one) {
        tell_zeroed(n, ret);
        return true;
    }
    return tell_negated(s, n, ret) || tell_clipped(s, n, ret);
}

bool q8_codes_by_numbers(const struct q8_survey *s, struct q8_code_cause *ret)
{
    uint64_t least = UINT64_MAX;

    for (unsigned b = 0; b < Q8_BASES; b++) {
        struct q8_code_cause cause;

        if (s->active[b] && s->code[b].off < least && tell_numbers(s, &s->code[b], &cause)) {
            least = s->code[b].off;
            *ret = cause;
        }
    }
    return least != UINT64_MAX;
}

/* Items out of order: "row" or "column"; `alone`: what to say of what did not move with them. */
static void tell_order(const struct q8_order *o, const char *item, const char *alone,
                       struct q8_code_cause *ret)
{
    const bool rows = item[0] == 'r';

    if (o->kind == Q8_ORDER_SWAPPED)
        TELL(ret, rows ? "rows-swapped" : "columns-swapped",
             "%ss %" PRIu64 " and %" PRIu64 " are swapped%s", item, o->first, o->last, alone);
    else if (o->kind == Q8_ORDER_SHIFTED)
        TELL(ret, rows ? "rows-shifted" : "columns-shifted",
             "%ss from %s %" PRIu64 " on stand %" PRIu64 " %s%s further %s%s", item, item, o->first,
             o->by, item, o->by == 1 ? "" : "s",
             rows    ? o->up ? "up" : "down"
             : o->up ? "left"
                     : "right",
             alone);
    else
        TELL(ret, rows ? "rows-permuted" : "codes-differ",
             "%" PRIu64 " %ss stand in another order; the first is %s %" PRIu64 "%s", o->out, item,
             item, o->first, alone);
}

/* Rows with their scales, then rows of codes alone. */
static bool tell_rows(struct q8_survey *s, enum q8_basis basis, struct q8_code_cause *ret)
{
    const uint64_t rows = s->stored->rows;
    const bool scales = s->scale.off > 0;
    struct q8_order o;

    for (uint64_t r = 0; r < rows; r++) {
        const uint64_t want = s->row_want[basis][r], have = s->row_have[basis][r];

        /* multiplied, so that sums of rows and scales do not meet; a row of zeros stays 0 */
        s->both_want[r] = want * (s->scale_want[r] | 1);
        s->both_have[r] = have * (s->scale_have[r] | 1);
    }
    o = q8_order_find(s->both_want, s->both_have, rows, s->spare);
    if (scales && o.kind != Q8_ORDER_OTHER && o.kind != Q8_ORDER_SAME) {
        tell_order(&o, "row", "", ret);
        ret->scales = true;
        return true;
    }
    o = q8_order_find(s->row_want[basis], s->row_have[basis], rows, s->spare);
    if (o.kind == Q8_ORDER_OTHER || o.kind == Q8_ORDER_SAME)
        return false;
    tell_order(&o, "row",
               scales || s->stored->scheme->shared ? "" : " (codes alone: the scales are in place)",
               ret);
    return true;
}

/* Whether columns of codes are the expected columns, or their rows. */
static bool tell_columns(struct q8_survey *s, enum q8_basis basis, bool lossy,
                         struct q8_code_cause *ret)
{
    const uint64_t rows = s->stored->rows, cols = s->stored->cols;
    struct q8_order o = {.kind = Q8_ORDER_OTHER};

    if (rows == cols)
        o = q8_order_find(s->row_want[basis], s->col_have[basis], cols, s->spare);
    if (o.kind == Q8_ORDER_SAME) {
        TELL(ret, "transposed", "the codes are those of the weight turned: [column, row]");
        return true;
    }
    o = q8_order_find(s->col_want[basis], s->col_have[basis], cols, s->spare);
    if (o.kind == Q8_ORDER_OTHER || o.kind == Q8_ORDER_SAME || (!o.whole && !lossy))
        return false;
    tell_order(&o, "column", "", ret);
    return true;
}

bool q8_codes_by_order(struct q8_survey *s, enum q8_basis basis, bool lossy,
                       struct q8_code_cause *ret)
{
    if (!s->active[basis] || s->code[basis].off < 2)
        return false;
    return (!lossy && tell_rows(s, basis, ret)) || tell_columns(s, basis, lossy, ret);
}

void q8_codes_rest(const struct q8_survey *s, struct q8_code_cause *ret)
{
    const struct q8_code_survey *n = &s->code[q8_codes_nearest(s)];
    const uint64_t all = count_codes(s);
    const bool spread = n->by_two == n->off && n->rows * 2 > s->stored->rows && n->off > n->rows;

    if (n->by_one == n->off)
        TELL(ret, "codes-off-by-one",
             "%" PRIu64 " code%s of %" PRIu64 " (%.3g %%) %s off by 1; the first is [%" PRIu64
             ", %" PRIu64 "]: %d, expected %d%s",
             n->off, n->off == 1 ? "" : "s", all, (double)n->off / (double)all * 100,
             n->off == 1 ? "is" : "are", n->row, n->col, n->have, n->want,
             spread ? " (all over the weight: another way to round)" : "");
    else
        TELL(ret, "codes-differ",
             "%" PRIu64 " codes of %" PRIu64 " (%.3g %%) are not as expected, by at most %d; the "
             "first is [%" PRIu64 ", %" PRIu64 "]: %d, expected %d%s",
             n->off, all, (double)n->off / (double)all * 100, n->most, n->row, n->col, n->have,
             n->want, spread ? " (all over the weight, as GPTQ leaves them)" : "");
}
