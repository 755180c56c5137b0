/* cuda.c - check of what the device does to one number, compiled for the host, against the CPU */
#include "tests/checkkernels/check.h"

#include "kernels/cuda/cuda.h"
#include "kernels/cuda/lanes.cuh"

#define LONGEST_ROW 300

/* Any bits; every other time a magnitude that fp16 has. */
static float draw(struct check *c, uint32_t i)
{
    const uint32_t bits = check_random(c);

    return q8_gpu_value(i % 2 ? (bits & 0x87ffffff) | 0x30000000 | (bits & 0x10000000) >> 1 : bits);
}

static void check_types(struct check *c)
{
    uint64_t wrong = 0;

    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        wrong += q8_gpu_bits(q8_gpu_from_half((uint16_t)bits)) !=
                 q8_gpu_bits(q8_half_to_float((uint16_t)bits));
        wrong += q8_gpu_bits(q8_gpu_from_bf16((uint16_t)bits)) !=
                 q8_gpu_bits(q8_bf16_to_float((uint16_t)bits));
    }
    for (uint32_t i = 0; i < 2000000; i++) {
        const float x = draw(c, i);

        wrong += q8_gpu_to_half(x) != q8_float_to_half(x);
        wrong += q8_gpu_to_bf16(x) != q8_float_to_bf16(x);
        wrong += q8_gpu_bits(q8_gpu_round(Q8_FLOAT_F16, x)) !=
                 q8_gpu_bits(q8_half_to_float(q8_float_to_half(x)));
        wrong += q8_gpu_bits(q8_gpu_round(Q8_FLOAT_F32, x)) != q8_gpu_bits(x);
    }
    check_that(c, wrong == 0, "cuda: %llu conversions differ", (unsigned long long)wrong);
}

static void check_elements(struct check *c)
{
    static const uint32_t sizes[Q8_FLOATS] = {2, 2, 4};
    float x[4], wide[4], half[2];

    for (enum q8_float type = 0; type < Q8_FLOATS; type++) {
        memset(x, 0, sizeof x);
        q8_gpu_store(type, x, 1, 1.5f);
        half[0] = q8_gpu_load(type, x, 0);
        half[1] = q8_gpu_load(type, (const char *)x + sizes[type], 0);
        check_that(c, half[0] == 0 && half[1] == 1.5f, "cuda: element 1 of type %d", (int)type);
        c->ref.widen[type](wide, x, 2);
        check_that(c, wide[0] == 0 && wide[1] == 1.5f, "cuda: element 1 of type %d, widened",
                   (int)type);
    }
}

/* Codes of a row by the rule of bitsandbytes: tests/unit/test_engine_cuda.c tries outliers. */
static void check_times(struct check *c, const float *row, size_t n)
{
    static float half[LONGEST_ROW];
    static int8_t want[LONGEST_ROW];
    uint32_t most = 0, bits = 0, wrong = 0;
    float factor;

    for (size_t i = 0; i < n; i++) {
        half[i] = q8_gpu_round(Q8_FLOAT_F16, row[i]);
        bits = q8_gpu_bits(half[i]) & 0x7fffffff;
        most = bits > most ? bits : most;
    }
    c->ref.absmax[Q8_FLOAT_F32](&bits, half, n, n);
    check_that(c, bits == most, "cuda: absmax of %zu", n);
    factor = q8_gpu_factor(most);
    if (factor == 0)
        return;
    c->ref.encode[Q8_RULE_HALF_TIMES][Q8_FLOAT_F32](want, NULL, half, n, n, &factor);
    for (size_t i = 0; i < n; i++)
        wrong += q8_gpu_code_times(half[i], factor) != want[i];
    check_that(c, wrong == 0, "cuda: %u codes of %zu differ (times)", wrong, n);
}

