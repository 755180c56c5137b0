/* tensor.h - what a file contains: names, types, shapes, offsets */
#ifndef Q8_BASE_TENSOR_H
#define Q8_BASE_TENSOR_H

#include "src/base/arena.h"

/* Rank limit of q8: the deepest weights known (5-D video convolutions) plus room. */
#define Q8_MAX_RANK 8

/* Bytes of a tensor's name; real ones have under 200. */
#define Q8_NAME_LIMIT 65536

/* Tensors of a model, and so of each of its files; the largest known has under 200,000. */
#define Q8_TENSOR_LIMIT 1048576

/*
 * Element types: first those of safetensors in the order of its enum, because that order decides
 * the layout of a file (safetensors 0.8.0, tensor.rs, `Dtype`); then GGUF's blocks (gguf 0.19.0,
 * constants.py, GGMLQuantizationType), which no safetensors file has.
 */
enum q8_dtype {
    Q8_BOOL,
    Q8_F4,
    Q8_F6_E2M3,
    Q8_F6_E3M2,
    Q8_U8,
    Q8_I8,
    Q8_F8_E5M2,
    Q8_F8_E4M3,
    Q8_F8_E8M0,
    Q8_F8_E4M3FNUZ,
    Q8_F8_E5M2FNUZ,
    Q8_I16,
    Q8_U16,
    Q8_F16,
    Q8_BF16,
    Q8_I32,
    Q8_U32,
    Q8_F32,
    Q8_C64,
    Q8_F64,
    Q8_I64,
    Q8_U64,
    Q8_SAFETENSORS_DTYPES, /* how many of them safetensors has */
    Q8_GGUF_Q4_0 = Q8_SAFETENSORS_DTYPES,
    Q8_GGUF_Q4_1,
    Q8_GGUF_Q5_0,
    Q8_GGUF_Q5_1,
    Q8_GGUF_Q8_0,
    Q8_GGUF_Q8_1,
    Q8_GGUF_Q2_K,
    Q8_GGUF_Q3_K,
    Q8_GGUF_Q4_K,
    Q8_GGUF_Q5_K,
    Q8_GGUF_Q6_K,
    Q8_GGUF_Q8_K,
    Q8_GGUF_IQ2_XXS,
    Q8_GGUF_IQ2_XS,
    Q8_GGUF_IQ3_XXS,
    Q8_GGUF_IQ1_S,
    Q8_GGUF_IQ4_NL,
    Q8_GGUF_IQ3_S,
    Q8_GGUF_IQ2_S,
    Q8_GGUF_IQ4_XS,
    Q8_GGUF_IQ1_M,
    Q8_GGUF_TQ1_0,
    Q8_GGUF_TQ2_0,
    Q8_GGUF_MXFP4,
    Q8_GGUF_NVFP4,
    Q8_GGUF_Q1_0,
    Q8_DTYPES /* how many; also "none" */
};

/*
 * A type as it is named on disk, and its smallest block of whole bytes: 1 element for most, more
 * where elements share bytes (two F4 a byte, four F6 three bytes, 32 of Q8_0 and their scale 34).
 */
struct q8_dtype_row {
    const char *name;         /* "BF16" */
    uint32_t elements, bytes; /* of a block; neither is 0 */
};

/* Name and block of every type, by enum q8_dtype. */
extern const struct q8_dtype_row q8_dtypes[Q8_DTYPES];

/* The type of safetensors of that name (not NUL-terminated, `len` bytes), or Q8_DTYPES. */
enum q8_dtype q8_dtype_find(const char *name, uint64_t len);

/* Bytes of one element; 0 when elements of that type share bytes. */
uint64_t q8_dtype_size(enum q8_dtype dtype);

struct q8_coded; /* src/model/coded/coded.h */

/* Where the bytes of one tensor lie.  Owns nothing. */
struct q8_tensor {
    const char *name;          /* UTF-8, may hold any character but NUL */
    enum q8_dtype dtype;       /* of its elements; below Q8_DTYPES */
    uint32_t rank;             /* 0 is a scalar */
    uint64_t dim[Q8_MAX_RANK]; /* outermost first; 0 is legal and means no bytes */
    uint64_t offset;           /* of the first byte, from the start of its file */
    uint64_t nbytes;           /* of its data when packed, as dtype and dim need them */
    uint32_t shard;            /* which file of the model, from 0; 0 for a file alone */
    bool strided;              /* not packed: `stride` says where the elements are */
    /* from an element to the next of each dimension, in elements; 0: the same one again */
    uint64_t stride[Q8_MAX_RANK];
    bool swapped; /* the bytes of its numbers are in the order that is not this machine's */
    /* it is computed from others, and `offset` counts in its own data; NULL: it lies in the file */
    const struct q8_coded *coded;
    bool apart; /* of a computed one: what its rows are made of does not lie row by row */
};

