/*
 * names.c - what src/model/names.h says of lists and names, for judge_names.py to compare
 *
 * Reads lines of tab-separated words: RULE NAME FUSED ENTRY...  RULE is a number of enum
 * q8_names_rule; FUSED is empty, or "qkv_proj=q_proj,k_proj,v_proj"; an entry may be "".  Prints
 * for each "0", "1", "torn" or "unclear".
 */
#include "src/model/names_fused.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 64

/* Cuts the text at each of that character; returns how many words. */
static size_t cut(char *text, const char *at, char *word[WORDS])
{
    size_t count = 0;

    while (count < WORDS && (word[count] = strsep(&text, at)))
        count++;
    return count;
}

static const char *judge(struct q8_names *names, const char *module, char *fused)
{
    static const char *const words[] = {"0", "1", "torn"};
    char *part[WORDS], *shard[WORDS];
    struct q8_names_fused f = {0};
    const char *word;

    if (*fused) {
        cut(fused, "=", part);
        f = (struct q8_names_fused){part[0], (const char *const *)shard, cut(part[1], ",", shard)};
        word = words[q8_names_ask(names, module, &f)];
    } else {
        word = words[q8_names_find(names, module) != NULL];
    }
    return q8_names_unclear(names) ? "unclear" : word;
}

int main(void)
{
    char *line = NULL, *word[WORDS];
    size_t room = 0;

    while (getline(&line, &room, stdin) > 0) {
        struct q8_arena mem;
        struct q8_names names;
        struct q8_err err = {0};
        size_t count;

        line[strcspn(line, "\n")] = 0;
        count = cut(line, "\t", word);
        q8_arena_init(&mem, 1 << 20);
        if (count < 4 || !q8_names_of(&names, (const char *const *)word + 3, count - 3,
                                      (enum q8_names_rule)atoi(word[0]), &mem, &err)) {
            fprintf(stderr, "names: %s\n", err.text);
            return 1;
        }
        puts(judge(&names, word[1], word[2]));
        q8_arena_clear(&mem);
    }
    free(line);
    return 0;
}
