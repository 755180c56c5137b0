/* lanes.cuh - the sums of q8_diff_fn in 16 lanes, compiled for the host too */
#ifndef Q8_CUDA_LANES_CUH
#define Q8_CUDA_LANES_CUH

#include "kernels/cuda/numbers.cuh"

#define Q8_LANES 16
#define Q8_LANE_CHUNK 4096

/* One lane of the four sums, and its largest difference. */
struct q8_lane {
    double err2, val2, b2, dot, most;
};

/* Adds a pair to the lane that is its turn: element i of a chunk goes to lane i % Q8_LANES. */
Q8_BOTH void q8_lane_add(struct q8_lane *lane, float a, float b)
{
    const double v = (double)a, w = (double)b, d = v - w, magnitude = fabs(d);

    lane->err2 = fma(d, d, lane->err2);
    lane->val2 = fma(v, v, lane->val2);
    lane->b2 = fma(w, w, lane->b2);
    lane->dot = fma(v, w, lane->dot);
    lane->most = magnitude > lane->most ? magnitude : lane->most;
}

/* Adds a lane to another: the one `half` places further, for half = 8, 4, 2, 1. */
Q8_BOTH void q8_lane_join(struct q8_lane *lane, const struct q8_lane *other)
{
    lane->err2 += other->err2;
    lane->val2 += other->val2;
    lane->b2 += other->b2;
    lane->dot += other->dot;
    lane->most = other->most > lane->most ? other->most : lane->most;
}

/* Adds lane 0 of a chunk to the sums of its row. */
Q8_BOTH void q8_lane_end(struct q8_diff *row, const struct q8_lane *lane)
{
    row->err2 += lane->err2;
    row->val2 += lane->val2;
    row->b2 += lane->b2;
    row->dot += lane->dot;
    row->most = lane->most > row->most ? lane->most : row->most;
}

/* Whether a pair counts; of those that do not, both are set to 0. */
Q8_BOTH bool q8_lane_counts(float a, float b)
{
    return (q8_gpu_bits(a) & 0x7fffffff) < Q8_GPU_INFINITY &&
           (q8_gpu_bits(b) & 0x7fffffff) < Q8_GPU_INFINITY;
}

#endif
