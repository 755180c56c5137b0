/* parts.c - the files of a GGUF model: one, or several parts that name each other */
#include "src/model/gguf/parts.h"

#include "src/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".gguf"
#define DIGITS 5
#define TAIL (sizeof "-00001-of-00002" SUFFIX - 1)
#define ENTRY_LIMIT 100000 /* files of a folder that are looked at */
#define SHOWN 4            /* names in a message */

/* The tail of a part's name; NULL: it is no part. */
static const char *find_tail(const char *leaf)
{
    static const char pattern[] = "-[0-9][0-9][0-9][0-9][0-9]-of-[0-9][0-9][0-9][0-9][0-9]" SUFFIX;
    const size_t length = strlen(leaf);

    return length > TAIL && length < Q8_GGUF_NAME && fnmatch(pattern, leaf + length - TAIL, 0) == 0
               ? leaf + length - TAIL
               : NULL;
}

uint32_t q8_gguf_parts(const char *leaf, char first[Q8_GGUF_NAME])
{
    const char *tail = find_tail(leaf);
    const unsigned long parts = tail ? strtoul(tail + sizeof "-00001-of-" - 1, NULL, 10) : 0;

    (void)snprintf(first, Q8_GGUF_NAME, "%s", leaf);
    if (parts < 2)
        return 1;
    q8_gguf_part(leaf, 0, first);
    return (uint32_t)parts;
}

void q8_gguf_part(const char *first, uint32_t i, char ret[Q8_GGUF_NAME])
{
    const char *tail = find_tail(first);

    if (tail)
        (void)snprintf(ret, Q8_GGUF_NAME, "%.*s-%05" PRIu32 "%s", (int)(tail - first), first, i + 1,
                       tail + 1 + DIGITS);
    else
        (void)snprintf(ret, Q8_GGUF_NAME, "%s", first);
}

/* Whether it is the first or only file of a model. */
static bool is_model(const char *leaf)
{
    static const char *const others[] = {"*mmproj*", "*imatrix*", ".*"};
    char first[Q8_GGUF_NAME];

    if (!q8_text_stem(leaf, SUFFIX) || strlen(leaf) >= Q8_GGUF_NAME)
        return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (fnmatch(others[i], leaf, FNM_CASEFOLD) == 0)
            return false;
    return q8_gguf_parts(leaf, first) == 1 || strcmp(leaf, first) == 0;
}

bool q8_gguf_find(const char *folder, char leaf[Q8_GGUF_NAME], struct q8_err *err)
{
    DIR *dir = opendir(folder);
    char names[600] = "", shown[120];
    unsigned found = 0, entries = 0;
    struct dirent *entry;

    *leaf = 0;
    if (!dir)
        return q8_fail_errno(err, "cannot read %s", q8_text_escape(folder, names, sizeof names));
    while (entries++ < ENTRY_LIMIT && (entry = readdir(dir))) {
        const size_t n = strlen(names);

        if (!is_model(entry->d_name))
            continue;
        if (found++ < SHOWN)
            (void)snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "",
                           q8_text_escape(entry->d_name, shown, sizeof shown));
        (void)snprintf(leaf, Q8_GGUF_NAME, "%s", entry->d_name);
    }
    (void)closedir(dir);
    return found <= 1 ||
           q8_fail(err, Q8_EUNSUPPORTED, "%s has %u GGUF models (%s%s): name one of them", folder,
                   found, names, found > SHOWN ? ", and more" : "");
}

const struct q8_value *q8_gguf_value(const struct q8_shard *shard, const char *key)
{
    for (uint64_t i = 0; i < shard->metas; i++)
        if (strcmp(shard->meta[i].key, key) == 0)
            return &shard->meta[i].value;
    return NULL;
}

/* A count of the file; UINT64_MAX: it says none. */
static uint64_t get_count(const struct q8_shard *shard, const char *key)
{
    const struct q8_value *v = q8_gguf_value(shard, key);

    if (v && v->type == Q8_META_I64 && v->i64 >= 0)
        return (uint64_t)v->i64;
    return v && v->type == Q8_META_U64 ? v->u64 : UINT64_MAX;
}

/* One part says that it is another, or none. */
static bool check_part(const struct q8_model *m, uint32_t i, struct q8_err *err)
{
    const struct q8_shard *shard = &m->shard[i];
    const uint64_t count = get_count(shard, "split.count"), no = get_count(shard, "split.no");
    const bool alone = count == UINT64_MAX || count <= 1;

    if (m->shards == 1 ? alone : count == m->shards && no == i)
        return true;
    if (m->shards == 1)
        return q8_fail(err, Q8_EINPUT,
                       "says that it is one of %" PRIu64 " parts, but its name is not that of one: "
                       "give it back the name that ends in -%05" PRIu64 "-of-%05" PRIu64 SUFFIX,
                       count, no == UINT64_MAX ? 1 : no + 1, count);
    if (alone)
        return q8_fail(err, Q8_EINPUT,
                       "is called part %" PRIu32 " of %" PRIu32 ", but says nothing of parts "
                       "(split.count): if it is whole, give it another name",
                       i + 1, m->shards);
    return q8_fail(err, Q8_EINPUT,
                   "is called part %" PRIu32 " of %" PRIu32 ", but says that it is part %" PRIu64
                   " of %" PRIu64 " (split.no, split.count)",
                   i + 1, m->shards, no == UINT64_MAX ? 0 : no + 1, count);
}

/* Each says how many tensors all of them have. */
static bool check_tensors(const struct q8_model *m, const struct q8_shard *shard,
                          struct q8_err *err)
{
    const uint64_t tensors = get_count(shard, "split.tensors.count");

    return m->shards == 1 || tensors == m->index.count ||
           q8_fail(err, Q8_EINPUT,
                   "all parts together have %" PRIu64 " tensors, and it says that they have "
                   "%" PRIu64 " (split.tensors.count)",
                   m->index.count, tensors);
}

bool q8_gguf_check_parts(const struct q8_model *m, struct q8_err *err)
{
    for (uint32_t i = 0; i < m->shards; i++)
        if (!check_part(m, i, err))
            return q8_fail_in(err, m->shard[i].file.path);
    for (uint32_t i = 0; i < m->shards; i++)
        if (!check_tensors(m, &m->shard[i], err))
            return q8_fail_in(err, m->shard[i].file.path);
    return true;
}
