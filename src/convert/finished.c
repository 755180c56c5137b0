/* finished.c - whether an output is what a run would make of the same input */
#include "src/convert/convert_parts.h"

#include "src/convert/plan_parts.h"
#include "src/model/folder/folder.h"
#include "src/base/memo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define HEX (Q8_DIGEST_TEXT - 1)

/* The manifest as this run would write it, but for the digests that it does not know yet. */
static bool expect(const struct q8_convert *c, struct q8_memo *ret, struct q8_err *err)
{
    struct q8_manifest manifest = {.plan = c->plan};
    bool ok = q8_memo_open(ret, c->mem, err) && q8_manifest_print(&manifest, ret->out, err);

    return q8_memo_close(ret, err) && ok;
}

/* Where the digests of a manifest go, in its order. */
struct fill {
    struct q8_convert *convert;
    uint64_t file, job; /* the next ones */
    unsigned part;
    bool source; /* next is that of the source */
};

/* Takes the next digest; false when there are more than the plan has. */
static bool take(struct fill *f, const struct q8_digest *d)
{
    struct q8_convert *c = f->convert;

    if (f->file < c->plan->hashed) {
        c->written[f->file++].xxh = *d;
        return true;
    }
    if (f->job >= c->plan->jobs)
        return false;
    if (!f->source) {
        c->result[f->job].part[f->part++] = *d;
    } else {
        c->result[f->job].source = *d;
        if (f->part == q8_job_parts(&c->plan->job[f->job])) {
            f->part = 0;
            f->job++;
        }
    }
    f->source = !f->source;
    return true;
}

/* Compares two manifests of that size, and takes the digests that the expected one leaves open. */
static bool match(struct q8_convert *c, const char *want, const char *have, size_t size)
{
    static const char open_digest[] = "\"00000000000000000000000000000000\"";
    struct fill fill = {.convert = c};

    for (size_t i = 0; i < size; i++) {
        struct q8_digest d;
        char hex[Q8_DIGEST_TEXT];

        if (want[i] != have[i])
            return false;
        if (size - i < sizeof open_digest || strncmp(want + i, open_digest, HEX + 2) != 0)
            continue;
        memcpy(hex, have + i + 1, HEX);
        hex[HEX] = 0;
        if (!q8_digest_parse(hex, &d) || !take(&fill, &d))
            return false;
        i += HEX;
    }
    return fill.file == c->plan->hashed && fill.job == c->plan->jobs;
}

/* Reads a small file of the output; NULL without an error where it is not of that size. */
static char *read_whole(const struct q8_dir *d, const char *name, uint64_t size,
                        struct q8_arena *mem, struct q8_err *err)
{
    const char *path = q8_sprintf(mem, err, "%s/%s", d->path, name);
    struct q8_file file;
    struct stat st;
    char *text = NULL;

    if (!path || !q8_dir_has(d, name, &st, err) || !S_ISREG(st.st_mode) ||
        (uint64_t)st.st_size != size || !q8_dir_file(&file, d, path, Q8_DIR_LOOK, err))
        return NULL;
    text = q8_alloc(mem, size + 1, 1, err);
    if (text && !q8_file_read(&file, 0, text, size, err))
        text = NULL;
    q8_file_close(&file);
    return text;
}

/* Whether the manifest is that of this run. */
static bool same_manifest(struct q8_convert *c, const struct q8_dir *output, bool *ret,
                          struct q8_err *err)
{
    struct q8_memo want;
    const char *have = NULL;

    if (expect(c, &want, err))
        have = read_whole(output, Q8_MANIFEST, want.size, c->mem, err);
    *ret = have && match(c, want.text, have, want.size);
    return !err->code;
}

/* A look at the files of the output. */
struct look {
    struct q8_convert *convert;
    const struct q8_dir *dir;
    atomic_bool other;
};

