/* model.c - a checkpoint: path (file or directory) -> shards -> one index; reads ranges */
#include "src/model/model_parts.h"

#include "formats/format.h"
#include "src/base/file_park.h"
#include "src/base/json.h"
#include "src/base/num.h"
#include "src/base/tensor_read.h"
#include "src/base/text.h"
#include "src/model/coded/coded.h"
#include "src/model/folder/explain.h"
#include "src/model/folder/folder.h"
#include "src/model/gguf/parts.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CONFIG_LIMIT (16u << 20) /* bytes of a config.json; real ones stay under 100 KB */

/* A link counts even when it leads nowhere: opening it then says so. */
static enum q8_there look(const char *path, struct q8_err *err)
{
    return q8_file_there(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, NULL, err);
}

/*
 * The name of a file in the model's directory, maybe in a folder of it: relative, without "..",
 * safe to show, and none of the names that an output has for itself.
 */
static bool is_shard_name(const char *name)
{
    char shown[PATH_MAX];

    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (*part == '.' || *part == '/' || !*part)
            return false;
    return q8_format_of(name) && strcmp(name, q8_text_escape(name, shown, sizeof shown)) == 0;
}

bool q8_model_shard(struct q8_model *m, const char *name, uint64_t *room, struct q8_arena *mem,
                    struct q8_err *err)
{
    struct q8_shard *list;
    char shown[300], suffixes[100];

    if (!is_shard_name(name))
        return q8_fail(err, Q8_EINPUT,
                       "'%s' is not a name for a weight file: expected one in the model's "
                       "directory, without '..', that ends in %s",
                       q8_text_escape(name, shown, sizeof shown),
                       q8_format_suffixes(suffixes, sizeof suffixes));
    if (m->shards >= Q8_SHARD_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "more than %d shards", Q8_SHARD_LIMIT);
    list = q8_grow(mem, m->shard, m->shards, room, sizeof *list, err);
    if (!list)
        return false;
    m->shard = list;
    list[m->shards] = (struct q8_shard){.file.fd = -1};
    list[m->shards].format = q8_format_of(name);
    list[m->shards].name = q8_strndup(mem, name, strlen(name), err);
    return list[m->shards++].name != NULL;
}

bool q8_model_note(struct q8_model *m, struct q8_arena *mem, struct q8_err *err, const char *format,
                   ...)
{
    const char **list = q8_grow(mem, m->note, m->notes, &m->note_room, sizeof *list, err);
    char text[1024];
    va_list args;

    if (!list)
        return false;
    m->note = list;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    list[m->notes] = q8_strndup(mem, text, strlen(text), err);
    return list[m->notes++] != NULL;
}

/* The tensors of a shard go to the model's; those of the only one become the model's, uncopied. */
static bool add_tensors(struct q8_model *m, struct q8_index *found, struct q8_arena *mem,
                        struct q8_err *err)
{
    if (m->shards == 1) {
        m->index = *found;
        return true;
    }
    for (uint64_t i = 0; i < found->count; i++)
        if (!q8_index_add(&m->index, &found->tensor[i], mem, err))
            return false;
    return true;
}

/* The index, or the other parts, name a file that is not there. */
static bool fail_missing(const struct q8_model *m, const char *name, struct q8_err *err)
{
    if (!m->index_name)
        return q8_fail(err, Q8_EINPUT,
                       "%s/%s: the model has %" PRIu32
                       " parts by their names, and there is no such "
                       "file: is the download whole?",
                       m->dir, name, m->shards);
    return q8_fail(err, Q8_EINPUT,
                   "%s/%s names %s, but there is no such file: is the download whole?", m->dir,
                   m->index_name, name);
}

static bool open_shard(struct q8_model *m, uint32_t number, struct q8_index *found,
                       struct q8_arena *mem, struct q8_err *err)
{
    struct q8_shard *shard = &m->shard[number];
    const char *path = q8_sprintf(mem, err, "%s/%s", m->dir, shard->name), *last = found->note;
    struct q8_source source;
    uint64_t data;

    if (path && q8_file_there(AT_FDCWD, path, 0, NULL, err) == Q8_THERE_NOT)
        return (m->index_name || m->shards > 1) && look(path, err) == Q8_THERE_NOT
                   ? fail_missing(m, shard->name, err)
                   : q8_explain_absent(path, err);
    if (err->code || !q8_file_open(&shard->file, path, err))
        return false;
    source = q8_file_source(&shard->file);
    data = source.size;
    m->bytes += shard->file.size;
    if (!q8_format_parse(shard->format, &source, found, mem, err))
        return q8_fail_in(err, path) || q8_explain_file(path, false, err);
    shard->meta = found->meta;
    shard->metas = found->metas;
    shard->have_meta = found->have_meta;
    for (uint64_t i = 0; i < found->count; i++) {
        found->tensor[i].shard = number;
        data = q8_min(data, found->tensor[i].offset);
    }
    shard->header_bytes = data;
    if (found->note && (!last || strcmp(last, found->note) != 0) && /* once for those alike */
        !q8_model_note(m, mem, err, "%s: %s", shard->name, found->note))
        return false;
    if (!add_tensors(m, found, mem, err) ||
        !q8_file_digest(&shard->file, data, &shard->header, err))
        return false;
    if (q8_file_scarce(m->shards))
        q8_file_park(&shard->file);
    return true;
}

