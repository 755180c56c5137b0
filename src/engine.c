/* engine.c - the table of modes */
#include "src/engine.h"

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
