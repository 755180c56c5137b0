/* names.h - lists of module names in a quantization_config, matched as their readers match them */
#ifndef Q8_MODEL_NAMES_H
#define Q8_MODEL_NAMES_H

#include "src/pattern/regex.h"

struct cJSON;

/* Who reads the list.  tests/oracle/judge_names.py asks each reader's own function. */
enum q8_names_rule {
    /*
     * transformers 5.23, quantizers/quantizers_utils.py, should_convert_module: a Python regex that
     * matches from the start of the name up to a dot or the end, or the tail of the name as it is.
     */
    Q8_NAMES_TRANSFORMERS,
    /*
     * compressed-tensors 0.20.0, utils/match.py, match_name: the whole name; or "re:" and a Python
     * regex that matches from the start, not always up to the end.
     */
    Q8_NAMES_COMPRESSED,
    /*
     * vLLM 0.33.0, layers/quantization/utils/config_utils.py, is_equal_or_regex_match: the same.
     * It renames what has a dot and is no regex as it renames tensors, before it looks
     * (compressed_tensors.py, apply_vllm_mapper).  So are the targets of SGLang 0.5.23 read, but
     * for those of heads.
     */
    Q8_NAMES_VLLM,
    /*
     * SGLang 0.5.23, layers/quantization/compressed_tensors/utils.py, check_equal_or_regex_match,
     * for `ignore` and for heads: the same, or what follows a dot in the name, to its end.
     */
    Q8_NAMES_SGLANG,
    /*
     * SGLang 0.5.23, layers/quantization/bitsandbytes.py, is_layer_skipped_bnb: the name, the start
     * of it up to a dot, or one part between dots.  There are no regexes.
     */
    Q8_NAMES_SGLANG_BNB
};

/* A regex of a list. */
struct q8_name_regex {
    const char *text;                /* the entry */
    const struct q8_regex *compiled; /* NULL: a limit stopped it */
};

/* What asking changes. */
struct q8_names_state {
    struct q8_regex_steps steps; /* of this list */
    const char *unclear;         /* an entry that q8 cannot judge; NULL: there is none */
    struct q8_err *err;          /* of q8_names_init */
};

/* A list of names.  Not for two threads. */
struct q8_names {
    enum q8_names_rule rule;      /* who reads it */
    const char **plain;           /* [plains] entries that are no regex, sorted */
    const char **tail;            /* [plains] the same, sorted from their ends; NULL: not needed */
    uint64_t plains, plain_room;  /* in use, allocated */
    struct q8_name_regex *regex;  /* [regexes], sorted by text */
    uint64_t regexes, regex_room; /* in use, allocated */
    struct q8_regex_steps *steps; /* that the regexes take; another list's, to count together */
    struct q8_names_state *state; /* NULL in a zeroed struct, which is an empty list */
};

/*
 * Takes the strings of a JSON array; elements that are none are passed over, and what is no array
 * is an empty list.  Entries are the document's, the rest is `mem`'s.  Q8_ELIMIT.
 *
 * A regex that src/pattern/regex.h refuses, or the 1,001st, makes the list unclear, without error.
 * So does one that a limit stops while names are asked for.  Where there is no memory then, it is
 * `err` that says so: it has to outlive the list, and to be looked at after the last question.
 */
bool q8_names_init(struct q8_names *ret, const struct cJSON *list, enum q8_names_rule rule,
                   struct q8_arena *mem, struct q8_err *err);

/* The same of `count` strings, which are not copied. */
bool q8_names_of(struct q8_names *ret, const char *const *entry, uint64_t count,
                 enum q8_names_rule rule, struct q8_arena *mem, struct q8_err *err);

/*
 * An entry that matches the module: plain ones go first, then the first regex; NULL = none.  A dot
 * of a plain entry is any character for transformers; so it is in lists of up to 1,000 names.
 */
const char *q8_names_find(const struct q8_names *names, const char *module);

/* Whether that very text is an entry and no regex: a class, "Linear". */
bool q8_names_has(const struct q8_names *names, const char *text);

/* Whether a regex matches that text by the rule of the list; what fails makes the list unclear. */
bool q8_names_matches(const struct q8_names *names, struct q8_name_regex *regex, const char *text);

/* An entry that q8 could not judge: what was not found may be there.  NULL: there is none. */
const char *q8_names_unclear(const struct q8_names *names);

#endif
