/* registry.c - the table of formats, from the list in formats/meson.build */
#include "formats/format.h"

#include "src/base/text.h"

#include <stdio.h>
#include <string.h>

#define Q8_FORMAT(name) extern const struct q8_format q8_format_##name;
#include "formats/formats.inc"
#undef Q8_FORMAT

#define Q8_FORMAT(name) &q8_format_##name,
const struct q8_format *const q8_formats[] = {
#include "formats/formats.inc"
    NULL,
};

const struct q8_format *q8_format_find(const char *name)
{
    for (size_t i = 0; q8_formats[i]; i++)
        if (strcmp(q8_formats[i]->name, name) == 0)
            return q8_formats[i];
    return NULL;
}

const struct q8_format *q8_format_of(const char *file)
{
    size_t length = strlen(file);

    for (size_t i = 0; q8_formats[i]; i++) {
        size_t n = strlen(q8_formats[i]->suffix);

        if (length > n && strcmp(file + length - n, q8_formats[i]->suffix) == 0)
            return q8_formats[i];
    }
    return NULL;
}

const char *q8_format_suffixes(char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; q8_formats[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
                                 q8_formats[i]->suffix);
    return text;
}

bool q8_format_parse(const struct q8_format *format, struct q8_source *source, struct q8_index *out,
                     struct q8_arena *mem, struct q8_err *err)
{
    char name[256], place[300];

    if (!format->parse(source, out, mem, err))
        return false;
    for (uint64_t i = 0; i < out->count; i++)
        if (!q8_tensor_check(&out->tensor[i], source->size, err)) {
            (void)snprintf(place, sizeof place, "tensor '%s'",
                           q8_text_escape(out->tensor[i].name, name, sizeof name));
            return q8_fail_in(err, place);
        }
    return true;
}
