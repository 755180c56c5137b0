/* gguf.h - the header of a GGUF file as a stream of numbers: for gguf.c and gguf_meta.c */
#ifndef Q8_FORMATS_GGUF_H
#define Q8_FORMATS_GGUF_H

#include "formats/format.h"

/* Keys and tensors of one file; real ones have under 200 and 10,000. */
#define Q8_GGUF_KEY_LIMIT 65536
#define Q8_GGUF_TENSOR_LIMIT 65536

/* Bytes of a text that is kept; chat templates have under 100 KB. */
#define Q8_GGUF_TEXT_LIMIT (UINT64_C(16) << 20)

/*
 * Arrays up to this length are kept, as long as all of a file's have no more items than that
 * together: numbers by layer are.  Vocabularies are not, and take no memory.
 */
#define Q8_GGUF_ITEM_LIMIT 1024
#define Q8_GGUF_ITEMS_LIMIT 65536

/* Texts in all arrays of a file; vocabularies and their merges have under a million. */
#define Q8_GGUF_WORDS_LIMIT (UINT64_C(1) << 22)

/* The header on its way through memory.  The first failure ends it: err->code is set. */
struct q8_gguf {
    const struct q8_source *source;
    uint64_t at;            /* where in the file reading goes on */
    bool swapped;           /* numbers of the file are big-endian */
    uint64_t items;         /* of arrays that were kept so far */
    uint64_t words;         /* of arrays that were not */
    uint64_t alignment;     /* general.alignment, a power of two */
    uint64_t first, loaded; /* which bytes of the file are in `piece` */
    unsigned char piece[16384];
    struct q8_arena *mem;
    struct q8_err *err;
};

/* The number of `bytes` bytes (1, 2, 4 or 8) that comes next; 0 with err where the file ends. */
uint64_t q8_gguf_number(struct q8_gguf *g, unsigned bytes);

/*
 * The text that comes next, without the NUL that is put behind it; NULL with err where it goes
 * beyond the file, holds a NUL or is not UTF-8.  `what` is it, for messages: "a key".
 */
const char *q8_gguf_text(struct q8_gguf *g, const char *what);

/* Reads `keys` keys and their values into out->meta, sorted, and the alignment.  False sets err. */
bool q8_gguf_meta(struct q8_gguf *g, uint64_t keys, struct q8_index *out);

#endif