/* Whether there is what the weight files of some format are called, or their index. */
static bool have_weights(const struct q8_model *m, struct q8_err *err)
{
    static const char *const ends[] = {"", Q8_INDEX};
    char path[PATH_MAX];

    for (const struct q8_format *const *x = q8_formats; *x; x++)
        for (size_t i = 0; (*x)->stem && i < sizeof ends / sizeof *ends; i++)
            if ((size_t)snprintf(path, sizeof path, "%s/%s%s%s", m->dir, (*x)->stem, (*x)->suffix,
                                 ends[i]) < sizeof path &&
                look(path, err) == Q8_THERE)
                return true;
    return false;
}

/* Nothing is there of what the files of any format are called. */
static bool no_weights(const struct q8_model *m, struct q8_err *err)
{
    char what[600] = "", formats[200] = "";
    size_t n = 0, f = 0;

    for (const struct q8_format *const *x = q8_formats; *x && n < sizeof what && f < sizeof formats;
         x++) {
        if ((*x)->stem)
            n += (size_t)snprintf(what + n, sizeof what - n, "%s%s%s nor %s%s" Q8_INDEX,
                                  n ? " nor " : "neither ", (*x)->stem, (*x)->suffix, (*x)->stem,
                                  (*x)->suffix);
        f += (size_t)snprintf(formats + f, sizeof formats - f, "%s%s", f ? ", " : "", (*x)->name);
    }
    if (n < sizeof what)
        (void)snprintf(what + n, sizeof what - n, " is there; q8 reads %s", formats);
    q8_explain_folder(m->dir, what, err);
    return false;
}

/* There are weights, but no config.json. */
static bool no_config(const struct q8_model *m, struct q8_err *err)
{
    char suffixes[100], shown[600];

    q8_explain_folder(m->dir, NULL, err);
    return !err->code && q8_fail(err, Q8_EINPUT,
                                 "%s: no config.json; to convert the weights alone, name the "
                                 "%s file",
                                 q8_text_escape(m->dir, shown, sizeof shown),
                                 q8_format_suffixes(suffixes, sizeof suffixes));
}

static bool read_config(struct q8_model *m, struct q8_arena *mem, struct q8_err *err)
{
    const char *path = q8_sprintf(mem, err, "%s/" Q8_CONFIG, m->dir);
    enum q8_there there = path ? look(path, err) : Q8_THERE_UNKNOWN;

    if (there == Q8_THERE_NOT)
        return have_weights(m, err) ? no_config(m, err) : !err->code && no_weights(m, err);
    if (there == Q8_THERE)
        there = q8_file_there(AT_FDCWD, path, 0, &m->config_stat, err);
    if (there != Q8_THERE)
        return there == Q8_THERE_NOT && q8_explain_absent(path, err);
    m->config = q8_file_text(path, CONFIG_LIMIT, &m->config_len, mem, err);
    if (!m->config)
        return false;
    m->config_root = q8_json_parse(m->config, m->config_len, err);
    if (m->config_root && m->config[strspn(m->config, " \t\r\n")] != '{')
        q8_fail(err, Q8_EINPUT, "expected a JSON object");
    return !err->code || q8_fail_in(err, path) || q8_explain_file(path, true, err);
}

/* All parts of the GGUF model in m->dir that the file of that name belongs to. */
static bool add_parts(struct q8_model *m, const char *leaf, struct q8_arena *mem,
                      struct q8_err *err)
{
    char first[Q8_GGUF_NAME], name[Q8_GGUF_NAME];
    const uint32_t parts = q8_gguf_parts(leaf, first);
    uint64_t room = 0;

    for (uint32_t i = 0; i < parts; i++) {
        q8_gguf_part(first, i, name);
        if (!q8_model_shard(m, parts > 1 ? name : leaf, &room, mem, err))
            return false;
    }
    return true;
}

/* The only GGUF model of a directory that has no other weights; *ret_found: there is one. */
static bool find_gguf(struct q8_model *m, bool *ret_found, struct q8_arena *mem, struct q8_err *err)
{
    char leaf[Q8_GGUF_NAME] = "";

    if (have_weights(m, err) || err->code)
        return !err->code;
    if (!q8_gguf_find(m->dir, leaf, err))
        return false;
    *ret_found = *leaf != 0;
    return !*leaf || add_parts(m, leaf, mem, err);
}

