/* quantize.cu - activations: rounded to a type, searched for outlier columns, as codes */
#include "kernels/cuda/device.cuh"

#include "kernels/cuda/numbers.cuh"

static __global__ void narrow_elements(void *ret, const float *x, uint64_t n, enum q8_float type)
{
    for (uint64_t i = first_element(); i < n; i += next_element())
        q8_gpu_store(type, ret, i, x[i]);
}

int q8_cuda_narrow(struct q8_cuda *c, unsigned stream, void *ret, const float *x, uint64_t n,
                   enum q8_float type)
{
    int code = q8_cuda_enter(c);

    if (code || n == 0)
        return code;
    narrow_elements<<<q8_gpu_blocks(n), Q8_GPU_BLOCK, 0, stream_of(c, stream)>>>(ret, x, n, type);
    return launched(c, "rounding to a type");
}

/* Many threads may write the same 1. */
static __global__ void find_outliers(struct q8_cuda_activations a)
{
    const uint64_t n = a.tokens * a.cols;

    for (uint64_t i = first_element(); i < n; i += next_element()) {
        const uint64_t token = i / a.cols, column = i % a.cols;
        const float x = q8_gpu_load(a.type, a.x, token * a.pitch + column);

        if (q8_gpu_stands_out(q8_gpu_round(Q8_FLOAT_F16, x), a.threshold))
            a.stands_out[column] = 1;
    }
}

int q8_cuda_outliers(struct q8_cuda *c, unsigned stream, const struct q8_cuda_activations *a)
{
    const uint64_t n = a->tokens * a->cols;
    int code = q8_cuda_enter(c);

    if (code || n == 0 || !(a->threshold >= 0))
        return code;
    find_outliers<<<q8_gpu_blocks(n), Q8_GPU_BLOCK, 0, stream_of(c, stream)>>>(*a);
    return launched(c, "looking for outlier columns");
}

/* What counts for the absmax of a row: 0 for what stands out. */
static __device__ __forceinline__ float counted(const struct q8_cuda_activations &a, uint64_t at)
{
    const float x = q8_gpu_load(a.type, a.x, at);
    float half;

    if (a.rule != Q8_CUDA_BNB)
        return x;
    half = q8_gpu_round(Q8_FLOAT_F16, x);
    return q8_gpu_stands_out(half, a.threshold) ? 0.0f : half;
}

/* The largest magnitude of a row, as bits, which order like magnitudes; in every thread. */
static __device__ uint32_t row_absmax(const struct q8_cuda_activations &a, uint64_t row)
{
    __shared__ uint32_t warp[Q8_GPU_BLOCK / 32];
    uint32_t most = 0;

    for (uint64_t i = threadIdx.x; i < a.cols; i += Q8_GPU_BLOCK)
        most = max(most, q8_gpu_bits(counted(a, row + i)) & 0x7fffffff);
    for (int distance = 16; distance > 0; distance /= 2)
        most = max(most, __shfl_xor_sync(0xffffffff, most, distance));
    __syncthreads(); /* the row before has been read */
    if (threadIdx.x % 32 == 0)
        warp[threadIdx.x / 32] = most;
    __syncthreads();
    for (int i = 0; i < Q8_GPU_BLOCK / 32; i++)
        most = max(most, warp[i]);
    return most;
}

static __device__ __forceinline__ int8_t code_of(const struct q8_cuda_activations &a, uint64_t row,
                                                 uint64_t i, float factor)
{
    if (a.rule != Q8_CUDA_BNB)
        return q8_gpu_code_divide(a.type, q8_gpu_load(a.type, a.x, row + i), factor);
    if (factor == 0 || a.stands_out[i])
        return 0;
    return q8_gpu_code_times(counted(a, row + i), factor);
}

/* A block per row. */
static __global__ void quantize_rows(struct q8_cuda_activations a)
{
    for (uint64_t t = blockIdx.x; t < a.tokens; t += gridDim.x) {
        const uint64_t row = t * a.pitch;
        const uint32_t bits = row_absmax(a, row);
        const float absmax = q8_gpu_value(bits);
        const bool bnb = a.rule == Q8_CUDA_BNB;
        const float factor = bnb ? q8_gpu_factor(bits) : q8_gpu_step(a.type, absmax);

        for (uint64_t i = threadIdx.x; i < a.pitch; i += Q8_GPU_BLOCK)
            a.codes[row + i] = i < a.cols ? code_of(a, row, i, factor) : 0;
        if (threadIdx.x == 0)
            a.line[t] = {bnb ? absmax : factor, 0, 0};
    }
}

int q8_cuda_quantize(struct q8_cuda *c, unsigned stream, const struct q8_cuda_activations *a)
{
    int code = q8_cuda_enter(c);

    if (code || a->tokens == 0)
        return code;
    quantize_rows<<<q8_gpu_blocks(a->tokens * Q8_GPU_BLOCK), Q8_GPU_BLOCK, 0,
                    stream_of(c, stream)>>>(*a);
    return launched(c, "making codes of activations");
}
