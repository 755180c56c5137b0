/* decode.h - the index of a checkpoint with its quantized weights as floats */
#ifndef Q8_MODEL_CODED_DECODE_H
#define Q8_MODEL_CODED_DECODE_H

#include "src/model/coded/coded.h"

/* Which weights become floats. */
enum q8_decode {
    Q8_DECODE_ALL,
    Q8_DECODE_BUT_INT8 /* not those that q8_stored_find reads as int8 */
};

/* How. */
struct q8_decode_options {
    enum q8_decode which;
    /* F16, BF16 or F32, that all floats of the model are to have; Q8_DTYPES: their own */
    enum q8_dtype dtype;
    enum q8_isa isa; /* of the kernels that compute them */
};

/*
 * Puts a float tensor, MODULE.weight, in the index in the place of the parts of each weight that is
 * quantized in a way that q8 knows, by the types and names of tensors and quantization_config; the
 * index as the files have it goes to m->raw.  Its type is that of a 16 bit scale, else the model's
 * (config.json, BF16 where it says nothing).  q8_model_read gives the floats that the library of
 * the scheme would (table.c names it).  A model of floats stays as it is, but where a type is asked
 * for: then each tensor of another float type is one of that, rounded to the nearest, ties to even
 * (router biases that readers keep in F32 stay so).  Reads no data but small shapes.  Q8_EINPUT
 * names the tensor whose parts are missing or do not fit; Q8_EUNSUPPORTED, Q8_ELIMIT.  Notes tell
 * of tensors that have no part in the weights (input scales).
 */
bool q8_model_decode(struct q8_model *m, const struct q8_decode_options *options,
                     struct q8_arena *mem, struct q8_err *err);

/* The one whose codes or floats are in a file, where it is computed by way of others. */
const struct q8_coded *q8_coded_source(const struct q8_coded *c);

/* Its codes, or the floats that it is a cast of: in a file, or a computed tensor. */
const struct q8_tensor *q8_coded_raw(const struct q8_coded *c);

/* Whether it is quantized; else floats of another type, or in another order. */
bool q8_coded_is_quantized(const struct q8_coded *c);

/* Whether it is a plain tensor of another type. */
bool q8_coded_is_cast(const struct q8_coded *c);

/* Whether some scheme here is of that quant_method; NULL is none. */
bool q8_coded_has_method(const char *method);

/* What people call the scheme: "FP8 in blocks". */
const char *q8_coded_title(const struct q8_coded *c);

/*
 * "FP8 in blocks, MXFP4": the schemes of all decoded weights into `text`, in the order of table.c;
 * "float" where there are none.  Returns text.
 */
const char *q8_model_schemes(const struct q8_model *m, char *text, size_t size);

/* The weight that the raw tensor is a part of; NULL: none. */
const struct q8_coded *q8_coded_of(const struct q8_model *m, const struct q8_tensor *raw);

#endif
