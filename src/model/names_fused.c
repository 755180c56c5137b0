/* names_fused.c - how vLLM and SGLang look for modules of theirs in a list of names of the file */
#include "src/model/names_fused.h"

#include <string.h>

#define NAME_BYTES 4096 /* of a shard's name */

static const char *last_part(const char *module)
{
    const char *dot = strrchr(module, '.');

    return dot ? dot + 1 : module;
}

const char *q8_names_find_class(const struct q8_names *n, const char *class_name)
{
    for (uint64_t i = 0; i < n->plains; i++)
        if (strcasestr(class_name, n->plain[i]))
            return n->plain[i];
    for (uint64_t i = 0; i < n->regexes; i++)
        if (q8_names_matches(n, &n->regex[i], class_name))
            return n->regex[i].text;
    return NULL;
}

const char *q8_names_shard(const char *module, const struct q8_names_fused *fused, size_t i,
                           char *text, size_t size)
{
    const size_t length = strlen(fused->name), with = strlen(fused->shard[i]);
    size_t used = 0;

    while (*module) {
        const bool here = length && strncmp(module, fused->name, length) == 0;
        const char *piece = here ? fused->shard[i] : module;
        const size_t bytes = here ? with : 1;

        if (bytes >= size - used)
            return NULL;
        memcpy(text + used, piece, bytes);
        used += bytes;
        module += here ? length : 1;
    }
    text[used] = 0;
    return text;
}

enum q8_names_verdict q8_names_ask(const struct q8_names *n, const char *module,
                                   const struct q8_names_fused *fused)
{
    /* SGLang looks for a fused module itself among the plain names only */
    const bool sglang = n->rule == Q8_NAMES_SGLANG;
    size_t found = 0;

    if (!fused || strcmp(last_part(module), fused->name) != 0)
        return q8_names_find(n, module) ? Q8_NAMES_ALL : Q8_NAMES_NONE;
    if (sglang ? q8_names_has(n, module) : q8_names_find(n, module) != NULL)
        return Q8_NAMES_ALL;
    for (size_t i = 0; i < fused->shards; i++) {
        char name[NAME_BYTES];
        const char *shard = q8_names_shard(module, fused, i, name, sizeof name);

        found += shard && q8_names_find(n, shard);
    }
    if (found == 0)
        return Q8_NAMES_NONE;
    return found == fused->shards ? Q8_NAMES_ALL : Q8_NAMES_TORN;
}
