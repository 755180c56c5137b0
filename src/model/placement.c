/* placement.c - the index of several weight files, and what of it is true */
#include "src/model/model_parts.h"

#include "src/base/json_scan.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define METADATA_LIMIT                                                                             \
    (UINT64_C(1) << 20)       /* bytes of what an index says besides; real: under 100 */
#define MEMBER_LIMIT 256      /* how many things it says; real: 3 */
#define PIECE UINT64_C(65536) /* bytes of two copies that are compared at a time */

/* The shards of a model, as the map names them. */
struct shards {
    struct q8_model *m;
    uint64_t room;                    /* of m->shard */
    uint32_t by_name[Q8_SHARD_LIMIT]; /* the numbers of the m->shards that there are */
    struct q8_arena *mem;
};

/* The number of that shard, which is added when it is new. */
static bool find_shard(struct shards *l, const char *name, uint32_t *ret, struct q8_err *err)
{
    const struct q8_model *m = l->m;
    uint32_t low = 0, high = m->shards;
    int order = 1;

    while (low < high && order != 0) {
        const uint32_t middle = low + (high - low) / 2;

        order = strcmp(name, m->shard[l->by_name[middle]].name);
        *ret = l->by_name[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (order == 0)
        return true;
    if (!q8_model_shard(l->m, name, &l->room, l->mem, err))
        return false;
    *ret = m->shards - 1;
    memmove(l->by_name + low + 1, l->by_name + low, (*ret - low) * sizeof *l->by_name);
    l->by_name[low] = *ret;
    return true;
}

/* Puts the shards in the order of their names, and their new numbers into the map. */
static bool sort_shards(const struct shards *l, struct q8_placement *map, struct q8_err *err)
{
    const uint32_t count = l->m->shards;
    struct q8_shard *sorted = q8_alloc(l->mem, count, sizeof *sorted, err);
    uint32_t *now = q8_alloc(&map->mem, count, sizeof *now, err);

    if (!sorted || !now)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = l->m->shard[l->by_name[i]];
        now[l->by_name[i]] = i;
    }
    for (uint64_t i = 0; i < map->count; i++)
        map->entry[i].shard = now[map->entry[i].shard];
    l->m->shard = sorted;
    return true;
}

/* Reads {"tensor": "shard", ...}. */
static bool read_map(struct q8_placement *map, struct q8_model *m, struct q8_scan *s,
                     struct q8_arena *mem, struct q8_err *err)
{
    struct shards shards = {.m = m, .mem = mem};

    if (!q8_scan_open(s, '{'))
        return false;
    while (q8_scan_key(s)) {
        struct q8_placed *list =
            q8_grow(&map->mem, map->entry, map->count, &map->room, sizeof *list, err);

        if (!list)
            return false;
        map->entry = list;
        list[map->count].tensor = q8_strndup(&map->mem, s->text, s->length, err);
        if (!list[map->count].tensor || !q8_scan_string(s) ||
            !find_shard(&shards, s->text, &list[map->count].shard, err))
            return false;
        map->count++;
    }
    return !err->code && sort_shards(&shards, map, err);
}

/* The text of the next value, as it stands in the file. */
static char *take_value(struct q8_scan *s, struct q8_arena *mem, struct q8_err *err)
{
    uint64_t start;
    char *text;

    if (!q8_scan_peek(s))
        return NULL;
    start = s->at;
    if (!q8_scan_skip(s))
        return NULL;
    if (s->at - start > METADATA_LIMIT) {
        q8_fail(err, Q8_ELIMIT, "metadata of more than %" PRIu64 " bytes", METADATA_LIMIT);
        return NULL;
    }
    text = q8_alloc(mem, s->at - start + 1, 1, err);
    return text && s->source.read(s->source.self, start, text, s->at - start, err) ? text : NULL;
}

/* What stands beside total_size: total_parameters, and what other writers put there. */
static bool read_metadata(struct q8_model *m, struct q8_scan *s, struct q8_arena *mem,
                          struct q8_err *err)
{
    uint64_t room = 0;

    m->metadatas = 0; /* of two such objects, readers take the last */
    if (q8_scan_peek(s) != '{')
        return q8_scan_skip(s);
    if (!q8_scan_open(s, '{'))
        return false;
    while (q8_scan_key(s)) {
        struct q8_member *list = q8_grow(mem, m->metadata, m->metadatas, &room, sizeof *list, err);

        if (!list)
            return false;
        m->metadata = list;
        if (m->metadatas >= MEMBER_LIMIT)
            return q8_fail(err, Q8_ELIMIT, "metadata of more than %d members", MEMBER_LIMIT);
        list[m->metadatas].key = q8_strndup(mem, s->text, s->length, err);
        if (!list[m->metadatas].key || !(list[m->metadatas].text = take_value(s, mem, err)))
            return false;
        m->metadatas++;
    }
    return !err->code;
}

bool q8_placement_read(struct q8_placement *map, struct q8_model *m, const char *path,
                       struct q8_arena *mem, struct q8_err *err)
{
    struct q8_file file;
    struct q8_source source;
    struct q8_scan s;
    bool ok, have_map = false;

    if (!q8_file_open(&file, path, err))
        return false;
    source = q8_file_source(&file);
    ok = q8_scan_init(&s, &source, 0, &map->mem, err) && q8_scan_open(&s, '{');
    while (ok && q8_scan_key(&s)) {
        if (strcmp(s.text, "metadata") == 0) {
            ok = read_metadata(m, &s, mem, err);
        } else if (strcmp(s.text, "weight_map") != 0) {
            ok = q8_scan_skip(&s);
        } else if (have_map) {
            ok = q8_fail(err, Q8_EINPUT, "has two weight_map objects");
        } else {
            have_map = true;
            ok = read_map(map, m, &s, mem, err);
        }
    }
    ok = ok && !err->code && q8_scan_done(&s);
    if (ok && !map->count)
        ok = q8_fail(err, Q8_EINPUT, "has no weight_map, or an empty one");
    q8_file_close(&file);
    return ok || q8_fail_in(err, path);
}

/* ---- several copies of one tensor ---- */

/* "3 tensors", "1 tensor" */
#define TENSORS "%" PRIu64 " tensor%s"
#define COUNTED(tally) (tally).count, (tally).count == 1 ? "" : "s"

/* How often, and the first. */
struct tally {
    uint64_t count;
    const char *name, *shard, *other;
};

static void add_to(struct tally *tally, const char *name, const char *shard, const char *other)
{
    if (tally->count++ == 0)
        *tally = (struct tally){1, name, shard, other};
}

static int compare_placed(const void *a, const void *b)
{
    return strcmp(((const struct q8_placed *)a)->tensor, ((const struct q8_placed *)b)->tensor);
}

static const struct q8_placed *find_placed(const struct q8_placement *map, const char *tensor)
{
    const struct q8_placed wanted = {.tensor = tensor};

    return map->count ? bsearch(&wanted, map->entry, map->count, sizeof *map->entry, compare_placed)
                      : NULL;
}

/* Whether two tensors have one type, one shape and the same bytes. */
static bool compare_copies(const struct q8_model *m, const struct q8_tensor *a,
                           const struct q8_tensor *b, bool *ret, struct q8_err *err)
{
    unsigned char *piece;
    struct q8_arena own;

    *ret = a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dim, b->dim, a->rank * sizeof *a->dim) == 0;
    q8_arena_init(&own, 4 * PIECE);
    piece = q8_alloc(&own, 2, PIECE, err);
    for (uint64_t at = 0, n; piece && *ret && at < a->nbytes; at += n) {
        n = q8_min(PIECE, a->nbytes - at);
        if (!q8_model_read(m, a, at, piece, n, err) ||
            !q8_model_read(m, b, at, piece + PIECE, n, err))
            break;
        *ret = memcmp(piece, piece + PIECE, n) == 0;
    }
    q8_arena_clear(&own);
    return !err->code;
}

