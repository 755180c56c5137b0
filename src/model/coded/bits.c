/* bits.c - whole numbers of 1 to 8 bits: out of where they are packed, and to floats */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"

#include <string.h>

/* Eight codes fill as many bytes as each has bits. */
static void unpack_eight(unsigned bits, unsigned char *ret, const unsigned char *codes, uint64_t n)
{
    const unsigned middle = 1u << (bits - 1), mask = (1u << bits) - 1;
    unsigned char bytes[8] = {0};
    uint64_t all = 0;

    memcpy(bytes, codes, q8_div_up(n * bits, 8));
    for (unsigned i = 0; i < 8; i++)
        all |= (uint64_t)bytes[i] << 8 * i;
    for (uint64_t i = 0; i < n; i++)
        ret[i] = (unsigned char)((all >> i * bits & mask) - middle);
}

void q8_coded_unpack_bits(const struct q8_coded *c, unsigned char *ret, const unsigned char *codes,
                          uint64_t n)
{
    if (c->bits == 4) {
        c->kernels->nibbles((int8_t *)ret, codes, n);
        return;
    }
    if (c->bits == 8) {
        for (uint64_t i = 0; i < n; i++)
            ret[i] = codes[i] ^ 0x80;
        return;
    }
    for (uint64_t i = 0, k; i < n; i += k, codes += c->bits) {
        k = q8_min(n - i, 8);
        unpack_eight(c->bits, ret + i, codes, k);
    }
}

void q8_coded_decode_ints(const struct q8_coded *c, float *ret, const struct q8_coded_run *run)
{
    const int8_t *codes = (const int8_t *)run->codes;

    if (run->zero)
        c->kernels->decode_zero(ret, codes, run->n, run->group, run->scale, run->zero);
    else
        c->kernels->decode(ret, codes, run->n, run->group, run->scale);
}
