/* digests.c - the digests of the files that q8-manifest.json tells of, from many threads */
#include "src/base/num.h"
#include "src/verify/integrity/integrity_parts.h"

#define PIECE_BYTES 65536

uint64_t q8_integrity_files(const struct q8_verify *v)
{
    return v->files;
}

uint64_t q8_integrity_file_bytes(const struct q8_verify *v, uint64_t i)
{
    return v->file[i].there ? v->file[i].bytes : 0;
}

/* The digest of an open file; false without an error when the pool is stopping. */
static bool digest(struct q8_digest *ret, const struct q8_file *file, struct q8_pool *pool,
                   struct q8_err *err)
{
    unsigned char piece[PIECE_BYTES];
    struct q8_xxh x = {0};
    bool ok = q8_xxh_open(&x, err);

    for (uint64_t at = 0, n; ok && at < file->size; at += n) {
        n = q8_min(file->size - at, sizeof piece);
        ok = q8_file_read(file, at, piece, n, err) && q8_pool_advance(pool, n);
        if (ok)
            q8_xxh_add(&x, piece, n);
    }
    if (ok)
        *ret = q8_xxh_sum(&x);
    q8_xxh_close(&x);
    return ok;
}

bool q8_integrity_file(struct q8_verify *v, uint64_t i, struct q8_pool *pool, struct q8_err *err)
{
    const struct q8_manifest_file *f = &v->file[i];
    char said[Q8_DIGEST_TEXT], found[Q8_DIGEST_TEXT];
    struct q8_digest sum;
    struct q8_file file;
    bool ok;

    if (!f->there)
        return true;
    if (!q8_file_open(&file, f->path, err))
        return false;
    ok = digest(&sum, &file, pool, err);
    q8_file_close(&file);
    if (!ok || q8_digest_same(&sum, &f->digest))
        return ok;
    return q8_findings_add(&v->findings, Q8_FINDING("manifest-digest", f->name, true), err,
                           "q8-manifest.json says xxh3_128 %s, the file has %s: it is not what "
                           "q8-convert wrote",
                           q8_digest_text(&f->digest, said), q8_digest_text(&sum, found));
}
