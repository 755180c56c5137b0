/* turned.c - codes that lie column by column, several in a word, to floats: GPTQ and AWQ */
#include "src/model/coded/coded_parts.h"

#include "src/base/json.h"
#include "src/base/num.h"
#include "src/model/floats.h"

#include <inttypes.h>
#include <string.h>

enum { SCALES = 1, ZEROS, ORDER }; /* parts */

/*
 * At a time, on the stack: rows, words of their codes, columns, and scales of the rows.  A line of
 * the file has one word (GPTQ, whose words hold columns) or eight columns' (AWQ: rows) for a row.
 */
#define ROWS 256
#define WORDS 4096
#define COLS 2048
#define TABLE 8192

/* Codes of these rows and columns, and the rows' scales and zeros. */
struct stripe {
    uint64_t row, rows;
    uint64_t col, cols;
    uint64_t words; /* of a line of the file */
    uint32_t word[WORDS];
    float scale[TABLE], zero[TABLE]; /* [rows, groups] */
    unsigned char codes[COLS];
    float value[COLS];
};

/* Where the nibbles of AWQ's words lie (AutoAWQ, gemm): of 8 rows, by the last digit. */
static const unsigned char awq_place[8] = {0, 4, 1, 5, 2, 6, 3, 7};

/* Whether a word holds the codes of rows, not of columns. */
static bool holds_rows(const struct q8_coded *c)
{
    return c->coding == &q8_coding_awq;
}

/* Codes in a word. */
static unsigned per_word(const struct q8_coded *c)
{
    return 32 / c->bits;
}

/* The bit of a word of zeros, or of codes that holds rows, from which on that of the row lies. */
static unsigned find_bit(const struct q8_coded *c, uint64_t row)
{
    return c->bits * (holds_rows(c) ? awq_place[row % 8] : (unsigned)(row % per_word(c)));
}

/* ---- scales and zeros ---- */

/* Those of one group, of all rows of the stripe. */
static bool read_group(const struct q8_coded *c, uint64_t group, struct stripe *s,
                       struct q8_err *err)
{
    const struct q8_tensor *t = c->part[SCALES];
    const uint64_t size = q8_dtype_size(t->dtype), height = c->rows / per_word(c);
    const uint64_t first = s->row / per_word(c);
    const uint64_t words = (s->row + s->rows - 1) / per_word(c) - first + 1;
    const unsigned mask = (1u << c->bits) - 1;
    unsigned char raw[ROWS * sizeof(float)];
    uint32_t word[ROWS];
    float scale[ROWS];

    if (!q8_model_read(c->model, t, (group * c->rows + s->row) * size, raw, s->rows * size, err) ||
        (c->zero && !q8_model_read(c->model, c->zero, (group * height + first) * sizeof *word, word,
                                   words * sizeof *word, err)))
        return false;
    c->kernels->widen[q8_dtype_float(t->dtype)](scale, raw, s->rows);
    for (uint64_t r = 0; r < s->rows; r++) {
        const uint64_t row = s->row + r;

        s->scale[r * c->grid_cols + group] = scale[r];
        if (c->zero)
            s->zero[r * c->grid_cols + group] =
                (float)(word[row / per_word(c) - first] >> find_bit(c, row) & mask) + c->zero_add;
    }
    return true;
}

/* ---- codes ---- */

/* The lines of the file that hold the columns of the stripe. */
static bool read_lines(const struct q8_coded *c, struct stripe *s, struct q8_err *err)
{
    const uint64_t lines = holds_rows(c) ? s->cols : q8_div_up(s->cols, per_word(c));
    const uint64_t first = holds_rows(c) ? s->col : s->col / per_word(c);
    const uint64_t height = holds_rows(c) ? c->rows / per_word(c) : c->rows;
    const uint64_t row = holds_rows(c) ? s->row / per_word(c) : s->row;

    for (uint64_t i = 0; i < lines; i++)
        if (!q8_model_read(c->model, c->part[0], ((first + i) * height + row) * sizeof *s->word,
                           s->word + i * s->words, s->words * sizeof *s->word, err))
            return false;
    return true;
}

/* The codes of a row of the stripe, less half of their range. */
static void unpack(const struct q8_coded *c, struct stripe *s, uint64_t r)
{
    const unsigned mask = (1u << c->bits) - 1, middle = 1u << (c->bits - 1), per = per_word(c);

    if (holds_rows(c)) {
        const uint32_t *word = s->word + (s->row + r) / per - s->row / per;
        const unsigned bit = find_bit(c, s->row + r);

        for (uint64_t i = 0; i < s->cols; i++)
            s->codes[i] = (unsigned char)((word[i * s->words] >> bit & mask) - middle);
        return;
    }
    for (uint64_t i = 0; i < s->cols; i += per) {
        uint32_t word = s->word[i / per * s->words + r];

        for (uint64_t k = 0; k < per && i + k < s->cols; k++, word >>= c->bits)
            s->codes[i + k] = (unsigned char)((word & mask) - middle);
    }
}

