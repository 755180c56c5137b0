/* wrapped.c - what wrappers of PyTorch put into the names of tensors */
#include "src/model/model_parts.h"

#include "src/base/json.h"
#include "src/base/text.h"
#include "src/model/unfinished.h"
#include "src/model/weights.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What wrappers put in front of every name. */
enum { DDP, PEFT, LIGHTNING, FRONTS };
static const char *const fronts[] = {
    [DDP] = "module.", [PEFT] = "base_model.model.", [LIGHTNING] = "model."};

/* What wrappers of PyTorch call the module in them, and no class calls one of its own. */
static const char *const wrappers[] = {"_orig_mod.", "_fsdp_wrapped_module.",
                                       "_checkpoint_wrapped_module.", "_forward_module."};

/* Whether all names begin so, and have more. */
static bool all_begin(const struct q8_model *m, const char *front)
{
    const size_t length = strlen(front);

    for (uint64_t i = 0; i < m->index.count; i++)
        if (!q8_text_starts(m->index.tensor[i].name, front) || !m->index.tensor[i].name[length])
            return false;
    return m->index.count > 0;
}

/* Whether a head of the class, which is at its root, stands behind that front. */
static bool has_head_behind(const struct q8_model *m, const struct q8_arch *arch, const char *front)
{
    const char *head = arch->known ? q8_arch_head(arch, 0) : NULL;
    const size_t length = strlen(front);

    for (uint64_t i = 0; head && i < m->index.count; i++) {
        const char *name = m->index.tensor[i].name;
        const size_t stem = q8_weight_stem(name);

        if (stem == length + strlen(head) && strncmp(name + length, head, strlen(head)) == 0)
            return true;
    }
    return false;
}

/* Takes that front off every name that has it, of tensors and lines of the index. */
static void drop_front(struct q8_model *m, struct q8_placement *map, const char *front)
{
    const size_t length = strlen(front);

    for (uint64_t i = 0; i < m->index.count; i++)
        m->index.tensor[i].name += length;
    for (uint64_t i = 0; i < map->count; i++)
        if (q8_text_starts(map->entry[i].tensor, front))
            map->entry[i].tensor += length;
}

/* The name without any wrapper in it; NULL: Q8_ELIMIT. */
static const char *unwrap(const char *name, struct q8_arena *mem, struct q8_err *err)
{
    char *ret = NULL;

    for (size_t i = 0; i < COUNT(wrappers); i++) {
        const size_t length = strlen(wrappers[i]);
        char *at;

        if (!strstr(name, wrappers[i]))
            continue;
        name = ret = ret ? ret : q8_strndup(mem, name, strlen(name), err);
        for (char *from = ret; from && (at = strstr(from, wrappers[i])); from = at) {
            if (at == ret || at[-1] == '.')
                memmove(at, at + length, strlen(at + length) + 1);
            else
                at++;
        }
        if (!ret)
            return NULL;
    }
    return name;
}

/* Wrappers around the whole and around layers of it. */
static bool drop_wrappers(struct q8_model *m, struct q8_placement *map, struct q8_arena *mem,
                          struct q8_err *err)
{
    const char *first = NULL;
    char shown[256];

    for (uint64_t i = 0; i < m->index.count; i++) {
        const char *name = unwrap(m->index.tensor[i].name, mem, err);

        if (!name)
            return false;
        if (!first && name != m->index.tensor[i].name)
            first = m->index.tensor[i].name;
        m->index.tensor[i].name = name;
    }
    for (uint64_t i = 0; i < map->count; i++)
        if (!(map->entry[i].tensor = unwrap(map->entry[i].tensor, &map->mem, err)))
            return false;
    return !first || q8_model_note(m, mem, err,
                                   "names such as '%s' have the words of a wrapper of PyTorch in "
                                   "them: those are left out",
                                   q8_text_escape(first, shown, sizeof shown));
}

bool q8_model_unwrap(struct q8_model *m, struct q8_placement *map, struct q8_arena *mem,
                     struct q8_err *err)
{
    struct q8_arch arch;

    if (!drop_wrappers(m, map, mem, err))
        return false;
    for (uint64_t i = 0; i < m->index.count; i++)
        if (q8_unfinished_adapter(
                m->index.tensor[i].name)) /* refused later, under the names of the file */
            return true;
    q8_model_arch(&arch, m);
    for (int i = DDP; i < FRONTS; i++) {
        /* code of the model's own may call a module so */
        if (!all_begin(m, fronts[i]) ||
            (i == DDP && !arch.known && q8_json_get(m->config_root, "auto_map")) ||
            (i == LIGHTNING && !has_head_behind(m, &arch, fronts[i])))
            continue;
        drop_front(m, map, fronts[i]);
        if (!q8_model_note(m, mem, err,
                           "all names begin with '%s', which a wrapper put there: it is left out",
                           fronts[i]))
            return false;
    }
    return true;
}
