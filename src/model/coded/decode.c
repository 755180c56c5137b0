/* decode.c - the index of a checkpoint with its quantized weights as floats */
#include "src/model/coded/decode.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/coded/coded_parts.h"
#include "src/model/floats.h"
#include "src/model/gguf/adopt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The search. */
struct search {
    struct q8_model *m;
    const struct q8_decode_options *options;
    struct q8_kernels *kernels;
    struct q8_coded_config config;
    const struct q8_coded **of; /* [raw tensors] the weight that each is a part of; NULL: none */
    uint64_t weights, drops;    /* how many; tensors that were dropped */
    const char *first_drop;
    struct q8_arena *mem;
};

/* Length of the name in front of the row's codes, where the tensor may be those; else SIZE_MAX. */
static size_t find_stem(const struct search *s, const struct q8_coding *row,
                        const struct q8_tensor *t)
{
    const size_t length = strlen(t->name);

    if (!(row->types & Q8_IS(t->dtype)) || !q8_text_ends(t->name, row->codes) ||
        (row->method && (!s->config.method || strcmp(row->method, s->config.method) != 0)))
        return SIZE_MAX;
    return length - strlen(row->codes);
}

/* Finds the parts of a row; false: one that it needs is not there, or of another type. */
static bool find_parts(const struct search *s, const struct q8_coding *row, size_t stem,
                       struct q8_coded *c)
{
    for (unsigned i = 1; i < Q8_CODED_PARTS && row->part[i].suffix; i++) {
        const struct q8_coding_part *part = &row->part[i];
        const struct q8_tensor *t =
            q8_index_beside(&s->m->raw, c->part[0]->name, stem, part->suffix);

        if (t && !(part->types & Q8_IS(t->dtype)) && part->use != Q8_CODED_MAYBE)
            t = NULL;
        if (!t && part->use == Q8_CODED_NEEDED)
            return false;
        c->part[i] = t;
    }
    c->coding = row;
    return true;
}

/* Whether the type of its scales is that of its floats. */
static bool has_half_scales(const struct q8_coded *c)
{
    return c->part[1] && (c->part[1]->dtype == Q8_F16 || c->part[1]->dtype == Q8_BF16);
}

/* The type that a weight becomes: that of a scale of 16 bits, or the model's. */
static enum q8_dtype find_dtype(const struct search *s, const struct q8_coded *c)
{
    return has_half_scales(c) ? c->part[1]->dtype : s->config.dtype;
}

/*
 * The type that is asked for.  compressed-tensors computes in that of 16 bit scales, which is
 * rounded to then, and so is one that `fit` says; of others the product goes straight to it.
 */
static void ask_dtype(struct q8_coded *c, enum q8_dtype dtype)
{
    c->asked = dtype != Q8_DTYPES;
    if (!c->coding->straight && has_half_scales(c))
        c->via = c->dtype;
    if (!c->asked || c->via == dtype)
        c->via = Q8_F32;
    if (c->asked)
        c->dtype = dtype;
}

/* Puts file and weight in front of a message. */
static bool fail_weight(const struct search *s, const struct q8_coded *c, struct q8_err *err)
{
    const struct q8_tensor *t = c->part[0];
    char place[600], name[256];

    (void)snprintf(place, sizeof place, "%s: tensor '%s' (%s)", s->m->shard[t->shard].name,
                   q8_text_escape(t->name, name, sizeof name), c->coding->title);
    return q8_fail_in(err, place);
}

/* Parts that need not be there are of their types. */
static bool check_types(const struct q8_coded *c, struct q8_err *err)
{
    char types[100];

    for (unsigned i = 1; i < Q8_CODED_PARTS && c->coding->part[i].suffix; i++)
        if (c->part[i] && !(c->coding->part[i].types & Q8_IS(c->part[i]->dtype)))
            return q8_coded_fail_shape(
                c, i, q8_coded_types(c->coding->part[i].types, types, sizeof types), err);
    return true;
}

/* The float tensor in the place of a weight whose parts are known. */
static bool make_tensor(struct search *s, struct q8_coded *c, size_t stem, struct q8_tensor *ret,
                        struct q8_err *err)
{
    struct q8_tensor t = {.shard = c->part[0]->shard};
    struct q8_coded *kept;

    c->dtype = find_dtype(s, c);
    c->via = Q8_F32;
    if (!check_types(c, err) || !c->coding->fit(c, &s->config, &t, err))
        return fail_weight(s, c, err);
    ask_dtype(c, s->options->dtype);
    t.dtype = c->dtype;
    t.name = q8_sprintf(s->mem, err, "%.*s%s", (int)stem, c->part[0]->name, c->coding->name);
    kept = q8_alloc(s->mem, 1, sizeof *kept, err);
    if (!t.name || !kept)
        return false;
    if (!q8_tensor_bytes(&t, &t.nbytes, err))
        return fail_weight(s, c, err);
    c->name = t.name;
    *kept = *c;
    t.coded = kept;
    *ret = t;
    return true;
}

/* Notes which tensors the weight takes in. */
static void take_parts(struct search *s, const struct q8_coded *c)
{
    for (unsigned i = 0; i < Q8_CODED_PARTS && c->coding->part[i].suffix; i++) {
        if (!c->part[i])
            continue;
        if (c->coding->part[i].use == Q8_CODED_DROPPED && s->drops++ == 0)
            s->first_drop = c->part[i]->name;
        s->of[c->part[i] - s->m->raw.tensor] = c;
    }
    s->weights++;
}

