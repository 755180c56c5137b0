/* gguf_parts.h - the pieces of q8_gguf_adopt */
#ifndef Q8_MODEL_GGUF_GGUF_PARTS_H
#define Q8_MODEL_GGUF_GGUF_PARTS_H

#include "src/model/gguf/adopt.h"
#include "src/model/gguf/archs.h"

struct q8_json; /* src/base/json_write.h */

/* What is known of the model. */
struct q8_gguf_facts {
    const struct q8_model *m;
    const struct q8_gguf_arch *arch; /* NULL: it keeps its names */
    enum q8_dtype dtype;             /* that all of its floats become */
    uint64_t heads, key_heads;       /* of attention; above 0 */
    uint64_t hidden, layers, head;   /* of the model, how many, of a head; above 0 */
    struct q8_arena *mem;
};

/* ---- config.c ---- */

/* The value of "ARCHITECTURE.key"; NULL: none. */
const struct q8_value *q8_gguf_key(const struct q8_gguf_facts *f, const char *key);

/* The same as a count, above 0; `otherwise` where there is none of it.  Q8_EINPUT for others. */
bool q8_gguf_count(const struct q8_gguf_facts *f, const char *key, uint64_t otherwise,
                   uint64_t *ret, struct q8_err *err);

/* A tensor of m->raw by its GGUF name; NULL: none. */
const struct q8_tensor *q8_gguf_tensor(const struct q8_gguf_facts *f, const char *name);

/* The text of config.json; NULL with Q8_EUNSUPPORTED for what no config of the class says. */
const char *q8_gguf_config(const struct q8_gguf_facts *f, struct q8_err *err);

/* ---- rope.c ---- */

/* Writes rope_scaling, where the file has one; as q8_gguf_config. */
bool q8_gguf_rope(const struct q8_gguf_facts *f, struct q8_json *j, struct q8_err *err);

/* A number of the file with the fewest digits that give it back, as JSON; a float has a point. */
void q8_gguf_number_json(struct q8_json *j, const char *key, double value, bool single);

#endif
