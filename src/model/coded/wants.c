/* wants.c - what a tensor that is a part of no weight would be a part of, for messages */
#include "src/model/coded/wants.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/coded/coded_parts.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES 4096 /* of a tensor's name put together here */

/* A text that grows up to its size. */
struct words {
    char *text;
    size_t size, used;
};

static void add(struct words *w, const char *front, const char *word)
{
    const size_t left = w->size - w->used;

    w->used += q8_min((size_t)snprintf(w->text + w->used, left, "%s%s", front, word), left - 1);
}

const char *q8_coded_types(uint64_t types, char *text, size_t size)
{
    struct words w = {text, size, 0};

    *text = 0;
    for (unsigned i = 0; i < Q8_DTYPES; i++)
        if (types & Q8_IS(i))
            add(&w, w.used ? " or " : "", q8_dtypes[i].name);
    return text;
}

/* The end of a part's name. */
static const char *end_of(const struct q8_coding *row, unsigned part)
{
    return part ? row->part[part].suffix : row->codes;
}

/* How much speaks for the tensor being such a part of that row: 0 nothing, up to 3. */
static unsigned weigh(const struct q8_model *m, const struct q8_coding *row, unsigned part,
                      const struct q8_tensor *t)
{
    const size_t stem = *end_of(row, part) ? q8_text_stem(t->name, end_of(row, part)) : 0;
    const struct q8_tensor *codes = t;
    char name[NAME_BYTES];

    if (!stem)
        return 0;
    if (part) {
        if ((size_t)snprintf(name, sizeof name, "%.*s%s", (int)q8_min(stem, sizeof name), t->name,
                             row->codes) >= sizeof name)
            return 0;
        codes = q8_index_find(&m->index, name);
    }
    return !codes ? 1 : row->types & Q8_IS(codes->dtype) ? 3 : 2;
}

/* Whether the config has the method of the row, where it has one. */
static bool has_method(const struct q8_coding *row, const char *method)
{
    return !row->method || (method && strcmp(method, row->method) == 0);
}

/* The row that most speaks for; NULL: none. */
static const struct q8_coding *find_row(const struct q8_model *m, const struct q8_tensor *t)
{
    const struct q8_coding *ret = NULL;
    struct q8_coded_config config;
    struct q8_err none = {0};
    unsigned most = 0;

    if (!q8_coded_config_read(&config, m, &none))
        return NULL;
    for (size_t i = 0; q8_codings[i]; i++)
        for (unsigned part = 0; part < Q8_CODED_PARTS && q8_codings[i]->part[part].suffix; part++) {
            const unsigned weight =
                has_method(q8_codings[i], config.method) ? weigh(m, q8_codings[i], part, t) : 0;

            if (weight > most) {
                most = weight;
                ret = q8_codings[i];
            }
        }
    return ret;
}

bool q8_coded_wants(const struct q8_model *m, const struct q8_tensor *t, char *text, size_t size)
{
    const struct q8_coding *row = find_row(m, t);
    struct words w = {text, size, 0};
    char types[120];

    for (unsigned i = 0; row && i < Q8_CODED_PARTS && row->part[i].suffix; i++) {
        if (i && row->part[i].use != Q8_CODED_NEEDED)
            continue;
        add(&w, i ? ", '" : "'", end_of(row, i));
        add(&w, "' ", q8_coded_types(i ? row->part[i].types : row->types, types, sizeof types));
    }
    return row != NULL;
}

bool q8_coded_scales(const struct q8_tensor *t, char *text, size_t size)
{
    struct words w = {text, size, 0};

    *text = 0;
    for (size_t i = 0; q8_codings[i]; i++) {
        const struct q8_coding *row = q8_codings[i];
        char word[80];

        if (!(row->types & Q8_IS(t->dtype)) || !*row->codes || !q8_text_stem(t->name, row->codes))
            continue;
        (void)snprintf(word, sizeof word, "'%s'", row->part[1].suffix);
        if (!strstr(text, word))
            add(&w, w.used ? ", " : "", word);
    }
    return w.used > 0;
}
