/* amx_none.c - where the kernels are not for x86-64, there is none to try on the model */
#include "tests/checkkernels/check.h"

const q8_gemm_s8_fn q8_gemm_s8_model = NULL;