/* What a value of metadata is: strings in safetensors, all of them in GGUF (ggml, docs/gguf.md). */
enum q8_meta_type {
    Q8_META_TEXT,
    Q8_META_U64,
    Q8_META_I64,
    Q8_META_F64,
    Q8_META_BOOL,
    Q8_META_ARRAY
};

/* A value that a file carries along. */
struct q8_value {
    enum q8_meta_type type; /* which of the union it is */
    uint32_t bytes;         /* that a number has in the file: 1, 2, 4 or 8; else 0 */
    union {
        const char *text; /* UTF-8, not NULL */
        uint64_t u64;     /* not negative */
        int64_t i64;      /* of a signed type */
        double f64;       /* any double */
        bool flag;        /* true or false */
        struct {
            /* [count] of one type, none of them an array; NULL: too long to be kept */
            const struct q8_value *item;
            uint64_t count; /* may be 0 */
        } array;            /* GGUF's readers take no arrays of arrays */
    };
};

/* A key and value that a file carries along ("format": "pt").  Memory of the index. */
struct q8_meta {
    const char *key;       /* UTF-8, not NULL */
    struct q8_value value; /* what it says */
};

/* What one file, or a whole model, contains.  A zeroed struct is empty.  Memory is the arena's. */
struct q8_index {
    struct q8_tensor *tensor;  /* [count]; NULL while there was none */
    uint64_t count, room;      /* elements in use, elements allocated */
    struct q8_meta *meta;      /* [metas]; NULL while there was none */
    uint64_t metas, meta_room; /* elements in use, elements allocated */
    bool have_meta;            /* a metadata object is present, be it empty */
    const char *note;          /* a clause for the user: what is odd and was taken; or NULL */
};

/*
 * Bytes of a packed tensor of that type and shape.  Q8_EINPUT for a part of a block, and when the
 * dimensions other than 0 are more than fit, in whatever order.
 */
bool q8_tensor_bytes(const struct q8_tensor *t, uint64_t *ret_bytes, struct q8_err *err);

/* How many elements its nbytes hold. */
uint64_t q8_tensor_elements(const struct q8_tensor *t);

/*
 * Whether the bytes are those that the shape needs and all lie in the first `size` bytes of the
 * file: what a format promises of each tensor.  Else Q8_EINPUT; Q8_EUNSUPPORTED for strides between
 * elements that share bytes.
 */
bool q8_tensor_check(const struct q8_tensor *t, uint64_t size, struct q8_err *err);

/* Where element `index`, the last dimension innermost, lies: in elements from the offset. */
uint64_t q8_tensor_place(const struct q8_tensor *t, uint64_t index);

/*
 * The matrix of the last two dimensions that begins at element `first`, turned: a strided tensor of
 * rank 2 whose rows are its columns, or a packed one.  t->rank >= 2; its elements have whole bytes.
 */
struct q8_tensor q8_tensor_turn(const struct q8_tensor *t, uint64_t first);

/* "[4096, 11008]" into `text` (at least 200 bytes); "[]" for a scalar. */
void q8_tensor_shape(const struct q8_tensor *t, char *text, size_t size);

/*
 * Adds a copy of *t (the name is not copied) to the end of the index.  Q8_ELIMIT, also beyond
 * Q8_NAME_LIMIT and Q8_TENSOR_LIMIT.  Pointers into ix->tensor are void then.
 */
bool q8_index_add(struct q8_index *ix, const struct q8_tensor *t, struct q8_arena *mem,
                  struct q8_err *err);

/* Sorts the tensors by name, byte by byte. */
void q8_index_sort(struct q8_index *ix);

/* Sorts the metadata by key, byte by byte. */
void q8_index_sort_meta(struct q8_index *ix);

/* The tensor of that name in an index sorted by name; NULL = none. */
struct q8_tensor *q8_index_find(const struct q8_index *ix, const char *name);

/*
 * The one whose name is the first `stem` bytes of `name` and `suffix` behind them, in an index
 * sorted by name; NULL = none, as for names of 4096 bytes and more.
 */
struct q8_tensor *q8_index_beside(const struct q8_index *ix, const char *name, size_t stem,
                                  const char *suffix);

/* The first name that stands twice in an index sorted by name; NULL = none. */
const char *q8_index_twice(const struct q8_index *ix);

/* Sorts the tensors by offset; of one offset the empty first, then by name. */
void q8_index_sort_offsets(struct q8_index *ix);

/* Puts "tensor 'NAME'" in front of a message.  Returns false. */
bool q8_tensor_fail(const char *name, struct q8_err *err);

#endif
