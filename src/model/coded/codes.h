/* codes.h - weights that are int8 codes times steps, without a rounding: the codes and the steps */
#ifndef Q8_MODEL_CODED_CODES_H
#define Q8_MODEL_CODED_CODES_H

#include "src/model/coded/coded.h"

/* A weight as int8 codes times steps, nothing of it rounded. */
struct q8_codes {
    uint64_t group;      /* columns that share a step; the last group may be shorter */
    uint64_t groups;     /* steps of a row */
    enum q8_dtype dtype; /* that the steps have: F16, BF16 or F32 */
    bool absmax;         /* what it has is 127 times the step, as bitsandbytes writes it */
};

/* Whether it is one: whole numbers without zero points, FP4 with exponents for scales. */
bool q8_coded_codes(const struct q8_coded *c, struct q8_codes *ret);

/* Codes [rows, cols] of rows [row, row + rows).  Errors as q8_file_read. */
bool q8_coded_read_codes(const struct q8_coded *c, uint64_t row, uint64_t rows, int8_t *ret,
                         struct q8_err *err);

/* Steps [groups] of a row.  NaN and infinities come out as they are. */
bool q8_coded_read_steps(const struct q8_coded *c, uint64_t row, void *ret, struct q8_err *err);

#endif
