/* regex.h - regular expressions as Python's re has them, matched by PCRE2 within limits */
#ifndef Q8_PATTERN_REGEX_H
#define Q8_PATTERN_REGEX_H

#include "src/base/arena.h"

#include <stdatomic.h>

/*
 * Limits.  Patterns come from config.json too, and a short one can ask for more time than there is.
 * A step is what PCRE2 counts against its match limit.
 */
#define Q8_REGEX_BYTES 16384                   /* of a pattern */
#define Q8_REGEX_NESTED 100                    /* parentheses within each other */
#define Q8_REGEX_GROUPS 100                    /* that capture */
#define Q8_REGEX_STEPS (1u << 20)              /* for one text; some 20 ms */
#define Q8_REGEX_ALL_STEPS (UINT64_C(1) << 32) /* for all patterns and texts that count together */
#define Q8_REGEX_CHOICES 100000                /* open at once: places to go back to */
#define Q8_REGEX_HEAP_KIB 16384                /* for them */

/* A compiled pattern: memory of an arena, nothing to close. */
struct q8_regex;

/* Where a match has to end; it starts where the text does. */
enum q8_regex_end {
    Q8_REGEX_ANYWHERE, /* re.match */
    Q8_REGEX_WHOLE     /* re.fullmatch */
};

/* Steps that patterns which count together have taken; zeroed = none.  From any thread. */
struct q8_regex_steps {
    _Atomic uint64_t taken;
};

/* What matching says.  All but the first two are failures, and never mean "does not match". */
enum q8_regex_answer {
    Q8_REGEX_NO,
    Q8_REGEX_YES,
    Q8_REGEX_STOPPED, /* by a limit for one text */
    Q8_REGEX_TIRED,   /* by Q8_REGEX_ALL_STEPS */
    Q8_REGEX_MEMORY   /* there is none */
};

/*
 * Compiles what Python 3.11 takes for a str pattern.  Q8_EUSAGE, with the position in bytes, when
 * Python refuses it, when it says something that PCRE2 cannot (\N{...}, [[:alpha:]], (?i) beyond
 * ASCII, references in a look-behind) or when it is beyond a limit; Q8_ELIMIT without memory.
 * Differs from Python in the version of Unicode.
 */
struct q8_regex *q8_regex_open(const char *python, enum q8_regex_end end, struct q8_arena *mem,
                               struct q8_err *err);

/*
 * Whether the text matches.  Bytes that are not UTF-8 stand for one U+FFFD each.  The answer is the
 * same on every machine, whatever its speed.  From any thread.
 */
enum q8_regex_answer q8_regex_match(const struct q8_regex *r, const char *text,
                                    struct q8_regex_steps *steps);

/* What failed, for messages: "needs more than 1048576 steps"; NULL for the first two. */
const char *q8_regex_reason(enum q8_regex_answer answer);

#endif
