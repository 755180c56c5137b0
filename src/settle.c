/* settle.c - what follows the data: side files, re-reading, manifest, checksums, syncing */
#include "src/convert.h"

#include "formats/format.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE (256u << 10)
#define SYNC_PIECE (UINT64_C(64) << 20) /* what a slow disk flushes within a second */

/* Makes the folders of "a/b/file" below the partial directory. */
static bool make_folders(struct q8_convert *c, const char *name, struct q8_err *err)
{
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        const char *path =
            q8_sprintf(c->mem, err, "%s/%.*s", c->publish.partial, (int)(slash - name), name);

        if (!path)
            return false;
        if (mkdir(path, 0777) < 0 && errno != EEXIST)
            return q8_fail_errno(err, "cannot make %s", path);
    }
    return true;
}

/* Writes one small file. */
static bool put(struct q8_convert *c, const char *name,
                bool (*print)(void *self, FILE *out, struct q8_err *err), void *self,
                struct q8_err *err)
{
    const char *path = q8_sprintf(c->mem, err, "%s/%s", c->publish.partial, name);
    struct q8_printer printer = {print, self};
    uint64_t bytes;

    return path && q8_file_print(path, c->publish.resumed, &printer, &bytes, err);
}

static bool print_config(void *self, FILE *out, struct q8_err *err)
{
    const struct q8_plan *plan = self;

    (void)err;
    fputs(plan->config, out);
    return true;
}

static bool copy_side(struct q8_convert *c, const struct q8_out *side, unsigned char *buffer,
                      struct q8_err *err)
{
    const char *from = q8_sprintf(c->mem, err, "%s/%s", c->plan->model->dir, side->name);
    const char *to = q8_sprintf(c->mem, err, "%s/%s", c->publish.partial, side->name);
    struct q8_file in = {.fd = -1}, out = {.fd = -1};
    bool ok = from && to && make_folders(c, side->name, err) && q8_file_open(&in, from, err);

    if (ok && in.size != side->bytes)
        ok = q8_fail(err, Q8_EIO, "%s changed while it was read", from);
    ok = ok && q8_file_create(&out, to, in.size, c->publish.resumed, err);
    for (uint64_t at = 0, n; ok && at < in.size; at += n) {
        n = q8_min(PIECE, in.size - at);
        ok = q8_file_read(&in, at, buffer, n, err) && q8_file_write(&out, at, buffer, n, err);
    }
    if (ok)
        (void)fchmod(out.fd, in.stat.st_mode & 0777);
    q8_file_close(&in);
    q8_file_close(&out);
    return ok;
}

static bool carry_files(struct q8_convert *c, struct q8_err *err)
{
    struct q8_plan *plan = c->plan;
    unsigned char *buffer = q8_alloc(c->mem, PIECE, 1, err);

    if (!buffer)
        return false;
    for (uint64_t i = 0; i < plan->sides; i++)
        if (!copy_side(c, &plan->side[i], buffer, err))
            return false;
    return (!plan->config || put(c, "config.json", print_config, plan, err)) &&
           (!plan->model->index_name || put(c, plan->model->index_name, q8_plan_index, plan, err));
}

/* Digests [from, to) of a file into the file's running digests, and into `own` when given. */
static bool digest_range(const struct q8_file *f, uint64_t from, uint64_t to, unsigned char *buffer,
                         struct q8_xxh *whole, struct q8_sha *sha, struct q8_xxh *own,
                         struct q8_pool *pool, struct q8_err *err)
{
    for (uint64_t at = from, n; at < to; at += n) {
        n = q8_min(PIECE, to - at);
        if (!q8_file_read(f, at, buffer, n, err) || !q8_pool_advance(pool, n))
            return false;
        q8_xxh_add(whole, buffer, n);
        if (own)
            q8_xxh_add(own, buffer, n);
        if (sha->state && !q8_sha_add(sha, buffer, n, err))
            return false;
    }
    return true;
}

