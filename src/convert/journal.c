/*
 * journal.c - q8-journal in the partial directory, one line per finished job
 *
 *     ... its head: output/head.h
 *     <job> <source> <part>... <err2> <val2> <zero rows> <digest of all before>
 *
 * Parts are Q8_PARTS digests, 0 where a job has fewer; sums are hexadecimal floats, so they read
 * back exactly.
 */
#include "src/convert/journal.h"

#include "src/convert/output/head.h"
#include "src/convert/plan_parts.h"
#include "src/model/folder/folder.h"
#include "src/base/memo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 512

/* job and zero rows: 20 digits; sums: 24, such as -0x1.fffffffffffffp+1023; spaces, NUL */
_Static_assert((2 + Q8_PARTS) * Q8_DIGEST_TEXT + 3 * 21 + 2 * 25 + 4 <= LINE_BYTES,
               "a line has room for the digests of all parts");

/* Prints everything that decides the output: options, texts, sources, sizes. */
static void print_identity(const struct q8_convert *c, FILE *out)
{
    const struct q8_plan *plan = c->plan;
    const struct q8_pattern *pattern = plan->options.select->pattern;
    char hex[Q8_DIGEST_TEXT];

    fprintf(out, "%s\n%s %d %d\n%s\n%s\n", Q8_VERSION, plan->options.target->name,
            c->options.measure, c->plan->options.sha256,
            plan->quantization ? plan->quantization : "", plan->config ? plan->config : "");
    for (uint64_t i = 0; i < plan->options.select->count; i++)
        fprintf(out, "%s %s %s\n", q8_verb_name(pattern[i].verb),
                pattern[i].target ? pattern[i].target : "", pattern[i].text);
    for (uint32_t i = 0; i < plan->model->shards; i++) {
        const struct q8_shard *s = &plan->model->shard[i];

        fprintf(out, "%s %" PRIu64 " %lld.%09ld %s\n", s->name, s->file.size,
                (long long)s->file.stat.st_mtim.tv_sec, s->file.stat.st_mtim.tv_nsec,
                q8_digest_text(&s->header, hex));
    }
    for (uint32_t i = 0; i < plan->shards; i++)
        fprintf(out, "%s %" PRIu64 "\n", plan->shard[i].name, plan->shard[i].bytes);
    for (uint64_t i = 0; i < plan->sides; i++)
        fprintf(out, "%s %" PRIu64 " %lld.%09ld\n", plan->side[i].name, plan->side[i].bytes,
                (long long)plan->side[i].changed.tv_sec, plan->side[i].changed.tv_nsec);
}

