/* regex_parts.h - the pieces of regex.h: how a pattern of Python's re becomes one of PCRE2 */
#ifndef Q8_PATTERN_REGEX_PARTS_H
#define Q8_PATTERN_REGEX_PARTS_H

#include "src/pattern/regex.h"

/* A pattern of Python's, translated. */
struct q8_regex_pcre2 {
    const char *text;   /* for PCRE2 (UTF, newline LF, PCRE2_ALT_CIRCUMFLEX) */
    const char *needed; /* characters in a row that whatever matches holds, "" = none known */
};

/*
 * The PCRE2 pattern that matches what the Python one does, in memory of the arena.  Q8_EUSAGE where
 * there is none, Q8_ELIMIT.  It holds nothing that Python does not have: no verbs, calls, callouts,
 * \K, \C.
 */
bool q8_regex_translate(struct q8_regex_pcre2 *ret, const char *python, struct q8_arena *mem,
                        struct q8_err *err);

/* Flags of Python that hold at some place: (?i), (?m), (?s), (?x), (?a). */
enum { Q8_REGEX_I = 1, Q8_REGEX_M = 2, Q8_REGEX_S = 4, Q8_REGEX_X = 8, Q8_REGEX_A = 16 };

/* What a quantifier finds in front of it. */
enum q8_regex_item { Q8_REGEX_NONE, Q8_REGEX_PLACE, Q8_REGEX_ATOM, Q8_REGEX_REPEAT };

/* How many characters something matches; Q8_REGEX_WIDE: more than anyone counts. */
struct q8_regex_width {
    uint32_t least, most;
};
#define Q8_REGEX_WIDE (1u << 20)

enum q8_regex_kind {
    Q8_REGEX_PLAIN,
    Q8_REGEX_CAPTURE,
    Q8_REGEX_AHEAD,
    Q8_REGEX_BEHIND,
    Q8_REGEX_CONDITION
};

/* A pair of parentheses that is open, or the whole pattern. */
struct q8_regex_group {
    enum q8_regex_kind kind;
    const char *start;                    /* its '(' */
    unsigned number;                      /* of a capture, from 1 */
    unsigned flags;                       /* that held in front of it */
    unsigned bars;                        /* '|' so far */
    enum q8_regex_item last;              /* the item that came last in this branch */
    struct q8_regex_width width;          /* of that */
    struct q8_regex_width before, others; /* of what is in front of it, of the other branches */
};

/* A pattern that is being read, and what is written of it. */
struct q8_regex_reader {
    const char *start, *at; /* the pattern, and the place in it */
    char *out;              /* [size] */
    size_t used, size;
    struct q8_regex_group group[Q8_REGEX_NESTED + 1]; /* [depth + 1], the whole pattern first */
    unsigned depth, behind;                /* open groups; how many of them are look-behinds */
    const char *name[Q8_REGEX_GROUPS + 1]; /* [captures + 1] of the pattern; NULL: it has none */
    bool closed[Q8_REGEX_GROUPS + 1];
    unsigned captures;
    unsigned flags; /* that hold here */
    /* Literals in a row that no match is without: at depth `top`, where "(?:" may come first */
    unsigned top;
    bool in_run, closed_top; /* the last item is such a literal; the group that came first */
    bool open_choice;        /* branches at the top: nothing is needed */
    char *run, *needed;      /* [run_used] that row; [needed_used] the longest, and a NUL */
    size_t run_used, needed_used, last_used; /* last_used: without the last character */
    struct q8_err *err;
};

/* Writes in printf style. */
bool q8_regex_put(struct q8_regex_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Q8_EUSAGE: "REASON at position N", the place in the pattern.  Returns false. */
bool q8_regex_fail(struct q8_regex_reader *r, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Notes an item of that width. */
void q8_regex_add(struct q8_regex_reader *r, enum q8_regex_item item, uint32_t least,
                  uint32_t most);

/* Notes a literal and writes it. */
bool q8_regex_literal(struct q8_regex_reader *r, uint32_t c);

/* regex_escape.c: writes one character, or a number for it. */
bool q8_regex_character(struct q8_regex_reader *r, uint32_t c);

/* regex_escape.c: reads from a backslash or a '[' on to behind the item. */
bool q8_regex_escape(struct q8_regex_reader *r);
bool q8_regex_set(struct q8_regex_reader *r);

/* regex_group.c: reads from a '(' on to behind what it begins with, "(?P<name>". */
bool q8_regex_open_group(struct q8_regex_reader *r);

/* regex_escape.c: notes a reference to a capture; `at` is its place in the pattern. */
bool q8_regex_refer(struct q8_regex_reader *r, const char *at, unsigned number);

#endif
