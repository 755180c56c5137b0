/* stored.c - weights that are int8 already: which tensors hold them */
#include "src/scheme/stored_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 4096 /* of a tensor's name put together here; longer ones are not looked for */

/* Suffixes of the parts, formats.md 2.1.1, 2.2.1 and 2.2.3. */
static const char plain[] = ".weight", packed[] = ".weight_packed", absmax[] = ".SCB",
                  steps[] = ".weight_scale", shape[] = ".weight_shape", format[] = ".weight_format";

/* What the search has so far. */
struct search {
    const struct q8_model *model;
    const char *layout; /* of the config; NULL: none */
    struct q8_stored_list list;
    uint64_t room;
    struct q8_arena *mem;
};

/* The tensor beside it: the first `length` bytes of its name, and that suffix; NULL = none. */
static const struct q8_tensor *beside(const struct q8_model *model, const char *name, size_t length,
                                      const char *suffix)
{
    char other[NAME_BYTES];

    if ((size_t)snprintf(other, sizeof other, "%.*s%s", (int)q8_min(length, NAME_BYTES), name,
                         suffix) >= sizeof other)
        return NULL;
    return q8_index_find(&model->index, other);
}

/* Puts file and tensor in front of the message. */
static bool fail_tensor(const struct q8_model *model, const struct q8_tensor *t, struct q8_err *err)
{
    char place[512], name[256];

    (void)snprintf(place, sizeof place, "%s: tensor '%s'", model->shard[t->shard].name,
                   q8_text_escape(t->name, name, sizeof name));
    return q8_fail_in(err, place);
}

/* "it is F32 [4, 1], and the weight is [4, 8]" */
static bool fail_shape(const struct search *s, const struct q8_stored *w, const struct q8_tensor *t,
                       const char *expected, struct q8_err *err)
{
    char text[200];

    q8_tensor_shape(t, text, sizeof text);
    q8_fail(err, Q8_EINPUT,
            "it is %s %s, which does not fit a weight of %" PRIu64 " rows and %" PRIu64
            " columns: expected %s",
            q8_dtypes[t->dtype].name, text, w->rows, w->cols, expected);
    return fail_tensor(s->model, t, err);
}

/* bitsandbytes: F32 [rows] or [rows, 1]. */
static bool check_absmax(const struct search *s, struct q8_stored *w, struct q8_err *err)
{
    const struct q8_tensor *t = w->scales;

    w->group = w->cols;
    if (t->dtype == Q8_F32 && t->dim[0] == w->rows &&
        (t->rank == 1 || (t->rank == 2 && t->dim[1] == 1)))
        return true;
    return fail_shape(s, w, t, "F32 [rows]", err);
}

/* compressed-tensors: one for all, [rows], or [rows, groups] of equal size. */
static bool check_steps(const struct search *s, struct q8_stored *w, struct q8_err *err)
{
    const struct q8_tensor *t = w->scales;
    const uint64_t groups = t->rank == 2 ? t->dim[1] : 1;

    w->shared = t->rank <= 2 && q8_tensor_elements(t) == 1;
    w->group = w->shared ? w->cols : groups ? w->cols / groups : 0;
    if ((t->dtype == Q8_F16 || t->dtype == Q8_BF16 || t->dtype == Q8_F32) &&
        (w->shared || (t->rank >= 1 && t->rank <= 2 && t->dim[0] == w->rows && w->group &&
                       w->cols % groups == 0)))
        return true;
    return fail_shape(s, w, t, "F16, BF16 or F32 [rows, groups], [rows] or [1], in equal groups",
                      err);
}

/* Old versions of bitsandbytes had other orders of the bytes than by row, which is 0. */
static bool check_format(const struct search *s, const struct q8_tensor *t, struct q8_err *err)
{
    unsigned char order;

    if (t->dtype != Q8_U8 || t->nbytes != 1) {
        q8_fail(err, Q8_EINPUT, "expected one U8, found %" PRIu64 " bytes of %s", t->nbytes,
                q8_dtypes[t->dtype].name);
        return fail_tensor(s->model, t, err);
    }
    if (!q8_model_read(s->model, t, 0, &order, 1, err))
        return false;
    if (order == 0)
        return true;
    q8_fail(err, Q8_EUNSUPPORTED,
            "its codes are in the order %d of an old bitsandbytes; q8 reads rows (0)", order);
    return fail_tensor(s->model, t, err);
}

