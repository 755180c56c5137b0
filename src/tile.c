/* tile.c - one job, tile by tile: read, encode, write, digest */
#include "src/tile.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <stdio.h>
#include <string.h>

static uint64_t element_bytes(const struct q8_job *job)
{
    return q8_dtypes[job->tensor->dtype].bits / 8;
}

/* Bytes of source per step: whole rows, one at least. */
static uint64_t tile_bytes(const struct q8_plan *plan)
{
    uint64_t most = Q8_TILE_BYTES;

    for (uint64_t i = 0; i < plan->jobs; i++)
        if (!plan->job[i].reason && plan->job[i].cols * element_bytes(&plan->job[i]) > most)
            most = plan->job[i].cols * element_bytes(&plan->job[i]);
    return most;
}

static uint64_t widest(const struct q8_plan *plan)
{
    uint64_t cols = 1;

    for (uint64_t i = 0; i < plan->jobs; i++)
        if (!plan->job[i].reason && plan->job[i].cols > cols)
            cols = plan->job[i].cols;
    return cols;
}

/* Codes of a tile of 16-bit elements, each row padded to whole words: at most 4 bytes for 2. */
static uint64_t code_bytes(uint64_t tile)
{
    return 2 * tile;
}

uint64_t q8_worker_bytes(const struct q8_plan *plan)
{
    uint64_t tile = tile_bytes(plan);

    return 2 * tile + code_bytes(tile) + 2 * tile + widest(plan) * 40 + (64u << 10);
}

bool q8_worker_open(struct q8_worker *w, const struct q8_plan *plan, enum q8_isa isa,
                    struct q8_err *err)
{
    *w = (struct q8_worker){.tile_bytes = tile_bytes(plan)};
    q8_arena_init(&w->mem, UINT64_MAX);
    w->source = q8_alloc(&w->mem, w->tile_bytes, 1, err);
    w->rows = q8_alloc(&w->mem, w->tile_bytes, 1, err);
    w->codes = q8_alloc(&w->mem, code_bytes(w->tile_bytes), 1, err);
    w->scales = q8_alloc(&w->mem, 2 * w->tile_bytes, 1, err);
    if (!w->source || !w->rows || !w->codes || !w->scales)
        return false;
    for (unsigned i = 0; i <= Q8_PARTS; i++)
        if (!q8_xxh_open(&w->xxh[i], err))
            return false;
    return q8_encoder_init(&w->encoder, &plan->options.target->scheme, isa, widest(plan), &w->mem,
                           err);
}

void q8_worker_close(struct q8_worker *w)
{
    for (unsigned i = 0; i <= Q8_PARTS; i++)
        q8_xxh_close(&w->xxh[i]);
    q8_arena_clear(&w->mem);
}

/* A float tensor: the same bytes at another place. */
static bool copy_tensor(struct q8_worker *w, const struct q8_plan *plan, const struct q8_job *job,
                        const struct q8_file *out, struct q8_pool *pool, struct q8_err *err)
{
    for (uint64_t at = 0; at < job->tensor->nbytes; at += w->tile_bytes) {
        uint64_t n = q8_min(w->tile_bytes, job->tensor->nbytes - at);

        if (!q8_model_read(plan->model, job->tensor, at, w->source, n, err))
            return false;
        q8_xxh_add(&w->xxh[0], w->source, n);
        if (!q8_file_write(out, job->offset[0] + at, w->source, n, err) ||
            !q8_pool_advance(pool, n))
            return false;
    }
    return true;
}

/* Digest of a source that the tiles do not read in order. */
static bool digest_source(struct q8_worker *w, const struct q8_plan *plan, const struct q8_job *job,
                          struct q8_err *err)
{
    for (uint64_t at = 0; at < job->tensor->nbytes; at += w->tile_bytes) {
        uint64_t n = q8_min(w->tile_bytes, job->tensor->nbytes - at);

        if (!q8_model_read(plan->model, job->tensor, at, w->source, n, err))
            return false;
        q8_xxh_add(&w->xxh[0], w->source, n);
    }
    return true;
}