/* Of the copies [count], all of one name, the one that counts; NULL: an error. */
static const struct q8_tensor *choose(const struct q8_placement *map, const struct q8_model *m,
                                      const struct q8_tensor *copy, uint64_t count,
                                      struct tally tally[2], struct q8_err *err)
{
    const struct q8_placed *placed = find_placed(map, copy->name);
    const struct q8_tensor *ret = NULL, *other = NULL;
    bool same = true;
    char name[256];

    for (uint64_t i = 0; placed && !ret && i < count; i++)
        if (copy[i].shard == placed->shard)
            ret = &copy[i];
    for (uint64_t i = 0; same && i < count; i++) {
        if (&copy[i] == (ret ? ret : copy))
            continue;
        other = &copy[i];
        if (!compare_copies(m, ret ? ret : copy, other, &same, err))
            return NULL;
    }
    if (!ret && !same) {
        q8_fail(err, Q8_EINPUT,
                "%s: tensor '%s' is in %s too, with other values, and no index says which counts",
                m->shard[copy->shard].name, q8_text_escape(copy->name, name, sizeof name),
                m->shard[other->shard].name);
        return NULL;
    }
    if (!ret)
        ret = copy;
    add_to(&tally[same], ret->name, m->shard[ret->shard].name, m->shard[other->shard].name);
    return ret;
}

