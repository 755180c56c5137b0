/* coded.c - the elements of a weight that is computed, from any on */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define PIECE 1024 /* elements that are looked at again at a time */

bool q8_coded_fail_range(const struct q8_coded *c, uint64_t element, double value,
                         struct q8_err *err)
{
    return q8_fail(err, Q8_EINPUT, "row %" PRIu64 ", column %" PRIu64 ": %.9g is beyond %s%s",
                   element / c->cols, element % c->cols, value, q8_dtypes[c->dtype].name,
                   c->dtype == Q8_F16    ? ", which ends at 65504; --to=bf16 has room for it"
                   : c->dtype == Q8_BF16 ? "; --to=f32 has room for it"
                                         : "");
}

/* Whether there is an infinity among n F16 or BF16. */
static bool has_infinite(const void *x, enum q8_dtype dtype, uint64_t n)
{
    const uint16_t infinity = dtype == Q8_F16 ? 0x7c00 : 0x7f80;
    const unsigned char *p = x;
    bool found = false;

    for (uint64_t i = 0; i < n; i++) {
        uint16_t bits;

        memcpy(&bits, p + i * sizeof bits, sizeof bits);
        found |= (bits & 0x7fff) == infinity;
    }
    return found;
}

/* Infinities that came out were ones before they were rounded to the type; of n elements. */
static bool check_piece(const struct q8_coded *c, uint64_t first, uint64_t n, const void *x,
                        struct q8_err *err)
{
    struct q8_coded wide = *c;
    float value[PIECE];

    if (!has_infinite(x, c->dtype, n))
        return true;
    wide.dtype = Q8_F32;
    if (!c->coding->read(&wide, first, n, value, err))
        return false;
    for (uint64_t i = 0; i < n; i++)
        if (has_infinite((const unsigned char *)x + 2 * i, c->dtype, 1) && isfinite(value[i]))
            return q8_coded_fail_range(c, first + i, value[i], err);
    return true;
}

static bool check_range(const struct q8_coded *c, uint64_t first, uint64_t count, const void *x,
                        struct q8_err *err)
{
    const unsigned char *p = x;

    if (!c->asked || (c->dtype != Q8_F16 && c->dtype != Q8_BF16))
        return true;
    for (uint64_t i = 0, n; i < count; i += n) {
        n = q8_min(count - i, PIECE);
        if (!check_piece(c, first + i, n, p + 2 * i, err))
            return false;
    }
    return true;
}

/* Scales may be denormals, and so may products. */
bool q8_coded_read(void *self, uint64_t off, void *buf, uint64_t n, struct q8_err *err)
{
    const struct q8_coded *c = self;
    const uint64_t size = q8_dtype_size(c->dtype), first = off / size, count = n / size;
    const bool flushed = q8_denormals_flush(false);
    bool ok;

    assert(off % size == 0 && n % size == 0);
    ok = c->coding->read(c, first, count, buf, err) && check_range(c, first, count, buf, err);
    (void)q8_denormals_flush(flushed);
    return ok;
}
