/* job.c - one job: read by the walk, encoded, and on to the streams */
#include "src/convert/job.h"

#include "src/base/num.h"
#include "src/base/tensor_read.h"
#include "src/base/text.h"
#include "src/convert/plan_parts.h"
#include "src/model/floats.h"
#include "src/scheme/carry.h"

#include <stdio.h>
#include <string.h>

/* Source per tile: it stays in the L2 cache while it is digested and encoded. */
#define TILE_BYTES (UINT64_C(256) << 10)

/* What the largest tiles of a plan need. */
struct sizes {
    struct q8_walk walk;
    uint64_t cols, part[Q8_PARTS];
    uint64_t before; /* codes that the input has of the largest tile that gets others */
    /* of those in use, the one with the smallest groups; NULL: nothing becomes int8 */
    const struct q8_scheme *scheme;
};

/* Columns that share a scale. */
static uint64_t group_columns(const struct q8_scheme *scheme)
{
    return scheme->group ? scheme->group : UINT64_MAX;
}

static struct sizes find_sizes(const struct q8_plan *plan)
{
    /* part 0 also takes copies */
    struct sizes s = {.walk.tile_bytes = TILE_BYTES,
                      .walk.room = 1,
                      .scheme = plan->options.target->scheme,
                      .cols = 1,
                      .part[0] = Q8_STREAM_PIECE};
    struct q8_err none = {0}; /* the plan has computed the sizes of whole tensors */

    for (uint64_t i = 0; i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];
        const struct q8_scheme *scheme;
        struct q8_weight_shape shape; /* of the largest tile */
        struct q8_view view;
        uint64_t rows;

        if (job->reason) {
            s.part[0] = q8_max(s.part[0], q8_tensor_piece(job->tensor, Q8_STREAM_PIECE));
            continue;
        }
        scheme = job->as->scheme;
        if (group_columns(scheme) < group_columns(s.scheme))
            s.scheme = scheme;
        view = q8_job_view(job);
        rows = q8_walk_rows(&s.walk, &view);
        q8_walk_fit(&s.walk, &view);
        s.cols = q8_max(s.cols, job->cols);
        if (q8_job_recodes(job))
            s.before = q8_max(s.before, rows * job->cols);
        shape = q8_job_shape(job, rows);
        for (unsigned p = 0; p < q8_job_parts(job); p++) {
            struct q8_tensor t = {0};

            (void)q8_part_shape(scheme, &scheme->part[p], shape, &t, &none);
            s.part[p] = q8_max(s.part[p], t.nbytes);
        }
    }
    return s;
}

uint64_t q8_worker_bytes(const struct q8_plan *plan)
{
    const struct sizes s = find_sizes(plan);
    uint64_t bytes = q8_walk_bytes(&s.walk) + s.before;

    bytes += s.scheme ? q8_encoder_bytes(s.scheme, s.cols) : 0;
    for (unsigned p = 0; p < Q8_PARTS; p++)
        bytes += q8_stream_bytes(s.part[p]);
    return bytes;
}

bool q8_worker_open(struct q8_worker *w, const struct q8_plan *plan, enum q8_isa isa, bool measure,
                    struct q8_err *err)
{
    const struct sizes s = find_sizes(plan);

    *w = (struct q8_worker){.plan = plan};
    q8_arena_init(&w->mem, UINT64_MAX);
    w->walk = s.walk;
    w->walk.xxh = &w->xxh;
    if (!q8_walk_open(&w->walk, &w->mem, err) || !q8_xxh_open(&w->xxh, err))
        return false;
    for (unsigned p = 0; p < Q8_PARTS; p++)
        if (!q8_stream_open(&w->part[p], s.part[p], &w->mem, err))
            return false;
    if (s.before && measure && !(w->before = q8_alloc(&w->mem, s.before, 1, err)))
        return false;
    w->encoder.scheme = s.scheme;
    w->encoder.measure = measure;
    return !s.scheme || q8_encoder_init(&w->encoder, isa, s.cols, &w->mem, err);
}

void q8_worker_close(struct q8_worker *w)
{
    q8_xxh_close(&w->xxh);
    for (unsigned p = 0; p < Q8_PARTS; p++)
        q8_stream_close(&w->part[p]);
    q8_arena_clear(&w->mem);
}

