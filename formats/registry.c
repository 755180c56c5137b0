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

const char *q8_format_suffix(const struct q8_format *format, size_t i)
{
    if (i == 0)
        return format->suffix;
    for (size_t k = 0; format->others && format->others[k]; k++)
        if (k + 1 == i)
            return format->others[k];
    return NULL;
}

const struct q8_format *q8_format_of(const char *file)
{
    const char *suffix;

    for (size_t i = 0; q8_formats[i]; i++)
        for (size_t k = 0; (suffix = q8_format_suffix(q8_formats[i], k)); k++)
            if (q8_text_stem(file, suffix))
                return q8_formats[i];
    return NULL;
}

const char *q8_format_suffixes(char *text, size_t size)
{
    const char *suffix;
    size_t used = 0;

    for (size_t i = 0; q8_formats[i]; i++)
        for (size_t k = 0; (suffix = q8_format_suffix(q8_formats[i], k)) && used < size; k++)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", suffix);
    return text;
}

bool q8_format_parse(const struct q8_format *format, struct q8_source *source, struct q8_index *out,
                     struct q8_arena *mem, struct q8_err *err)
{
    if (!format->parse(source, out, mem, err))
        return false;
    for (uint64_t i = 0; i < out->count; i++)
        if (!q8_tensor_check(&out->tensor[i], source->size, err))
            return q8_tensor_fail(out->tensor[i].name, err);
    return true;
}
