/* nf4.c - NF4 and FP4 of bitsandbytes: codes of 4 bits in a map, in blocks over the whole weight */
#include "src/model/coded/coded_parts.h"

#include "src/base/json.h"
#include "src/base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ABSMAX = 1, MAP, STATE, NESTED_ABSMAX, NESTED_MAP }; /* parts */

#define STATE_BYTES 4096 /* of JSON; real ones have under 300 */
#define NESTED 256       /* magnitudes that share one; bitsandbytes has no other number */
#define PIECE 4096       /* elements at a time, on the stack */
#define CODES 16

/* bitsandbytes 0.50.2, functional.py, get_4bit_type; FP4's 8 is a zero of either sign. */
static const float nf4_map[CODES] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};
static const float fp4_map[CODES] = {
    0.0f,
    0.0052083334885537624f,
    0.6666666865348816f,
    1.0f,
    0.3333333432674408f,
    0.5f,
    0.1666666716337204f,
    0.25f,
    0.0f,
    -0.0052083334885537624f,
    -0.6666666865348816f,
    -1.0f,
    -0.3333333432674408f,
    -0.5f,
    -0.1666666716337204f,
    -0.25f,
};

static const float *find_map(const struct q8_coded *c)
{
    return c->coding == &q8_coding_nf4 ? nf4_map : fp4_map;
}

/* ---- quant_state ---- */

static bool fail_state(const char *key, struct q8_err *err)
{
    return q8_fail(err, Q8_EINPUT, "its quant_state, which is JSON, has no \"%s\" that q8 reads",
                   key);
}

/* The type that the weight becomes. */
static bool take_dtype(struct q8_coded *c, const struct cJSON *state, struct q8_err *err)
{
    static const struct {
        const char *name;
        enum q8_dtype dtype;
    } types[] = {{"bfloat16", Q8_BF16}, {"float16", Q8_F16}, {"float32", Q8_F32}};
    const char *name = q8_json_string(q8_json_get(state, "dtype"));

    for (size_t i = 0; name && i < sizeof types / sizeof *types; i++)
        if (strcmp(name, types[i].name) == 0) {
            c->dtype = c->via = types[i].dtype;
            return true;
        }
    return fail_state("dtype", err);
}

/* Rows, columns and the size of a block. */
static bool take_shape(struct q8_coded *c, const struct cJSON *state, struct q8_err *err)
{
    const struct cJSON *shape = q8_json_get(state, "shape");

    if (!q8_json_u64(q8_json_at(shape, 0), &c->rows) ||
        !q8_json_u64(q8_json_at(shape, 1), &c->cols) || q8_json_at(shape, 2) || !c->rows ||
        !c->cols)
        return fail_state("shape", err);
    c->height = c->rows;
    return (q8_json_u64(q8_json_get(state, "blocksize"), &c->block_cols) && c->block_cols) ||
           fail_state("blocksize", err);
}

/* Magnitudes that are codes themselves. */
static bool take_nested(struct q8_coded *c, const struct cJSON *state, struct q8_err *err)
{
    uint64_t size;

    if (c->part[ABSMAX]->dtype == Q8_F32)
        return true;
    if (!c->part[NESTED_ABSMAX] || !c->part[NESTED_MAP])
        return q8_fail(err, Q8_EINPUT, "its absmax are codes, but '%s' is not there",
                       c->coding->part[c->part[NESTED_ABSMAX] ? NESTED_MAP : NESTED_ABSMAX].suffix);
    if (!q8_json_u64(q8_json_get(state, "nested_blocksize"), &size) || size != NESTED)
        return fail_state("nested_blocksize", err);
    c->factor = (float)q8_json_f64(q8_json_get(state, "nested_offset"));
    return c->factor - c->factor == 0 || fail_state("nested_offset", err);
}

static bool take_state(struct q8_coded *c, struct q8_err *err)
{
    const struct q8_tensor *t = c->part[STATE];
    struct cJSON *state = NULL;
    char text[STATE_BYTES];
    bool ok = t->nbytes <= sizeof text || q8_coded_fail_shape(c, STATE, "at most 4096 bytes", err);

    ok = ok && q8_model_read(c->model, t, 0, text, t->nbytes, err);
    if (ok)
        state = q8_json_parse(text, t->nbytes, err);
    ok = state && take_dtype(c, state, err) && take_shape(c, state, err) &&
         take_nested(c, state, err);
    q8_json_free(state);
    return ok;
}

/* ---- the parts ---- */

/* Whether a part has that many elements. */
static bool has(const struct q8_coded *c, unsigned part, uint64_t n, struct q8_err *err)
{
    char expected[64];

    (void)snprintf(expected, sizeof expected, "%" PRIu64 " elements", n);
    return q8_tensor_elements(c->part[part]) == n || q8_coded_fail_shape(c, part, expected, err);
}

/* The library does not look at the file's map, so another one would mean other weights. */
static bool check_map(const struct q8_coded *c, struct q8_err *err)
{
    const float *want = find_map(c);
    float map[CODES];

    if (!has(c, MAP, CODES, err) || !q8_model_read(c->model, c->part[MAP], 0, map, sizeof map, err))
        return false;
    for (unsigned i = 0; i < CODES; i++)
        if (!(map[i] == want[i]))
            return q8_fail(err, Q8_EUNSUPPORTED,
                           "code %u is %.9g in its '%s', and %.9g to bitsandbytes: q8 reads "
                           "bitsandbytes' own map",
                           i, (double)map[i], c->coding->part[MAP].suffix, (double)want[i]);
    return true;
}

