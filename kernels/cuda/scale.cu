/* scale.cu - int32 sums to products */
#include "kernels/cuda/device.cuh"

#include "kernels/cuda/numbers.cuh"

static __device__ __forceinline__ float scaled(const struct q8_cuda_sums &s, uint64_t token,
                                               uint64_t row, uint64_t at)
{
    struct q8_cuda_line x, w;
    int64_t total;

    if (s.rule == Q8_CUDA_W8A16)
        return s.y[at];
    x = s.x[token];
    w = s.w[row];
    switch (s.rule) {
    case Q8_CUDA_BNB: return q8_gpu_scale_bnb(s.sums[at], x.scale, w.scale);
    case Q8_CUDA_W8A8: return q8_gpu_scale_w8a8(s.sums[at], x.scale, w.scale);
    default:
        total = q8_gpu_total(s.sums[at], x.zero, x.sum, w.zero, w.sum, (int64_t)s.cols);
        return (float)total * (x.scale * w.scale);
    }
}

static __global__ void scale_sums(struct q8_cuda_sums s)
{
    const uint64_t n = s.tokens * s.rows;

    for (uint64_t i = first_element(); i < n; i += next_element()) {
        const uint64_t token = i / s.rows, row = i % s.rows, at = token * s.stride + row;

        s.y[at] = q8_gpu_round(s.type, scaled(s, token, row, at));
    }
}

int q8_cuda_scale(struct q8_cuda *c, unsigned stream, const struct q8_cuda_sums *s)
{
    const uint64_t n = s->tokens * s->rows;
    int code = q8_cuda_enter(c);

    if (code || n == 0)
        return code;
    scale_sums<<<q8_gpu_blocks(n), Q8_GPU_BLOCK, 0, stream_of(c, stream)>>>(*s);
    return launched(c, "scaling sums");
}
