/*
 * all.cu - everything that nvcc compiles, in one piece: most of the time goes into reading CUDA's
 * own headers once for each architecture
 */
#include "kernels/cuda/device.cu"

#include "kernels/cuda/apart.cu"
#include "kernels/cuda/compare.cu"
#include "kernels/cuda/multiply.cu"
#include "kernels/cuda/quantize.cu"
#include "kernels/cuda/scale.cu"