/* What one re-read needs. */
struct reread {
    struct q8_file file;
    struct q8_xxh whole, own;
    struct q8_sha sha;
    unsigned char *buffer;
    struct q8_arena mem;
};

struct where {
    uint64_t offset, job;
    unsigned part;
};

static int compare_where(const void *a, const void *b)
{
    const struct where *x = a, *y = b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Where every part of a shard should lie, in the order of the file. */
static struct where *list_parts(const struct q8_convert *c, uint32_t number, uint64_t *ret_count,
                                struct q8_arena *mem, struct q8_err *err)
{
    struct where *list = NULL;
    uint64_t room = 0;

    *ret_count = 0;
    for (uint64_t j = 0; j < c->plan->jobs; j++)
        for (unsigned p = 0;
             c->plan->job[j].tensor->shard == number && p < q8_job_parts(c->plan, &c->plan->job[j]);
             p++) {
            list = q8_grow(mem, list, *ret_count, &room, sizeof *list, err);
            if (!list)
                return NULL;
            list[(*ret_count)++] = (struct where){c->plan->job[j].offset[p], j, p};
        }
    if (list)
        qsort(list, *ret_count, sizeof *list, compare_where);
    return list;
}

static bool reread_fill(void *self, uint64_t off, void *buf, uint64_t n, struct q8_err *err)
{
    return q8_file_read(self, off, buf, n, err);
}

/* A shard is parsed by the strict reader, and each tensor compared with what was written. */
static bool reread_shard(struct q8_convert *c, uint32_t number, struct reread *r,
                         struct q8_pool *pool, struct q8_err *err)
{
    struct q8_source source = {r->file.size, reread_fill, &r->file};
    struct q8_index found = {0};
    uint64_t count, at = 0;
    struct where *part = list_parts(c, number, &count, &r->mem, err);

    if (err->code || !q8_format_find("safetensors")->parse(&source, &found, &r->mem, err))
        return false;
    if (found.count != count)
        return q8_fail(err, Q8_EIO, "re-read: other tensors than were written");
    for (uint64_t i = 0; i < count; i++) {
        const struct q8_result *result = &c->result[part[i].job];
        const struct q8_job *job = &c->plan->job[part[i].job];
        char name[4096], digest[Q8_XXH_TEXT];
        struct q8_tensor t;
        const char *expected = q8_job_part(c->plan, job, part[i].part, &t, name, sizeof name, err);

        if (!expected)
            return false;
        if (t.nbytes == 0)
            continue;
        q8_xxh_reset(&r->own);
        if (!digest_range(&r->file, at, part[i].offset, r->buffer, &r->whole, &r->sha, NULL, pool,
                          err) ||
            !digest_range(&r->file, part[i].offset, part[i].offset + t.nbytes, r->buffer, &r->whole,
                          &r->sha, &r->own, pool, err))
            return false;
        at = part[i].offset + t.nbytes;
        q8_xxh_text(&r->own, digest);
        if (strcmp(digest, result->part[part[i].part]) != 0)
            return q8_fail(err, Q8_EIO,
                           "re-read: tensor '%s' is not what was written; the disk or "
                           "another program changed it",
                           expected);
    }
    return digest_range(&r->file, at, r->file.size, r->buffer, &r->whole, &r->sha, NULL, pool, err);
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
    struct reread r = {.file.fd = -1};
    char path[4096];
    bool ok;

    (void)worker;
    q8_arena_init(&r.mem, UINT64_MAX);
    r.buffer = q8_alloc(&r.mem, PIECE, 1, err);
    ok = r.buffer != NULL;
    if (ok && (size_t)snprintf(path, sizeof path, "%s/%s", c->publish.partial,
                               c->plan->file[i].name) >= sizeof path)
        ok = q8_fail(err, Q8_ELIMIT, "path too long: %s/%s", c->publish.partial,
                     c->plan->file[i].name);
    ok = ok && q8_file_open(&r.file, path, err) && q8_xxh_open(&r.whole, err) &&
         q8_xxh_open(&r.own, err) && (!c->options.sha256 || q8_sha_open(&r.sha, err));
    if (ok && i < c->plan->model->shards)
        ok = reread_shard(c, (uint32_t)i, &r, pool, err) || (err->code && q8_fail_in(err, path));
    else if (ok)
        ok = digest_range(&r.file, 0, r.file.size, r.buffer, &r.whole, &r.sha, NULL, pool, err);
    if (ok && r.file.size != c->plan->file[i].bytes)
        ok = q8_fail(err, Q8_EIO, "%s: %" PRIu64 " bytes, but %" PRIu64 " were planned", path,
                     r.file.size, c->plan->file[i].bytes);
    if (ok) {
        q8_xxh_text(&r.whole, w->xxh);
        ok = !c->options.sha256 || q8_sha_text(&r.sha, w->sha, err);
    }
    ok = ok && (!c->options.sync || sync_file(&r.file, pool, err));
    q8_sha_close(&r.sha);
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

    pool.progress = (struct q8_progress){"re-reading", 0, c->plan->hashed, 0, 0};
    for (uint64_t i = 0; i < c->plan->hashed; i++)
        pool.progress.bytes_total += c->plan->file[i].bytes;
    return q8_pool_run(&pool, err);
}

/* SHA256SUMS as sha256sum prints it; it can check itself with `sha256sum -c`. */
static bool print_sums(void *self, FILE *out, struct q8_err *err)
{
    const struct q8_convert *c = self;

    (void)err;
    for (uint64_t i = 0; i < c->plan->hashed; i++)
        fprintf(out, "%s  %s\n", c->written[i].sha, c->plan->file[i].name);
    return true;
}

/* Flushes one small file by name. */
static bool sync_named(struct q8_convert *c, const char *name, struct q8_err *err)
{
    const char *path = q8_sprintf(c->mem, err, "%s/%s", c->publish.partial, name);
    struct q8_file file;
    bool ok = path && q8_file_open(&file, path, err);

    if (ok) {
        ok = q8_file_sync(&file, err);
        q8_file_close(&file);
    }
    return ok;
}

/* Removes the journal and flushes every directory of the output. */
static bool seal(struct q8_convert *c, struct q8_err *err)
{
    const char *journal = q8_sprintf(c->mem, err, "%s/q8-journal", c->publish.partial);
    const char *before = "";

    if (!journal)
        return false;
    if (c->options.sync) {
        if (!sync_named(c, "q8-manifest.json", err) ||
            (c->options.sha256 && !sync_named(c, "SHA256SUMS", err)))
            return false;
        for (uint64_t i = 0; i < c->plan->sides; i++) {
            const char *slash = strrchr(c->plan->side[i].name, '/');
            const char *folder =
                slash ? q8_sprintf(c->mem, err, "%s/%.*s", c->publish.partial,
                                   (int)(slash - c->plan->side[i].name), c->plan->side[i].name)
                      : NULL;

            if (folder && strcmp(folder, before) != 0 && !q8_dir_sync(folder, err))
                return false;
            before = folder ? folder : before;
        }
    }
    q8_journal_close(c);
    if (unlink(journal) < 0)
        return q8_fail_errno(err, "cannot remove %s", journal);
    return !c->options.sync || q8_dir_sync(c->publish.partial, err);
}

bool q8_settle(struct q8_convert *c, struct q8_err *err)
{
    struct q8_manifest manifest = {.plan = c->plan, .result = c->result};

    c->written = q8_alloc(c->mem, c->plan->hashed, sizeof *c->written, err);
    if (!c->written || !carry_files(c, err) || !reread_all(c, err))
        return false;
    manifest.written = c->written;
    return put(c, "q8-manifest.json", q8_manifest_print, &manifest, err) &&
           (!c->options.sha256 || put(c, "SHA256SUMS", print_sums, c, err)) && seal(c, err);
}
