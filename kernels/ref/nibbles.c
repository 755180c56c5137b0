/* nibbles.c - halves of bytes to codes: the reference */
#include "kernels/kernels.h"

static void nibbles(int8_t *ret, const uint8_t *packed, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (int8_t)((packed[i / 2] >> i % 2 * 4 & 15) - 8);
}

const q8_nibbles_fn q8_nibbles_ref = nibbles;
