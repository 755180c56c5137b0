/*
 * reader.h - what the runtimes that read an output build in place of each Linear
 *
 * A serving runtime has a model file of its own for each class, in which some Linears are handed no
 * quantization and cannot take int8 weights.  The tables are readings of the source of the versions
 * that q8_reader_title names, not runs of it: tests/oracle/reader_make.py writes them,
 * tests/oracle/reader_prove.py holds them against every class of transformers.
 */
#ifndef Q8_MODEL_READER_H
#define Q8_MODEL_READER_H

#include <stdbool.h>

/* Who reads an output. */
enum q8_reader { Q8_READER_TRANSFORMERS, Q8_READER_VLLM, Q8_READER_SGLANG, Q8_READERS };

/* As options and JSON write it: "vllm". */
const char *q8_reader_name(enum q8_reader reader);

/* With the version that the tables are of: "vLLM 0.33.0". */
const char *q8_reader_title(enum q8_reader reader);

/* What a runtime builds where a module of the checkpoint goes. */
enum q8_place {
    Q8_PLACE_UNKNOWN, /* the table does not tell: ask the user to try, never take it for fine */
    Q8_PLACE_INT8,    /* built with the model's quantization: takes int8, or float when ignored */
    Q8_PLACE_FLOAT    /* built without: an int8 weight has no parameter to go to */
};

struct q8_reader_file; /* one model file of a runtime; a row of the table */

/* One model as vLLM or SGLang builds it.  Points into constant tables only. */
struct q8_reading {
    enum q8_reader reader;
    bool known; /* the reader has a model file for the class, and the table accounts for it */
    /* of the class, and of its language part when that is another model; NULL: none known */
    const struct q8_reader_file *file[2];
};

/*
 * Looks up the model that `reader` builds for class_name (config.json architectures[0]) whose
 * language part is of text_type (model_type of text_config).  Either name may be NULL.  Of
 * transformers nothing is known here: src/model/arch.h is its table.  Allocates nothing.
 */
void q8_reading_init(struct q8_reading *ret, enum q8_reader reader, const char *class_name,
                     const char *text_type);

/*
 * What becomes of a Linear, by its name in the checkpoint, without ".weight".  The modules that
 * draft tokens are FLOAT by name (eh_proj, shared_head, mtp); where they are whole layers beyond
 * num_hidden_layers, the caller knows.
 */
enum q8_place q8_reading_module(const struct q8_reading *reading, const char *module);

/*
 * What becomes of the output head (lm_head) and of the token embedding.  A head that is built only
 * as the tied embedding is FLOAT.
 */
enum q8_place q8_reading_head(const struct q8_reading *reading);
enum q8_place q8_reading_embed(const struct q8_reading *reading);

#endif
