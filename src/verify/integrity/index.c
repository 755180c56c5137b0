/* index.c - model.safetensors.index.json, beyond what q8_model_open refuses */
#include "src/verify/integrity/integrity_parts.h"

#include "src/base/num.h"
#include "src/base/json_scan.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_MEMORY (UINT64_C(8) << 20) /* of the scanner: its longest string, twice */

/* What the index file says beside the weight_map. */
struct index {
    bool have_metadata; /* an object */
    bool have_total;    /* metadata.total_size is there */
    char total[64];     /* its text, cut */
};

/* The text of the next value, cut to fit: some writers have 1.5e9. */
static bool take_text(struct q8_scan *s, const struct q8_file *file, char *text, size_t size)
{
    uint64_t start;

    if (!q8_scan_peek(s))
        return false;
    start = s->at;
    if (!q8_scan_skip(s))
        return false;
    memset(text, 0, size);
    return q8_file_read(file, start, text, q8_min(s->at - start, size - 1), s->err);
}

static bool read_metadata(struct index *ret, struct q8_scan *s, const struct q8_file *file)
{
    if (q8_scan_peek(s) != '{')
        return q8_scan_skip(s);
    ret->have_metadata = true;
    if (!q8_scan_open(s, '{'))
        return false;
    while (q8_scan_key(s)) {
        if (strcmp(s->text, "total_size") != 0) {
            if (!q8_scan_skip(s))
                return false;
            continue;
        }
        ret->have_total = true;
        if (!take_text(s, file, ret->total, sizeof ret->total))
            return false;
    }
    return !s->err->code;
}

static bool read_index(struct index *ret, const struct q8_model *model, struct q8_arena *mem,
                       struct q8_err *err)
{
    const char *path = q8_sprintf(mem, err, "%s/%s", model->dir, model->index_name);
    struct q8_arena text;
    struct q8_source source;
    struct q8_file file;
    struct q8_scan s;
    bool ok;

    if (!path || !q8_file_open(&file, path, err))
        return false;
    q8_arena_init(&text, SCAN_MEMORY);
    source = q8_file_source(&file);
    ok = q8_scan_init(&s, &source, 0, &text, err) && q8_scan_open(&s, '{');
    while (ok && q8_scan_key(&s))
        ok = strcmp(s.text, "metadata") == 0 ? read_metadata(ret, &s, &file) : q8_scan_skip(&s);
    q8_arena_clear(&text);
    q8_file_close(&file);
    return !err->code || q8_fail_in(err, path);
}

static bool judge_total(struct q8_verify *v, const struct index *index, const char *name,
                        struct q8_err *err)
{
    const struct q8_index *tensors = q8_model_raw(v->options.quantized);
    char shown[100], *end;
    uint64_t sum = 0;
    double said;

    if (!index->have_total)
        return true;
    for (uint64_t i = 0; i < tensors->count; i++)
        sum += tensors->tensor[i].nbytes; /* all are inside of files: no overflow */
    said = strtod(index->total, &end);
    if (end != index->total && !*end && !(said < (double)sum || said > (double)sum))
        return true;
    return q8_findings_add(&v->findings, Q8_FINDING("index-total", name, true), err,
                           "total_size is %s, but the tensors have %" PRIu64 " bytes",
                           q8_text_escape(index->total, shown, sizeof shown), sum);
}

bool q8_integrity_index(struct q8_verify *v, struct q8_err *err)
{
    const struct q8_model *model = v->options.quantized;
    const char *name = model->index_name;
    struct index index = {0};
    char shown[200];

    if (!name)
        return true;
    if (!read_index(&index, model, v->findings.mem, err))
        return false;
    if (model->strays &&
        !q8_findings_add(&v->findings, Q8_FINDING("index-stray", name, true), err,
                         "%" PRIu64 " tensors of the shards are not in weight_map, '%s' for one: "
                         "what loads by the index does not see them",
                         model->strays, q8_text_escape(model->stray, shown, sizeof shown)))
        return false;
    if (!index.have_metadata)
        return q8_findings_add(&v->findings, Q8_FINDING("index-metadata", name, true), err,
                               "there is no metadata object: transformers stops with a KeyError");
    return judge_total(v, &index, name, err);
}
