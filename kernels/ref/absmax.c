/* absmax.c - largest magnitude of each group, as bits: the reference */
#include "kernels/kernels.h"

#include <string.h>

static void absmax16(uint32_t *ret, const void *x, size_t n, size_t group)
{
    for (size_t begin = 0; begin < n; begin += group) {
        size_t end = n - begin < group ? n : begin + group;
        uint32_t most = 0;

        for (size_t i = begin; i < end; i++) {
            uint16_t bits;

            memcpy(&bits, (const char *)x + 2 * i, sizeof bits);
            most = (bits & 0x7fffu) > most ? bits & 0x7fffu : most;
        }
        *ret++ = most;
    }
}

static void absmax32(uint32_t *ret, const void *x, size_t n, size_t group)
{
    for (size_t begin = 0; begin < n; begin += group) {
        size_t end = n - begin < group ? n : begin + group;
        uint32_t most = 0;

        for (size_t i = begin; i < end; i++) {
            uint32_t bits;

            memcpy(&bits, (const char *)x + 4 * i, sizeof bits);
            most = (bits & 0x7fffffffu) > most ? bits & 0x7fffffffu : most;
        }
        *ret++ = most;
    }
}

const q8_absmax_fn q8_absmax_ref[Q8_FLOATS] = {absmax16, absmax16, absmax32};
