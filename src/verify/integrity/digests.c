/* digests.c - the digests of the files that q8-manifest.json tells of, from many threads */
#include "src/flow/stream.h"
#include "src/verify/integrity/digests.h"
#include "src/verify/integrity/integrity_parts.h"

uint64_t q8_integrity_file_bytes(const struct q8_verify *v, uint64_t i)
{
    return v->file[i].there ? v->file[i].bytes : 0;
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
    ok = q8_range_digest(&file, 0, file.size, pool, &sum, err);
    q8_file_close(&file);
    if (!ok || q8_digest_same(&sum, &f->digest))
        return ok;
    return q8_findings_add(&v->findings, Q8_FINDING("manifest-digest", f->name, true), err,
                           "q8-manifest.json says xxh3_128 %s, the file has %s: it is not what "
                           "q8-convert wrote",
                           q8_digest_text(&f->digest, said), q8_digest_text(&sum, found));
}
