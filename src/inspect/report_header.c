/* report_header.c - what the headers say, without reading data: names, types, shapes, shards */
#include "src/inspect/report_header.h"

#include "src/base/json_write.h"
#include "src/base/text.h"
#include "src/model/coded/decode.h"

#include <inttypes.h>

/* A text escaped, a number, true or false; of an array how many items. */
static void print_value(const struct q8_value *v, FILE *out)
{
    char text[512];

    switch (v->type) {
    case Q8_META_TEXT: fputs(q8_text_escape(v->text, text, sizeof text), out); break;
    case Q8_META_U64: fprintf(out, "%" PRIu64, v->u64); break;
    case Q8_META_I64: fprintf(out, "%" PRId64, v->i64); break;
    case Q8_META_F64: fprintf(out, "%.*g", v->bytes == sizeof(float) ? 9 : 17, v->f64); break;
    case Q8_META_BOOL: fputs(v->flag ? "true" : "false", out); break;
    case Q8_META_ARRAY: fprintf(out, "[%" PRIu64 " items]", v->array.count); break;
    }
}

static void print_shard(const struct q8_shard *shard, uint64_t tensors, FILE *out)
{
    char name[512], size[32];

    fprintf(out, "%s: %s, %" PRIu64 " tensors\n", q8_text_escape(shard->name, name, sizeof name),
            q8_text_bytes(shard->file.size, size, sizeof size), tensors);
    for (uint64_t i = 0; i < shard->metas; i++) {
        fprintf(out, "  metadata %s = ", q8_text_escape(shard->meta[i].key, name, sizeof name));
        print_value(&shard->meta[i].value, out);
        fputc('\n', out);
    }
}

/* The weight whose codes those are; NULL: none. */
static const struct q8_coded *coded_by(const struct q8_model *m, const struct q8_tensor *t)
{
    const struct q8_coded *c = m->raw.count ? q8_coded_of(m, t) : NULL;

    return c && c->part[0] == t ? c : NULL;
}

/* How many tensors every shard has. */
static uint64_t *count_tensors(const struct q8_model *m, struct q8_arena *mem, struct q8_err *err)
{
    uint64_t *count = q8_alloc(mem, m->shards, sizeof *count, err);
    const struct q8_index *ix = q8_model_raw(m);

    for (uint64_t i = 0; count && i < ix->count; i++)
        count[ix->tensor[i].shard]++;
    return count;
}

static void print_line(const struct q8_model *m, const struct q8_tensor *t, FILE *out)
{
    const struct q8_coded *c = coded_by(m, t);
    char name[1024], shape[256];

    q8_tensor_shape(t, shape, sizeof shape);
    fprintf(out, "%s %s %s %" PRIu64 " bytes", q8_text_escape(t->name, name, sizeof name),
            q8_dtypes[t->dtype].name, shape, t->nbytes);
    if (m->shards > 1)
        fprintf(out, " in %s", q8_text_escape(m->shard[t->shard].name, name, sizeof name));
    if (c)
        fprintf(out, ", %s: read as %s [%" PRIu64 ", %" PRIu64 "]", q8_coded_title(c),
                q8_dtypes[c->dtype].name, c->rows, c->cols);
    fputc('\n', out);
}

bool q8_header_text(const struct q8_model *m, FILE *out, struct q8_arena *mem, struct q8_err *err)
{
    const uint64_t *count = count_tensors(m, mem, err);
    const struct q8_index *ix = q8_model_raw(m);
    uint64_t elements = 0;
    char a[32], b[32];

    if (!count)
        return false;
    for (uint32_t i = 0; i < m->shards; i++)
        print_shard(&m->shard[i], count[i], out);
    for (uint64_t i = 0; i < ix->count; i++) {
        elements += q8_tensor_elements(&ix->tensor[i]);
        print_line(m, &ix->tensor[i], out);
    }
    fprintf(out, "%" PRIu64 " tensors in %" PRIu32 " file%s, %s elements, %s\n", ix->count,
            m->shards, m->shards == 1 ? "" : "s", q8_text_count(elements, a, sizeof a),
            q8_text_bytes(m->bytes, b, sizeof b));
    if (m->decoded)
        fprintf(out, "%" PRIu64 " weights are quantized\n", m->decoded);
    return !ferror(out) || q8_fail_errno(err, "cannot write the header");
}

static void print_tensor(const struct q8_model *m, const struct q8_tensor *t, struct q8_json *j)
{
    const struct q8_coded *c = coded_by(m, t);

    q8_json_begin(j, NULL, '{');
    q8_json_text(j, "name", t->name);
    q8_json_text(j, "dtype", q8_dtypes[t->dtype].name);
    q8_json_numbers(j, "shape", t->dim, t->rank);
    q8_json_number(j, "bytes", t->nbytes);
    q8_json_text(j, "file", m->shard[t->shard].name);
    q8_json_number(j, "offset", t->offset);
    if (c) {
        q8_json_text(j, "scheme", q8_coded_title(c));
        q8_json_text(j, "weight", c->name);
        q8_json_text(j, "read_as", q8_dtypes[c->dtype].name);
        q8_json_numbers(j, "matrix", (const uint64_t[]){c->rows, c->cols}, 2);
    }
    q8_json_end(j, '}');
}

static void value_json(struct q8_json *j, const char *key, const struct q8_value *v)
{
    switch (v->type) {
    case Q8_META_TEXT: q8_json_text(j, key, v->text); break;
    case Q8_META_U64: q8_json_number(j, key, v->u64); break;
    case Q8_META_I64: q8_json_signed(j, key, v->i64); break;
    case Q8_META_F64: q8_json_double(j, key, v->f64); break;
    case Q8_META_BOOL: q8_json_flag(j, key, v->flag); break;
    case Q8_META_ARRAY:
        if (!v->array.item && v->array.count) { /* not kept */
            q8_json_begin(j, key, '{');
            q8_json_number(j, "items", v->array.count);
            q8_json_end(j, '}');
            break;
        }
        q8_json_begin(j, key, '[');
        for (uint64_t i = 0; i < v->array.count; i++)
            value_json(j, NULL, &v->array.item[i]);
        q8_json_end(j, ']');
        break;
    }
}

bool q8_header_json(const struct q8_model *m, FILE *out, struct q8_err *err)
{
    struct q8_json j = {.out = out, .indent = 1};

    q8_json_begin(&j, NULL, '{');
    q8_json_text(&j, "schema", "q8-inspect-header/1");
    q8_json_text(&j, "version", Q8_VERSION);
    q8_json_text(&j, "input", m->path);
    q8_json_begin(&j, "files", '[');
    for (uint32_t i = 0; i < m->shards; i++) {
        q8_json_begin(&j, NULL, '{');
        q8_json_text(&j, "name", m->shard[i].name);
        q8_json_number(&j, "bytes", m->shard[i].file.size);
        q8_json_begin(&j, "metadata", '{');
        for (uint64_t k = 0; k < m->shard[i].metas; k++)
            value_json(&j, m->shard[i].meta[k].key, &m->shard[i].meta[k].value);
        q8_json_end(&j, '}');
        q8_json_end(&j, '}');
    }
    q8_json_end(&j, ']');
    q8_json_begin(&j, "tensors", '[');
    for (uint64_t i = 0; i < q8_model_raw(m)->count; i++)
        print_tensor(m, &q8_model_raw(m)->tensor[i], &j);
    q8_json_end(&j, ']');
    q8_json_end(&j, '}');
    fputc('\n', out);
    return !ferror(out) || q8_fail_errno(err, "cannot write the header");
}
