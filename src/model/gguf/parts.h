/* parts.h - the files of a GGUF model: one, or several parts that name each other */
#ifndef Q8_MODEL_GGUF_PARTS_H
#define Q8_MODEL_GGUF_PARTS_H

#include "src/model/model.h"

/* Bytes of the name of a part, with its NUL; longer ones are no file's. */
#define Q8_GGUF_NAME 256

/*
 * How many parts a file of that name says that its model has ("m-00002-of-00003.gguf": 3), and into
 * `first` what the first is called; 1 for all other names.  llama.cpp, src/llama.cpp,
 * llama_split_path and llama_split_prefix.
 */
uint32_t q8_gguf_parts(const char *leaf, char first[Q8_GGUF_NAME]);

/* The name of part i, from 0, of the model whose first part has that name. */
void q8_gguf_part(const char *first, uint32_t i, char ret[Q8_GGUF_NAME]);

/*
 * The only GGUF model of a folder into `leaf`, by its first part; "" where there is none.  Files
 * of image encoders (mmproj) and imatrix files do not count.  Q8_EUNSUPPORTED with the names where
 * there are several, Q8_EIO.
 */
bool q8_gguf_find(const char *folder, char leaf[Q8_GGUF_NAME], struct q8_err *err);

/*
 * Holds what the open shards say of themselves against how many they are: split.no, split.count and
 * split.tensors.count (llama.cpp, src/llama-model-loader.cpp).  Q8_EINPUT.
 */
bool q8_gguf_check_parts(const struct q8_model *m, struct q8_err *err);

/* The value of that key in the file, or NULL; ->meta is sorted. */
const struct q8_value *q8_gguf_value(const struct q8_shard *shard, const char *key);

#endif