/* Reads weight_shape: two whole numbers. */
static bool read_shape(const struct search *s, struct q8_stored *w, struct q8_err *err)
{
    const struct q8_tensor *t = w->detail;
    uint64_t wide[2];
    uint32_t narrow[2];

    if ((t->dtype != Q8_I64 && t->dtype != Q8_I32) || t->rank != 1 || t->dim[0] != 2) {
        q8_fail(err, Q8_EINPUT, "expected I64 [2]");
        return fail_tensor(s->model, t, err);
    }
    if (!q8_model_read(s->model, t, 0, t->dtype == Q8_I64 ? (void *)wide : narrow, t->nbytes, err))
        return false;
    w->rows = t->dtype == Q8_I64 ? wide[0] : narrow[0];
    w->cols = t->dtype == Q8_I64 ? wide[1] : narrow[1];
    return true;
}

/* Packed codes fill ceil(cols / 4) words a row; fewer words are fewer bits. */
static bool check_packed(const struct search *s, struct q8_stored *w, struct q8_err *err)
{
    const uint64_t words = w->codes->dim[1];
    uint64_t bits;

    if (!read_shape(s, w, err))
        return false;
    if (w->codes->rank == 2 && w->codes->dim[0] == w->rows && words == q8_div_up(w->cols, 4))
        return true;
    if (w->codes->rank == 2 && w->codes->dim[0] == w->rows && w->cols && q8_mul(words, 32, &bits) &&
        bits / w->cols > 0 && bits / w->cols < 8) {
        q8_fail(err, Q8_EUNSUPPORTED, "its codes have %" PRIu64 " bits; q8 reads 8",
                bits / w->cols);
        return fail_tensor(s->model, w->codes, err);
    }
    return fail_shape(s, w, w->codes, "I32 [rows, columns / 4]", err);
}

/* Dimensions, types and small contents of all parts; sets rows, cols and group. */
static bool check_parts(const struct search *s, struct q8_stored *w, struct q8_err *err)
{
    if (w->packed) {
        if (!check_packed(s, w, err))
            return false;
    } else {
        w->rows = w->codes->dim[0];
        w->cols = w->codes->dim[1];
    }
    if (w->codes->rank != 2 || !w->rows || !w->cols || w->cols > Q8_STORED_COLS) {
        q8_fail(err, w->cols > Q8_STORED_COLS ? Q8_EUNSUPPORTED : Q8_EINPUT,
                "int8 codes need two dimensions, none 0, and at most %" PRIu64 " columns",
                Q8_STORED_COLS);
        return fail_tensor(s->model, w->codes, err);
    }
    if (w->absmax && w->detail && !check_format(s, w->detail, err))
        return false;
    return w->absmax ? check_absmax(s, w, err) : check_steps(s, w, err);
}

static bool fail_missing(const struct search *s, const struct q8_tensor *t, size_t length,
                         const char *what, struct q8_err *err)
{
    char module[256], name[256];

    (void)snprintf(module, sizeof module, "%.*s", (int)q8_min(length, sizeof module), t->name);
    q8_fail(err, Q8_EINPUT, "there is no '%s%s' beside it, which int8 weights in %s have",
            q8_text_escape(module, name, sizeof name), what,
            s->layout ? s->layout : "compressed-tensors");
    return fail_tensor(s->model, t, err);
}

/* What makes a code more than a code times a step. */
static bool check_simple(const struct search *s, const struct q8_tensor *t, size_t length,
                         struct q8_err *err)
{
    static const char *const more[] = {".weight_zero_point", ".weight_g_idx"};

    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (beside(s->model, t->name, length, more[i])) {
            q8_fail(err, Q8_EUNSUPPORTED,
                    "there is a '%s' beside it: q8 reads symmetric codes in the order of their "
                    "columns",
                    more[i] + 1);
            return fail_tensor(s->model, t, err);
        }
    return true;
}

/* Adds the weight whose codes these are, unless they are just numbers. */
static bool add_weight(struct search *s, const struct q8_tensor *t, size_t length, bool is_packed,
                       struct q8_err *err)
{
    const bool bnb = s->layout && strcmp(s->layout, "bitsandbytes") == 0;
    const struct q8_tensor *scb = is_packed ? NULL : beside(s->model, t->name, length, absmax);
    const struct q8_tensor *scale = beside(s->model, t->name, length, steps);
    struct q8_stored w = {.codes = t, .packed = is_packed}, *list;

    if (s->layout ? bnb && is_packed : !scb && !scale)
        return true;
    w.absmax = s->layout ? bnb : scb && !scale;
    w.scales = w.absmax ? scb : scale;
    if (!w.scales)
        return fail_missing(s, t, length, w.absmax ? absmax : steps, err);
    if (!w.absmax && !check_simple(s, t, length, err))
        return false;
    if (is_packed || w.absmax)
        w.detail = beside(s->model, t->name, length, is_packed ? shape : format);
    if (is_packed && !w.detail)
        return fail_missing(s, t, length, shape, err);
    list = q8_grow(s->mem, s->list.weight, s->list.count, &s->room, sizeof *list, err);
    if (!list)
        return false;
    s->list.weight = list;
    w.module = q8_strndup(s->mem, t->name, length, err);
    if (!w.module || !check_parts(s, &w, err))
        return false;
    list[s->list.count++] = w;
    return true;
}

