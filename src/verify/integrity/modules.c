/* modules.c - the modules of the quantized model, as who reads its config looks at them */
#include "src/verify/integrity/integrity_parts.h"

#include "src/base/text.h"
#include "src/model/floats.h"

#include <stdio.h>
#include <string.h>

/* Whether the file has that head, or one of that name below another module, as an int8 weight. */
static bool have_head(const struct q8_verify *v, const char *head)
{
    const struct q8_stored_list *stored = &v->pairs.stored_b;
    const size_t length = strlen(head);
    char name[512];

    for (uint64_t i = 0; i < stored->count; i++) {
        const char *module = stored->weight[i].module;
        const size_t n = strlen(module);

        if (n >= length && strcmp(module + n - length, head) == 0 &&
            (n == length || module[n - length - 1] == '.'))
            return true;
    }
    (void)snprintf(name, sizeof name, "%s" Q8_WEIGHT_SUFFIX, head);
    return q8_index_find(&v->options.quantized->index, name) != NULL;
}

bool q8_integrity_modules(struct q8_verify *v,
                          bool (*each)(void *self, const struct q8_module *m, struct q8_err *err),
                          void *self, struct q8_err *err)
{
    const char *head;

    for (uint64_t i = 0; i < v->pairs.items; i++) {
        const struct q8_compared *c = &v->pairs.item[i];
        const size_t length = q8_weight_stem(c->name);
        struct q8_module m = {.stored = c->b.stored};

        if (!c->b.tensor || !length ||
            (!m.stored && (c->b.tensor->rank != 2 || !q8_dtype_is_float(c->b.tensor->dtype))))
            continue;
        m.kind = q8_weight_kind(&v->options.quantized->index, &v->arch, c->name, 2);
        m.name = m.stored ? m.stored->module : q8_strndup(v->findings.mem, c->name, length, err);
        /* experts have no modules of their own, and all get one fate */
        m.sure = m.name && v->arch.known &&
                 (m.kind == Q8_KIND_EXPERT || !q8_arch_moved(&v->arch, m.name));
        if (!m.name || !each(self, &m, err))
            return false;
    }
    for (size_t i = 0; (head = q8_arch_head(&v->arch, i)); i++) {
        const struct q8_module m = {
            .name = head, .kind = Q8_KIND_HEAD, .absent = true, .sure = v->arch.known};

        if (!have_head(v, head) && !each(self, &m, err))
            return false;
    }
    return true;
}
