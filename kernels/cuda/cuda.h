/*
 * cuda.h - the operations of a CUDA device, for C: nothing of CUDA or C++ is seen from outside
 *
 * A function returns 0, or a code, and then c->text says why.  Memory of the device is an opaque
 * pointer.  Operations are queued on one of two streams and run in its order; q8_cuda_wait waits
 * for them, and returns what went wrong in any of them.  Any thread may use a struct q8_cuda, one
 * at a time.
 *
 * Matrices are row-major.  The rows of X and W are `pitch` elements apart, q8_cuda_pitch of their
 * columns; what is behind the columns must be 0.  Products take X and W as if they had tokens and
 * rows up to the next multiple of Q8_CUDA_TOKENS and Q8_CUDA_ROWS: the memory must be there, what
 * it holds does not matter.
 */
#ifndef Q8_CUDA_H
#define Q8_CUDA_H

#include "kernels/kernels.h"

#define Q8_CUDA_STREAMS 2
#define Q8_CUDA_TEXT 256
#define Q8_CUDA_CALLS 16
#define Q8_CUDA_WORKSPACE (UINT64_C(32) << 20) /* that cuBLASLt asks for on Hopper: its manual */

/*
 * cuBLASLt takes int8 with m and k that are multiples of 4, and is fastest with 16 bytes (cuBLAS
 * 13 manual, cublasLtMatmul, "IMMA kernels").  torch._int_mm refuses fewer than 17 tokens, and
 * Turing has no algorithm for some products of fewer than 32 rows.
 */
#define Q8_CUDA_COLUMNS UINT64_C(16)
#define Q8_CUDA_ROWS UINT64_C(32)
#define Q8_CUDA_TOKENS UINT64_C(32)

/* Bytes that the products of a part of the rows are aligned to: Q8_CUDA_ROWS of them. */
#define Q8_CUDA_ALIGNMENT 128

/* Why a function did not do it. */
enum q8_cuda_code {
    Q8_CUDA_OK,
    Q8_CUDA_NONE,    /* no device, no driver, or none that this build has code for */
    Q8_CUDA_MEMORY,  /* no memory left; the device is as good as before */
    Q8_CUDA_LIBRARY, /* cuBLASLt is not there, or has no way to multiply this */
    Q8_CUDA_FAULT    /* an operation went wrong; the device is of no use to this process */
};

/* How cuBLASLt does the products of the last shape of a kind; private to multiply.cu. */
struct q8_cuda_plan {
    uint64_t m, n, k, stride; /* of the last product; all 0: none */
    uint64_t algorithm[16];   /* cuBLASLt's own */
    bool chosen;              /* there is one; else cuBLASLt takes any, without a workspace */
};

/* A device that was opened.  A zeroed struct is none. */
struct q8_cuda {
    int device;                              /* its number, from 0 */
    char name[256];                          /* "NVIDIA H200" */
    int major, minor;                        /* compute capability: 9, 0 */
    uint64_t memory, free;                   /* bytes of the device, and left when opened */
    void *stream[Q8_CUDA_STREAMS], *event;   /* CUDA's */
    void *library, *blas;                    /* libcublasLt, and its handle */
    void *call[Q8_CUDA_CALLS];               /* its functions; private to multiply.cu */
    struct q8_cuda_plan plan[Q8_FLOATS + 1]; /* by type; the last is int8 */
    char text[Q8_CUDA_TEXT];                 /* why the last call that failed did */
};

/* Columns that lie between two rows: at least one multiple of Q8_CUDA_COLUMNS. */
static inline uint64_t q8_cuda_pitch(uint64_t cols)
{
    return cols ? (cols + Q8_CUDA_COLUMNS - 1) / Q8_CUDA_COLUMNS * Q8_CUDA_COLUMNS
                : Q8_CUDA_COLUMNS;
}

/* Rows that a product takes W for. */
static inline uint64_t q8_cuda_rows(uint64_t rows)
{
    return (rows + Q8_CUDA_ROWS - 1) / Q8_CUDA_ROWS * Q8_CUDA_ROWS;
}

