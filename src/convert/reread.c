/* reread.c - what follows the files: re-reading, manifest, checksums, syncing */
#include "src/convert/convert_parts.h"

#include "formats/format.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/convert/plan_parts.h"
#include "src/model/folder/folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYNC_PIECE (UINT64_C(64) << 20) /* what a slow disk flushes within a second */

/* What one re-read needs. */
struct reread {
    struct q8_file file;
    uint64_t at;              /* bytes of it that the sums have seen */
    struct q8_xxh whole, own; /* of the file, and of one tensor or what lies between two */
    struct q8_sha sha;        /* of the file; none unless asked for */
    struct q8_pool *pool;
    struct q8_arena mem;
};

static bool take_bytes(void *self, const void *bytes, uint64_t n, struct q8_err *err)
{
    struct reread *r = self;

    (void)err;
    q8_xxh_add(&r->whole, bytes, n);
    q8_xxh_add(&r->own, bytes, n);
    if (r->sha.started)
        q8_sha_add(&r->sha, bytes, n);
    return q8_pool_advance(r->pool, n);
}

/* Digests the next bytes of the file, those before `end`. */
static bool digest_to(struct reread *r, uint64_t end, struct q8_err *err)
{
    const uint64_t from = r->at;

    r->at = end;
    q8_xxh_reset(&r->own);
    return q8_file_show(&r->file, from, end - from, take_bytes, r, err);
}

struct where {
    uint64_t offset, job;
    unsigned part;
};

uint64_t q8_reread_bytes(const struct q8_plan *plan)
{
    uint64_t most = 0;

    for (uint32_t i = 0; i < plan->shards; i++) {
        uint64_t bytes = q8_plan_parts(plan, i) * sizeof(struct where);

        most = q8_max(bytes, most);
    }
    return plan->header_memory + most;
}

static int compare_where(const void *a, const void *b)
{
    const struct where *x = a, *y = b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Where every part of a shard should lie, in the order of the file. */
static struct where *list_parts(const struct q8_convert *c, uint32_t number, uint64_t count,
                                struct q8_arena *mem, struct q8_err *err)
{
    struct where *list = q8_alloc(mem, count, sizeof *list, err);
    uint64_t n = 0;

    for (uint64_t j = 0; list && j < c->plan->jobs; j++)
        for (unsigned p = 0; c->plan->job[j].shard == number && p < q8_job_parts(&c->plan->job[j]);
             p++)
            list[n++] = (struct where){c->plan->job[j].offset[p], j, p};
    if (n)
        qsort(list, n, sizeof *list, compare_where);
    return list;
}

/* Whether the header that was read again says of this tensor what the plan says. */
static bool check_entry(const struct q8_index *found, const struct q8_tensor *want,
                        struct q8_err *err)
{
    const struct q8_tensor *have = q8_index_find(found, want->name);
    char name[256];

    if (have && have->dtype == want->dtype && have->rank == want->rank &&
        memcmp(have->dim, want->dim, want->rank * sizeof *want->dim) == 0 &&
        have->offset == want->offset && have->nbytes == want->nbytes)
        return true;
    return q8_fail(err, Q8_EIO, "re-read: the header says something else of tensor '%s'",
                   q8_text_escape(want->name, name, sizeof name));
}

/* The header by the strict reader: the tensors of the plan, and no others. */
static bool reread_header(struct q8_convert *c, uint32_t number, const struct where *part,
                          uint64_t count, struct reread *r, struct q8_err *err)
{
    struct q8_source source = q8_file_source(&r->file);
    struct q8_index found = {.room = count};

    found.tensor = q8_alloc(&r->mem, count, sizeof *found.tensor, err);
    if (!found.tensor ||
        !q8_format_parse(c->plan->shard[number].format, &source, &found, &r->mem, err))
        return false;
    q8_index_sort(&found);
    for (uint64_t i = 0; i < count; i++) {
        const struct q8_job *job = &c->plan->job[part[i].job];
        char text[Q8_NAME_BYTES];
        struct q8_tensor t;

        t.name = q8_job_part(job, part[i].part, &t, text, sizeof text, err);
        t.offset = part[i].offset;
        if (!t.name || !check_entry(&found, &t, err))
            return false;
    }
    return found.count == count || q8_fail(err, Q8_EIO, "re-read: more tensors than were written");
}

/* A shard is parsed by the strict reader, and each tensor compared with what was written. */
static bool reread_shard(struct q8_convert *c, uint32_t number, struct reread *r,
                         struct q8_err *err)
{
    uint64_t count = q8_plan_parts(c->plan, number);
    struct where *part = list_parts(c, number, count, &r->mem, err);

    if (!part || !reread_header(c, number, part, count, r, err))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        const struct q8_job *job = &c->plan->job[part[i].job];
        char text[Q8_NAME_BYTES], shown[256];
        struct q8_digest digest;
        struct q8_tensor t;
        const char *name = q8_job_part(job, part[i].part, &t, text, sizeof text, err);

        if (!name)
            return false;
        if (t.nbytes == 0)
            continue;
        if (!digest_to(r, part[i].offset, err) || !digest_to(r, part[i].offset + t.nbytes, err))
            return false;
        digest = q8_xxh_sum(&r->own);
        if (!q8_digest_same(&digest, &c->result[part[i].job].part[part[i].part]))
            return q8_fail(err, Q8_EIO,
                           "re-read: tensor '%s' is not what was written: the disk or another "
                           "program changed it",
                           q8_text_escape(name, shown, sizeof shown));
    }
    return digest_to(r, r->file.size, err);
}

