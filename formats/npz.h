/* npz.h - the arrays of a numpy .npz file */
#ifndef Q8_FORMATS_NPZ_H
#define Q8_FORMATS_NPZ_H

#include "formats/format.h"

/*
 * What all arrays of a file may have together once inflated.  One maximum per input feature of
 * every Linear of a model of 400 billion parameters is 50 MB.
 */
#define Q8_NPZ_LIMIT (UINT64_C(1) << 30)

/*
 * And in proportion to the file: numbers that were measured deflate to a half, not to a thousandth.
 */
#define Q8_NPZ_LEAST (UINT64_C(16) << 20)
#define Q8_NPZ_RATIO 32

/* Who takes the arrays. */
struct q8_npz_visitor {
    /*
     * Takes one array, whose elements are packed, little-endian, the last dimension innermost.
     * array->name is without ".npy", array->offset 0.  `data` may be unaligned, and both are gone
     * when the call returns.  False sets err.
     */
    bool (*visit)(void *self, const struct q8_tensor *array, const void *data, struct q8_err *err);
    void *self; /* what visit gets */
};

/*
 * Hands out every array, by name.  Not a q8_format: deflated bytes are no ranges of the file.  The
 * types are F16, F32, F64, I8, U8, I16, I32, I64.  Takes from `mem`, and beside it up to
 * mem->limit again for the array at hand.  Errors, with the array's name in front: Q8_EINPUT;
 * Q8_EUNSUPPORTED for other types, big-endian numbers, column-major order, encryption, and a zip
 * file of something else (PyTorch's); Q8_ELIMIT beyond the limits above, and nothing is inflated;
 * those of the source and of the visitor.
 */
bool q8_npz_read(const struct q8_source *source, const struct q8_npz_visitor *visitor,
                 struct q8_arena *mem, struct q8_err *err);

/*
 * The same of one .npy file, whose array has no name of its own: it is called `name`.  At most
 * Q8_NPZ_LIMIT bytes.
 */
bool q8_npy_read(const struct q8_source *source, const char *name,
                 const struct q8_npz_visitor *visitor, struct q8_arena *mem, struct q8_err *err);

/*
 * Reads the header of the `size` bytes of a .npy file into dtype, rank, dims and nbytes of *ret,
 * and where the data begins into ret->offset; the data must end where the bytes do.  Errors as
 * above, without a name.
 */
bool q8_npy_parse(struct q8_tensor *ret, const unsigned char *bytes, uint64_t size,
                  struct q8_err *err);

#endif
