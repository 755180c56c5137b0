/* convert.c - carries a plan out: data, side files, re-reading, manifest, publishing */
#include "src/convert/convert.h"

#include "src/base/clock.h"
#include "src/base/file_park.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/convert/convert_parts.h"
#include "src/convert/journal.h"
#include "src/convert/plan_parts.h"
#include "src/convert/report.h"
#include "src/model/folder/folder.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM_BYTES (UINT64_C(6) << 20) /* code, libraries and stacks, as measured */

uint64_t q8_convert_memory(const struct q8_plan *plan, const struct q8_arena *mem, unsigned threads)
{
    uint64_t work = threads * q8_worker_bytes(plan);
    uint64_t headers = q8_min(threads, plan->shards) * q8_reread_bytes(plan);

    return PROGRAM_BYTES + mem->used +
           plan->jobs * (sizeof(struct q8_result) + sizeof(struct q8_sized)) +
           (work > headers ? work : headers);
}

static uint64_t job_bytes(const struct q8_job *job)
{
    return job->reason ? job->tensor->nbytes
                       : job->rows * job->cols * q8_dtype_size(job->tensor->dtype);
}

/* What is left to do, largest first. */
static bool order_jobs(struct q8_convert *c, uint64_t *ret_bytes, struct q8_err *err)
{
    c->order = q8_alloc(c->mem, c->plan->jobs, sizeof *c->order, err);
    if (!c->order)
        return false;
    c->todo = 0;
    *ret_bytes = 0;
    for (uint64_t i = 0; i < c->plan->jobs; i++)
        if (!c->result[i].done) {
            c->order[c->todo++] = (struct q8_sized){job_bytes(&c->plan->job[i]), i};
            *ret_bytes += job_bytes(&c->plan->job[i]);
        }
    q8_pool_sort(c->order, c->todo);
    return true;
}

static bool header_write(void *self, uint64_t off, const void *buf, uint64_t n, struct q8_err *err)
{
    return q8_file_write(self, off, buf, n, err);
}

/* Creates every output shard at its full size and writes its header: a full disk shows now. */
static bool create_shards(struct q8_convert *c, struct q8_err *err)
{
    struct q8_plan *plan = c->plan;

    for (uint32_t i = 0; i < plan->shards; i++) {
        struct q8_sink sink = {header_write, &c->shard[i]};
        const char *path =
            q8_sprintf(c->mem, err, "%s/%s", c->publish.partial, plan->shard[i].name);

        if (!path ||
            !q8_dir_create(&c->shard[i], &c->publish.dir, path, plan->shard[i].bytes,
                           c->publish.resumed, err) ||
            !q8_plan_header(plan, i, &sink, err))
            return false;
        if (q8_file_scarce(plan->shards))
            q8_file_park(&c->shard[i]);
    }
    return true;
}

static bool run_item(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                     struct q8_err *err)
{
    struct q8_convert *c = self;
    uint64_t number = c->order[i].item;
    const struct q8_job *job = &c->plan->job[number];

    return q8_job_run(&c->worker[worker], job, &c->shard[job->shard], pool, &c->result[number],
                      err) &&
           q8_journal_add(c, number, err);
}

static bool run_jobs(struct q8_convert *c, struct q8_err *err)
{
    struct q8_pool pool = {
        .threads = c->options.threads, .watch = c->options.watch, .item = run_item, .self = c};
    uint64_t bytes = 0;
    bool ok = q8_workers_open(c, err) && (!c->publish.resumed || q8_journal_recheck(c, err)) &&
              order_jobs(c, &bytes, err);

    pool.progress = (struct q8_progress){"converting tensors", 0, c->todo, 0, bytes};
    ok = ok && q8_pool_run(&pool, err);
    q8_workers_close(c);
    return ok;
}