/* Prints what changes when a source is written anew, even with its size and time set back. */
static void print_stamp(const struct q8_convert *c, FILE *out)
{
    for (uint32_t i = 0; i < c->plan->model->shards; i++) {
        const struct stat *st = &c->plan->model->shard[i].file.stat;

        fprintf(out, "%lld.%09ld\n", (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
    }
}

static bool digest_text(const struct q8_convert *c,
                        void (*print)(const struct q8_convert *c, FILE *out), struct q8_digest *ret,
                        struct q8_err *err)
{
    struct q8_memo memo;

    if (!q8_memo_open(&memo, c->mem, err))
        return false;
    print(c, memo.out);
    if (!q8_memo_close(&memo, err))
        return false;
    *ret = q8_xxh_once(memo.text, memo.size);
    return true;
}

static bool identify(const struct q8_convert *c, struct q8_head *ret, struct q8_err *err)
{
    return digest_text(c, print_identity, &ret->identity, err) &&
           digest_text(c, print_stamp, &ret->stamp, err);
}

/* Appends one line with one write, so that lines of two threads do not mix. */
static bool append(struct q8_convert *c, const char *line, size_t n, struct q8_err *err)
{
    ssize_t done = write(c->journal, line, n);

    if (done >= 0 && done < (ssize_t)n)
        errno = ENOSPC; /* what cuts a write short in a file */
    return done == (ssize_t)n ||
           q8_fail_errno(err, "cannot write %s/" Q8_JOURNAL, c->publish.partial);
}

bool q8_journal_add(struct q8_convert *c, uint64_t job, struct q8_err *err)
{
    const struct q8_result *r = &c->result[job];
    char line[LINE_BYTES], hex[Q8_DIGEST_TEXT];
    struct q8_digest check;
    int n = snprintf(line, sizeof line, "%" PRIu64 " %s", job, q8_digest_text(&r->source, hex));

    for (unsigned p = 0; p < Q8_PARTS; p++)
        n += snprintf(line + n, sizeof line - (size_t)n, " %s", q8_digest_text(&r->part[p], hex));
    n += snprintf(line + n, sizeof line - (size_t)n, " %a %a %" PRIu64 " %" PRIu64 " %d",
                  r->stats.err2, r->stats.val2, r->stats.zero_rows, r->stats.moved, r->constant);
    check = q8_xxh_once(line, (uint64_t)n);
    n += snprintf(line + n, sizeof line - (size_t)n, " %s\n", q8_digest_text(&check, hex));
    return append(c, line, (size_t)n, err);
}

/* One line back into a result; false when it is torn or not of this plan. */
static bool parse_line(struct q8_convert *c, char *line)
{
    char *space = strrchr(line, ' '), *end;
    struct q8_result r = {.done = true};
    struct q8_digest said, check;
    const char *at;
    uint64_t job;
    int constant;

    if (!space || !q8_digest_parse(space + 1, &said))
        return false;
    *space = 0;
    check = q8_xxh_once(line, strlen(line));
    job = strtoull(line, &end, 10);
    at = end + (*end == ' ');
    if (!q8_digest_same(&said, &check) || job >= c->plan->jobs || !q8_digest_take(&at, &r.source))
        return false;
    for (unsigned p = 0; p < Q8_PARTS; p++)
        if (!q8_digest_take(&at, &r.part[p]))
            return false;
    if (sscanf(at, "%la %la %" SCNu64 " %" SCNu64 " %d", &r.stats.err2, &r.stats.val2,
               &r.stats.zero_rows, &r.stats.moved, &constant) != 5)
        return false;
    r.constant = constant != 0;
    c->result[job] = r;
    return true;
}

/* Whether the source of a finished job has the bytes that it had; else the job is done again. */
static bool still_source(struct q8_convert *c, uint64_t i, unsigned worker, struct q8_pool *pool,
                         struct q8_err *err)
{
    struct q8_digest now;

    if (!q8_job_source(&c->worker[worker], &c->plan->job[i], pool, &now, err))
        return false;
    c->result[i].done = q8_digest_same(&now, &c->result[i].source);
    return true;
}

/* Re-hashes what a finished job wrote; a difference means it is done again. */
static bool recheck(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                    struct q8_err *err)
{
    struct q8_convert *c = self;
    const struct q8_job *job = &c->plan->job[i];
    struct q8_result *r = &c->result[i];

    if (r->done && c->doubted && !still_source(c, i, worker, pool, err))
        return false;
    for (unsigned p = 0; r->done && p < q8_job_parts(job); p++) {
        char name[Q8_NAME_BYTES];
        struct q8_digest digest;
        struct q8_tensor t;

        if (!q8_job_part(job, p, &t, name, sizeof name, err) ||
            !q8_range_digest(&c->shard[job->shard], job->offset[p], t.nbytes, pool, &digest, err))
            return false;
        if (!q8_digest_same(&digest, &r->part[p]))
            *r = (struct q8_result){0};
    }
    return true;
}

/* Takes over what the lines say, when they are of this run. */
static bool read_lines(struct q8_convert *c, FILE *in, struct q8_err *err)
{
    char line[LINE_BYTES];
    struct q8_head said, want;
    struct q8_claim names; /* as q8_head_claim has read them */

    if (!identify(c, &want, err))
        return false;
    if (!q8_head_read(in, &said, &names, c->mem, err))
        return q8_fail(err, Q8_EIO, "cannot read %s/" Q8_JOURNAL, c->publish.partial);
    if (!q8_digest_same(&said.identity, &want.identity))
        return q8_fail(err, Q8_EUSAGE,
                       "%s: the source or the options changed since; --force alone starts over",
                       c->publish.partial);
    c->doubted = !q8_digest_same(&said.stamp, &want.stamp);
    while (fgets(line, sizeof line, in)) {
        size_t n = strcspn(line, "\n");

        if (!line[n])
            break; /* torn by a kill: the last line */
        line[n] = 0;
        (void)parse_line(c, line);
    }
    return true;
}

/* All that comes before the lines of jobs. */
static bool write_head(struct q8_convert *c, struct q8_err *err)
{
    struct q8_head head;
    struct q8_memo memo;

    return identify(c, &head, err) && q8_head_text(&head, &c->publish.claim, &memo, c->mem, err) &&
           append(c, memo.text, memo.size, err);
}

/* All files of this run are its own. */
static bool claim_plan(struct q8_convert *c, struct q8_err *err)
{
    struct q8_claim claim = {0};

    for (uint64_t i = 0; i < c->plan->files; i++)
        if (!q8_claim_add(&claim, c->plan->file[i].name, c->mem, err))
            return false;
    if (!q8_head_own(&claim, c->mem, err))
        return false;
    c->publish.claim = claim;
    return true;
}

/* Makes the file of that name the journal and writes what is known before the work. */
static bool start(struct q8_convert *c, const char *name, struct q8_err *err)
{
    c->journal = openat(c->publish.dir.fd, name,
                        O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (c->journal < 0)
        return errno == EEXIST
                   ? q8_fail(err, Q8_EBUSY, "another run has just started on %s", c->publish.output)
                   : q8_fail_errno(err, "cannot create %s/%s", c->publish.partial, name);
    if ((c->publish.claim.names == 0 && !claim_plan(c, err)) || !write_head(c, err))
        return false;
    return !c->options.sync || fsync(c->journal) == 0 || errno == EINVAL ||
           q8_fail_errno(err, "cannot flush %s/%s", c->publish.partial, name);
}

bool q8_journal_open(struct q8_convert *c, struct q8_err *err)
{
    bool ok;
    FILE *in;

    if (!c->publish.resumed)
        return start(c, Q8_JOURNAL, err);
    in = q8_head_open(&c->publish.dir, c->mem, err);
    if (!in)
        return false;
    ok = read_lines(c, in, err);
    (void)fclose(in);
    return ok;
}

/* Bytes that the finished jobs wrote. */
static uint64_t done_bytes(const struct q8_convert *c)
{
    struct q8_err none = {0};
    uint64_t bytes = 0;

    for (uint64_t i = 0; i < c->plan->jobs; i++)
        for (unsigned p = 0; c->result[i].done && p < q8_job_parts(&c->plan->job[i]); p++) {
            char name[Q8_NAME_BYTES];
            struct q8_tensor t = {0};

            (void)q8_job_part(&c->plan->job[i], p, &t, name, sizeof name, &none);
            bytes += t.nbytes;
        }
    return bytes;
}

/* A line for every job that is done. */
static bool add_done(struct q8_convert *c, struct q8_err *err)
{
    for (uint64_t i = 0; i < c->plan->jobs; i++)
        if (c->result[i].done && !q8_journal_add(c, i, err))
            return false;
    return true;
}

bool q8_journal_restore(struct q8_convert *c, struct q8_err *err)
{
    q8_journal_close(c);
    return start(c, Q8_JOURNAL, err) && add_done(c, err);
}

bool q8_journal_recheck(struct q8_convert *c, struct q8_err *err)
{
    const char *const fresh = Q8_JOURNAL ".new";
    struct q8_pool pool = {
        .threads = c->options.threads, .watch = c->options.watch, .item = recheck, .self = c};

    pool.progress = (struct q8_progress){"checking tensors", 0, c->plan->jobs, 0, done_bytes(c)};
    if (!q8_pool_run(&pool, err) || !q8_dir_remove(&c->publish.dir, fresh, false, err) ||
        !start(c, fresh, err))
        return false;
    for (uint64_t i = 0; i < c->plan->jobs; i++)
        c->kept += c->result[i].done;
    if (!add_done(c, err))
        return false;
    return renameat(c->publish.dir.fd, fresh, c->publish.dir.fd, Q8_JOURNAL) == 0 ||
           q8_fail_errno(err, "cannot rename %s/%s", c->publish.partial, fresh);
}

void q8_journal_close(struct q8_convert *c)
{
    if (c->journal >= 0)
        (void)close(c->journal);
    c->journal = -1;
}