/* Keeps one tensor of each name. */
static bool drop_copies(const struct q8_placement *map, struct q8_model *m, struct q8_arena *mem,
                        struct q8_err *err)
{
    struct q8_tensor *t = m->index.tensor;
    struct tally tally[2] = {{0}}; /* other bytes, the same bytes */
    uint64_t kept = 0, end;
    char name[256];

    for (uint64_t i = 0; i < m->index.count; i = end) {
        const struct q8_tensor *one = &t[i];

        for (end = i + 1; end < m->index.count && strcmp(t[end].name, t[i].name) == 0;)
            end++;
        if (end - i > 1 && !(one = choose(map, m, &t[i], end - i, tally, err)))
            return false;
        t[kept++] = *one;
    }
    m->index.count = kept;
    if (tally[true].count &&
        !q8_model_note(m, mem, err,
                       TENSORS
                       " in more than one shard, '%s' in %s and %s for one: the bytes are the "
                       "same, and count once",
                       COUNTED(tally[true]), q8_text_escape(tally[true].name, name, sizeof name),
                       tally[true].shard, tally[true].other))
        return false;
    return !tally[false].count ||
           q8_model_note(m, mem, err,
                         TENSORS
                         " in more than one shard with different values: %s decides, and '%s' "
                         "is that of %s, not of %s",
                         COUNTED(tally[false]), m->index_name,
                         q8_text_escape(tally[false].name, name, sizeof name), tally[false].shard,
                         tally[false].other);
}

/* ---- what the map says of them ---- */

/* Every line of the map; those that are not true are told of. */
static bool check_map(const struct q8_placement *map, struct q8_model *m, unsigned char *named,
                      struct q8_arena *mem, struct q8_err *err)
{
    struct tally absent = {0}, moved = {0};
    char name[256];

    for (uint64_t i = 0; i < map->count; i++) {
        const struct q8_placed *line = &map->entry[i];
        const struct q8_tensor *t = q8_index_find(&m->index, line->tensor);
        const char *said = m->shard[line->shard].name;

        if (i > 0 && strcmp(line[-1].tensor, line->tensor) == 0)
            return q8_fail(err, Q8_EINPUT, "%s: tensor '%s' is named twice", m->index_name,
                           q8_text_escape(line->tensor, name, sizeof name));
        if (!t)
            add_to(&absent, line->tensor, said, NULL);
        else if (t->shard != line->shard)
            add_to(&moved, line->tensor, said, m->shard[t->shard].name);
        if (t)
            named[t - m->index.tensor] = 1;
    }
    if (absent.count &&
        !q8_model_note(m, mem, err,
                       "%s names " TENSORS
                       " that no shard has, '%s' in %s for one: passed over; is the "
                       "download whole?",
                       m->index_name, COUNTED(absent),
                       q8_text_escape(absent.name, name, sizeof name), absent.shard))
        return false;
    return !moved.count ||
           q8_model_note(m, mem, err,
                         "%s is wrong about " TENSORS
                         ": '%s' for one should be in %s and is taken from "
                         "%s",
                         m->index_name, COUNTED(moved),
                         q8_text_escape(moved.name, name, sizeof name), moved.shard, moved.other);
}

bool q8_placement_settle(struct q8_placement *map, struct q8_model *m, struct q8_arena *mem,
                         struct q8_err *err)
{
    unsigned char *named = q8_alloc(&map->mem, m->index.count, 1, err);

    if (map->count)
        qsort(map->entry, map->count, sizeof *map->entry, compare_placed);
    if (!named || !drop_copies(map, m, mem, err) || !check_map(map, m, named, mem, err))
        return false;
    for (uint64_t i = 0; m->index_name && i < m->index.count; i++)
        if (!named[i] && m->strays++ == 0)
            m->stray = m->index.tensor[i].name;
    return true;
}