/* Adds the float tensor to the index, if `t` are the codes of one. */
static bool add_coded(struct search *s, const struct q8_tensor *t, struct q8_err *err)
{
    for (size_t i = 0; q8_codings[i]; i++) {
        struct q8_coded c = {.part = {t}, .model = s->m, .kernels = s->kernels};
        const size_t stem = find_stem(s, q8_codings[i], t);
        struct q8_tensor made;

        if (stem == SIZE_MAX || !find_parts(s, q8_codings[i], stem, &c))
            continue;
        if (s->options->which == Q8_DECODE_BUT_INT8 && c.coding->is_int8 &&
            c.coding->is_int8(&c, &s->config))
            return true;
        if (!make_tensor(s, &c, stem, &made, err) ||
            !q8_index_add(&s->m->index, &made, s->mem, err))
            return false;
        take_parts(s, made.coded);
        return true;
    }
    return true;
}

/* Two float tensors of one name: a weight that is there as floats too. */
static bool check_names(const struct search *s, struct q8_err *err)
{
    const char *twice = q8_index_twice(&s->m->index);
    char name[256];

    return !twice ||
           q8_fail(err, Q8_EINPUT,
                   "%s: '%s' is there twice, in two ways: which of them counts is not said",
                   s->m->path, q8_text_escape(twice, name, sizeof name));
}

static bool note_dropped(struct search *s, struct q8_err *err)
{
    char name[256];

    return s->drops == 0 ||
           q8_model_note(s->m, s->mem, err,
                         "%" PRIu64
                         " scales of activations are left out, '%s' for one: weights have no "
                         "use for them",
                         s->drops, q8_text_escape(s->first_drop, name, sizeof name));
}

/* What is no part of a weight: as it is, or as the type that is asked for. */
static bool add_plain(struct search *s, const struct q8_tensor *t, struct q8_err *err)
{
    struct q8_coded c = {
        .part = {t}, .coding = &q8_coding_cast, .model = s->m, .kernels = s->kernels};
    struct q8_tensor made = *t;

    if (q8_coded_casts(t, s->options->dtype)) {
        if (t->nbytes && !make_tensor(s, &c, strlen(t->name), &made, err))
            return false;
        made.dtype = s->options->dtype;
    }
    return q8_index_add(&s->m->index, &made, s->mem, err);
}

/* The weights first, then what is no part of any. */
static bool fill_index(struct search *s, struct q8_err *err)
{
    const struct q8_index *raw = &s->m->raw;

    for (uint64_t i = 0; i < raw->count; i++)
        if (!add_coded(s, &raw->tensor[i], err))
            return false;
    if (s->weights == 0 && s->options->dtype == Q8_DTYPES) { /* one list is enough */
        s->m->index = *raw;
        return true;
    }
    for (uint64_t i = 0; i < raw->count; i++)
        if (!s->of[i] && !add_plain(s, &raw->tensor[i], err))
            return false;
    q8_index_sort(&s->m->index);
    return check_names(s, err) && note_dropped(s, err);
}

bool q8_model_decode(struct q8_model *m, const struct q8_decode_options *options,
                     struct q8_arena *mem, struct q8_err *err)
{
    struct search s = {.m = m, .options = options, .mem = mem};

    s.kernels = q8_alloc(mem, 1, sizeof *s.kernels, err);
    if (!s.kernels)
        return false;
    q8_kernels_init(s.kernels, options->isa);
    if (q8_model_is_gguf(m))
        return q8_gguf_adopt(m, s.kernels, options->dtype, mem, err);
    m->raw = m->index;
    m->index = (struct q8_index){0};
    if (!q8_coded_config_read(&s.config, m, err))
        return false;
    s.of = q8_alloc(mem, m->raw.count, sizeof *s.of, err);
    if (!s.of)
        return false;
    if (!fill_index(&s, err))
        return false;
    m->coded = s.of;
    m->decoded = s.weights;
    return true;
}

const struct q8_coded *q8_coded_of(const struct q8_model *m, const struct q8_tensor *raw)
{
    return m->coded ? m->coded[raw - m->raw.tensor] : NULL;
}

const struct q8_coded *q8_coded_source(const struct q8_coded *c)
{
    while (c->part[0]->coded)
        c = c->part[0]->coded;
    return c;
}

bool q8_coded_is_quantized(const struct q8_coded *c)
{
    return !q8_dtype_is_float(q8_coded_source(c)->part[0]->dtype);
}

bool q8_coded_is_cast(const struct q8_coded *c)
{
    return c->coding == &q8_coding_cast;
}

const struct q8_tensor *q8_coded_raw(const struct q8_coded *c)
{
    return c->part[0];
}

const char *q8_coded_title(const struct q8_coded *c)
{
    return c->coding->title;
}

/* Whether a weight of the model has that row. */
static bool has_row(const struct q8_model *m, const struct q8_coding *row)
{
    uint64_t i = 0;

    while (i < m->raw.count && !(m->coded[i] && m->coded[i]->coding == row))
        i++;
    return i < m->raw.count;
}

const char *q8_model_schemes(const struct q8_model *m, char *text, size_t size)
{
    const char *last = "";
    size_t used = (size_t)snprintf(text, size, "%s", m->decoded ? "" : "float");

    for (size_t i = 0; m->decoded && q8_codings[i] && used < size; i++) {
        const char *title = q8_codings[i]->title;

        if (strcmp(title, last) == 0 || !has_row(m, q8_codings[i]))
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", *last ? ", " : "", title);
        last = title;
    }
    return text;
}

bool q8_coded_has_method(const char *method)
{
    static const char *const methods[] = {"awq",        "bitsandbytes", "compressed-tensors",
                                          "fbgemm_fp8", "fp8",          "gptq",
                                          "modelopt",   "mxfp4",        "torchao"};

    for (size_t i = 0; method && i < sizeof methods / sizeof *methods; i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}