/* Codes by division in float: other types round the quotient first. */
static void check_divide(struct check *c, const float *row, size_t n)
{
    static int8_t want[LONGEST_ROW];
    uint32_t bits = 0, wrong = 0;
    float step;

    c->ref.absmax[Q8_FLOAT_F32](&bits, row, n, n);
    step = q8_gpu_step(Q8_FLOAT_F32, q8_gpu_value(bits));
    c->ref.encode[Q8_RULE_DIVIDE][Q8_FLOAT_F32](want, NULL, row, n, n, &step);
    for (size_t i = 0; i < n; i++)
        wrong += q8_gpu_code_divide(Q8_FLOAT_F32, row[i], step) != want[i];
    check_that(c, wrong == 0, "cuda: %u codes of %zu differ (divide)", wrong, n);
}

static void check_codes(struct check *c)
{
    static float row[LONGEST_ROW];

    for (size_t n = 1; n <= LONGEST_ROW; n++)
        for (enum check_style style = 0; style < CHECK_STYLES; style++) {
            check_fill(c, row, n, Q8_FLOAT_F32, style, true, true, 0.5f);
            check_times(c, row, n);
            check_divide(c, row, n);
        }
}

/* Worked out by hand. */
static void check_paper(struct check *c)
{
    const float nan = q8_gpu_value(0x7fc00000), infinity = q8_gpu_value(0x7f800000);

    /* 1 / 3 = 0x3eaaaaab; times 127 is 42.333336 (0x42295556), where 127 / 3 is 0x42295555 */
    check_that(c, q8_gpu_bits(q8_gpu_factor(q8_gpu_bits(3.0f))) == 0x42295556, "cuda: factor of 3");
    check_that(c,
               q8_gpu_factor(0) == 0 && q8_gpu_factor(0x7f800000) == 0 &&
                   q8_gpu_factor(0x7fc00000) == 0,
               "cuda: factor of 0, Inf, NaN");
    check_that(c,
               q8_gpu_stands_out(6, 6) && q8_gpu_stands_out(-7, 6) && !q8_gpu_stands_out(5.9f, 6) &&
                   !q8_gpu_stands_out(100, -1) && q8_gpu_stands_out(0, 0) &&
                   q8_gpu_stands_out(infinity, 6) && !q8_gpu_stands_out(nan, 6),
               "cuda: what stands out");
    check_that(c,
               q8_gpu_code_divide(Q8_FLOAT_F32, nan, 1) == 0 &&
                   q8_gpu_code_divide(Q8_FLOAT_F32, 1000, 1) == 127 &&
                   q8_gpu_code_divide(Q8_FLOAT_F32, -1000, 1) == -128 &&
                   q8_gpu_code_divide(Q8_FLOAT_F32, 2.5f, 1) == 2 &&
                   q8_gpu_code_divide(Q8_FLOAT_F32, infinity, infinity) == 0,
               "cuda: codes of NaN, beyond the range, of a tie");
    /* bf16 has 8 bits: 100.6 is 100.5, which is a tie */
    check_that(c,
               q8_gpu_code_divide(Q8_FLOAT_BF16, 100.6f, 1) == 100 &&
                   q8_gpu_code_divide(Q8_FLOAT_F32, 100.6f, 1) == 101,
               "cuda: a quotient in bf16");
    check_that(c,
               q8_gpu_step(Q8_FLOAT_F16, 0) == 0x1p-10f &&
                   q8_gpu_step(Q8_FLOAT_BF16, 0) == 0x1p-7f &&
                   q8_gpu_step(Q8_FLOAT_F32, 0) == 0x1p-23f && q8_gpu_step(Q8_FLOAT_F32, 255) == 2,
               "cuda: steps");
    /* 127 * 127 * 6.200124e-05 is 1.00001800 before rounding */
    check_that(c, fabsf(q8_gpu_scale_bnb(127 * 127, 1, 1) - 1.000018f) <= 0x1p-23f,
               "cuda: bitsandbytes' product of two absmax");
    check_that(c, q8_gpu_scale_w8a8(-3, 0.5f, 0.25f) == -0.375f, "cuda: W8A8's product");
    check_that(c, q8_gpu_weight(Q8_FLOAT_F32, 127, 1) == 1, "cuda: weight of an outlier column");
    /* (1 + 2) * (3 + 4) + (5 + 2) * (6 + 4): sum 33, of x 6, of w 9 */
    check_that(c, q8_gpu_total(33, 2, 6, 4, 9, 2) == 91, "cuda: sum with zero points");
    check_that(c,
               q8_gpu_total(INT32_MAX, INT32_MIN, -131071 * 128, 255, 131071 * 127, 131071) ==
                   INT64_C(2147483647) + INT64_C(255) * -16777088 +
                       INT64_C(-2147483648) * 16646017 +
                       INT64_C(131071) * INT64_C(-2147483648) * 255,
               "cuda: sum with the largest zero points");
}

