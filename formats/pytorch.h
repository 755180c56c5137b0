/* pytorch.h - the pieces of pytorch.c: a file of torch.save, opened */
#ifndef Q8_FORMATS_PYTORCH_H
#define Q8_FORMATS_PYTORCH_H

#include "formats/format.h"
#include "formats/pickle.h"

/* What a name in a pickle of torch.save is: `what` of its row. */
enum q8_torch_what {
    Q8_TORCH_IGNORED,
    Q8_TORCH_STORAGE,   /* a class of storages; detail: the type of its elements */
    Q8_TORCH_DTYPE,     /* detail: enum q8_dtype */
    Q8_TORCH_CLASS,     /* a class of tensors */
    Q8_TORCH_REBUILD,   /* detail: 1, 2, 3: the version of _rebuild_tensor */
    Q8_TORCH_PARAMETER, /* its first argument is a tensor */
    Q8_TORCH_FROM_TYPE  /* arguments: function, class, its arguments, state */
};

/* Every name that is allowed, or refused with a reason. */
extern const struct q8_pickle_global q8_torch_names[];
extern const uint64_t q8_torch_name_count;

/* Numbers that tensors are views of. */
struct q8_torch_storage {
    const char *key;     /* its name in the file: "12" */
    enum q8_dtype dtype; /* of what `count` counts */
    uint64_t count;      /* elements */
    uint64_t bytes;      /* of all of them */
    uint64_t offset;     /* in the file */
    bool found;          /* `offset` is set */
};

/* What a persistent id says. */
struct q8_torch_id {
    const struct q8_pickle_node *key; /* a text */
    enum q8_dtype dtype;
    uint64_t count;
    uint64_t view_offset, view_count; /* elements of it that are meant; 0 and count: all */
};

/* A file being read. */
struct q8_torch {
    struct q8_source *source;
    struct q8_pickle pickle;          /* of its object */
    struct q8_torch_storage *storage; /* [storages] by key */
    uint64_t storages;
    bool legacy;         /* the format before torch 1.6 */
    bool swapped;        /* its numbers are in the other byte order */
    const char *note[4]; /* [notes] what is odd, clauses */
    unsigned notes;
    uint64_t named;       /* bytes of the names of tensors so far */
    struct q8_arena own;  /* for the time of reading */
    struct q8_arena *mem; /* for what is found */
    struct q8_err *err;
};

/* ---- pytorch_storage.c ---- */

/* Lists the storages that the pickle names.  Q8_EINPUT where it contradicts itself; Q8_ELIMIT. */
bool q8_torch_storages(struct q8_torch *f);

/* The storage of that key, of the list; NULL: none. */
struct q8_torch_storage *q8_torch_storage_find(const struct q8_torch *f, const char *key);

/* Reads an ID node.  Q8_EINPUT. */
bool q8_torch_id(struct q8_torch *f, const struct q8_pickle_node *node, struct q8_torch_id *ret);

/* ---- pytorch_legacy.c ---- */

/* Reads a file of the format before torch 1.6, up to its storages, which it finds. */
bool q8_torch_legacy(struct q8_torch *f);

/* ---- pytorch_state.c ---- */

/* Adds the tensors of the state dict to *out, by offset.  Q8_EINPUT, Q8_EUNSUPPORTED, Q8_ELIMIT. */
bool q8_torch_tensors(struct q8_torch *f, struct q8_index *out);

#endif
