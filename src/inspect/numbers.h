/* numbers.h - the numbers of a subject: one table, which every report of q8-inspect prints from */
#ifndef Q8_INSPECT_NUMBERS_H
#define Q8_INSPECT_NUMBERS_H

#include "src/inspect/list.h"
#include "src/report/columns.h"

/* What a number is part of: the groups of the JSON report, and whole reports. */
enum {
    Q8_IN_ELEMENTS = 1 << 0, /* what any tensor has */
    Q8_IN_ROWS = 1 << 1,     /* of a matrix */
    Q8_IN_INPUTS = 1 << 2,   /* columns of a matrix, unless --quick */
    Q8_IN_CODES = 1 << 3,    /* of an int8 weight */
    Q8_IN_LOST = 1 << 4,     /* against --reference; JSON has it in the object of the codes */
    Q8_IN_CSV = 1 << 5,      /* a column of its table */
    Q8_IN_TABLE = 1 << 6,    /* of the page */
    Q8_IN_DETAILS = 1 << 7,  /* of the page, neighbours of one title in one line */
};

#define Q8_NUMBERS 64 /* beyond the rows of the table */

/*
 * The columns in any of these, in *ret [Q8_NUMBERS]; how many.  Each takes a struct q8_inspect and
 * a struct q8_subject.  One without a key is the SQNR of the scheme that is its title, `which` of
 * q8_costs; or the page's alone.
 */
unsigned q8_numbers_choose(struct q8_column *ret, unsigned in);

/* Of these columns, those that a shown subject has: moved to the front of *column; how many. */
unsigned q8_numbers_used(const struct q8_inspect *in, struct q8_column *column, unsigned columns);

/* The column of that key, which is there. */
const struct q8_column *q8_numbers_find(const char *key);

/* Whether the column is the SQNR of a scheme. */
bool q8_number_is_cost(const struct q8_column *c);

/* Whether it is a weight, two elements or more, all of them the same number. */
bool q8_subject_constant(const struct q8_subject *s);

/* Whether its SQNR is below options.min_sqnr. */
bool q8_subject_below(const struct q8_inspect *in, const struct q8_subject *s);

/* Whether any shown subject has an SQNR for the target, or against the reference. */
bool q8_inspect_judges(const struct q8_inspect *in);

#endif
