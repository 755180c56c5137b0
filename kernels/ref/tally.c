/* tally.c - codes by value: the reference, and quick enough */
#include "kernels/kernels.h"

/* Four tables in turn: a run of equal codes does not wait for itself. */
static void tally(uint64_t count[256], const int8_t *codes, size_t n)
{
    uint64_t table[4][256] = {{0}};

    for (size_t i = 0; i < n; i++)
        table[i % 4][(uint8_t)codes[i]]++;
    for (int c = 0; c < 256; c++)
        count[c] += table[0][c] + table[1][c] + table[2][c] + table[3][c];
}

const q8_tally_fn q8_tally_ref = tally;
