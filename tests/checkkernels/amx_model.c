/* amx_model.c - the AMX kernel, compiled a second time, against the model of its instructions */
#include <immintrin.h>

#include "tests/checkkernels/check.h"
#include "tests/checkkernels/tiles.h"

#define q8_gemm_s8_amx q8_gemm_s8_model
#include "kernels/amx/gemm_s8.c"
