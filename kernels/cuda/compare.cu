/* compare.cu - how two products differ, token by token */
#include "kernels/cuda/device.cuh"

#include "kernels/cuda/lanes.cuh"

#define TOKENS 8 /* of a block: one for each 16 threads, which are the lanes */

static __device__ __forceinline__ bool take(const struct q8_cuda_pair &p, uint64_t at,
                                            struct q8_lane *lane)
{
    const float a = p.a[at], b = p.b[at];
    const bool counts = q8_lane_counts(a, b);

    if (!counts)
        p.a[at] = p.b[at] = 0;
    q8_lane_add(lane, counts ? a : 0.0f, counts ? b : 0.0f);
    return counts;
}

/* One chunk of a row; all threads of the block come here, those without a token with rows = 0. */
static __device__ uint64_t take_chunk(const struct q8_cuda_pair &p, uint64_t row, uint64_t begin,
                                      uint64_t end, struct q8_lane *lanes)
{
    const unsigned l = threadIdx.x;
    struct q8_lane lane = {0, 0, 0, 0, 0};
    uint64_t bad = 0;

    for (uint64_t i = begin + l; i < end; i += Q8_LANES)
        bad += !take(p, row + i, &lane);
    lanes[l] = lane;
    for (unsigned half = Q8_LANES / 2; half > 0; half /= 2) {
        __syncthreads();
        if (l < half)
            q8_lane_join(&lanes[l], &lanes[l + half]);
    }
    return bad;
}

static __global__ void compare_tokens(struct q8_cuda_difference *ret, struct q8_cuda_pair p)
{
    __shared__ struct q8_lane lanes[TOKENS][Q8_LANES];
    const uint64_t token = (uint64_t)blockIdx.x * TOKENS + threadIdx.y;
    const uint64_t rows = token < p.tokens ? p.rows : 0;
    struct q8_cuda_difference d = {{0, 0, 0, 0, 0}, 0};
    uint64_t bad = 0;

    for (uint64_t chunk = 0; chunk < p.rows; chunk += Q8_LANE_CHUNK) {
        bad += take_chunk(p, token * p.stride, min(chunk, rows), min(chunk + Q8_LANE_CHUNK, rows),
                          lanes[threadIdx.y]);
        if (threadIdx.x == 0)
            q8_lane_end(&d.diff, &lanes[threadIdx.y][0]);
        __syncthreads();
    }
    for (int distance = Q8_LANES / 2; distance > 0; distance /= 2)
        bad += __shfl_down_sync(0xffffffff, bad, distance, Q8_LANES);
    d.bad = bad;
    if (threadIdx.x == 0 && token < p.tokens)
        ret[token] = d;
}

int q8_cuda_compare(struct q8_cuda *c, unsigned stream, struct q8_cuda_difference *ret,
                    const struct q8_cuda_pair *p)
{
    int code = q8_cuda_enter(c);

    if (code || p->tokens == 0)
        return code;
    compare_tokens<<<(unsigned)((p->tokens + TOKENS - 1) / TOKENS), dim3(Q8_LANES, TOKENS), 0,
                     stream_of(c, stream)>>>(ret, *p);
    return launched(c, "comparing products");
}
