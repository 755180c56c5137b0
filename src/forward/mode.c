/* mode.c - how activations and weights become int8 and meet again: the table of modes */
#include "src/forward/mode.h"

#include <stddef.h>

const struct q8_mode_row q8_modes[Q8_MODES] = {
    [Q8_MODE_BNB] = {"bitsandbytes", false, true, true, false},
    [Q8_MODE_W8A8] = {"w8a8", false, true, true, false},
    [Q8_MODE_W8A16] = {"w8a16", false, false, true, false},
    [Q8_MODE_ABSMAX] = {"absmax", true, false, false, false},
    [Q8_MODE_ROW_WISE] = {"row-wise", true, true, false, false},
    [Q8_MODE_VECTOR_WISE] = {"vector-wise", true, true, true, false},
    [Q8_MODE_ZEROPOINT] = {"zeropoint", true, false, false, true},
    [Q8_MODE_ZEROPOINT_VECTOR_WISE] = {"zeropoint-vector-wise", true, true, true, true},
};

const char *q8_mode_name(enum q8_mode mode)
{
    return (unsigned)mode < Q8_MODES ? q8_modes[mode].name : NULL;
}

enum q8_mode q8_mode_of(enum q8_product product)
{
    static const enum q8_mode modes[] = {
        [Q8_PRODUCT_FLOAT] = Q8_MODE_W8A16,
        [Q8_PRODUCT_INT8] = Q8_MODE_W8A8,
        [Q8_PRODUCT_OUTLIERS] = Q8_MODE_BNB,
    };

    return modes[product];
}