/* A float tensor: the same bytes at another place. */
static bool copy_tensor(struct q8_worker *w, const struct q8_job *job, struct q8_pool *pool,
                        struct q8_err *err)
{
    const uint64_t more = q8_tensor_piece(job->tensor, Q8_STREAM_PIECE) - Q8_STREAM_PIECE;
    struct q8_stream *s = &w->part[0];

    for (uint64_t at = 0, n; at < job->tensor->nbytes; at += n) {
        n = q8_min(q8_stream_gap(s) + more, job->tensor->nbytes - at);
        if (!q8_model_read(w->plan->model, job->tensor, at, q8_stream_tail(s), n, err))
            return false;
        q8_sameness_see(&w->same, q8_stream_tail(s), n);
        if (!q8_stream_add(s, n, err) || !q8_pool_advance(pool, n))
            return false;
    }
    return true;
}

/* What a tile gives to each part goes on its way; codes and scales are at the tails already. */
static bool add_parts(struct q8_worker *w, const struct q8_scheme *scheme, const struct q8_job *job,
                      uint64_t row, uint64_t rows, struct q8_err *err)
{
    const struct q8_weight_shape tile = q8_job_shape(job, rows);
    const uint64_t shape[2] = {job->rows, job->cols};

    for (unsigned p = 0; p < Q8_PARTS; p++) {
        unsigned char *tail = q8_stream_tail(&w->part[p]);
        struct q8_tensor t; /* of these rows */
        uint64_t n;

        if (!q8_part_shape(scheme, &scheme->part[p], tile, &t, err))
            return false;
        n = t.nbytes;
        switch (scheme->part[p].kind) {
        case Q8_PART_PACKED: q8_pack_rows(tail, rows, job->cols, n / rows); break;
        case Q8_PART_SHAPE: memcpy(tail, shape, n); break;
        case Q8_PART_ZERO: memset(tail, 0, n); break;
        case Q8_PART_NONE: return true;
        default: break;
        }
        if (row > 0 && (scheme->part[p].kind == Q8_PART_SHAPE ||
                        scheme->part[p].kind == Q8_PART_ZERO)) /* once, with the first tile */
            continue;
        if (!q8_stream_add(&w->part[p], n, err))
            return false;
    }
    return true;
}

/* The part that holds the codes, or the one that holds the scales. */
static unsigned find_part(const struct q8_scheme *scheme, enum q8_part_kind a, enum q8_part_kind b)
{
    unsigned p = 0;

    while (p + 1 < Q8_PARTS && scheme->part[p].kind != a && scheme->part[p].kind != b)
        p++;
    return p;
}

/* One weight on its way through the encoder: the visitor of the walk. */
struct encoding {
    struct q8_worker *worker;
    const struct q8_scheme *scheme;
    const struct q8_job *job;
    unsigned codes, scales; /* parts */
    bool recodes;           /* count the codes that are others than before */
    struct q8_stats *stats;
};

/* Counts those of n rows that are others than in the input. */
static bool count_moved(const struct encoding *e, const int8_t *codes, uint64_t row, uint64_t n,
                        struct q8_err *err)
{
    int8_t *before = e->worker->before;

    if (!e->recodes)
        return true;
    if (!q8_coded_read_codes(e->job->tensor->coded, row, n, before, err))
        return false;
    for (uint64_t i = 0; i < n * e->job->cols; i++)
        e->stats->moved += codes[i] != before[i];
    return true;
}

/* No more rows than fill the piece, so that little of the codes stays behind. */
static uint64_t encode_room(void *self)
{
    const struct encoding *e = self;

    return q8_div_up(q8_stream_gap(&e->worker->part[e->codes]), e->job->cols);
}

