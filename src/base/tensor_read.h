/* tensor_read.h - the data of a tensor out of its file, packed, however it lies there */
#ifndef Q8_BASE_TENSOR_READ_H
#define Q8_BASE_TENSOR_READ_H

#include "src/base/file.h"
#include "src/base/tensor.h"

/*
 * Copies n bytes from `off` bytes into the packed data of a tensor of that file; the caller keeps
 * off + n <= nbytes.  The elements of a strided tensor, which q8_tensor_check has passed, are
 * gathered: many at a time go faster.  Needs no memory of its own.  Errors: as q8_file_read.
 */
bool q8_tensor_read(const struct q8_file *f, const struct q8_tensor *t, uint64_t off, void *buf,
                    uint64_t n, struct q8_err *err);

#endif
