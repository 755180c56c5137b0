/* floats.c - which element types are numbers that can be quantized, and how they are read */
#include "src/model/floats.h"

#include <string.h>

enum q8_float q8_dtype_float(enum q8_dtype dtype)
{
    switch (dtype) {
    case Q8_F16: return Q8_FLOAT_F16;
    case Q8_BF16: return Q8_FLOAT_BF16;
    case Q8_F32:
    case Q8_F64: return Q8_FLOAT_F32;
    default: return Q8_FLOATS;
    }
}

bool q8_dtype_is_float(enum q8_dtype dtype)
{
    return q8_dtype_float(dtype) != Q8_FLOATS;
}

void q8_floats_read(float *ret, enum q8_dtype dtype, const void *bytes, uint64_t n)
{
    uint64_t step = q8_dtype_size(dtype);
    const unsigned char *p = bytes;

    for (uint64_t i = 0; i < n; i++, p += step) {
        uint16_t half;
        double wide;

        switch (dtype) {
        case Q8_F32: memcpy(&ret[i], p, sizeof ret[i]); break;
        case Q8_F64:
            memcpy(&wide, p, sizeof wide);
            ret[i] = (float)wide;
            break;
        default:
            memcpy(&half, p, sizeof half);
            ret[i] = dtype == Q8_F16 ? q8_half_to_float(half) : q8_bf16_to_float(half);
        }
    }
}