/* Tokens that a product takes X for. */
static inline uint64_t q8_cuda_tokens(uint64_t tokens)
{
    return (tokens + Q8_CUDA_TOKENS - 1) / Q8_CUDA_TOKENS * Q8_CUDA_TOKENS;
}

#ifdef __cplusplus
extern "C" {
#endif

/* ---- device.cu: the device, its memory, its queues ---- */

/*
 * How many devices there are, or why none is to be had in `text`: Q8_CUDA_NONE where there is no
 * driver or no device, Q8_CUDA_FAULT where a driver is there and does not serve this build.
 */
int q8_cuda_count(int *ret, char text[Q8_CUDA_TEXT]);

/* Opens that device and cuBLASLt.  Fills all of *c; after a failure there is nothing to close. */
int q8_cuda_open(struct q8_cuda *c, int device);

/* Releases what open took, not the memory; accepts a zeroed struct. */
void q8_cuda_close(struct q8_cuda *c);

/* Zeroed memory of the device, aligned to 256 bytes; free accepts NULL. */
int q8_cuda_alloc(struct q8_cuda *c, void **ret, uint64_t bytes);
void q8_cuda_free(struct q8_cuda *c, void *memory);

/* Memory of the host that the device copies from and to by itself; unpin accepts NULL. */
int q8_cuda_pin(struct q8_cuda *c, void **ret, uint64_t bytes);
void q8_cuda_unpin(struct q8_cuda *c, void *memory);

/* Copies to the device; pinned memory must stay as it is until the stream has done it. */
int q8_cuda_put(struct q8_cuda *c, unsigned stream, void *device, const void *host, uint64_t bytes);

/* A rectangle, in bytes. */
struct q8_cuda_block {
    uint64_t width, height;            /* of each row; rows */
    uint64_t host_pitch, device_pitch; /* from row to row, each >= width */
};

/* Copies from the device; it is there when the stream has done it. */
int q8_cuda_get(struct q8_cuda *c, unsigned stream, void *host, const void *device,
                const struct q8_cuda_block *block);

/* Sets bytes of the device to 0. */
int q8_cuda_zero(struct q8_cuda *c, unsigned stream, void *device, uint64_t bytes);

/* Waits until the stream has done all that was queued on it. */
int q8_cuda_wait(struct q8_cuda *c, unsigned stream);

/* What is queued on `stream` from now on waits for all that is queued on `other` so far. */
int q8_cuda_join(struct q8_cuda *c, unsigned stream, unsigned other);

/* ---- quantize.cu: activations ---- */

/* ret[i] = x[i] as `type` (rne), n elements; of weights too. */
int q8_cuda_narrow(struct q8_cuda *c, unsigned stream, void *ret, const float *x, uint64_t n,
                   enum q8_float type);

/* How the int8 sums become the product, and activations codes: src/forward/engine.h */
enum q8_cuda_rule { Q8_CUDA_BNB, Q8_CUDA_W8A8, Q8_CUDA_W8A16, Q8_CUDA_PAPER };

/* A row of X or of W. */
struct q8_cuda_line {
    float scale;  /* bitsandbytes: absmax; else what a code of 1 is */
    int32_t zero; /* x ~ (code + zero) * scale */
    int64_t sum;  /* of the codes, where there are zeros */
};

/* Activations on the device, and what becomes of them. */
struct q8_cuda_activations {
    enum q8_cuda_rule rule;       /* Q8_CUDA_BNB or Q8_CUDA_W8A8 */
    enum q8_float type;           /* of x */
    const void *x;                /* [tokens, pitch] */
    uint64_t tokens, cols, pitch; /* of x */
    float threshold;              /* Q8_CUDA_BNB: of outlier columns; negative: there are none */
    uint8_t *stands_out;          /* [cols] 1: an outlier column, else 0; Q8_CUDA_BNB */
    int8_t *codes;                /* [tokens, pitch] */
    struct q8_cuda_line *line;    /* [tokens] */
};

/* Sets a->stands_out of columns with any |half(x)| >= threshold to 1; the others stay. */
int q8_cuda_outliers(struct q8_cuda *c, unsigned stream, const struct q8_cuda_activations *a);

/*
 * Codes and scales of all rows, as src/forward/act_codes.h has them.  bitsandbytes: what stands
 * out is left
 * out of absmax, and the codes of its column are 0.  NaN and Inf give a scale that is not finite.
 */
int q8_cuda_quantize(struct q8_cuda *c, unsigned stream, const struct q8_cuda_activations *a);

/* ---- multiply.cu: cuBLASLt ---- */

/* Y = X W^T. */
struct q8_cuda_product {
    /* [tokens, stride] int32 of codes, float of floats; aligned to Q8_CUDA_ALIGNMENT */
    void *y;
    const void *x, *w;      /* [tokens, pitch], [rows, pitch]; aligned to 256 bytes */
    uint64_t tokens, rows;  /* of x, of w */
    uint64_t pitch, stride; /* of x and w; of y, >= q8_cuda_rows(rows), a multiple of 4 */
    void *workspace;        /* [Q8_CUDA_WORKSPACE] bytes that no other stream uses meanwhile */
};

/* Of int8 codes, exactly, modulo 2^32. */
int q8_cuda_multiply_s8(struct q8_cuda *c, unsigned stream, const struct q8_cuda_product *p);

/* Of elements of `type`, summed up in float in an order that is cuBLASLt's. */
int q8_cuda_multiply_float(struct q8_cuda *c, unsigned stream, const struct q8_cuda_product *p,
                           enum q8_float type);

/* ---- scale.cu: sums to products ---- */

/* Sums and where they go. */
struct q8_cuda_sums {
    enum q8_cuda_rule rule;           /* W8A16: y is there and is rounded only */
    enum q8_float type;               /* that y is rounded to */
    const int32_t *sums;              /* [tokens, stride] */
    const struct q8_cuda_line *x, *w; /* [tokens], [rows] */
    uint64_t cols;                    /* that the sums are over */
    float *y;                         /* [tokens, stride] */
    uint64_t tokens, rows, stride;    /* of y */
};

/* y = what src/forward/engine_cpu.c makes of the same sums, bit for bit. */
int q8_cuda_scale(struct q8_cuda *c, unsigned stream, const struct q8_cuda_sums *s);

/* ---- apart.cu: outlier columns ---- */

/* What is multiplied in 16 bit. */
struct q8_cuda_apart {
    enum q8_float type;            /* of x, and that y is rounded to */
    const void *x;                 /* [tokens, pitch] all columns */
    const uint32_t *column;        /* [columns] of x and of codes, rising */
    uint64_t columns;              /* how many, > 0 */
    const int8_t *codes;           /* [rows, pitch] codes of W, bitsandbytes' */
    const struct q8_cuda_line *w;  /* [rows] their absmax */
    const float *weights;          /* [rows, columns] instead of codes; NULL: codes */
    uint64_t pitch;                /* of x and codes */
    float *y;                      /* [tokens, stride] added to */
    uint64_t tokens, rows, stride; /* of y */
};

/*
 * y = round(y + sum): the sum over the columns, in order, is the chain of fmaf of q8_gemm_f32_fn,
 * so that its bits are those of the CPU.
 */
int q8_cuda_add_apart(struct q8_cuda *c, unsigned stream, const struct q8_cuda_apart *a);

/* ---- compare.cu ---- */

/* How one token's products differ. */
struct q8_cuda_difference {
    struct q8_diff diff; /* as q8_diff_fn has it, bit for bit */
    uint64_t bad;        /* pairs with a NaN or an infinity; they count as 0 */
};

/* Two products. */
struct q8_cuda_pair {
    float *a, *b;                  /* [tokens, stride]; bad pairs become 0 */
    uint64_t tokens, rows, stride; /* of both */
};

/* Writes ret [tokens]. */
int q8_cuda_compare(struct q8_cuda *c, unsigned stream, struct q8_cuda_difference *ret,
                    const struct q8_cuda_pair *p);

#ifdef __cplusplus
}
#endif

#endif