/* Reads columns [row, row + rows) of a [cols, all] source and turns them into rows. */
static bool read_columns(struct q8_worker *w, const struct q8_plan *plan, const struct q8_job *job,
                         uint64_t row, uint64_t rows, struct q8_err *err)
{
    uint64_t size = element_bytes(job);

    for (uint64_t c = 0; c < job->cols; c++)
        if (!q8_model_read(plan->model, job->tensor, (c * job->rows + row) * size,
                           w->source + c * rows * size, rows * size, err))
            return false;
    for (uint64_t r = 0; r < rows; r++)
        for (uint64_t c = 0; c < job->cols; c++)
            memcpy(w->rows + (r * job->cols + c) * size, w->source + (c * rows + r) * size, size);
    return true;
}

/* Reads rows [row, row + rows); *ret_rows is where they lie. */
static bool read_rows(struct q8_worker *w, const struct q8_plan *plan, const struct q8_job *job,
                      uint64_t row, uint64_t rows, unsigned char **ret_rows, struct q8_err *err)
{
    uint64_t row_bytes = job->cols * element_bytes(job);

    *ret_rows = job->transpose ? w->rows : w->source;
    if (job->transpose) {
        if (!read_columns(w, plan, job, row, rows, err))
            return false;
    } else {
        if (!q8_model_read(plan->model, job->tensor, (job->first_row + row) * row_bytes, w->source,
                           rows * row_bytes, err))
            return false;
        q8_xxh_add(&w->xxh[0], w->source, rows * row_bytes);
    }
    if (job->tensor->dtype == Q8_F64) { /* narrowed in place, front to back */
        for (uint64_t i = 0; i < rows * job->cols; i++) {
            double wide;
            float narrow;

            memcpy(&wide, *ret_rows + i * sizeof wide, sizeof wide);
            narrow = (float)wide;
            memcpy(*ret_rows + i * sizeof narrow, &narrow, sizeof narrow);
        }
    }
    return true;
}

/*
 * compressed-tensors' words: code ^ 0x80, rows padded with 0 to `width` bytes (formats.md 2.2.3).
 */
static void pack_rows(unsigned char *codes, uint64_t rows, uint64_t cols, uint64_t width)
{
    for (uint64_t r = rows; width > cols && r-- > 0;) {
        memmove(codes + r * width, codes + r * cols, cols);
        memset(codes + r * width + cols, 0x80, width - cols);
    }
    for (uint64_t i = 0; i < rows * width; i++)
        codes[i] ^= 0x80;
}

/* Writes what a tile gives to that part. */
static bool write_part(struct q8_worker *w, const struct q8_plan *plan, const struct q8_job *job,
                       const struct q8_file *out, unsigned p, uint64_t row, uint64_t rows,
                       struct q8_err *err)
{
    const struct q8_scheme *scheme = &plan->options.target->scheme;
    uint64_t shape[2] = {job->rows, job->cols}, zero = 0, at = 0, n = 0;
    const void *bytes = NULL;
    struct q8_tensor t;

    if (!q8_part_shape(scheme, &scheme->part[p], job->tensor->dtype, job->rows, job->cols, &t, err))
        return false;
    switch (scheme->part[p].kind) {
    case Q8_PART_CODES:
    case Q8_PART_PACKED: bytes = w->codes; break;
    case Q8_PART_ABSMAX:
    case Q8_PART_SCALE: bytes = w->scales; break;
    case Q8_PART_SHAPE: bytes = shape; break;
    case Q8_PART_ZERO: bytes = &zero; break;
    case Q8_PART_NONE: return true;
    }
    if (bytes == shape || bytes == &zero) { /* once, with the first tile */
        n = row == 0 ? t.nbytes : 0;
    } else {
        at = t.nbytes / job->rows * row;
        n = t.nbytes / job->rows * rows;
    }
    q8_xxh_add(&w->xxh[1 + p], bytes, n);
    return n == 0 || q8_file_write(out, job->offset[p] + at, bytes, n, err);
}

