/* safetensors.h - what the two halves of the safetensors format share */
#ifndef Q8_FORMATS_SAFETENSORS_H
#define Q8_FORMATS_SAFETENSORS_H

#include "formats/format.h"

#define Q8_SAFETENSORS_HEADER_LIMIT 100000000 /* bytes of JSON; tensor.rs, MAX_HEADER_SIZE */

/*
 * The `print` of format.h: tensors by falling width of type, then name, as tensor.rs does; of the
 * metadata the texts.  Takes no memory from `mem`.
 */
bool q8_safetensors_print(struct q8_index *ix, struct q8_sink *sink, uint64_t *ret_size,
                          struct q8_arena *mem, struct q8_err *err);

#endif