static bool encode_tile(void *self, void *rows, uint64_t row, uint64_t n, struct q8_err *err)
{
    const struct encoding *e = self;
    struct q8_worker *w = e->worker;
    const enum q8_dtype dtype = e->job->tensor->dtype;
    const struct q8_tile tile = {
        .x = rows,
        .type = q8_dtype_float(dtype),
        .rows = n,
        .cols = e->job->cols,
        .first_row = row,
        .codes = (int8_t *)q8_stream_tail(&w->part[e->codes]),
        .scales = q8_stream_tail(&w->part[e->scales]),
        .scale_dtype = q8_part_dtype(&e->scheme->part[e->scales], dtype),
    };

    q8_sameness_see(&w->same, rows, n * e->job->cols * q8_dtype_size(dtype));
    return q8_encode_rows(&w->encoder, &tile, e->stats, err) &&
           count_moved(e, tile.codes, row, n, err) && add_parts(w, e->scheme, e->job, row, n, err);
}

static bool encode_tensor(struct q8_worker *w, const struct q8_job *job, struct q8_pool *pool,
                          struct q8_stats *stats, struct q8_err *err)
{
    const struct q8_scheme *scheme = job->as->scheme;
    struct encoding e = {w,
                         scheme,
                         job,
                         find_part(scheme, Q8_PART_CODES, Q8_PART_PACKED),
                         find_part(scheme, Q8_PART_ABSMAX, Q8_PART_SCALE),
                         w->before && q8_job_recodes(job),
                         stats};
    const struct q8_visit visit = {encode_tile, encode_room, &e};
    const struct q8_view view = q8_job_view(job);

    w->encoder.scheme = scheme;
    return q8_walk_run(&w->walk, w->plan->model, &view, &visit, pool, err);
}

/* Row by row, so that it does not matter how they are cut. */
static void see_carried(struct q8_worker *w, const struct q8_carry *carry,
                        const struct q8_carried *to, struct q8_sameness *scales)
{
    const uint64_t bytes = carry->groups * q8_dtype_size(carry->codes.dtype);

    for (uint64_t r = 0; r < to->rows; r++) {
        q8_xxh_add(&w->xxh, to->codes + r * carry->cols, carry->cols);
        q8_xxh_add(&w->xxh, (const unsigned char *)to->steps + r * bytes, bytes);
    }
    q8_sameness_see(&w->same, to->codes, to->rows * carry->cols);
    q8_sameness_see(scales, to->steps, to->rows * bytes);
}

/*
 * The codes of the input, tile by tile, on to the streams; without stats they go no further than
 * the digest.
 */
static bool carry_tensor(struct q8_worker *w, const struct q8_job *job, struct q8_pool *pool,
                         struct q8_stats *stats, struct q8_err *err)
{
    const struct q8_scheme *scheme = job->as->scheme;
    const struct q8_view view = q8_job_view(job);
    struct q8_stream *codes = &w->part[find_part(scheme, Q8_PART_CODES, Q8_PART_PACKED)];
    struct q8_stream *steps = &w->part[find_part(scheme, Q8_PART_ABSMAX, Q8_PART_SCALE)];
    const uint64_t most = q8_walk_rows(&w->walk, &view);
    struct q8_sameness scales = {.size = q8_dtype_size(job->step)};
    struct q8_stats none = {0};
    struct q8_carry carry;

    w->same = (struct q8_sameness){.size = 1};
    if (!q8_job_carry(job, &carry))
        return q8_fail(err, Q8_EINPUT, "its codes are no codes any more");
    for (uint64_t row = 0, n; row < job->rows; row += n) {
        struct q8_carried to = {.row = row, .measure = stats && w->encoder.measure};

        n = q8_min(job->rows - row, most);
        if (stats)
            n = q8_min(n, q8_div_up(q8_stream_gap(codes), job->cols));
        to.rows = n;
        to.codes = (int8_t *)(stats ? q8_stream_tail(codes) : codes->bytes);
        to.steps = stats ? q8_stream_tail(steps) : steps->bytes;
        if (!q8_carry_rows(&carry, &to, stats ? stats : &none, err))
            return false;
        see_carried(w, &carry, &to, &scales);
        if (!q8_pool_advance(pool, n * job->cols * q8_dtype_size(job->tensor->dtype)) ||
            (stats && !add_parts(w, scheme, job, row, n, err)))
            return false;
    }
    w->same.differ |= scales.differ;
    return true;
}

