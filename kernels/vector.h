/* vector.h - what the vector versions of all operations share */
#ifndef Q8_KERNELS_VECTOR_H
#define Q8_KERNELS_VECTOR_H

#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

/* Before a loop: written out, so that what it indexes can stay in registers. */
#define UNROLL _Pragma("GCC unroll 16")

#define CHUNK 4096 /* elements whose sums share lanes */

/* For what is left over of a row, and for what is rare. */
extern const q8_histogram_fn q8_histogram_ref;
extern const q8_decode_f8_fn q8_decode_f8_ref[Q8_FLOAT8S];

#endif
