/* copy.c - the files that come along as they are, config.json and the index file */
#include "src/convert/convert_parts.h"

#include "src/convert/plan_parts.h"
#include "src/model/folder/folder.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool q8_copy_text(struct q8_convert *c, const char *name,
                  bool (*print)(void *self, FILE *out, struct q8_err *err), void *self,
                  struct q8_err *err)
{
    const char *path = q8_sprintf(c->mem, err, "%s/%s", c->publish.partial, name);
    struct q8_printer printer = {print, self};
    struct q8_file file;
    uint64_t bytes, i = 0;
    bool ok;

    if (!path || !q8_dir_create(&file, &c->publish.dir, path, 0, c->publish.resumed, err))
        return false;
    ok = q8_file_print(&file, &printer, &bytes, err);
    if (close(file.fd) < 0 && ok) /* nobody may read it again */
        ok = q8_fail_errno(err, "cannot close %s", path);
    while (strcmp(c->plan->file[i].name, name) != 0)
        i++;
    return ok && (bytes == c->plan->file[i].bytes ||
                  q8_fail(err, Q8_EIO, "%s: %" PRIu64 " bytes, but %" PRIu64 " were planned", path,
                          bytes, c->plan->file[i].bytes));
}

static bool print_config(void *self, FILE *out, struct q8_err *err)
{
    const struct q8_plan *plan = self;

    (void)err;
    fputs(plan->config, out);
    return true;
}

/* A file on its way. */
struct copying {
    struct q8_file out;
    uint64_t at; /* where its next bytes go */
    struct q8_pool *pool;
};

static bool put_bytes(void *self, const void *bytes, uint64_t n, struct q8_err *err)
{
    struct copying *to = self;

    if (!q8_file_write(&to->out, to->at, bytes, n, err))
        return false;
    to->at += n;
    return q8_pool_advance(to->pool, n);
}

static bool is_other(const struct stat *st, const struct q8_out *side, bool touched)
{
    if (touched &&
        (st->st_ctim.tv_sec != side->status.tv_sec || st->st_ctim.tv_nsec != side->status.tv_nsec))
        return true;
    return (uint64_t)st->st_size != side->bytes || st->st_mtim.tv_sec != side->changed.tv_sec ||
           st->st_mtim.tv_nsec != side->changed.tv_nsec;
}

bool q8_copy_changed(const struct q8_convert *c, bool touched)
{
    const struct q8_model *m = c->plan->model;
    const struct stat *config = &m->config_stat;
    const struct q8_out config_file = {.name = Q8_CONFIG,
                                       .bytes = (uint64_t)config->st_size,
                                       .changed = config->st_mtim,
                                       .status = config->st_ctim};
    char path[PATH_MAX];
    struct stat st;

    for (uint64_t i = m->config && !m->config_made ? 0 : 1; i <= c->plan->sides; i++) {
        const struct q8_out *file = i == 0 ? &config_file : &c->plan->side[i - 1];

        if ((size_t)snprintf(path, sizeof path, "%s/%s", m->dir, file->name) >= sizeof path ||
            (stat(path, &st) < 0 ? errno == ENOENT : is_other(&st, file, touched)))
            return true;
    }
    return false;
}

/* Opens a file that comes along as the plan found it: by no link that leads out of the model. */
static bool open_side(struct q8_file *ret, const char *dir, const char *name, const char *path,
                      struct q8_err *err)
{
    struct q8_root root;
    struct q8_spot spot;
    bool ok = q8_root_open(&root, dir, err) && q8_root_look(&root, name, &spot, err);

    if (ok && spot.lead != Q8_LEAD_FILE)
        ok = q8_fail(err, Q8_EIO, "%s was replaced during the run: run again", path);
    ok = ok && q8_root_file(&root, spot.real, path, ret, err);
    q8_root_close(&root);
    return ok;
}

/* As its source may be read, and no more than a new file here: umask counts.  We read it again. */
static void limit_mode(const struct q8_file *out, const struct q8_file *in)
{
    (void)fchmod(out->fd, out->stat.st_mode & (in->stat.st_mode | S_IRUSR) & 0666);
}

static bool copy_side(struct q8_convert *c, const struct q8_out *side, struct q8_pool *pool,
                      struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_dir *dir = &c->publish.dir;
    const char *from = q8_sprintf(mem, err, "%s/%s", c->plan->model->dir, side->name);
    const char *to = q8_sprintf(mem, err, "%s/%s", c->publish.partial, side->name);
    struct copying copy = {.out.fd = -1, .pool = pool};
    struct q8_file in = {.fd = -1};
    bool ok = from && to && q8_dir_make(dir, side->name, err) &&
              open_side(&in, c->plan->model->dir, side->name, from, err);

    if (ok && is_other(&in.stat, side, true))
        ok = q8_fail(err, Q8_EIO, "%s was written to during the run: run again later", from);
    if (ok && c->publish.resumed) /* it may be there, and read-only as its source is */
        ok = q8_dir_remove(dir, side->name, false, err);
    ok = ok && q8_dir_create(&copy.out, dir, to, in.size, false, err) &&
         q8_file_show(&in, 0, in.size, put_bytes, &copy, err) && q8_file_same(&in, err);
    if (ok)
        limit_mode(&copy.out, &in);
    q8_file_close(&in);
    q8_file_close(&copy.out);
    return ok;
}

static bool copy_item(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                      struct q8_err *err)
{
    struct q8_convert *c = self;
    struct q8_arena mem;
    bool ok;

    (void)worker;
    q8_arena_init(&mem, UINT64_MAX);
    ok = copy_side(c, &c->plan->side[i], pool, &mem, err);
    q8_arena_clear(&mem);
    return ok;
}

bool q8_copy_files(struct q8_convert *c, struct q8_err *err)
{
    struct q8_plan *plan = c->plan;
    struct q8_pool pool = {
        .threads = c->options.threads, .watch = c->options.watch, .item = copy_item, .self = c};

    pool.progress = (struct q8_progress){"copying other files", 0, plan->sides, 0, 0};
    for (uint64_t i = 0; i < plan->sides; i++)
        pool.progress.bytes_total += plan->side[i].bytes;
    return q8_pool_run(&pool, err) &&
           (!plan->config || q8_copy_text(c, Q8_CONFIG, print_config, plan, err)) &&
           (!plan->index_name || q8_copy_text(c, plan->index_name, q8_plan_index, plan, err));
}
