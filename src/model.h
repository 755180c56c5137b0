/* model.h - a checkpoint: path (file or directory) -> shards -> one index; reads ranges */
#ifndef Q8_MODEL_H
#define Q8_MODEL_H

#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/base/tensor.h"

struct cJSON;

/* One weight file. */
struct q8_shard {
    const char *name; /* plain file name: "model-00001-of-00002.safetensors" */
    struct q8_file file;
    struct q8_digest header;    /* digest of all bytes before the tensor data */
    const struct q8_meta *meta; /* metadata that the file carries */
    uint64_t metas;
    bool have_meta;
};

/* An open checkpoint.  Reading is safe from several threads. */
struct q8_model {
    const char *path;       /* as the user gave it */
    const char *dir;        /* directory of the shards */
    bool bare;              /* one weight file without a config.json */
    struct q8_shard *shard; /* in the order of their names */
    uint32_t shards;
    struct q8_index index;  /* all tensors, sorted by name; .shard says in which file */
    const char *index_name; /* "model.safetensors.index.json", or NULL */
    const char *config;     /* text of config.json, or NULL */
    uint64_t config_len;
    struct cJSON *config_root; /* parsed config.json, or NULL */
    const char *stray;         /* a tensor that the index file does not name, or NULL */
    uint64_t strays;           /* how many of them */
    uint64_t bytes;            /* of all shards */
};

/*
 * Opens and checks a checkpoint: every header, and that every tensor lies where the index file
 * says.  The memory is `mem`'s.  Close it in every case.  Errors name the file.
 */
bool q8_model_open(struct q8_model *ret, const char *path, struct q8_arena *mem,
                   struct q8_err *err);
void q8_model_close(struct q8_model *model);

/* Copies n bytes from `off` bytes into the tensor's data. */
bool q8_model_read(const struct q8_model *model, const struct q8_tensor *t, uint64_t off, void *buf,
                   uint64_t n, struct q8_err *err);

/* Whether every shard is still the file that was opened; else Q8_EIO. */
bool q8_model_same(const struct q8_model *model, struct q8_err *err);

#endif
