/* diagnose.h - what happened to an int8 weight whose codes or scales are not what they should be */
#ifndef Q8_VERIFY_DIAGNOSE_DIAGNOSE_H
#define Q8_VERIFY_DIAGNOSE_DIAGNOSE_H

#include "src/verify/result.h"

/*
 * Reads both weights of a layer that level 2 found fault with, works out what q8 would have stored
 * and adds one finding for each thing that went wrong, of level Q8_LEVEL_WEIGHTS, with `fails` as
 * given, about layer->module.  The kinds, and what their texts name:
 *
 *   other-weight      the codes are those of another module of this model (which)
 *   transposed        a square weight the wrong way round
 *   rows-swapped      two rows (which)
 *   rows-shifted      all rows from some row on stand k rows further down or up
 *   rows-permuted     the same rows in another order (how many, the first)
 *   columns-swapped   two columns (which);  columns-shifted: by k
 *   bytes-shifted     codes are displaced by k bytes from some row and column on
 *   codes-negated     every code has the other sign
 *   codes-unsigned    code ^ 0x80: packed as signed, or plain codes as unsigned
 *   codes-zeroed      a run of codes is 0 (from where, how many)
 *   codes-clipped     nothing beyond a smaller range (which)
 *   codes-off-by-one  codes differ by 1 (how many, the first)
 *   byte-flip         one code differs by more (row, column, expected, found)
 *   codes-differ      none of these (how many, the first)
 *   scales-ulp        scales differ by the last bit (how many, the first)
 *   scales-factor     all scales are off by one factor (which)
 *   scale-wrong       single scales (how many, row, expected, found)
 *   scales-swapped    two scales (which rows);  scales-shifted: by k rows
 *   scales-permuted   the same scales in another order;  scales-differ: none of these
 *
 * Codes and scales are judged apart: one finding each at most, and one for both where rows moved
 * with their scales.  Scales that the codes were made for say so.  The other side of a tie of
 * bitsandbytes is no fault; rows that moved in a weight with such ties are codes-differ.
 *
 * Never silent: a layer with codes or scales that are off gets one finding at least.  Memory is
 * taken from an arena of its own: about a hundred bytes per row and column, and a few tiles.
 * Q8_EIO, Q8_ELIMIT; false without an error when the pool is stopping.
 */
bool q8_diagnose(struct q8_verify *v, struct q8_layer *layer, bool fails, struct q8_pool *pool,
                 struct q8_err *err);

#endif