/* Scales without codes: a weight that the config calls int8 and the file does not have so. */
static bool check_scales(const struct search *s, const struct q8_tensor *t, struct q8_err *err)
{
    const bool bnb = s->layout && strcmp(s->layout, "bitsandbytes") == 0;
    const size_t length = s->layout ? q8_text_stem(t->name, bnb ? absmax : steps) : 0;
    const struct q8_tensor *codes;
    char found[64] = "none";

    if (!length || (!bnb && beside(s->model, t->name, length, packed)))
        return true;
    codes = beside(s->model, t->name, length, plain);
    if (codes && codes->dtype == Q8_I8)
        return true;
    if (codes)
        (void)snprintf(found, sizeof found, "one of type %s", q8_dtypes[codes->dtype].name);
    q8_fail(err, Q8_EINPUT, "expected a '%s' of type I8 beside it, found %s", plain + 1, found);
    return fail_tensor(s->model, t, err);
}

static int compare_modules(const void *a, const void *b)
{
    return strcmp(((const struct q8_stored *)a)->module, ((const struct q8_stored *)b)->module);
}

/* Sorts the list and, where no config does, names its layout. */
static bool finish(struct search *s, struct q8_err *err)
{
    struct q8_stored_list *list = &s->list;

    if (list->count)
        qsort(list->weight, list->count, sizeof *list->weight, compare_modules);
    list->layout = s->layout;
    for (uint64_t i = 0; i < list->count; i++) {
        const struct q8_stored *w = &list->weight[i];
        const char *found = w->absmax   ? "bitsandbytes"
                            : w->packed ? "pack-quantized"
                                        : "int-quantized";

        if (i > 0 && strcmp(w[-1].module, w->module) == 0) {
            q8_fail(err, Q8_EINPUT, "its module has codes in '%s' too", plain + 1);
            return fail_tensor(s->model, w->packed ? w->codes : w[-1].codes, err);
        }
        if (!s->layout)
            list->layout = i == 0 || strcmp(list->layout, found) == 0 ? found : "mixed-precision";
    }
    return true;
}

bool q8_stored_find(struct q8_stored_list *ret, const struct q8_model *model, struct q8_arena *mem,
                    struct q8_err *err)
{
    struct search s = {.model = model, .list.model = model, .mem = mem};

    if (!q8_stored_layout(&s.layout, model, err))
        return false;
    for (uint64_t i = 0; i < model->index.count; i++) {
        const struct q8_tensor *t = &model->index.tensor[i];
        const size_t at_plain = t->dtype == Q8_I8 ? q8_text_stem(t->name, plain) : 0;
        const size_t at_packed = t->dtype == Q8_I32 ? q8_text_stem(t->name, packed) : 0;

        if ((at_plain && !add_weight(&s, t, at_plain, false, err)) ||
            (at_packed && !add_weight(&s, t, at_packed, true, err)) || !check_scales(&s, t, err))
            return false;
    }
    if (!finish(&s, err))
        return false;
    *ret = s.list;
    return true;
}

/* The weight of the module of that length. */
static const struct q8_stored *find(const struct q8_stored_list *list, const char *module,
                                    size_t length)
{
    uint64_t low = 0, high = list->count;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        const char *name = list->weight[middle].module;
        int order = strncmp(name, module, length);

        if (order == 0)
            order = name[length] != 0;
        if (order == 0)
            return &list->weight[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct q8_stored *q8_stored_of(const struct q8_stored_list *list,
                                     const struct q8_tensor *codes)
{
    const size_t length = q8_text_stem(codes->name, plain) + q8_text_stem(codes->name, packed);
    const struct q8_stored *w = length ? find(list, codes->name, length) : NULL;

    return w && w->codes == codes ? w : NULL;
}

const struct q8_stored *q8_stored_find_module(const struct q8_stored_list *list, const char *module)
{
    return find(list, module, strlen(module));
}

bool q8_stored_is_part(const struct q8_stored_list *list, const struct q8_tensor *t)
{
    static const char *const suffixes[] = {absmax, steps, shape, format};

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        const size_t length = q8_text_stem(t->name, suffixes[i]);
        const struct q8_stored *w = length ? find(list, t->name, length) : NULL;

        if (w)
            return w->scales == t || w->detail == t;
    }
    return false;
}
