/* names_fused.h - how vLLM and SGLang look for modules of theirs in a list of names of the file */
#ifndef Q8_MODEL_NAMES_FUSED_H
#define Q8_MODEL_NAMES_FUSED_H

#include "src/model/names.h"

/*
 * An entry that vLLM or SGLang finds in the name of the module's class, "QKVParallelLinear": part
 * of it in any case, or a regex that matches its start; NULL = none.
 */
const char *q8_names_find_class(const struct q8_names *names, const char *class_name);

/* A module that vLLM and SGLang build of several of the file: packed_modules_mapping. */
struct q8_names_fused {
    const char *name;         /* its last part: "qkv_proj" */
    const char *const *shard; /* [shards] the parts that stand there in the file, in their order */
    size_t shards;
};

/*
 * The name that shard i of the module has in the file, into `text`; NULL = no room.  Every
 * place where fused->name stands is replaced.
 */
const char *q8_names_shard(const char *module, const struct q8_names_fused *fused, size_t i,
                           char *text, size_t size);

enum q8_names_verdict {
    Q8_NAMES_NONE, /* the list has it not */
    Q8_NAMES_ALL,  /* the list has it */
    Q8_NAMES_TORN  /* it has some of its shards: the runtime stops with a ValueError */
};

/*
 * Whether the list, an `ignore` by the rule of vLLM or SGLang, has a module of theirs, by their
 * name; `fused` tells what it is made of, NULL: of itself.  Sources: vLLM, find_matching_patterns
 * and should_ignore_layer; SGLang, should_ignore_layer.
 */
enum q8_names_verdict q8_names_ask(const struct q8_names *names, const char *module,
                                   const struct q8_names_fused *fused);

#endif
