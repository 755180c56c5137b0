/* select.h - the one pattern language: --skip, --only, --also, --use, --overrides */
#ifndef Q8_MODEL_SELECT_H
#define Q8_MODEL_SELECT_H

#include "src/pattern/regex.h"

/* What a pattern does to the modules that it matches. */
enum q8_verb { Q8_SKIP, Q8_ONLY, Q8_ALSO, Q8_USE, Q8_VERBS };

/* The word of a verb, a constant: "skip". */
const char *q8_verb_name(enum q8_verb verb);

/*
 * One pattern.  A full module name; a glob (glob.h) when it holds * ? or [; "re:" and a regex of
 * Python (src/pattern/regex.h) that must match the whole name.
 */
struct q8_pattern {
    enum q8_verb verb;  /* what it does */
    const char *text;   /* as the user wrote it, with "re:" */
    const char *target; /* Q8_USE: what the user wrote for a target's name; NULL for the others */
    const char *origin; /* for messages: "--skip", or "overrides.txt:12" */
    const struct q8_regex *regex; /* compiled, for "re:"; NULL otherwise */
    struct q8_regex_steps *steps; /* the select's; NULL without a regex */
    uint64_t matches;             /* modules matched so far */
    uint64_t taken; /* Q8_USE: of them, those that become int8 by it; the plan counts */
};

/* All patterns of a run, in the order given.  A zeroed struct has none.  Not for two threads. */
struct q8_select {
    struct q8_pattern *pattern;   /* [count], memory of the arena */
    uint64_t count, room;         /* patterns in use, patterns allocated */
    bool have_only;               /* at least one ONLY pattern */
    struct q8_regex_steps *steps; /* of all regexes; NULL: the first one brings them */
};

/*
 * Adds a pattern; `text` and `origin` are not copied.  For Q8_USE the text is "TARGET=PATTERN", or
 * white space in the place of the '='; any TARGET will do here.  Q8_EUSAGE when one of the two is
 * missing or the regex does not compile (with the reason), Q8_ELIMIT.
 */
bool q8_select_add(struct q8_select *s, enum q8_verb verb, const char *text, const char *origin,
                   struct q8_arena *mem, struct q8_err *err);

/*
 * Adds the patterns of a file: one per line, "skip PATTERN", "only PATTERN", "also PATTERN" or
 * "use TARGET PATTERN"; empty lines and lines that start with '#' are passed over; a '#' after
 * white space starts a comment.  Q8_EUSAGE names the line; a file of more than 1 MiB is Q8_ELIMIT.
 * The path is not copied.
 */
bool q8_select_file(struct q8_select *s, const char *path, struct q8_arena *mem,
                    struct q8_err *err);

/*
 * Whether the pattern matches that whole name.  Counts nothing: safe from several threads.
 * Q8_ELIMIT: a limit of src/pattern/regex.h, or memory.
 */
bool q8_pattern_ask(const struct q8_pattern *p, const char *module, bool *ret, struct q8_err *err);

/* What q8_select_lines hands each line to; `line` and `origin` stay, in the arena's memory. */
typedef bool (*q8_line_fn)(void *self, char *line, const char *origin, struct q8_err *err);

/*
 * Calls take(self, line, origin) for each line of a text file that q8_select_file would not pass
 * over, without comment and white space around it; origin is "path:number".  Ends at the first
 * false.  Q8_EUSAGE when the file holds a NUL, Q8_ELIMIT above 1 MiB, Q8_EIO.
 */
bool q8_select_lines(const char *path, q8_line_fn take, void *self, struct q8_arena *mem,
                     struct q8_err *err);

/* What the patterns say of one module. */
struct q8_choice {
    const struct q8_pattern *skip, *only, *also; /* the first that matched, NULL = none */
    struct q8_pattern *use;                      /* the same; its `taken` is the plan's to count */
};

/*
 * Asks every pattern about `module` and counts the matches.  The pointers are into s->pattern.
 * Q8_ELIMIT as in q8_pattern_ask.
 */
bool q8_select_ask(struct q8_select *s, const char *module, struct q8_choice *ret,
                   struct q8_err *err);

/*
 * After every module was asked: Q8_EUSAGE for the first pattern that matched nothing.  It offers
 * the pattern with more around it ('model.layers.0.*'), where that would match one of the `count`
 * names given by `name(self, i)`, else the three nearest; NULL: no such name.
 */
bool q8_select_check(const struct q8_select *s, uint64_t count,
                     const char *(*name)(void *self, uint64_t i), void *self, struct q8_err *err);

#define Q8_NEAREST 3 /* names that a message offers for one that is not there */

/*
 * "a, b, c": the names nearest to `text` of the `count` that name(self, i) gives, NULL: no such
 * name; "none" when there are none.  Escaped, each cut to 149 bytes; looks at the first 100,000.
 * Returns shown.
 */
char *q8_select_nearest(const char *text, uint64_t count,
                        const char *(*name)(void *self, uint64_t i), void *self,
                        char shown[Q8_NEAREST * 152]);

#endif
