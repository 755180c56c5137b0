/* bytes.c - codes that are displaced in the file */
#include "src/verify/diagnose/diagnose_parts.h"

#include "src/base/num.h"

#include <string.h>

#define WINDOW 32                  /* codes that are looked for */
#define DISTINCT 6                 /* different ones that make them worth it */
#define PLACES 8                   /* where windows are taken */
#define NEAR 4096                  /* displacements that are looked for, or two rows */
#define FAR (UINT64_C(1) << 20)    /* and at most */
#define CHUNK (UINT64_C(64) << 10) /* codes that are compared at a time, or one row */
#define LEAST 16                   /* codes that must be there to compare */

/* A search on its way. */
struct search {
    struct q8_survey *s;
    enum q8_basis basis;
    uint64_t begin, all; /* the first code that is off; codes of the weight */
    uint64_t reach;      /* displacements that are looked for */
    uint64_t chunk;      /* codes that `a` and `b` hold */
    int8_t *a, *b;       /* [chunk] */
    int8_t *around;      /* [WINDOW + 2 * reach] */
};

static bool is_distinct(const int8_t *codes)
{
    unsigned distinct = 0;

    for (unsigned i = 0; i < WINDOW; i++)
        distinct += memchr(codes, (uint8_t)codes[i], i) == NULL;
    return distinct >= DISTINCT;
}

/* Whether nearly all codes that can be compared are those that stand `by` before them. */
static bool agrees(struct search *f, int64_t by, bool *ret, struct q8_err *err)
{
    const uint64_t far = (uint64_t)(by < 0 ? -by : by);
    const uint64_t begin = f->begin + (by > 0 ? far : 0), end = f->all - (by < 0 ? far : 0);
    const uint64_t allowed = q8_min(f->s->code[f->basis].off / 10, (f->all - f->begin) / 100);
    uint64_t wrong = 0;

    *ret = false;
    if (far >= f->all || begin > end || end - begin < LEAST)
        return true;
    for (uint64_t at = begin, n; at < end; at += n) {
        n = q8_min(f->chunk, end - at);
        if (!q8_survey_read(f->s, Q8_BASES, at, n, f->a, err) ||
            !q8_survey_read(f->s, f->basis, at - (uint64_t)by, n, f->b, err))
            return false;
        for (uint64_t i = 0; i < n; i++)
            wrong += f->a[i] != f->b[i];
        if (wrong > allowed)
            return true;
    }
    *ret = true;
    return true;
}

/* Looks for the codes at `at` near that place in what was expected. */
static bool look_around(struct search *f, uint64_t at, int64_t *ret_by, struct q8_err *err)
{
    const uint64_t first = at > f->reach ? at - f->reach : 0;
    const uint64_t end = q8_min(f->all, at + WINDOW + f->reach);
    const int8_t *hit = f->around;
    bool found = false;

    if (!q8_survey_read(f->s, Q8_BASES, at, WINDOW, f->a, err) ||
        !q8_survey_read(f->s, f->basis, first, end - first, f->around, err))
        return false;
    if (!is_distinct(f->a))
        return true;
    while (!found &&
           (hit = memmem(hit, (size_t)(f->around + (end - first) - hit), f->a, WINDOW)) != NULL) {
        *ret_by = (int64_t)at - (int64_t)(first + (uint64_t)(hit - f->around));
        if (*ret_by != 0 && !agrees(f, *ret_by, &found, err))
            return false;
        hit++;
    }
    *ret_by = found ? *ret_by : 0;
    return true;
}

bool q8_bytes_shift(struct q8_survey *s, enum q8_basis basis, int64_t *ret_by, struct q8_err *err)
{
    const uint64_t cols = s->stored->cols;
    struct search f = {.s = s, .basis = basis, .all = s->stored->rows * cols};
    uint64_t rest;

    *ret_by = 0;
    f.begin = s->code[basis].row * cols + s->code[basis].col;
    f.reach = q8_min(q8_min(cols * 2 > NEAR ? cols * 2 : NEAR, FAR), f.all);
    f.chunk = cols > CHUNK ? cols : CHUNK;
    f.a = q8_alloc(&s->mem, f.chunk, 1, err);
    f.b = q8_alloc(&s->mem, f.chunk, 1, err);
    f.around = q8_alloc(&s->mem, WINDOW + 2 * f.reach, 1, err);
    if (!f.a || !f.b || !f.around)
        return false;
    if (f.all - f.begin < WINDOW)
        return true;
    rest = f.all - f.begin - WINDOW;
    for (unsigned i = 0; i <= PLACES && *ret_by == 0; i++)
        if (!look_around(&f, f.begin + rest / PLACES * i, ret_by, err))
            return false;
    return true;
}
