/* reader.c - what the runtimes that read an output build in place of each Linear */
#include "src/model/reader.h"

#include "src/model/path.h"

#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct q8_reader_file {
    const char *path; /* in the wheel; for whoever looks into it */
    enum q8_place head, embed;
    bool nested; /* the language part is a model of its own, chosen by its config */
    /* patterns (path.h) with a space between; the first that matches decides */
    const char *kept;    /* FLOAT */
    const char *unclear; /* UNKNOWN */
    const char *taken;   /* INT8; what no list has is UNKNOWN */
    const char
        *towers; /* INT8 of what lies below `towers` of the table, where `taken` says nothing */
};

/* A name, and the row of the table of files that it leads to. */
struct pair {
    const char *name;
    unsigned file;
};

#include "src/model/reader_table.inc"

static const struct {
    const char *name, *title;
    const struct q8_reader_file *file;
    const struct pair *class, *type;
    size_t classes, types;
} readers[Q8_READERS] = {
    [Q8_READER_TRANSFORMERS] = {"transformers", "transformers " TRANSFORMERS_VERSION, NULL, NULL,
                                NULL, 0, 0},
    [Q8_READER_VLLM] = {"vllm", "vLLM " VLLM_VERSION, vllm_files, vllm_classes, vllm_types,
                        COUNT(vllm_classes), COUNT(vllm_types)},
    [Q8_READER_SGLANG] = {"sglang", "SGLang " SGLANG_VERSION, sglang_files, sglang_classes,
                          sglang_types, COUNT(sglang_classes), COUNT(sglang_types)},
};

const char *q8_reader_name(enum q8_reader reader)
{
    return readers[reader].name;
}

const char *q8_reader_title(enum q8_reader reader)
{
    return readers[reader].title;
}

/*
 * What drafts tokens has model files of its own, which the class does not name.  Its joint with the
 * model is float in most (vllm .../deepseek_mtp.py, sglang .../deepseek_nextn.py), its layers in
 * some (sglang .../step3p5_mtp.py, longcat_flash_nextn.py): none of it counts as INT8.
 */
static const char drafts[] = ".eh_proj .e_proj .h_proj .shared_head.* .mtp.* .mtp_block.* "
                             ".mtp_layers.* .mtp_linear_proj.*";

/* The file that a name leads to, or NULL. */
static const struct q8_reader_file *find(enum q8_reader reader, const struct pair *pair,
                                         size_t pairs, const char *name)
{
    for (size_t i = 0; name && i < pairs; i++)
        if (strcmp(pair[i].name, name) == 0)
            return &readers[reader].file[pair[i].file];
    return NULL;
}

static bool has_rows(const struct q8_reader_file *file)
{
    return *file->kept || *file->taken || *file->towers;
}

void q8_reading_init(struct q8_reading *ret, enum q8_reader reader, const char *class_name,
                     const char *text_type)
{
    *ret = (struct q8_reading){.reader = reader};
    ret->file[0] = find(reader, readers[reader].class, readers[reader].classes, class_name);
    if (ret->file[0] && ret->file[0]->nested)
        ret->file[1] = find(reader, readers[reader].type, readers[reader].types, text_type);
    ret->known =
        ret->file[0] && (ret->file[0]->nested ? ret->file[1] != NULL : has_rows(ret->file[0]));
}

/* Whether a pattern of the list matches. */
static bool is_among(const char *list, const char *module, size_t length)
{
    for (size_t n; *list; list += n + (list[n] == ' ')) {
        n = strcspn(list, " ");
        if ((n == 1 && *list == '*') || q8_path_matches(list, n, module, length))
            return true;
    }
    return false;
}

enum q8_place q8_reading_module(const struct q8_reading *reading, const char *module)
{
    const size_t length = strlen(module);
    const bool in_tower = is_among(towers, module, length);

    if (reading->known && is_among(drafts, module, length))
        return Q8_PLACE_FLOAT;
    for (int i = 0; i < 2; i++) {
        const struct q8_reader_file *file = reading->file[i];

        if (file && is_among(file->kept, module, length))
            return Q8_PLACE_FLOAT;
        if (file && is_among(file->unclear, module, length))
            return Q8_PLACE_UNKNOWN;
        if (file && is_among(in_tower ? file->towers : file->taken, module, length))
            return Q8_PLACE_INT8;
    }
    return Q8_PLACE_UNKNOWN;
}

enum q8_place q8_reading_head(const struct q8_reading *reading)
{
    if (!reading->file[0])
        return Q8_PLACE_UNKNOWN;
    if (reading->file[0]->head || !reading->file[1])
        return reading->file[0]->head;
    return reading->file[1]->head;
}

enum q8_place q8_reading_embed(const struct q8_reading *reading)
{
    if (!reading->file[0])
        return Q8_PLACE_UNKNOWN;
    if (reading->file[0]->embed || !reading->file[1])
        return reading->file[0]->embed;
    return reading->file[1]->embed;
}
