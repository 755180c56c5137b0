/* mode.h - how activations and weights become int8 and meet again: the table of modes */
#ifndef Q8_FORWARD_MODE_H
#define Q8_FORWARD_MODE_H

#include "src/scheme/scheme.h"

/* How activations and weights become int8 and meet again. */
enum q8_mode {
    /*
     * What the runtime of the format does.  LLM.int8(): X to fp16, outlier columns (any |x| >=
     * threshold) apart in 16 bit with the dequantized columns of W, absmax of each row of what is
     * below the threshold (bitsandbytes 0.50.2, backends/default/ops.py, autograd/_functions.py).
     */
    Q8_MODE_BNB,
    /*
     * W8A8 with dynamic per-token activations: step = absmax / 127.5 in the type of X, code =
     * rne(clamp(x / step)) in that type (compressed-tensors 0.20.0, compute_dynamic_scales_and_zp
     * and _quantize_dequantize).
     */
    Q8_MODE_W8A8,
    Q8_MODE_W8A16, /* dequantized weights, activations as they are */
    /* Those of LLM.int8() (arXiv 2208.07339, sections 2.1 and 3), from the reference weights. */
    Q8_MODE_ABSMAX,                /* one scale for X, one for W */
    Q8_MODE_ROW_WISE,              /* one for each row of X, one for W */
    Q8_MODE_VECTOR_WISE,           /* one for each row of X and of W */
    Q8_MODE_ZEROPOINT,             /* asymmetric, one for X, one for W */
    Q8_MODE_ZEROPOINT_VECTOR_WISE, /* asymmetric, one for each row of X and of W */
    Q8_MODES
};

/* One mode: a row of data. */
struct q8_mode_row {
    const char *name;    /* "bitsandbytes", "w8a8", "w8a16", "absmax", "row-wise", ... */
    bool paper;          /* one of LLM.int8(), from the reference weights: --mode may name it */
    bool x_rows, w_rows; /* each row of X, of W, has a scale of its own */
    bool asymmetric;     /* with a zero point */
};

/* All of them, by enum q8_mode. */
extern const struct q8_mode_row q8_modes[Q8_MODES];

/* The name of a mode, a constant; NULL beyond. */
const char *q8_mode_name(enum q8_mode mode);

/* What the runtime of a scheme does. */
enum q8_mode q8_mode_of(enum q8_product product);

#endif
