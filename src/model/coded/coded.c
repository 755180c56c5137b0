/* coded.c - the bytes of a weight that is computed, from any place on */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"

#include <string.h>

/* Scales may be denormals, and so may products. */
static bool read_elements(const struct q8_coded *c, uint64_t first, uint64_t count, void *ret,
                          struct q8_err *err)
{
    const bool flushed = q8_denormals_flush(false);
    const bool ok = c->coding->read(c, first, count, ret, err);

    (void)q8_denormals_flush(flushed);
    return ok;
}

bool q8_coded_read(void *self, uint64_t off, void *buf, uint64_t n, struct q8_err *err)
{
    const struct q8_coded *c = self;
    const uint64_t size = q8_dtype_size(c->dtype);
    unsigned char *to = buf, one[sizeof(double)];

    for (uint64_t done; n > 0; to += done, off += done, n -= done) {
        const uint64_t skip = off % size;

        done = skip || n < size ? q8_min(size - skip, n) : n - n % size;
        if (!read_elements(c, off / size, q8_div_up(skip + done, size), done < size ? one : to,
                           err))
            return false;
        if (done < size) /* a part of an element */
            memcpy(to, one + skip, done);
    }
    return true;
}
