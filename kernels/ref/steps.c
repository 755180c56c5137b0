/* steps.c - steps of groups and their inverses, from the absmax of their parts: the reference */
#include "kernels/kernels.h"

static void steps(enum q8_float type, float *factor, float *step, const uint32_t *absmax, size_t n,
                  size_t parts)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = 0;
        float most, s;
        bool lost;

        for (size_t k = 0; k < parts; k++)
            bits = absmax[i * parts + k] > bits ? absmax[i * parts + k] : bits;
        most = q8_bits_to_float(Q8_FLOAT_F32, bits);
        s = q8_float_round(type, most / 127.5f);
        s = s == 0 ? q8_step_epsilon(type) : s;
        lost = most == 0 || s < Q8_STEP_LEAST;
        step[i] = lost ? 0 : s;
        factor[i] = lost ? 0 : 1.0f / s;
    }
}

static void steps_f16(float *factor, float *step, const uint32_t *absmax, size_t n, size_t parts)
{
    steps(Q8_FLOAT_F16, factor, step, absmax, n, parts);
}

static void steps_bf16(float *factor, float *step, const uint32_t *absmax, size_t n, size_t parts)
{
    steps(Q8_FLOAT_BF16, factor, step, absmax, n, parts);
}

static void steps_f32(float *factor, float *step, const uint32_t *absmax, size_t n, size_t parts)
{
    steps(Q8_FLOAT_F32, factor, step, absmax, n, parts);
}

const q8_steps_fn q8_steps_ref[Q8_FLOATS] = {steps_f16, steps_bf16, steps_f32};
