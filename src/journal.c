/*
 * journal.c - q8-journal in the partial directory, one line per finished job
 *
 *     q8-journal 1 <digest of everything that decides the output>
 *     <job> <source> <part 0> <part 1> <part 2> <err2> <val2> <zero rows> <digest of the
 *     line so far>
 *
 * Digests that a job does not have are "-"; sums are hexadecimal floats, so they read back exactly.
 */
#include "src/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 512

/*
 * Digest of target, patterns, whether errors are measured, source files (name, size, time, header)
 * and output sizes.
 */
static bool identify(const struct q8_convert *c, char ret[Q8_XXH_TEXT], struct q8_err *err)
{
    const struct q8_plan *plan = c->plan;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return q8_fail_errno(err, "cannot identify the run");
    fprintf(out, "%s\n%d\n%s\n%s\n", plan->options.target->name, c->options.measure,
            plan->quantization, plan->config ? plan->config : "");
    for (uint64_t i = 0; i < plan->options.select->count; i++)
        fprintf(out, "%d %s\n", (int)plan->options.select->pattern[i].verb,
                plan->options.select->pattern[i].text);
    for (uint32_t i = 0; i < plan->model->shards; i++) {
        const struct q8_shard *s = &plan->model->shard[i];

        fprintf(out, "%s %" PRIu64 " %lld.%09ld %s %" PRIu64 "\n", s->name, s->file.size,
                (long long)s->file.stat.st_mtim.tv_sec, s->file.stat.st_mtim.tv_nsec, s->header,
                plan->shard[i].bytes);
    }
    if (fclose(out) != 0) {
        free(text);
        return q8_fail(err, Q8_ELIMIT, "out of memory");
    }
    q8_xxh_once(text, size, ret);
    free(text);
    return true;
}

static const char *or_dash(const char *digest)
{
    return *digest ? digest : "-";
}

/* Appends one line with one write, so that lines of two threads do not mix. */
static bool append(struct q8_convert *c, const char *line, size_t n, struct q8_err *err)
{
    return write(c->journal, line, n) == (ssize_t)n ||
           q8_fail_errno(err, "cannot write %s/q8-journal", c->publish.partial);
}

bool q8_journal_add(struct q8_convert *c, uint64_t job, struct q8_err *err)
{
    const struct q8_result *r = &c->result[job];
    char line[LINE_BYTES], check[Q8_XXH_TEXT];
    int n = snprintf(line, sizeof line, "%" PRIu64 " %s %s %s %s %a %a %" PRIu64, job, r->source,
                     or_dash(r->part[0]), or_dash(r->part[1]), or_dash(r->part[2]), r->stats.err2,
                     r->stats.val2, r->stats.zero_rows);

    q8_xxh_once(line, (uint64_t)n, check);
    n += snprintf(line + n, sizeof line - (size_t)n, " %s\n", check);
    return append(c, line, (size_t)n, err);
}

/* One line back into a result; false when it is torn or not of this plan. */
static bool parse_line(struct q8_convert *c, char *line)
{
    char check[Q8_XXH_TEXT], part[Q8_PARTS][Q8_XXH_TEXT], source[Q8_XXH_TEXT];
    char *space = strrchr(line, ' ');
    struct q8_result r = {.done = true};
    uint64_t job;

    if (!space)
        return false;
    *space = 0;
    q8_xxh_once(line, strlen(line), check);
    if (strcmp(space + 1, check) != 0 ||
        sscanf(line, "%" SCNu64 " %32s %32s %32s %32s %la %la %" SCNu64, &job, source, part[0],
               part[1], part[2], &r.stats.err2, &r.stats.val2, &r.stats.zero_rows) != 8 ||
        job >= c->plan->jobs)
        return false;
    memcpy(r.source, source, sizeof source);
    for (unsigned p = 0; p < Q8_PARTS; p++)
        if (strcmp(part[p], "-") != 0)
            memcpy(r.part[p], part[p], sizeof part[p]);
    c->result[job] = r;
    return true;
}

/* Re-hashes what a finished job wrote; a difference means it is done again. */
static bool recheck(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                    struct q8_err *err)
{
    struct q8_convert *c = self;
    const struct q8_job *job = &c->plan->job[i];
    struct q8_result *r = &c->result[i];
    unsigned char buffer[65536];
    struct q8_xxh x = {0};
    bool same = true;

    (void)worker;
    if (!r->done)
        return true;
    if (!q8_xxh_open(&x, err))
        return false;
    for (unsigned p = 0; same && !err->code && p < q8_job_parts(c->plan, job); p++) {
        char name[4096], digest[Q8_XXH_TEXT];
        struct q8_tensor t;

        q8_xxh_reset(&x);
        if (!q8_job_part(c->plan, job, p, &t, name, sizeof name, err))
            break;
        for (uint64_t at = 0, n; at < t.nbytes; at += n) {
            n = t.nbytes - at < sizeof buffer ? t.nbytes - at : sizeof buffer;
            if (!q8_file_read(&c->shard[job->tensor->shard], job->offset[p] + at, buffer, n, err) ||
                !q8_pool_advance(pool, n))
                break;
            q8_xxh_add(&x, buffer, n);
        }
        q8_xxh_text(&x, digest);
        same = strcmp(digest, r->part[p]) == 0;
    }
    q8_xxh_close(&x);
    if (!same)
        *r = (struct q8_result){0};
    return !err->code;
}

static bool load(struct q8_convert *c, const char *path, const char *identity, struct q8_err *err)
{
    struct q8_pool pool = {
        .threads = c->options.threads, .watch = c->options.watch, .item = recheck, .self = c};
    char line[LINE_BYTES];
    FILE *in = fopen(path, "re");
    bool ok = true;

    if (!in)
        return errno == ENOENT || q8_fail_errno(err, "cannot read %s", path);
    if (fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "q8-journal 1 ", 13) != 0 || strcmp(line + 13, identity) != 0)
            ok = q8_fail(err, Q8_EUSAGE,
                         "%s: the source or the options changed since; --force starts over",
                         c->publish.partial);
        while (ok && fgets(line, sizeof line, in)) {
            size_t n = strcspn(line, "\n");

            if (!line[n])
                break; /* torn by a kill: the last line */
            line[n] = 0;
            (void)parse_line(c, line);
        }
    }
    (void)fclose(in);
    pool.progress = (struct q8_progress){"checking what is there", 0, c->plan->jobs, 0,
                                         c->plan->total.output_bytes};
    ok = ok && q8_pool_run(&pool, err);
    for (uint64_t i = 0; ok && i < c->plan->jobs; i++)
        c->kept += c->result[i].done;
    return ok;
}

bool q8_journal_open(struct q8_convert *c, struct q8_err *err)
{
    const char *path = q8_sprintf(c->mem, err, "%s/q8-journal", c->publish.partial);
    char identity[Q8_XXH_TEXT], first[64];
    int n;

    if (!path || !identify(c, identity, err) ||
        (c->publish.resumed && !load(c, path, identity, err)))
        return false;
    /* written anew, without torn lines and without what the check refused */
    c->journal = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (c->journal < 0)
        return q8_fail_errno(err, "cannot create %s", path);
    n = snprintf(first, sizeof first, "q8-journal 1 %s\n", identity);
    if (!append(c, first, (size_t)n, err))
        return false;
    for (uint64_t i = 0; i < c->plan->jobs; i++)
        if (c->result[i].done && !q8_journal_add(c, i, err))
            return false;
    return true;
}

void q8_journal_close(struct q8_convert *c)
{
    if (c->journal >= 0)
        (void)close(c->journal);
    c->journal = -1;
}