/* Whether a file of the output is there, with its size; Q8_EIO where that cannot be found out. */
static bool is_whole(const struct q8_dir *d, const struct q8_out *out, struct q8_err *err)
{
    const char *leaf;
    int folder = q8_dir_enter(d, out->name, &leaf, NULL);
    struct stat st;
    bool ok = folder >= 0 && fstatat(folder, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0;

    if (!ok && !q8_dir_absent(errno))
        q8_fail_errno(err, "cannot look at %s/%s", d->path, out->name);
    if (folder >= 0)
        (void)close(folder);
    return ok && S_ISREG(st.st_mode) && (uint64_t)st.st_size == out->bytes;
}

static bool digest_whole(struct q8_file *file, struct q8_pool *pool, struct q8_digest *ret,
                         struct q8_err *err)
{
    bool ok = q8_range_digest(file, 0, file->size, pool, ret, err);

    q8_file_close(file);
    return ok;
}

/* The output has the bytes that its manifest says, and so has the source of what came along. */
static bool look_at(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                    struct q8_err *err)
{
    struct look *l = self;
    const struct q8_plan *plan = l->convert->plan;
    const struct q8_out *out = &plan->file[i];
    const bool side = i >= plan->shards && i < plan->shards + plan->sides;
    const struct q8_digest *want = &l->convert->written[i].xxh;
    struct q8_digest have;
    struct q8_file file;
    struct q8_arena mem;
    const char *path, *from;
    bool ok;

    (void)worker;
    if (!is_whole(l->dir, out, err)) {
        l->other = true;
        return !err->code;
    }
    q8_arena_init(&mem, UINT64_MAX);
    path = q8_sprintf(&mem, err, "%s/%s", l->dir->path, out->name);
    from = q8_sprintf(&mem, err, "%s/%s", plan->model->dir, out->name);
    ok = path && from && q8_dir_file(&file, l->dir, path, Q8_DIR_LOOK, err) &&
         digest_whole(&file, pool, &have, err);
    if (ok && !q8_digest_same(&have, want))
        l->other = true;
    if (ok && side) {
        ok = q8_file_open(&file, from, err) && digest_whole(&file, pool, &have, err);
        if (ok && !q8_digest_same(&have, want))
            l->other = true;
    }
    q8_arena_clear(&mem);
    return ok;
}

static bool same_files(struct q8_convert *c, const struct q8_dir *output, bool *ret,
                       struct q8_err *err)
{
    struct look look = {.convert = c, .dir = output};
    struct q8_pool pool = {
        .threads = c->options.threads, .watch = c->options.watch, .item = look_at, .self = &look};

    pool.progress = (struct q8_progress){"reading the output", 0, c->plan->hashed, 0,
                                         c->plan->total.output_bytes};
    if (!q8_pool_run(&pool, err))
        return false;
    for (uint64_t i = c->plan->hashed; i < c->plan->files;
         i++) /* SHA256SUMS where it is asked for */
        look.other |= !is_whole(output, &c->plan->file[i], err);
    *ret = !look.other;
    return !err->code;
}

/* Whether config.json says what it would now. */
static bool same_config(const struct q8_convert *c)
{
    for (uint64_t i = 0; c->plan->config && i < c->plan->hashed; i++)
        if (strcmp(c->plan->file[i].name, Q8_CONFIG) == 0) {
            const struct q8_digest now = q8_xxh_once(c->plan->config, strlen(c->plan->config));

            return q8_digest_same(&now, &c->written[i].xxh);
        }
    return !c->plan->config;
}

bool q8_finished(void *self, const struct q8_dir *output, bool *ret, struct q8_err *err)
{
    struct q8_convert *c = self;

    *ret = false;
    c->result = q8_alloc(c->mem, c->plan->jobs, sizeof *c->result, err);
    c->written = q8_alloc(c->mem, c->plan->hashed, sizeof *c->written, err);
    if (!c->result || !c->written || !same_manifest(c, output, ret, err))
        return false;
    *ret = *ret && same_config(c);
    return !*ret || (same_files(c, output, ret, err) && (!*ret || q8_source_same(c, ret, err)));
}
