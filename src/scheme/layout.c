/* layout.c - how int8 weights lie in a file, and what config.json calls that: rows of data */
#include "src/scheme/layout.h"

#include <string.h>

const struct q8_layout_row q8_layouts[Q8_LAYOUTS] = {
    [Q8_LAYOUT_NONE] = {NULL, NULL, NULL, false},
    [Q8_LAYOUT_BNB] = {"bitsandbytes", NULL, "bitsandbytes", false},
    [Q8_LAYOUT_PLAIN] = {"int-quantized", "naive-quantized", "compressed-tensors", true},
    [Q8_LAYOUT_PACKED] = {"pack-quantized", NULL, "compressed-tensors", true},
    [Q8_LAYOUT_MIXED] = {"mixed-precision", NULL, "compressed-tensors", true},
};

static bool is(const char *word, const char *name)
{
    return word && strcmp(word, name) == 0;
}

enum q8_layout q8_layout_find(const char *method, const char *name)
{
    for (int i = 0; name && i < Q8_LAYOUTS; i++) {
        const struct q8_layout_row *row = &q8_layouts[i];

        if (is(row->method, method) && (is(row->name, name) || is(row->older, name)))
            return (enum q8_layout)i;
    }
    return Q8_LAYOUT_NONE;
}

bool q8_layout_same_method(enum q8_layout a, enum q8_layout b)
{
    const char *method = q8_layouts[b].method;

    return method && is(q8_layouts[a].method, method);
}
