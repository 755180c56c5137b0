/* tiles.c - the model of the AMX instructions; the rules are those of tiles.h's source */
#include "tests/checkkernels/check.h"
#include "tests/checkkernels/tiles.h"

#include <string.h>

#define TILES 8
#define ROWS 16
#define ROW_BYTES 64

static struct {
    bool configured;
    struct {
        uint8_t rows;
        uint16_t row_bytes;
        int8_t data[ROWS][ROW_BYTES];
    } tile[TILES];
    const char *broken;
} state;

static void must(bool holds, const char *rule)
{
    if (!holds && !state.broken)
        state.broken = rule;
}

const char *tiles_broken(void)
{
    const char *broken = state.broken;

    if (!broken && state.configured)
        broken = "tiles are released at the end";
    state.broken = NULL;
    return broken;
}

void tiles_configure(const void *config)
{
    const uint8_t *bytes = config; /* palette, start row, 14 of 0, 16 row lengths, 16 rows */

    must(bytes[0] == 1, "ldtilecfg: palette 1");
    must(bytes[1] == 0, "ldtilecfg: starts at row 0");
    for (int i = 2; i < 16; i++)
        must(bytes[i] == 0, "ldtilecfg: reserved bytes are 0");
    for (int t = 0; t < 16; t++) {
        const unsigned row_bytes = bytes[16 + 2 * t] | (unsigned)bytes[17 + 2 * t] << 8;
        const unsigned rows = bytes[48 + t];

        must(t < TILES || (row_bytes == 0 && rows == 0), "ldtilecfg: 8 tiles");
        must(row_bytes <= ROW_BYTES && rows <= ROWS, "ldtilecfg: at most 16 rows of 64 bytes");
        must((row_bytes == 0) == (rows == 0), "ldtilecfg: rows and their bytes, or neither");
        if (t < TILES && row_bytes <= ROW_BYTES && rows <= ROWS) {
            state.tile[t].rows = (uint8_t)rows;
            state.tile[t].row_bytes = (uint16_t)row_bytes;
        }
    }
    for (int t = 0; t < TILES; t++)
        memset(state.tile[t].data, 0, sizeof state.tile[t].data);
    state.configured = true;
}

void tiles_release(void)
{
    memset(state.tile, 0, sizeof state.tile);
    state.configured = false;
}

/* What every instruction asks of a tile. */
static bool is_valid(int t)
{
    const bool valid = state.configured && t >= 0 && t < TILES && state.tile[t].rows > 0;

    must(valid, "a tile is configured");
    return valid;
}

void tiles_zero(int t)
{
    if (is_valid(t))
        memset(state.tile[t].data, 0, sizeof state.tile[t].data);
}

void tiles_load(int t, const void *from, size_t stride)
{
    if (!is_valid(t))
        return;
    memset(state.tile[t].data, 0, sizeof state.tile[t].data);
    for (size_t r = 0; r < state.tile[t].rows; r++)
        memcpy(state.tile[t].data[r], (const char *)from + r * stride, state.tile[t].row_bytes);
}

void tiles_store(int t, void *to, size_t stride)
{
    if (!is_valid(t))
        return;
    for (size_t r = 0; r < state.tile[t].rows; r++)
        memcpy((char *)to + r * stride, state.tile[t].data[r], state.tile[t].row_bytes);
}

/* Four products more. */
static uint32_t dot4(uint32_t sum, const int8_t *a, const int8_t *b)
{
    for (int i = 0; i < 4; i++)
        sum += (uint32_t)(a[i] * b[i]);
    return sum;
}

void tiles_multiply(int sums, int a, int b)
{
    if (!is_valid(sums) || !is_valid(a) || !is_valid(b))
        return;
    must(sums != a && sums != b && a != b, "tdpbssd: three different tiles");
    must(state.tile[sums].row_bytes % 4 == 0 && state.tile[a].row_bytes % 4 == 0 &&
             state.tile[b].row_bytes % 4 == 0,
         "tdpbssd: rows of whole dwords");
    must(state.tile[sums].rows == state.tile[a].rows, "tdpbssd: as many rows as a");
    must(state.tile[sums].row_bytes == state.tile[b].row_bytes, "tdpbssd: rows as long as b's");
    must(state.tile[a].row_bytes == 4 * state.tile[b].rows, "tdpbssd: a dword of a for a row of b");
    for (size_t i = 0; i < state.tile[sums].rows; i++)
        for (size_t j = 0; j < state.tile[sums].row_bytes / 4u; j++) {
            int8_t *at = state.tile[sums].data[i] + 4 * j;
            uint32_t sum;

            memcpy(&sum, at, sizeof sum);
            for (size_t k = 0; k < state.tile[a].row_bytes / 4u; k++)
                sum = dot4(sum, state.tile[a].data[i] + 4 * k, state.tile[b].data[k] + 4 * j);
            memcpy(at, &sum, sizeof sum);
        }
}
