/* diagnose_parts.h - what the files of the diagnosis share */
#ifndef Q8_VERIFY_DIAGNOSE_DIAGNOSE_PARTS_H
#define Q8_VERIFY_DIAGNOSE_DIAGNOSE_PARTS_H

#include "src/verify/diagnose/diagnose.h"
#include "src/scheme/expected.h"

/* What codes are held against.  The first two are those that count for the order of rows. */
enum q8_basis {
    Q8_BASIS_RULE,           /* the rule with the expected scales */
    Q8_BASIS_LIBRARY,        /* llm-compressor's own; of bitsandbytes: ties count as the rule's */
    Q8_BASIS_STORED,         /* the rule with the stored scales */
    Q8_BASIS_STORED_LIBRARY, /* llm-compressor's own rule with those */
    Q8_BASES
};

#define Q8_ORDERED 2 /* bases that digests are kept of */

/* How codes differ from one basis.  "Off": not equal, and not the other side of a tie. */
struct q8_code_survey {
    uint64_t off;            /* codes that are */
    uint64_t by_one, by_two; /* of them, by 1; by 1 or 2 */
    uint64_t zero;           /* of them, stored as 0 */
    uint64_t unsign;         /* of them, expected ^ 0x80 */
    uint64_t rows;           /* that they are in */
    uint64_t negated_rows;   /* of those, with every code of the other sign */
    uint64_t negated;        /* codes that are off in such rows */
    bool clipped;            /* all of them are nearer to 0, where `low` or `high` ends them */
    int low, high;     /* codes that the negative and positive ones have; 0: none of the two */
    int most;          /* largest difference */
    uint64_t row, col; /* the first */
    int want, have;    /* its expected and its stored code */
    uint64_t last_row; /* the last that has one */
    uint64_t least_col, most_col; /* columns that they are in */
};

/* A scale that is not as expected. */
struct q8_scale_off {
    uint64_t row, group; /* where */
    float want, have;    /* expected, stored */
};

/* How scales differ from what is expected. */
struct q8_scale_survey {
    uint64_t all, live;           /* scales; those of groups that are not all zeros */
    uint64_t off, ulps;           /* not equal; of those, by the last bit of their type */
    struct q8_scale_off first[2]; /* two of them */
    double low, high;             /* factors that explain each live scale; empty: low > high */
};

/* How a list stands to the one that was expected. */
enum q8_order_kind {
    Q8_ORDER_SAME,
    Q8_ORDER_SWAPPED,  /* two are */
    Q8_ORDER_SHIFTED,  /* all from some item on */
    Q8_ORDER_PERMUTED, /* the same ones, otherwise */
    Q8_ORDER_OTHER
};

/* And how exactly. */
struct q8_order {
    enum q8_order_kind kind;
    uint64_t out;   /* how many are not in their place */
    uint64_t first; /* the first that is not; of a shift: the first expected one that moved */
    uint64_t last;  /* the last */
    uint64_t by;    /* of a shift: how far */
    bool up;        /* of a shift: towards the first item */
    bool whole;     /* the same items, none lost */
};

/* One pass over an int8 weight and a reference of its shape, and what it needs. */
struct q8_survey {
    struct q8_verify *v;            /* the caller's */
    const struct q8_stored *stored; /* the int8 weight */
    struct q8_view view;            /* the reference */
    struct q8_pool *pool;           /* asked whether to stop; the caller sets it */
    struct q8_arena mem;            /* holds all of it */
    struct q8_walk walk;            /* reads the reference */
    struct q8_decoder decoder;      /* reads the codes and scales */
    struct q8_expected expect;      /* what they should be */
    uint64_t tile;                  /* rows that are read at a time */
    float *want_scale;              /* [tile, groups] expected */
    float *have_scale;              /* [tile, groups] stored */
    int8_t *want;                   /* [tile, cols] codes of a basis */
    float dead;                     /* expected scale of a group of zeros */
    uint64_t *key; /* [cols] what a code of that column counts in its row's digest */

    /* Digests: 0 for a row or column of zeros.  A row's is that of a column of the same codes. */
    uint64_t *row_want[Q8_ORDERED], *row_have[Q8_ORDERED]; /* [rows] of codes */
    uint64_t *col_want[Q8_ORDERED], *col_have[Q8_ORDERED]; /* [cols] of codes */
    uint64_t *scale_want, *scale_have;                     /* [rows] of scales */
    uint64_t *both_want, *both_have, *spare[2]; /* [rows or cols] of codes with scales; to sort */
    bool active[Q8_BASES];                      /* bases that may differ from the others */
    uint64_t tally[256];                        /* stored codes by value */
    struct q8_code_survey code[Q8_BASES];       /* of the active ones */
    struct q8_scale_survey scale;               /* scales */
};

/* What the codes were found to be. */
struct q8_code_cause {
    const char *kind; /* of a finding */
    bool scales;      /* the scales are explained too */
    char text[400];   /* of it */
};

/* ---- survey.c ---- */

/*
 * Memory for a survey of stored against that view; s->pool is set already.  `stored`: codes are
 * held against the stored scales too.  Q8_ELIMIT.  Close it in every case.
 */
bool q8_survey_open(struct q8_survey *s, struct q8_verify *v, const struct q8_stored *stored,
                    const struct q8_view *view, bool as_stored, struct q8_err *err);

/* Releases it; accepts a zeroed struct. */
void q8_survey_close(struct q8_survey *s);

/* The pass.  False without an error when the pool is stopping. */
bool q8_survey_run(struct q8_survey *s, struct q8_err *err);

/*
 * Codes [at, at + n) in the order of the rows: those of a basis with expected scales, or, with
 * Q8_BASES, the stored ones.  As q8_survey_run.
 */
bool q8_survey_read(struct q8_survey *s, enum q8_basis basis, uint64_t at, uint64_t n, int8_t *ret,
                    struct q8_err *err);

/* ---- order.c ---- */

/* How the n digests `have` stand to `want`; `spare` is room for n each. */
struct q8_order q8_order_find(const uint64_t *want, const uint64_t *have, uint64_t n,
                              uint64_t *const spare[2]);

/* ---- bytes.c ---- */

/*
 * Whether the codes from the first that is off on are those of the basis, displaced: *ret_by is by
 * how much, positive when they stand further on, 0 when they are not.  As q8_survey_run.
 */
bool q8_bytes_shift(struct q8_survey *s, enum q8_basis basis, int64_t *ret_by, struct q8_err *err);

/* ---- codes.c ---- */

/* The basis that the fewest codes are off from. */
enum q8_basis q8_codes_nearest(const struct q8_survey *s);

/* What the numbers alone tell.  False: nothing in particular. */
bool q8_codes_by_numbers(const struct q8_survey *s, struct q8_code_cause *ret);

/* What the digests of rows and columns tell.  False: nothing. */
bool q8_codes_by_order(struct q8_survey *s, enum q8_basis basis, bool lossy,
                       struct q8_code_cause *ret);

/* The rest: differences by 1, and those that have no other name. */
void q8_codes_rest(const struct q8_survey *s, struct q8_code_cause *ret);

/* ---- scales.c ---- */

/* Counts the scales of one row, expected and stored. */
void q8_scales_add(struct q8_scale_survey *n, const struct q8_survey *s, uint64_t row,
                   const float *want, const float *have);

/* The finding about scales that are off; `fit`: the codes are those of the stored scales. */
bool q8_scales_tell(struct q8_survey *s, const struct q8_finding *finding, bool fit,
                    struct q8_err *err);

#endif
