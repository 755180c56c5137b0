/*
 * regex.c - what src/pattern/regex.h says of patterns and texts, for judge_regex.py to compare
 *
 * Reads lines "END PATTERN TEXT...", all but END in hexadecimal; END is a number of enum
 * q8_regex_end.  Prints a letter for each text: "0", "1", "s" (stopped), "t" (tired), "m" (no
 * memory); or "-" and the reason why the pattern is refused.
 */
#include "src/pattern/regex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decodes a word in place. */
static char *decode(char *word)
{
    size_t n = 0;

    for (const char *p = word; p[0] && p[1]; p += 2) {
        const char digits[] = {p[0], p[1], 0};

        word[n++] = (char)strtol(digits, NULL, 16);
    }
    word[n] = 0;
    return word;
}

static void judge(char *line)
{
    const enum q8_regex_end end = (enum q8_regex_end)atoi(strsep(&line, " "));
    char *pattern = decode(strsep(&line, " "));
    struct q8_regex_steps steps = {0};
    struct q8_err err = {0};
    struct q8_arena mem;
    const struct q8_regex *r;

    q8_arena_init(&mem, 8 << 20);
    r = q8_regex_open(pattern, end, &mem, &err);
    while (r && line)
        putchar("01stm"[q8_regex_match(r, decode(strsep(&line, " ")), &steps)]);
    if (!r)
        printf("-%s", err.text);
    putchar('\n');
    q8_arena_clear(&mem);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = 0;
        judge(line);
    }
    free(line);
    return 0;
}