/* The columns of the stripe: to ret[row * pitch + column], less those that were not asked for. */
static bool read_columns(const struct q8_coded *c, struct stripe *s, uint64_t skip,
                         unsigned char *ret, struct q8_err *err)
{
    const uint64_t size = q8_dtype_size(c->dtype);

    if (!read_lines(c, s, err))
        return false;
    for (uint64_t r = 0; r < s->rows; r++) {
        const uint64_t at = r * c->grid_cols + (c->order ? 0 : s->col / c->block_cols);
        const struct q8_coded_line line = {.codes = s->codes,
                                           .bits = 8,
                                           .col = s->col,
                                           .cols = s->cols,
                                           .scale = s->scale + at,
                                           .zero = c->zero ? s->zero + at : NULL};

        unpack(c, s, r);
        if (!q8_coded_decode_line(c, s->value, &line, err))
            return false;
        q8_coded_narrow(c, ret + r * c->cols * size, s->value + skip, s->cols - skip);
    }
    return true;
}

/* Columns [col, end) of the rows of the stripe; of more than one row, all columns. */
static bool read_stripe(const struct q8_coded *c, struct stripe *s, uint64_t col, uint64_t end,
                        unsigned char *ret, struct q8_err *err)
{
    const uint64_t unit = holds_rows(c) ? 1 : per_word(c), size = q8_dtype_size(c->dtype);
    uint64_t lines;

    s->words = s->rows;
    if (holds_rows(c))
        s->words = (s->row + s->rows - 1) / per_word(c) - s->row / per_word(c) + 1;
    lines = q8_min(WORDS / s->words, COLS / unit);
    for (uint64_t g = 0; g < c->grid_cols; g++)
        if (!read_group(c, g, s, err))
            return false;
    for (uint64_t at = col, skip; at < end; at = s->col + s->cols) {
        skip = at % unit;
        s->col = at - skip;
        s->cols = q8_min(end - s->col, lines * unit);
        if (!read_columns(c, s, skip, ret + (at - col) * size, err))
            return false;
    }
    return true;
}

static bool read_turned(const struct q8_coded *c, uint64_t first, uint64_t count, void *ret,
                        struct q8_err *err)
{
    const uint64_t size = q8_dtype_size(c->dtype);
    const uint64_t most = q8_min(ROWS, TABLE / c->grid_cols);
    unsigned char *to = ret;
    struct stripe s;

    for (uint64_t n; count > 0; first += n, count -= n, to += n * size) {
        const uint64_t col = first % c->cols;

        s.row = first / c->cols;
        s.rows = col ? 1 : q8_max(1, q8_min(count / c->cols, most));
        n = q8_min(count, s.rows * c->cols - col);
        if (!read_stripe(c, &s, col, s.rows > 1 ? c->cols : col + n, to, err))
            return false;
    }
    return true;
}

/* ---- what must fit ---- */

/* A word of the config that says how the codes lie: one of two, or NULL. */
static bool check_word(const struct q8_coded_config *config, const char *key, const char *one,
                       const char *other, struct q8_err *err)
{
    const char *word = q8_json_string(q8_json_get(config->json, key));

    return !word || strcmp(word, one) == 0 || strcmp(word, other) == 0 ||
           q8_fail(err, Q8_EUNSUPPORTED,
                   "quantization_config: %s is %s, of which q8 reads %s and %s: dequantize it with "
                   "its library first",
                   key, word, one, other);
}

/* Groups of columns: of the config's size where that fits, else of equal size. */
static bool fit_groups(struct q8_coded *c, const struct q8_coded_config *config, struct q8_err *err)
{
    uint64_t size;

    if (q8_json_u64(q8_json_get(config->json, "group_size"), &size) && size &&
        q8_div_up(c->cols, size) == c->grid_cols)
        c->block_cols = size;
    else if (c->cols % c->grid_cols == 0)
        c->block_cols = c->cols / c->grid_cols;
    else
        return q8_coded_fail_shape(c, SCALES, "groups of equal size", err);
    return true;
}

/* Sizes from scales [groups, rows], whose type is the weight's; 1 word for per_word of `packed`. */
static bool fit_sizes(struct q8_coded *c, struct q8_tensor *t, const struct q8_coded_config *config,
                      struct q8_err *err)
{
    const struct q8_tensor *codes = c->part[0], *zeros = c->part[ZEROS];
    const unsigned per = per_word(c);