static void check_sizes(struct check *c)
{
    check_that(c,
               q8_cuda_pitch(0) == 16 && q8_cuda_pitch(1) == 16 && q8_cuda_pitch(16) == 16 &&
                   q8_cuda_pitch(17) == 32 && q8_cuda_pitch(UINT64_C(1) << 40) == UINT64_C(1) << 40,
               "cuda: pitch");
    check_that(c,
               q8_cuda_rows(0) == 0 && q8_cuda_rows(15) == 32 && q8_cuda_rows(33) == 64 &&
                   q8_cuda_tokens(0) == 0 && q8_cuda_tokens(1) == 32 && q8_cuda_tokens(33) == 64,
               "cuda: rows and tokens of a product");
    check_that(c,
               q8_gpu_blocks(0) == 0 && q8_gpu_blocks(1) == 1 && q8_gpu_blocks(256) == 1 &&
                   q8_gpu_blocks(257) == 2 && q8_gpu_blocks(UINT64_C(1) << 38) == 1u << 30 &&
                   q8_gpu_blocks(UINT64_C(1) << 40) == 0x7fffffff,
               "cuda: blocks of a launch");
    check_that(c,
               q8_lane_counts(0, -1) && !q8_lane_counts(q8_gpu_value(0x7f800000), 0) &&
                   !q8_lane_counts(0, q8_gpu_value(0xffc00000)),
               "cuda: what counts");
}

/* One row as compare.cu does it. */
static void add_row(struct q8_diff *ret, const float *a, const float *b, size_t n)
{
    memset(ret, 0, sizeof *ret);
    for (size_t chunk = 0; chunk < n; chunk += Q8_LANE_CHUNK) {
        struct q8_lane lanes[Q8_LANES] = {{0}};

        for (size_t l = 0; l < Q8_LANES; l++)
            for (size_t i = chunk + l; i < n && i < chunk + Q8_LANE_CHUNK; i += Q8_LANES)
                q8_lane_add(&lanes[l], a[i], b[i]);
        for (unsigned half = Q8_LANES / 2; half > 0; half /= 2)
            for (unsigned l = 0; l < half; l++)
                q8_lane_join(&lanes[l], &lanes[l + half]);
        q8_lane_end(ret, &lanes[0]);
    }
}

static void check_lanes(struct check *c)
{
    static float a[CHECK_LONGEST], b[CHECK_LONGEST];
    size_t n;

    for (size_t i = 0; (n = check_length(i)) != SIZE_MAX; i++)
        for (enum check_style style = 0; style < CHECK_STYLES; style++) {
            struct q8_diff want, got;

            check_fill(c, a, n, Q8_FLOAT_F32, style, true, false, 1);
            check_fill(c, b, n, Q8_FLOAT_F32, style, true, false, 1);
            c->ref.diff(&want, a, b, n);
            add_row(&got, a, b, n);
            check_that(c, memcmp(&want, &got, sizeof got) == 0, "cuda: sums of %zu %s", n,
                       check_styles[style]);
        }
}

void check_cuda(struct check *c)
{
    q8_kernels_init(&c->ref, Q8_ISA_ref);
    check_types(c);
    check_elements(c);
    check_codes(c);
    check_paper(c);
    check_sizes(c);
    check_lanes(c);
}