static enum q8_dtype scale_dtype(const struct q8_scheme *scheme, enum q8_dtype source)
{
    for (unsigned p = 0; p < Q8_PARTS; p++)
        if (scheme->part[p].kind == Q8_PART_SCALE || scheme->part[p].kind == Q8_PART_ABSMAX)
            return q8_part_dtype(&scheme->part[p], source);
    return Q8_F32;
}

static bool encode_tensor(struct q8_worker *w, const struct q8_plan *plan, const struct q8_job *job,
                          const struct q8_file *out, struct q8_pool *pool, struct q8_stats *stats,
                          struct q8_err *err)
{
    const struct q8_scheme *scheme = &plan->options.target->scheme;
    uint64_t row_bytes = job->cols * element_bytes(job), step = w->tile_bytes / row_bytes;
    enum q8_float type = q8_dtype_float(job->tensor->dtype);
    unsigned char *rows;

    if (job->transpose && !digest_source(w, plan, job, err))
        return false;
    for (uint64_t row = 0; row < job->rows; row += step) {
        uint64_t n = q8_min(step, job->rows - row);

        if (!read_rows(w, plan, job, row, n, &rows, err) ||
            !q8_encode_rows(&w->encoder, type, scale_dtype(scheme, job->tensor->dtype), rows, n,
                            job->cols, row, (int8_t *)w->codes, w->scales, stats, err))
            return false;
        if (scheme->part[0].kind == Q8_PART_PACKED)
            pack_rows(w->codes, n, job->cols, q8_div_up(job->cols, 4) * 4);
        for (unsigned p = 0; p < Q8_PARTS; p++)
            if (!write_part(w, plan, job, out, p, row, n, err))
                return false;
        if (!q8_pool_advance(pool, n * row_bytes))
            return false;
    }
    return true;
}

/* Puts file and tensor in front of the message, and the way out behind it. */
static bool explain(const struct q8_plan *plan, const struct q8_job *job, struct q8_err *err)
{
    char place[512], name[384];
    size_t used = strlen(err->text);

    if (err->code == Q8_EINPUT && job->module)
        (void)snprintf(err->text + used, sizeof err->text - used,
                       "; --skip '%s' leaves it as it is",
                       q8_text_escape(job->module, name, sizeof name));
    if (err->code == Q8_EINPUT) {
        (void)snprintf(place, sizeof place, "%s: tensor '%s'",
                       plan->model->shard[job->tensor->shard].name,
                       q8_text_escape(job->tensor->name, name, sizeof name));
        q8_fail_in(err, place);
    }
    return false;
}

bool q8_job_run(struct q8_worker *w, const struct q8_plan *plan, const struct q8_job *job,
                const struct q8_file *out, struct q8_pool *pool, struct q8_result *ret,
                struct q8_err *err)
{
    struct q8_stats stats = {0};
    bool ok, flushed = q8_denormals_flush(true);

    for (unsigned i = 0; i <= Q8_PARTS; i++)
        q8_xxh_reset(&w->xxh[i]);
    ok = job->reason ? copy_tensor(w, plan, job, out, pool, err)
                     : encode_tensor(w, plan, job, out, pool, &stats, err);
    (void)q8_denormals_flush(flushed);
    if (!ok)
        return explain(plan, job, err);
    ret->stats = stats;
    q8_xxh_text(&w->xxh[0], ret->source);
    for (unsigned p = 0; p < q8_job_parts(plan, job); p++)
        q8_xxh_text(&w->xxh[job->reason ? 0 : 1 + p], ret->part[p]);
    ret->done = true;
    return true;
}