/* Flushes piece by piece, so that a stop is seen in between. */
static bool sync_file(const struct q8_file *f, struct q8_pool *pool, struct q8_err *err)
{
    for (uint64_t at = 0; at < f->size; at += SYNC_PIECE) {
        q8_file_flush(f, at, q8_min(SYNC_PIECE, f->size - at));
        if (!q8_pool_advance(pool, 0))
            return false;
    }
    return q8_file_sync(f, err);
}

static bool reread_item(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                        struct q8_err *err)
{
    struct q8_convert *c = self;
    struct q8_written *w = &c->written[i];
    struct reread r = {.file.fd = -1, .pool = pool};
    char path[4096];
    bool ok = true;

    (void)worker;
    q8_arena_init(&r.mem, UINT64_MAX);
    if ((size_t)snprintf(path, sizeof path, "%s/%s", c->publish.partial, c->plan->file[i].name) >=
        sizeof path)
        ok = q8_fail(err, Q8_ELIMIT, "path too long: %s/%s", c->publish.partial,
                     c->plan->file[i].name);
    ok = ok && q8_dir_file(&r.file, &c->publish.dir, path, Q8_DIR_READ, err) &&
         q8_xxh_open(&r.whole, err) && q8_xxh_open(&r.own, err);
    if (c->plan->options.sha256)
        q8_sha_start(&r.sha);
    if (ok && i < c->plan->shards)
        ok = reread_shard(c, (uint32_t)i, &r, err) || (err->code && q8_fail_in(err, path));
    else if (ok)
        ok = digest_to(&r, r.file.size, err);
    if (ok && r.file.size != c->plan->file[i].bytes)
        ok = q8_fail(err, Q8_EIO, "%s: %" PRIu64 " bytes, but %" PRIu64 " were planned", path,
                     r.file.size, c->plan->file[i].bytes);
    if (ok) {
        w->xxh = q8_xxh_sum(&r.whole);
        if (r.sha.started)
            q8_sha_text(&r.sha, w->sha);
    }
    ok = ok && (!c->options.sync || sync_file(&r.file, pool, err));
    q8_xxh_close(&r.own);
    q8_xxh_close(&r.whole);
    q8_file_close(&r.file);
    q8_arena_clear(&r.mem);
    return ok;
}

static bool reread_all(struct q8_convert *c, struct q8_err *err)
{
    struct q8_pool pool = {
        .threads = c->options.threads, .watch = c->options.watch, .item = reread_item, .self = c};

    pool.progress = (struct q8_progress){"re-reading files", 0, c->plan->hashed, 0, 0};
    for (uint64_t i = 0; i < c->plan->hashed; i++)
        pool.progress.bytes_total += c->plan->file[i].bytes;
    return q8_pool_run(&pool, err);
}