/* A directory: config.json and, of the first format that is there, one file or an index. */
static bool find_shards(struct q8_model *m, struct q8_placement *map, struct q8_arena *mem,
                        struct q8_err *err)
{
    const size_t dir = strlen(m->dir) + 1;
    bool found = false;
    uint64_t room = 0;

    if (!find_gguf(m, &found, mem, err) ||
        ((!found || q8_folder_has(m->dir, Q8_CONFIG, err) != Q8_THERE_NOT) &&
         !read_config(m, mem, err)))
        return false;
    for (const struct q8_format *const *x = q8_formats; !found && *x; x++) {
        if (!(*x)->stem)
            continue;
        const char *single = q8_sprintf(mem, err, "%s/%s%s", m->dir, (*x)->stem, (*x)->suffix);
        const char *index = single ? q8_sprintf(mem, err, "%s" Q8_INDEX, single) : NULL;
        enum q8_there there = index ? look(single, err) : Q8_THERE_UNKNOWN;

        if (there == Q8_THERE)
            return q8_model_shard(m, single + dir, &room, mem, err);
        if (there == Q8_THERE_NOT)
            there = look(index, err);
        if (there == Q8_THERE_NOT)
            continue;
        if (there == Q8_THERE_UNKNOWN)
            return false;
        m->index_name = index + dir;
        return q8_placement_read(map, m, index, mem, err) || q8_explain_file(index, true, err);
    }
    return found || no_weights(m, err);
}

/* One weight file, named directly. */
static bool find_bare(struct q8_model *m, struct q8_arena *mem, struct q8_err *err)
{
    const char *slash = strrchr(m->path, '/');

    if (!q8_format_of(m->path))
        return q8_explain_named(m->path, err);
    m->bare = true;
    m->dir = slash ? q8_strndup(mem, m->path, (uint64_t)(slash - m->path) + (slash == m->path), err)
                   : ".";
    return m->dir && add_parts(m, slash ? slash + 1 : m->path, mem, err);
}

static bool open_all(struct q8_model *m, struct q8_placement *map, struct q8_arena *mem,
                     struct q8_err *err)
{
    struct q8_index found = {0}; /* of one shard; its room serves all */
    enum q8_there there;
    struct stat st;
    bool ok;

    there = q8_file_there(AT_FDCWD, m->path, 0, &st, err);
    if (there != Q8_THERE)
        return there == Q8_THERE_NOT && q8_explain_absent(m->path, err);
    ok = S_ISDIR(st.st_mode) ? find_shards(m, map, mem, err) : find_bare(m, mem, err);
    for (uint32_t i = 0; ok && i < m->shards; i++)
        ok = open_shard(m, i, &found, mem, err);
    if (ok && !m->shard[0].format->stem)
        ok = q8_gguf_check_parts(m, err);
    if (!ok || !q8_model_unwrap(m, map, mem, err))
        return false;
    q8_index_sort(&m->index);
    return q8_placement_settle(map, m, mem, err) && q8_model_aliases(m, mem, err);
}

bool q8_model_open(struct q8_model *ret, const char *path, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_placement map = {0};
    bool ok;

    *ret = (struct q8_model){.path = path, .dir = path};
    q8_arena_init(&map.mem, mem->limit);
    ok = open_all(ret, &map, mem, err);
    q8_arena_clear(&map.mem);
    return ok;
}

void q8_model_close(struct q8_model *m)
{
    for (uint32_t i = 0; i < m->shards; i++)
        q8_file_close(&m->shard[i].file);
    q8_json_free(m->config_root);
    m->shards = 0;
    m->config_root = NULL;
}

const struct q8_index *q8_model_raw(const struct q8_model *m)
{
    return m->raw.count ? &m->raw : &m->index;
}

bool q8_model_read(const struct q8_model *m, const struct q8_tensor *t, uint64_t off, void *buf,
                   uint64_t n, struct q8_err *err)
{
    struct q8_source source = q8_file_source(&m->shard[t->shard].file);

    if (t->coded)
        source = (struct q8_source){t->nbytes, q8_coded_read, (void *)(uintptr_t)t->coded};
    return q8_tensor_read(&source, t, off, buf, n, err);
}

bool q8_model_fail(const struct q8_model *m, const struct q8_tensor *t, struct q8_err *err)
{
    char place[512], name[256];

    (void)snprintf(place, sizeof place, "%s: tensor '%s'", m->shard[t->shard].name,
                   q8_text_escape(t->name, name, sizeof name));
    return q8_fail_in(err, place);
}

bool q8_model_changed(const struct q8_model *m)
{
    for (uint32_t i = 0; i < m->shards; i++)
        if (q8_file_changed(&m->shard[i].file))
            return true;
    return false;
}

bool q8_model_same(const struct q8_model *m, struct q8_err *err)
{
    for (uint32_t i = 0; i < m->shards; i++)
        if (!q8_file_same(&m->shard[i].file, err))
            return false;
    return true;
}