static bool fit(struct q8_coded *c, const struct q8_coded_config *config, struct q8_tensor *t,
                struct q8_err *err)
{
    const struct q8_tensor *codes = c->part[0];
    uint64_t n, blocks;

    (void)config;
    if (!take_state(c, err))
        return false;
    if (!q8_mul(c->rows, c->cols, &n) || codes->nbytes != q8_div_up(n, 2))
        return q8_coded_fail_shape(c, 0, "two elements in a byte", err);
    blocks = q8_div_up(n, c->block_cols);
    if (!check_map(c, err) || !has(c, ABSMAX, blocks, err))
        return false;
    if (c->part[ABSMAX]->dtype == Q8_U8 &&
        (!has(c, NESTED_ABSMAX, q8_div_up(blocks, NESTED), err) || !has(c, NESTED_MAP, 256, err)))
        return false;
    t->rank = 2;
    t->dim[0] = c->rows;
    t->dim[1] = c->cols;
    return true;
}

/* ---- reading ---- */

/* Magnitudes [at, at + n): n <= PIECE. */
static bool read_absmax(const struct q8_coded *c, uint64_t at, uint64_t n, float *ret,
                        struct q8_err *err)
{
    float map[256], nested = 0;
    uint8_t codes[PIECE];

    if (c->part[ABSMAX]->dtype == Q8_F32)
        return q8_model_read(c->model, c->part[ABSMAX], at * sizeof *ret, ret, n * sizeof *ret,
                             err);
    if (!q8_model_read(c->model, c->part[ABSMAX], at, codes, n, err) ||
        !q8_model_read(c->model, c->part[NESTED_MAP], 0, map, sizeof map, err))
        return false;
    for (uint64_t i = 0; i < n; i++) {
        if ((i == 0 || (at + i) % NESTED == 0) &&
            !q8_model_read(c->model, c->part[NESTED_ABSMAX], (at + i) / NESTED * sizeof nested,
                           &nested, sizeof nested, err))
            return false;
        ret[i] = map[codes[i]] * nested + c->factor;
    }
    return true;
}

/* Elements [first, first + n) of which one block's magnitude is `absmax`: fl(map * absmax). */
static void decode_block(const float *map, float absmax, float *ret, const unsigned char *codes,
                         uint64_t first, uint64_t n)
{
    float value[CODES];

    for (unsigned i = 0; i < CODES; i++)
        value[i] = map[i] * absmax;
    for (uint64_t i = 0; i < n; i++) {
        const unsigned char both = codes[(first + i) / 2];

        ret[i] = value[(first + i) % 2 ? both & 15 : both >> 4]; /* the high half is the first */
    }
}

static bool read_elements(const struct q8_coded *c, uint64_t first, uint64_t count, void *ret,
                          struct q8_err *err)
{
    const uint64_t size = q8_dtype_size(c->dtype);
    unsigned char codes[PIECE / 2 + 1], *to = ret;
    float absmax[PIECE], value[PIECE];

    for (uint64_t n; count > 0; first += n, count -= n, to += n * size) {
        const uint64_t byte = first / 2, block = first / c->block_cols;

        n = q8_min(count, PIECE - 1);
        if (!q8_model_read(c->model, c->part[0], byte, codes, (first + n - 1) / 2 - byte + 1,
                           err) ||
            !read_absmax(c, block, (first + n - 1) / c->block_cols - block + 1, absmax, err))
            return false;
        for (uint64_t i = 0, k; i < n; i += k) {
            const uint64_t at = first + i;

            k = q8_min(n - i, c->block_cols - at % c->block_cols);
            decode_block(find_map(c), absmax[at / c->block_cols - block], value + i, codes,
                         at - 2 * byte, k);
        }
        q8_coded_narrow(c, to, value, n);
    }
    return true;
}

#define ROW(name4, end)                                                                            \
    {                                                                                              \
        .title = name4, .source = "bitsandbytes 0.50.2 dequantize_4bit", .codes = ".weight",       \
        .name = ".weight",                                                                         \
        .types = Q8_IS(Q8_U8) | Q8_IS_FLOAT, /* the same bytes: bnb_4bit_quant_storage */          \
            .part = {{.suffix = ""},                                                               \
                     {".weight.absmax", Q8_IS(Q8_F32) | Q8_IS(Q8_U8), Q8_CODED_NEEDED},            \
                     {".weight.quant_map", Q8_IS(Q8_F32), Q8_CODED_NEEDED},                        \
                     {".weight.quant_state.bitsandbytes__" end, Q8_IS(Q8_U8), Q8_CODED_NEEDED},    \
                     {".weight.nested_absmax", Q8_IS(Q8_F32), Q8_CODED_MAYBE},                     \
                     {".weight.nested_quant_map", Q8_IS(Q8_F32), Q8_CODED_MAYBE}},                 \
        .fit = fit, .read = read_elements, .bits = 4                                               \
    }

const struct q8_coding q8_coding_nf4 = ROW("NF4", "nf4");
const struct q8_coding q8_coding_fp4 = ROW("FP4", "fp4");