/* No runtime should be the first to find out that it cannot be parsed. */
static bool reread_config(struct q8_convert *c, struct q8_err *err)
{
    const char *path = q8_sprintf(c->mem, err, "%s/" Q8_CONFIG, c->publish.partial);
    char *text = NULL;
    struct q8_file file;
    bool ok;

    if (!path || !q8_dir_file(&file, &c->publish.dir, path, Q8_DIR_READ, err))
        return false;
    text = q8_alloc(c->mem, file.size + 1, 1, err); /* its size is as planned: reread_item */
    ok = text && q8_file_read(&file, 0, text, file.size, err) &&
         q8_plan_config_check(c->plan, path, text, file.size, err);
    q8_file_close(&file);
    return ok;
}

/* As sha256sum prints it: a line with a \ in its name starts with one, and doubles that. */
static bool print_sums(void *self, FILE *out, struct q8_err *err)
{
    const struct q8_convert *c = self;

    (void)err;
    for (uint64_t i = 0; i < c->plan->hashed; i++) {
        const char *name = c->plan->file[i].name;

        fprintf(out, "%s%s  ", strchr(name, '\\') ? "\\" : "", c->written[i].sha);
        for (; *name; name++)
            fprintf(out, "%s%c", *name == '\\' ? "\\" : "", *name);
        fputc('\n', out);
    }
    return true;
}

/* Flushes one small file by name. */
static bool sync_named(struct q8_convert *c, const char *name, struct q8_err *err)
{
    const char *path = q8_sprintf(c->mem, err, "%s/%s", c->publish.partial, name);
    struct q8_file file;
    bool ok = path && q8_dir_file(&file, &c->publish.dir, path, Q8_DIR_READ, err);

    if (ok) {
        ok = q8_file_sync(&file, err);
        q8_file_close(&file);
    }
    return ok;
}

/* Flushes the folders of the files that came along: each is a front of some file's name. */
static bool sync_folders(struct q8_convert *c, struct q8_err *err)
{
    const char *before = "";

    for (uint64_t i = 0; i < c->plan->sides; i++) { /* sorted: files of one folder are neighbours */
        const char *name = c->plan->side[i].name;

        for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
            size_t length = (size_t)(slash - name) + 1;
            const char *inside;

            if (strncmp(name, before, length) == 0)
                continue;
            inside = q8_strndup(c->mem, name, length, err); /* "a/b/": what lies in a/b */
            if (!inside || !q8_dir_sync(&c->publish.dir, inside, err))
                return false;
        }
        before = name;
    }
    return true;
}

/* Nothing is published that the plan does not name, whoever put it there. */
static bool check_strays(struct q8_convert *c, struct q8_err *err)
{
    const struct q8_claim_use use = {.write = true, .code = Q8_EIO};

    return q8_claim_holds(&c->publish.claim, &c->publish.dir, &use, err);
}

/* Flushes what is not flushed yet; but for its journal the directory is complete. */
static bool seal(struct q8_convert *c, struct q8_err *err)
{
    if (c->options.sync &&
        (!sync_named(c, Q8_MANIFEST, err) ||
         (c->plan->options.sha256 && !sync_named(c, Q8_SUMS, err)) || !sync_folders(c, err)))
        return false;
    return check_strays(c, err);
}

bool q8_reread(struct q8_convert *c, struct q8_err *err)
{
    struct q8_manifest manifest = {.plan = c->plan, .result = c->result};

    c->written = q8_alloc(c->mem, c->plan->hashed, sizeof *c->written, err);
    if (!c->written || !reread_all(c, err) || (c->plan->config && !reread_config(c, err)))
        return false;
    manifest.written = c->written;
    return q8_copy_text(c, Q8_MANIFEST, q8_manifest_print, &manifest, err) &&
           (!c->plan->options.sha256 || q8_copy_text(c, Q8_SUMS, print_sums, c, err)) &&
           seal(c, err);
}
