/* tensor_read.h - the data of a tensor out of its file, packed, however it lies there */
#ifndef Q8_BASE_TENSOR_READ_H
#define Q8_BASE_TENSOR_READ_H

#include "src/base/source.h"
#include "src/base/tensor.h"

/*
 * Copies n bytes from `off` bytes into the packed data of a tensor out of its source; the caller
 * keeps off + n <= nbytes.  The elements of a strided tensor, which q8_tensor_check has passed, are
 * gathered: many at a time go faster.  Those of a swapped one are turned to the order of this
 * machine, unless they share bytes.  Of a computed one the source is asked for whole elements.
 * Needs no memory of its own.  Errors: those of the source.
 */
bool q8_tensor_read(const struct q8_source *s, const struct q8_tensor *t, uint64_t off, void *buf,
                    uint64_t n, struct q8_err *err);

/*
 * How many bytes of a tensor to read at a time, where `bytes` would do for a packed one: many times
 * as much where elements are gathered, as a run in the file is as long as there are rows.
 */
uint64_t q8_tensor_piece(const struct q8_tensor *t, uint64_t bytes);

#endif
