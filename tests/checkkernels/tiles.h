/*
 * tiles.h - a model in C of the AMX instructions that kernels/amx uses
 *
 * After Intel's Software Developer's Manual, volume 2: LDTILECFG, TILERELEASE, TILEZERO, TILELOADD,
 * TILESTORED, TDPBSSD, with palette 1: 8 tiles of at most 16 rows of at most 64 bytes.  Where the
 * processor would fault, the first rule that was broken is kept for tiles_broken.  Include it after
 * immintrin.h: it takes the place of the intrinsics.
 */
#ifndef Q8_CHECK_TILES_H
#define Q8_CHECK_TILES_H

#include <stddef.h>
#include <stdint.h>

/* ldtilecfg: the 64 bytes of a configuration; all tiles become 0. */
void tiles_configure(const void *config);

/* tilerelease: nothing is configured. */
void tiles_release(void);

/* tilezero: all of a tile. */
void tiles_zero(int tile);

/* tileloadd: its rows, `stride` bytes apart; what is behind them in the tile becomes 0. */
void tiles_load(int tile, const void *from, size_t stride);

/* tilestored: the same, to memory. */
void tiles_store(int tile, void *to, size_t stride);

/*
 * tdpbssd: to each int32 of `sums`, row i and column j, modulo 2^32, the products of the signed
 * bytes 4k .. 4k + 3 of row i of `a` with bytes 4j .. 4j + 3 of row k of `b`, for all k.
 */
void tiles_multiply(int sums, int a, int b);

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbssd
#define _tile_loadconfig(config) tiles_configure(config)
#define _tile_release() tiles_release()
#define _tile_zero(tile) tiles_zero(tile)
#define _tile_loadd(tile, from, stride) tiles_load(tile, from, stride)
#define _tile_stored(tile, to, stride) tiles_store(tile, to, stride)
#define _tile_dpbssd(sums, a, b) tiles_multiply(sums, a, b)

#endif
