/* gaussian.h - normally distributed numbers from a seed and a name, the same on every machine */
#ifndef Q8_FORWARD_GAUSSIAN_H
#define Q8_FORWARD_GAUSSIAN_H

#include <stdint.h>

/*
 * The generator, so that it can be written again (in Python in tests/oracle/judge_probe.py):
 *
 *   mix(z)      z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9; z = (z ^ z >> 27) * 0x94d049bb133111eb;
 *               z ^ z >> 31: the output function of splitmix64, modulo 2^64
 *   start       mix(FNV-1a-64 of the bytes of the name ^ seed)
 *   word w      mix(start + (w + 1) * 0x9e3779b97f4a7c15), w from 0: splitmix64 from that state
 *   index i     the 16 bits of word i / 4 from bit 16 * (i % 4) on
 *   number i    table[index i]
 *   table[u]    the quantile of the normal distribution at (u + 0.5) / 65536, the nearest float
 *
 * The table has a mean of 0, an RMS of 0.99999 and ends at +-4.3249.
 *
 * Sources: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, as
 * in Vigna's splitmix64.c; draft-eastlake-fnv (FNV-1a, 64 bit).
 */
#define Q8_GAUSSIAN_TABLE 65536

/*
 * Computes the table.  Only + - * / and sqrt of doubles, so that no mathematical library decides
 * about its bits.
 */
void q8_gaussian_table(float ret[Q8_GAUSSIAN_TABLE]);

/* Where the stream of that name and seed starts. */
uint64_t q8_gaussian_start(uint64_t seed, const char *name);

/* Word w of the stream. */
uint64_t q8_gaussian_word(uint64_t start, uint64_t w);

/* Writes numbers `first` to first + n - 1 of the stream. */
void q8_gaussian_fill(float *ret, const float table[Q8_GAUSSIAN_TABLE], uint64_t start,
                      uint64_t first, uint64_t n);

#endif
