/* survey.c - one pass over an int8 weight and its reference: digests and differences */
#include "src/verify/diagnose/diagnose_parts.h"

#include "src/base/num.h"
#include "src/scheme/encode.h"

#include <stdlib.h>
#include <string.h>

#define TILE_ELEMENTS (UINT64_C(64) << 10)

/* splitmix64 (Steele, Lea, Flood 2014): numbers without a pattern. */
static uint64_t mix(uint64_t i)
{
    i += UINT64_C(0x9e3779b97f4a7c15);
    i = (i ^ i >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    i = (i ^ i >> 27) * UINT64_C(0x94d049bb133111eb);
    return i ^ i >> 31;
}

static bool take_digests(struct q8_survey *s, struct q8_err *err)
{
    const uint64_t rows = s->stored->rows, cols = s->stored->cols;
    uint64_t **const of_rows[] = {&s->row_want[0], &s->row_want[1], &s->row_have[0],
                                  &s->row_have[1], &s->scale_want,  &s->scale_have,
                                  &s->both_want,   &s->both_have};
    uint64_t **const of_cols[] = {&s->col_want[0], &s->col_want[1], &s->col_have[0],
                                  &s->col_have[1], &s->key};
    uint64_t **const of_either[] = {&s->spare[0], &s->spare[1]};

    for (size_t i = 0; i < sizeof of_rows / sizeof *of_rows; i++)
        *of_rows[i] = q8_alloc(&s->mem, rows, sizeof(uint64_t), err);
    for (size_t i = 0; i < sizeof of_cols / sizeof *of_cols; i++)
        *of_cols[i] = q8_alloc(&s->mem, cols, sizeof(uint64_t), err);
    for (size_t i = 0; i < sizeof of_either / sizeof *of_either; i++)
        *of_either[i] = q8_alloc(&s->mem, rows > cols ? rows : cols, sizeof(uint64_t), err);
    for (uint64_t c = 0; !err->code && c < cols; c++)
        s->key[c] = mix(c);
    return !err->code;
}

bool q8_survey_open(struct q8_survey *s, struct q8_verify *v, const struct q8_stored *stored,
                    const struct q8_view *view, bool as_stored, struct q8_err *err)
{
    const struct q8_stored_list list = {
        .model = v->options.quantized, .weight = (struct q8_stored *)stored, .count = 1};
    const uint64_t groups = stored->cols / stored->group;

    *s = (struct q8_survey){.v = v, .stored = stored, .view = *view, .pool = s->pool};
    q8_arena_init(&s->mem, UINT64_MAX);
    s->walk = (struct q8_walk){.tile_bytes = TILE_ELEMENTS * sizeof(float),
                               .stored = view->stored ? &v->pairs.stored_a : NULL,
                               .kernels = &s->expect.kernels,
                               .infinite = true};
    q8_walk_fit(&s->walk, view);
    s->tile = q8_min(q8_walk_rows(&s->walk, view), q8_decoder_rows(stored, TILE_ELEMENTS));
    s->want_scale = q8_alloc(&s->mem, s->tile * groups, sizeof *s->want_scale, err);
    s->have_scale = q8_alloc(&s->mem, s->tile * groups, sizeof *s->have_scale, err);
    s->want = q8_alloc(&s->mem, s->tile * stored->cols, 1, err);
    if (err->code || !q8_expected_init(&s->expect, v->options.isa, groups, &s->mem, err) ||
        !q8_walk_open(&s->walk, &s->mem, err) ||
        !q8_decoder_init(&s->decoder, &list, TILE_ELEMENTS, &s->expect.kernels, &s->mem, err) ||
        !take_digests(s, err))
        return false;
    q8_expected_begin(&s->expect, stored, view->stored ? Q8_F32 : view->tensor->dtype);
    s->dead = q8_expected_zero(&s->expect);
    s->active[Q8_BASIS_RULE] = true;
    s->active[Q8_BASIS_LIBRARY] =
        q8_expected_has_ties(&s->expect) || q8_expected_has_library(&s->expect);
    s->active[Q8_BASIS_STORED] = as_stored;
    s->active[Q8_BASIS_STORED_LIBRARY] = as_stored && q8_expected_has_library(&s->expect);
    return true;
}

void q8_survey_close(struct q8_survey *s)
{
    q8_arena_clear(&s->mem);
}

/* Rows of the reference, and the scales that are expected of them. */
static bool read_reference(struct q8_survey *s, uint64_t row, uint64_t n, void **ret_x,
                           struct q8_err *err)
{
    if (!(*ret_x = q8_walk_read(&s->walk, s->v->options.reference, &s->view, row, n, err)) ||
        !q8_pool_advance(s->pool, 0))
        return false;
    q8_expected_scales(&s->expect, *ret_x, n, s->want_scale);
    return true;
}

/* Rows of codes and scales. */
static bool read_stored(struct q8_survey *s, uint64_t row, uint64_t n, struct q8_err *err)
{
    if (!q8_decode_rows(&s->decoder, s->stored, row, n, NULL, err) || !q8_pool_advance(s->pool, 0))
        return false;
    q8_expected_stored(&s->expect, &s->decoder, n, s->have_scale);
    return true;
}

/* The codes of a basis for rows that were read. */
static void fill_want(struct q8_survey *s, enum q8_basis basis, const void *x, uint64_t n)
{
    const float *scale = basis < Q8_ORDERED ? s->want_scale : s->have_scale;

    if (basis == Q8_BASIS_LIBRARY || basis == Q8_BASIS_STORED_LIBRARY)
        q8_expected_library_codes(&s->expect, x, n, scale, s->want);
    else
        q8_expected_codes(&s->expect, x, n, scale, s->want);
}

/* One code that is off. */
static void add_off(struct q8_code_survey *n, uint64_t row, uint64_t col, int want, int have)
{
    const int by = abs(have - want);

    if (n->off++ == 0) {
        *n = (struct q8_code_survey){.off = 1, .clipped = true, .row = row, .col = col};
        n->want = want;
        n->have = have;
        n->least_col = n->most_col = col;
    }
    n->by_one += by == 1;
    n->by_two += by <= 2;
    n->zero += have == 0;
    n->unsign += ((want ^ have) & 0xff) == 0x80;
    n->most = by > n->most ? by : n->most;
    n->last_row = row;
    n->least_col = q8_min(n->least_col, col);
    n->most_col = col > n->most_col ? col : n->most_col;
    if (have > 0 && want > have && (n->high == 0 || n->high == have))
        n->high = have;
    else if (have < 0 && want < have && (n->low == 0 || n->low == have))
        n->low = have;
    else
        n->clipped = false;
}

/* One row at `x` against the codes of a basis. */
static void add_row(struct q8_survey *s, enum q8_basis basis, const unsigned char *x, uint64_t row,
                    const int8_t *want, int8_t *have)
{
    const uint64_t cols = s->stored->cols, size = q8_float_bytes(s->expect.type);
    const float *scale = basis < Q8_ORDERED ? s->want_scale : s->have_scale;
    struct q8_code_survey *n = &s->code[basis];
    const uint64_t before = n->off;
    uint64_t negated = 0;

    if (memcmp(want, have, cols) == 0)
        return;
    scale += row % s->tile * s->expect.groups;
    for (uint64_t c = 0; c < cols; c++) {
        /* what has no opposite may have stayed */
        negated += have[c] == -want[c] || (want[c] == -128 && (have[c] == -128 || have[c] == 127));
        if (want[c] != have[c] &&
            !q8_expected_tie(&s->expect, x + c * size, scale[c / s->stored->group], have[c]))
            add_off(n, row, c, want[c], have[c]);
    }
    n->rows += n->off > before;
    if (negated == cols) {
        n->negated_rows++;
        n->negated += n->off - before;
    }
    for (uint64_t c = 0; basis == Q8_BASIS_LIBRARY && c < cols; c++)
        if (q8_expected_tie(&s->expect, x + c * size, scale[c / s->stored->group], have[c]))
            have[c] = want[c];
}

/* The digest of a row of codes; adds it to those of its columns. */
static uint64_t digest_row(const struct q8_survey *s, const int8_t *codes, uint64_t row,
                           uint64_t *col)
{
    const uint64_t key = mix(row);
    uint64_t digest = 0;

    for (uint64_t c = 0; c < s->stored->cols; c++) {
        const uint64_t code = (uint64_t)(int64_t)codes[c];

        digest += code * s->key[c];
        col[c] += code * key;
    }
    return digest;
}

static uint64_t digest_scales(const struct q8_survey *s, const float *scale)
{
    const uint64_t groups = s->expect.groups;
    const struct q8_digest whole = q8_xxh_once(scale, groups * sizeof *scale);
    uint64_t digest, g = 0;

    while (g < groups && scale[g] == s->dead)
        g++;
    memcpy(&digest, whole.byte, sizeof digest);
    return g < groups ? digest : 0;
}

/* Codes of one basis and of the file, rows [row, row + n). */
static void add_codes(struct q8_survey *s, enum q8_basis basis, const unsigned char *x,
                      uint64_t row, uint64_t n)
{
    const uint64_t cols = s->stored->cols, size = q8_float_bytes(s->expect.type);

    fill_want(s, basis, x, n);
    for (uint64_t r = 0; r < n; r++) {
        const int8_t *want = s->want + r * cols;
        int8_t *have = (int8_t *)s->decoder.codes + r * cols;

        add_row(s, basis, x + r * cols * size, row + r, want, have);
        if (basis >= Q8_ORDERED)
            continue;
        s->row_want[basis][row + r] = digest_row(s, want, row + r, s->col_want[basis]);
        s->row_have[basis][row + r] = digest_row(s, have, row + r, s->col_have[basis]);
    }
}

static void add_tile(struct q8_survey *s, const unsigned char *x, uint64_t row, uint64_t n)
{
    /* the library's comes last: it puts ties right */
    static const enum q8_basis order[Q8_BASES] = {Q8_BASIS_STORED, Q8_BASIS_STORED_LIBRARY,
                                                  Q8_BASIS_RULE, Q8_BASIS_LIBRARY};
    const uint64_t cols = s->stored->cols, groups = s->expect.groups;

    s->expect.kernels.tally(s->tally, (const int8_t *)s->decoder.codes, n * cols);
    for (unsigned i = 0; i < Q8_BASES; i++)
        if (s->active[order[i]])
            add_codes(s, order[i], x, row, n);
    for (uint64_t r = 0; r < n; r++) {
        const float *want = s->want_scale + r * groups, *have = s->have_scale + r * groups;

        q8_scales_add(&s->scale, s, row + r, want, have);
        s->scale_want[row + r] = digest_scales(s, want);
        s->scale_have[row + r] = digest_scales(s, have);
    }
}

/* A shared scale is that of all rows: they are read once more. */
static bool find_shared(struct q8_survey *s, struct q8_err *err)
{
    for (uint64_t row = 0, n; s->stored->scheme->shared && row < s->stored->rows; row += n) {
        void *x;

        n = q8_min(s->tile, s->stored->rows - row);
        if (!(x = q8_walk_read(&s->walk, s->v->options.reference, &s->view, row, n, err)) ||
            !q8_pool_advance(s->pool, 0))
            return false;
        q8_expected_see(&s->expect, x, n);
    }
    return true;
}

bool q8_survey_run(struct q8_survey *s, struct q8_err *err)
{
    if (!find_shared(s, err))
        return false;
    for (uint64_t row = 0, n; row < s->stored->rows; row += n) {
        void *x;

        n = q8_min(s->tile, s->stored->rows - row);
        if (!read_reference(s, row, n, &x, err) || !read_stored(s, row, n, err))
            return false;
        add_tile(s, x, row, n);
    }
    return true;
}

bool q8_survey_read(struct q8_survey *s, enum q8_basis basis, uint64_t at, uint64_t n, int8_t *ret,
                    struct q8_err *err)
{
    const uint64_t cols = s->stored->cols;

    for (uint64_t end = at + n, m; at < end; at += m, ret += m) {
        const uint64_t row = at / cols, rows = q8_min(s->tile, q8_div_up(end, cols) - row);
        const void *from = s->decoder.codes;
        void *x;

        m = q8_min(end, (row + rows) * cols) - at;
        if (basis == Q8_BASES) {
            if (!read_stored(s, row, rows, err))
                return false;
        } else {
            if (!read_reference(s, row, rows, &x, err))
                return false;
            fill_want(s, basis, x, rows);
            from = s->want;
        }
        memcpy(ret, (const int8_t *)from + at % cols, m);
    }
    return true;
}
