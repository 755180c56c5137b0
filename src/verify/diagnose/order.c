/* order.c - swapped, shifted, in another order: two lists of digests */
#include "src/verify/diagnose/diagnose_parts.h"

#include <stdlib.h>
#include <string.h>

/* Comparisons that a search for shifts may take: lists of a million items with few repeats. */
#define PATIENCE (UINT64_C(1) << 28)

static int compare_digests(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static bool same_items(const uint64_t *want, const uint64_t *have, uint64_t n,
                       uint64_t *const spare[2])
{
    memcpy(spare[0], want, n * sizeof *want);
    memcpy(spare[1], have, n * sizeof *have);
    qsort(spare[0], n, sizeof *want, compare_digests);
    qsort(spare[1], n, sizeof *have, compare_digests);
    return memcmp(spare[0], spare[1], n * sizeof *want) == 0;
}

/*
 * Whether all items from the first that is out of place stand `by` further on, or further up, but
 * for `by` of them that fill the gap.  Items of 0 say nothing; most of those that are out must be
 * explained, lest the last row that happens to be the first one's pass for a shift by all.
 */
static bool is_shift(const uint64_t *want, const uint64_t *have, uint64_t n, struct q8_order *o,
                     uint64_t live, uint64_t *patience)
{
    /* item k of those that can have moved: where it should be, and where it would be now */
    const uint64_t *item = o->up ? want + o->by : want;
    const uint64_t *now = o->up ? have : have + o->by;
    const uint64_t *wanted_there = o->up ? want : want + o->by;
    uint64_t k = n - o->by, moved = 0;

    while (k > 0 && *patience > 0 && now[k - 1] == item[k - 1]) {
        k--;
        moved += now[k] != wanted_there[k] && now[k] != 0;
        --*patience;
    }
    if (k > o->first || moved == 0 || moved * 2 < live)
        return false;
    if (o->up)
        o->first += o->by;
    else if (k + o->by > o->first)
        o->first = k;
    else /* a copy within the list leaves the first ones where they were */
        o->first -= o->by;
    return true;
}

static bool find_shift(const uint64_t *want, const uint64_t *have, uint64_t n, struct q8_order *o)
{
    uint64_t live = 0, patience = PATIENCE;

    for (uint64_t i = 0; i < n; i++)
        live += have[i] != want[i] && have[i] != 0;
    for (uint64_t by = 1; by < n && patience > 0; by++)
        for (int up = 0; up < 2; up++) {
            struct q8_order trial = *o;

            trial.by = by;
            trial.up = up;
            if (is_shift(want, have, n, &trial, live, &patience)) {
                *o = trial;
                return true;
            }
            patience -= patience > 0;
        }
    return false;
}

struct q8_order q8_order_find(const uint64_t *want, const uint64_t *have, uint64_t n,
                              uint64_t *const spare[2])
{
    struct q8_order o = {.kind = Q8_ORDER_SAME};

    for (uint64_t i = 0; i < n; i++)
        if (have[i] != want[i]) {
            o.first = o.out++ ? o.first : i;
            o.last = i;
        }
    if (o.out == 0)
        return o;
    o.whole = same_items(want, have, n, spare);
    if (o.whole && o.out == 2)
        o.kind = Q8_ORDER_SWAPPED;
    else if (o.out > 1 && find_shift(want, have, n, &o))
        o.kind = Q8_ORDER_SHIFTED;
    else
        o.kind = o.whole ? Q8_ORDER_PERMUTED : Q8_ORDER_OTHER;
    return o;
}
