/*
 * plan_fence.c - holds a list of float modules against the rules of its readers
 *
 * No entry may match an int8 module (src/model/names.h has the rules), and each float Linear needs
 * one that does.  An entry that would is fenced: made a regex that matches its own name only.
 */
#include "src/convert/plan_parts.h"

#include "src/base/text.h"
#include "src/model/names.h"

#include <string.h>

#define ROUNDS 8 /* in which entries that clash are fenced; then all that are left */

/* Who reads the list of float modules, and what stands around a name as a regex. */
static const struct reader {
    enum q8_names_rule rule[2];
    const char *fence[2];
} readers[Q8_LAYOUTS] = {
    [Q8_LAYOUT_BNB] = {{Q8_NAMES_TRANSFORMERS, Q8_NAMES_SGLANG_BNB}, {"^", "$"}},
    [Q8_LAYOUT_PLAIN] = {{Q8_NAMES_COMPRESSED, Q8_NAMES_SGLANG}, {"re:^", "$"}},
    [Q8_LAYOUT_PACKED] = {{Q8_NAMES_COMPRESSED, Q8_NAMES_SGLANG}, {"re:^", "$"}},
};

/* A list on its way. */
struct fences {
    const struct reader *reader;
    const struct q8_plan_sides *sides;
    struct q8_name_set *open; /* entries that are names, sorted */
    struct q8_name_set fenced;
};

/* The entry as a regex that matches that name and, where it stands for a subtree, what is below. */
static const char *fence(const struct fences *f, const char *entry, struct q8_arena *mem,
                         struct q8_err *err)
{
    const size_t length = strlen(entry), front = strlen(f->reader->fence[0]);
    char *text = q8_alloc(mem, front + 2 * length + 2, 1, err);
    size_t used = front;

    if (!text)
        return NULL;
    memcpy(text, f->reader->fence[0], front);
    for (size_t i = 0; i < length; i++) {
        if (strchr("\\.[]{}()*+?^$|", entry[i]))
            text[used++] = '\\';
        text[used++] = entry[i];
    }
    if (q8_name_set_has(&f->sides->kept, entry))
        strcpy(text + used, f->reader->fence[1]);
    return text;
}

/* Whether the reader takes the entry for something else than the name that it is. */
static bool is_misread(const struct reader *reader, const char *entry)
{
    if (reader->rule[0] == Q8_NAMES_TRANSFORMERS)
        return strpbrk(entry, "\\[]{}()*+?^$|") != NULL;
    return strncmp(entry, "re:", 3) == 0;
}

/* Marks the entries that match an int8 module by one of the rules: one of them for each module. */
static bool mark_clashes(const struct fences *f, bool *mark, struct q8_arena *mem,
                         struct q8_err *err)
{
    bool ok = true;

    for (int r = 0; ok && r < 2; r++) {
        struct q8_names names;

        ok = q8_names_of(&names, f->open->name, f->open->count, f->reader->rule[r], mem, err);
        for (uint64_t i = 0; ok && i < f->sides->int8.count; i++) {
            const char *entry = q8_names_find(&names, f->sides->int8.name[i]);

            if (entry)
                mark[q8_name_set_first(f->open, entry, strlen(entry) + 1)] = true;
        }
    }
    return ok;
}

/* Takes the marked entries out, and puts them among the others as regexes. */
static bool move_marked(struct fences *f, const bool *mark, struct q8_arena *mem,
                        struct q8_err *err)
{
    uint64_t left = 0;

    for (uint64_t i = 0; i < f->open->count; i++) {
        const char *text;

        if (!mark[i]) {
            f->open->name[left++] = f->open->name[i];
            continue;
        }
        text = fence(f, f->open->name[i], mem, err);
        if (!text || !q8_name_set_put(&f->fenced, text, mem, err))
            return false;
    }
    f->open->count = left;
    return true;
}

/* Makes regexes of entries that would match an int8 module, or that would be read otherwise. */
static bool fence_clashes(struct fences *f, struct q8_arena *mem, struct q8_err *err)
{
    bool *mark = q8_alloc(mem, f->open->count, sizeof *mark, err);
    uint64_t before;

    for (uint64_t i = 0; mark && i < f->open->count; i++)
        mark[i] = is_misread(f->reader, f->open->name[i]);
    if (!mark || !move_marked(f, mark, mem, err))
        return false;
    for (int round = 0; round == 0 || f->open->count < before; round++) {
        before = f->open->count;
        memset(mark, round >= ROUNDS, before * sizeof *mark);
        if (!mark_clashes(f, mark, mem, err) || !move_marked(f, mark, mem, err))
            return false;
    }
    for (uint64_t i = 0; i < f->fenced.count; i++)
        if (!q8_name_set_put(f->open, f->fenced.name[i], mem, err))
            return false;
    q8_name_set_sort(f->open, 1);
    return true;
}

/* Whether each float Linear has an entry, for the reader that goes by names alone. */
static bool check_kept(const struct fences *f, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_name_set *kept = &f->sides->kept;
    struct q8_names names;
    char shown[256];
    bool ok = q8_names_of(&names, f->open->name, f->open->count, f->reader->rule[0], mem, err);

    for (uint64_t i = 0; ok && !q8_names_unclear(&names) && i < kept->count; i++)
        if (!q8_names_find(&names, kept->name[i]))
            ok = q8_fail(err, Q8_EUNSUPPORTED,
                         "'%s' stays float, but quantization_config has no way to say so",
                         q8_text_escape(kept->name[i], shown, sizeof shown));
    return ok;
}

bool q8_plan_fence(struct q8_name_set *entries, enum q8_layout layout,
                   const struct q8_plan_sides *sides, struct q8_arena *mem, struct q8_err *err)
{
    struct fences f = {.reader = &readers[layout], .sides = sides, .open = entries};

    return fence_clashes(&f, mem, err) && check_kept(&f, mem, err) && !err->code;
}
