/* floats.h - which element types are numbers that can be quantized, and how they are read */
#ifndef Q8_MODEL_FLOATS_H
#define Q8_MODEL_FLOATS_H

#include "kernels/kernels.h"
#include "src/base/tensor.h"

/*
 * The kernels' name of a type that can be quantized, or Q8_FLOATS (F64 is narrowed to F32 first).
 */
enum q8_float q8_dtype_float(enum q8_dtype dtype);

/* Whether there is such a name: F16, BF16, F32 or F64. */
bool q8_dtype_is_float(enum q8_dtype dtype);

/* Widens n elements of such a type, possibly unaligned; F64 is narrowed, beyond float to Inf. */
void q8_floats_read(float *ret, enum q8_dtype dtype, const void *bytes, uint64_t n);

#endif
