/* outlier_norms.c - which features the gains of norms make stand out */
#include "src/inspect/outlier_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/floats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GAINS_MOST (UINT64_C(1) << 20) /* of one norm: far above any hidden size */

/* A norm that is to be read. */
struct norm {
    struct q8_feature_source source; /* first: q8_outlier_compare */
    const struct q8_tensor *tensor;
};

static bool find_norms(struct norm **ret, uint64_t *ret_count, const struct q8_index *ix,
                       struct q8_arena *mem, struct q8_arena *scratch, struct q8_err *err)
{
    uint64_t room = 0, length;

    *ret = NULL;
    *ret_count = 0;
    for (uint64_t i = 0; i < ix->count; i++) {
        const struct q8_tensor *t = &ix->tensor[i];
        struct q8_feature_source s = {0};
        struct norm *grown;

        if (!q8_norms_is_gain(t, &length) || t->dim[0] == 0 || t->dim[0] > GAINS_MOST)
            continue;
        s.name = q8_strndup(mem, t->name, length, err);
        if (!s.name || !q8_norms_feeds(&s.feeds, ix, s.name, mem, err))
            return false;
        s.layer = q8_path_layer(s.name, &s.role);
        s.features = t->dim[0];
        grown = q8_grow(scratch, *ret, *ret_count, &room, sizeof *grown, err);
        if (!grown)
            return false;
        *ret = grown;
        grown[(*ret_count)++] = (struct norm){s, t};
    }
    if (*ret_count)
        qsort(*ret, *ret_count, sizeof **ret, q8_outlier_compare);
    return true;
}

/* Adds one norm; what it takes from `scratch` is of no use afterwards. */
static bool add_norm(struct q8_outlier_builder *b, struct norm *norm, const struct q8_model *model,
                     bool plus_one, struct q8_arena *scratch, struct q8_err *err)
{
    struct q8_feature_source *s = &norm->source;
    void *bytes = q8_alloc(scratch, norm->tensor->nbytes, 1, err);
    float *gain = q8_alloc(scratch, s->features, sizeof *gain, err);

    if (!bytes || !gain || !q8_model_read(model, norm->tensor, 0, bytes, norm->tensor->nbytes, err))
        return false;
    q8_floats_read(gain, norm->tensor->dtype, bytes, s->features);
    for (uint64_t i = 0; plus_one && i < s->features; i++)
        gain[i] += 1.0f;
    return q8_outlier_median(&s->median, gain, s->features, scratch, err) &&
           /* where half of the gains are 0, none is large beside them */
           q8_outlier_add(b, s, gain, s->median > 0 ? Q8_GAIN_FACTOR * s->median : NAN, err);
}

bool q8_outlier_norms(struct q8_outlier_list *ret, const struct q8_model *model,
                      const struct q8_arch *arch, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_outlier_builder b = {.mem = mem};
    struct q8_arena names, scratch;
    struct norm *norm;
    uint64_t count;
    bool ok;

    q8_arena_init(&names, mem->limit);
    q8_arena_init(&scratch, mem->limit);
    ok = find_norms(&norm, &count, &model->index, mem, &names, err);
    for (uint64_t i = 0; ok && i < count; i++) {
        ok = add_norm(&b, &norm[i], model, q8_norms_adds_one(model, arch, norm[i].source.name),
                      &scratch, err);
        q8_arena_clear(&scratch);
    }
    ok = ok && q8_outlier_finish(ret, &b, err);
    q8_arena_clear(&names);
    return ok;
}
