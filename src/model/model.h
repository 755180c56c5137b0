/* model.h - a checkpoint: path (file or directory) -> shards -> one index; reads ranges */
#ifndef Q8_MODEL_MODEL_H
#define Q8_MODEL_MODEL_H

#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/base/tensor.h"

struct cJSON;     /* src/base/json.h */
struct q8_coded;  /* src/model/coded/coded.h */
struct q8_format; /* formats/format.h */

/* One weight file. */
#define Q8_SHARD_LIMIT 4096 /* files of one model; the largest known have under 200 */

struct q8_shard {
    const struct q8_format *format; /* by its suffix; the output shard has the same */
    const char *name;               /* below the directory: "model-00001-of-00002.safetensors" */
    struct q8_file file;            /* open for reading; its path is in the arena */
    struct q8_digest header;        /* digest of all bytes before the tensor data */
    uint64_t header_bytes;          /* how many bytes those are, before the data */
    const struct q8_meta *meta;     /* [metas] metadata that the file carries, by key */
    uint64_t metas;                 /* may be 0 with have_meta */
    bool have_meta;                 /* a metadata object is present, be it empty */
    struct q8_meta *alias;          /* [aliases] names that are no tensors here: those that stand */
    uint64_t aliases, alias_room;   /* for them, tied; in use, allocated */
};

/* What an index file says of the whole, beside total_size. */
struct q8_member {
    const char *key;  /* "total_parameters" */
    const char *text; /* its value, JSON as it stands in the file */
};

/* An open checkpoint.  Reading is safe from several threads. */
struct q8_model {
    const char *path;          /* as the user gave it */
    const char *dir;           /* directory of the shards */
    bool bare;                 /* one weight file, named directly: no config.json is looked for */
    struct q8_shard *shard;    /* [shards] in the order of their names */
    uint32_t shards;           /* files of the model, 1 to 4096 */
    struct q8_index index;     /* all tensors, sorted by name; .shard says in which file */
    const char *index_name;    /* "model.safetensors.index.json", or NULL */
    const char *config;        /* text of config.json, or NULL */
    uint64_t config_len;       /* its bytes, without the NUL behind it */
    struct stat config_stat;   /* of config.json, as it was read */
    struct cJSON *config_root; /* parsed config.json, or NULL */
    /* of GGUF files: there is no config.json, and it is what their keys say; a sentence on what is
       missing then; NULL: there is one, or none was made */
    const char *config_made;
    const char *unknown; /* of GGUF files: why their names are not those of transformers, or NULL */
    const char *stray;   /* a tensor that the index file does not name, or NULL */
    uint64_t strays;     /* how many such tensors */
    struct q8_index raw; /* as the files have it, by name; empty before q8_model_decode */
    const struct q8_coded **coded; /* [raw.count] what each is a part of, or NULL; NULL: none is */
    uint64_t decoded;              /* weights that are computed from others */
    uint64_t bytes;                /* of all shards, headers too */
    struct q8_member *metadata;    /* [metadatas] of the index file, in its order; total_size too */
    uint64_t metadatas;            /* 0: none, or no index file */
    const char **note;             /* [notes] sentences for the user: what is odd and was taken */
    uint64_t notes, note_room;     /* in use, allocated */
};

/*
 * Opens and checks a checkpoint: every header, and what the index file says of the tensors; of
 * several copies of a tensor one counts (notes tell of what is odd).  The memory is `mem`'s.  Close
 * it in every case.  `path` must outlive *ret.  Errors name the file: Q8_EINPUT, Q8_EUNSUPPORTED
 * when there are no safetensors, Q8_ELIMIT, Q8_EIO.
 */
bool q8_model_open(struct q8_model *ret, const char *path, struct q8_arena *mem,
                   struct q8_err *err);

/* Closes the files and releases config_root; what the arena holds stays. */
void q8_model_close(struct q8_model *model);

/* All tensors as the files have them, by name. */
const struct q8_index *q8_model_raw(const struct q8_model *model);

/* q8_tensor_read from the tensor's shard: its packed data, however it lies, or is computed. */
bool q8_model_read(const struct q8_model *model, const struct q8_tensor *t, uint64_t off, void *buf,
                   uint64_t n, struct q8_err *err);

/* Puts file and tensor in front of a message.  Returns false. */
bool q8_model_fail(const struct q8_model *model, const struct q8_tensor *t, struct q8_err *err);

/* Whether every shard is still the file that was opened; else Q8_EIO. */
bool q8_model_same(const struct q8_model *model, struct q8_err *err);

/* Whether it is certain that some shard is no longer the file that was opened. */
bool q8_model_changed(const struct q8_model *model);

/* Adds a sentence to m->note (printf); Q8_ELIMIT. */
bool q8_model_note(struct q8_model *m, struct q8_arena *mem, struct q8_err *err, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

#endif