    if (c->part[SCALES]->rank != 2 || !c->part[SCALES]->nbytes)
        return q8_coded_fail_shape(c, SCALES, "[groups, rows]", err);
    c->grid_cols = c->part[SCALES]->dim[0];
    c->height = c->rows = c->part[SCALES]->dim[1];
    if (codes->rank != 2 || !codes->nbytes || c->rows % per ||
        codes->dim[1] != (holds_rows(c) ? c->rows / per : c->rows))
        return q8_coded_fail_shape(c, 0, "as many rows as there are scales", err);
    c->cols = codes->dim[0] * (holds_rows(c) ? 1 : per); /* no more than bits of the file */
    if (zeros &&
        (zeros->rank != 2 || zeros->dim[0] != c->grid_cols || zeros->dim[1] != c->rows / per))
        return q8_coded_fail_shape(c, ZEROS, "one for each scale", err);
    if (c->grid_cols > Q8_CODED_GROUPS)
        return q8_fail(err, Q8_EUNSUPPORTED, "its rows have %" PRIu64 " groups: q8 reads up to %d",
                       c->grid_cols, Q8_CODED_GROUPS);
    c->block_rows = 1;
    c->zero = zeros;
    t->apart = true;
    t->rank = 2;
    t->dim[0] = c->rows;
    t->dim[1] = c->cols;
    return fit_groups(c, config, err);
}

/* 4 or 8 bits, as the zeros have them; what `dynamic` says of modules is seen there too. */
static bool fit_gptq(struct q8_coded *c, const struct q8_coded_config *config, struct q8_tensor *t,
                     struct q8_err *err)
{
    const struct q8_tensor *zeros = c->part[ZEROS], *scales = c->part[SCALES];
    const char *format = q8_json_string(q8_json_get(config->json, "checkpoint_format"));
    uint64_t bits = 0;

    if (!check_word(config, "checkpoint_format", "gptq", "gptq_v2", err))
        return false;
    if (scales->rank == 2 && scales->dim[1] && zeros->rank == 2 && q8_mul(zeros->dim[1], 32, &bits))
        bits = bits % scales->dim[1] == 0 ? bits / scales->dim[1] : 0;
    if (bits != 4 && bits != 8)
        return bits < 1 || bits > 8
                   ? q8_coded_fail_shape(c, ZEROS, "a code for each scale", err)
                   : q8_fail(err, Q8_EUNSUPPORTED,
                             "its codes have %" PRIu64 " bits, of which q8 reads 4 and 8: "
                             "dequantize it with its library first",
                             bits);
    c->bits = (unsigned)bits;
    c->zero_add = -(float)(1u << (bits - 1)) + (!format || strcmp(format, "gptq") == 0);
    return fit_sizes(c, t, config, err) && (!c->part[ORDER] || q8_coded_fit_order(c, ORDER, err));
}

static bool fit_awq(struct q8_coded *c, const struct q8_coded_config *config, struct q8_tensor *t,
                    struct q8_err *err)
{
    uint64_t bits = 4;

    if (!check_word(config, "version", "gemm", "GEMM", err))
        return false;
    (void)q8_json_u64(q8_json_get(config->json, "bits"), &bits);
    if (bits != 4)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "its codes have %" PRIu64 " bits, of which q8 reads 4: dequantize it with "
                       "its library first",
                       bits);
    c->bits = 4;
    c->zero_add = -8;
    return fit_sizes(c, t, config, err);
}

#define ROW                                                                                        \
    .codes = ".qweight", .name = ".weight", .types = Q8_IS(Q8_I32), .read = read_turned,           \
    .decode = q8_coded_decode_ints

const struct q8_coding q8_coding_gptq = {
    .title = "GPTQ",
    .source = "auto-round 0.16.1 qlinear_torch_zp, GPTQModel qlinear",
    .method = "gptq",
    .part = {{.suffix = ""},
             {".scales", Q8_IS_FLOAT, Q8_CODED_NEEDED},
             {".qzeros", Q8_IS(Q8_I32), Q8_CODED_NEEDED},
             {".g_idx", Q8_IS(Q8_I32), Q8_CODED_MAYBE}},
    .fit = fit_gptq,
    ROW,
};

const struct q8_coding q8_coding_awq = {
    .title = "AWQ",
    .source = "compressed-tensors 0.20 AutoAWQConverter",
    .method = "awq",
    .part = {{.suffix = ""},
             {".scales", Q8_IS_FLOAT, Q8_CODED_NEEDED},
             {".qzeros", Q8_IS(Q8_I32), Q8_CODED_MAYBE}},
    .fit = fit_awq,
    ROW,
};