/* Bytes of disk that the shards of an interrupted run have already. */
static uint64_t disk_held(const struct q8_convert *c)
{
    uint64_t bytes = 0;
    struct stat st;

    for (uint32_t i = 0; i < c->plan->shards; i++)
        if (fstatat(c->publish.dir.fd, c->plan->shard[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            bytes += (uint64_t)st.st_blocks * 512;
    return bytes;
}

static bool check_disk(const struct q8_convert *c, struct q8_err *err)
{
    uint64_t available, needed = c->plan->total.disk_bytes;
    char a[32], b[32];

    needed -= q8_min(needed, disk_held(c));
    if (!q8_publish_free(c->options.output, &available, c->mem, err))
        return false;
    if (available != Q8_FREE_UNKNOWN && available < needed)
        return q8_fail(err, Q8_EIO,
                       "not enough disk space for %s: %s needed, %s free (%" PRIu64 " bytes short)",
                       c->options.output, q8_text_bytes(needed, a, sizeof a),
                       q8_text_bytes(available, b, sizeof b), needed - available);
    return true;
}

/* Half a download converts as well as a whole one: the user is to look. */
static bool warn_constants(const struct q8_convert *c, struct q8_err *err)
{
    const struct q8_constants all = q8_report_constants(c);
    char text[Q8_CONSTANTS_TEXT];

    return all.count == 0 ||
           q8_plan_warn(c->plan, c->mem, err, "%s", q8_constants_text(&all, text));
}

static bool carry_out(struct q8_convert *c, struct q8_err *err)
{
    struct q8_plan *plan = c->plan;

    c->result = q8_alloc(c->mem, plan->jobs, sizeof *c->result, err);
    c->shard = q8_alloc(c->mem, plan->shards, sizeof *c->shard, err);
    for (uint32_t i = 0; c->shard && i < plan->shards; i++)
        c->shard[i].fd = -1;
    return c->result && c->shard && check_disk(c, err) && q8_journal_open(c, err) &&
           create_shards(c, err) && run_jobs(c, err) && warn_constants(c, err) &&
           q8_copy_files(c, err) && q8_source_check(c, err) && q8_reread(c, err) &&
           q8_publish_finish(&c->publish, c->options.sync, c->mem, err);
}

/*
 * Whether --resume can use what is there after that failure.  What an earlier run left is kept
 * where this one could not look at it, and dropped where the input is to blame.
 */
static bool worth_keeping(const struct q8_convert *c, const struct q8_err *err)
{
    if (q8_model_changed(c->plan->model) || q8_copy_changed(c, false))
        return false;
    if (c->publish.resumed)
        return err->code != Q8_EINPUT;
    return c->journal >= 0 && (err->code == Q8_EIO || err->code > Q8_ESIGNAL);
}

/* What went wrong, and what there is to go on with. */
static void say_kept(const struct q8_convert *c, struct q8_err *err)
{
    size_t used = strlen(err->text);

    (void)snprintf(err->text + used, sizeof err->text - used, "; what is done stays in %s for %s",
                   c->publish.partial, c->options.force ? "--resume --force" : "--resume");
}

/* After a failure: whether what is done stays. */
static bool leave_off(struct q8_convert *c, struct q8_err *err)
{
    bool keep = worth_keeping(c, err);
    struct stat st;

    if (keep && c->written && !c->publish.done &&
        fstatat(c->publish.dir.fd, Q8_JOURNAL, &st, AT_SYMLINK_NOFOLLOW) < 0)
        (void)q8_journal_restore(c, &(struct q8_err){0});
    if (keep && !c->publish.done && err->code != Q8_EUSAGE)
        say_kept(c, err);
    return keep;
}

static struct q8_publish_wish wish_of(struct q8_convert *c)
{
    return (struct q8_publish_wish){.output = c->options.output,
                                    .resume = c->options.resume,
                                    .force = c->options.force,
                                    .finished = q8_finished,
                                    .self = c};
}

bool q8_convert_check(struct q8_plan *plan, const struct q8_convert_options *options,
                      struct q8_arena *mem, struct q8_err *err)
{
    struct q8_convert c = {.plan = plan, .options = *options, .mem = mem};
    const struct q8_publish_wish wish = wish_of(&c);

    return q8_publish_check(&wish, mem, err);
}

bool q8_convert_run(const struct q8_convert **ret, struct q8_plan *plan,
                    const struct q8_convert_options *options, struct q8_arena *mem,
                    struct q8_err *err)
{
    struct q8_convert *c = q8_alloc(mem, 1, sizeof *c, err);
    struct q8_publish_wish wish;
    double begin = q8_now();
    bool ok, keep = true;

    if (!c)
        return false;
    *c = (struct q8_convert){.plan = plan, .options = *options, .mem = mem, .journal = -1};
    c->publish = (struct q8_publish){.parent = -1, .dir.fd = -1};
    wish = wish_of(c);
    ok = q8_publish_open(&c->publish, &wish, mem, err);
    c->finished = ok && c->publish.finished;
    for (unsigned i = 0; ok && options->warn && i < c->publish.warnings; i++)
        options->warn(c->publish.warning[i]);
    if (ok && !c->finished) {
        ok = carry_out(c, err);
        keep = ok || leave_off(c, err);
    }
    q8_journal_close(c);
    for (uint32_t i = 0; c->shard && i < plan->shards; i++)
        q8_file_close(&c->shard[i]);
    q8_publish_close(&c->publish, keep);
    if (!keep)
        q8_publish_say_left(&c->publish, err);
    c->seconds = q8_now() - begin;
    if (ok)
        *ret = c;
    return ok;
}