/* Puts file and tensor in front of the message, and the way out behind it. */
static bool explain(const struct q8_plan *plan, const struct q8_job *job, struct q8_err *err)
{
    const bool slice = job->tensor->rank == 3; /* of fused experts, which are skipped as a whole */
    char place[512], name[384];
    size_t used = strlen(err->text);

    if (err->code == Q8_EINPUT && slice) {
        q8_fail_in(err, q8_text_escape(job->module, name, sizeof name));
        used = strlen(err->text);
    }
    if (err->code == Q8_EINPUT && job->module)
        (void)snprintf(err->text + used, sizeof err->text - used,
                       "; --skip '%s' leaves it as it is",
                       q8_text_escape(slice ? job->tensor->name : job->module, name, sizeof name));
    if (err->code == Q8_EINPUT) {
        (void)snprintf(place, sizeof place, "%s: tensor '%s'",
                       plan->model->shard[job->tensor->shard].name,
                       q8_text_escape(job->tensor->name, name, sizeof name));
        q8_fail_in(err, place);
    }
    return false;
}

/* Whether it is a weight, of whose elements not all should be the same: no norm, no bias. */
static bool is_weight(const struct q8_job *job)
{
    const struct q8_tensor *t = job->tensor;

    return !job->reason || (t->rank == 2 && q8_weight_stem(t->name)) || q8_tensor_is_fused(t);
}

bool q8_job_run(struct q8_worker *w, const struct q8_job *job, const struct q8_file *out,
                struct q8_pool *pool, struct q8_result *ret, struct q8_err *err)
{
    struct q8_stats stats = {0};
    unsigned parts = q8_job_parts(job);
    bool ok, flushed = q8_denormals_flush(true);

    q8_xxh_reset(&w->xxh);
    w->same =
        (struct q8_sameness){.size = job->carry ? 1 : q8_max(q8_dtype_size(job->tensor->dtype), 1)};
    for (unsigned p = 0; p < parts; p++)
        q8_stream_begin(&w->part[p], out, job->offset[p]);
    ok = job->reason  ? copy_tensor(w, job, pool, err)
         : job->carry ? carry_tensor(w, job, pool, &stats, err)
                      : encode_tensor(w, job, pool, &stats, err);
    (void)q8_denormals_flush(flushed);
    for (unsigned p = 0; ok && p < parts; p++)
        ok = q8_stream_end(&w->part[p], &ret->part[p], err);
    if (!ok)
        return explain(w->plan, job, err);
    ret->source = job->reason ? ret->part[0] : q8_xxh_sum(&w->xxh); /* a copy: the same bytes */
    ret->stats = stats;
    ret->constant = is_weight(job) && q8_sameness_holds(&w->same);
    ret->done = true;
    return true;
}

static bool pass_tile(void *self, void *rows, uint64_t row, uint64_t n, struct q8_err *err)
{
    (void)self, (void)rows, (void)row, (void)n, (void)err;
    return true;
}

/* The bytes of a copy go through the stream's buffer and no further. */
static bool digest_copy(struct q8_worker *w, const struct q8_tensor *t, struct q8_pool *pool,
                        struct q8_err *err)
{
    unsigned char *bytes = w->part[0].bytes;

    for (uint64_t at = 0, n; at < t->nbytes; at += n) {
        n = q8_min(q8_tensor_piece(t, Q8_STREAM_PIECE), t->nbytes - at);
        if (!q8_model_read(w->plan->model, t, at, bytes, n, err) || !q8_pool_advance(pool, n))
            return false;
        q8_xxh_add(&w->xxh, bytes, n);
    }
    return true;
}

bool q8_job_source(struct q8_worker *w, const struct q8_job *job, struct q8_pool *pool,
                   struct q8_digest *ret, struct q8_err *err)
{
    const struct q8_visit visit = {.tile = pass_tile};
    bool ok;

    q8_xxh_reset(&w->xxh);
    if (job->reason) {
        ok = digest_copy(w, job->tensor, pool, err);
    } else if (job->carry) {
        ok = carry_tensor(w, job, pool, NULL, err);
    } else {
        const struct q8_view view = q8_job_view(job);

        ok = q8_walk_run(&w->walk, w->plan->model, &view, &visit, pool, err);
    }
    *ret = q8_xxh_sum(&w->xxh);
    return ok || explain(w->plan, job, err);
}
