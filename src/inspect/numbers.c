/* numbers.c - the numbers of a subject: what each is called, how it reads, where it is */
#include "src/inspect/numbers.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define NONE ((double)NAN)

/* Fields at a place in a struct. */
static double count_at(const void *base, unsigned place)
{
    uint64_t value;

    memcpy(&value, (const char *)base + place, sizeof value);
    return (double)value;
}

static double double_at(const void *base, unsigned place)
{
    double value;

    memcpy(&value, (const char *)base + place, sizeof value);
    return value;
}

/* Where the numbers are; NULL: the subject has none of that kind. */
static const struct q8_matrix *matrix_of(const struct q8_subject *s)
{
    return s->unmeasured ? NULL : s->matrix;
}

static const struct q8_matrix *inputs_of(const struct q8_subject *s)
{
    const struct q8_matrix *m = matrix_of(s);

    return m && m->have_columns ? m : NULL;
}

static const struct q8_code_numbers *codes_of(const struct q8_subject *s)
{
    return s->unmeasured ? NULL : s->codes;
}

static const struct q8_code_numbers *lost_of(const struct q8_subject *s)
{
    const struct q8_code_numbers *c = codes_of(s);

    return c && c->have_reference ? c : NULL;
}

/* Counts are 0 where nothing was measured. */
static double get_count(const void *self, const void *row, unsigned which)
{
    (void)self;
    return count_at(&((const struct q8_subject *)row)->numbers, which);
}

static double get_double(const void *self, const void *row, unsigned which)
{
    const struct q8_subject *s = row;

    (void)self;
    return s->unmeasured ? NONE : double_at(&s->numbers, which);
}

static double get_rms(const void *self, const void *row, unsigned which)
{
    const struct q8_numbers *n = &((const struct q8_subject *)row)->numbers;

    (void)self, (void)which;
    return sqrt(n->sum2 / (double)(n->elements - n->nans - n->infinities));
}

static double get_bad(const void *self, const void *row, unsigned which)
{
    const struct q8_subject *s = row;

    (void)self, (void)which;
    return s->unmeasured ? NONE : (double)s->numbers.nans + (double)s->numbers.infinities;
}

bool q8_subject_constant(const struct q8_subject *s)
{
    const struct q8_numbers *n = &s->numbers;

    return (s->matrix || s->whole || s->experts) && !s->unmeasured && n->elements > 1 &&
           n->nans + n->infinities == 0 && n->least == n->most;
}

/* 1 or 0; `which`: nothing in place of 0. */
static double get_constant(const void *self, const void *row, unsigned which)
{
    const bool constant = q8_subject_constant(row);

    (void)self;
    return constant ? 1 : which || ((const struct q8_subject *)row)->unmeasured ? NONE : 0;
}

/* A function for a field of what only some subjects have. */
#define GETTER(name, where, read)                                                                  \
    static double name(const void *self, const void *row, unsigned which)                          \
    {                                                                                              \
        (void)self;                                                                                \
        return where(row) ? read(where(row), which) : NONE;                                        \
    }

GETTER(get_matrix_count, matrix_of, count_at)
GETTER(get_matrix_double, matrix_of, double_at)
GETTER(get_inputs_count, inputs_of, count_at)
GETTER(get_inputs_double, inputs_of, double_at)
GETTER(get_codes_count, codes_of, count_at)
GETTER(get_codes_double, codes_of, double_at)
GETTER(get_lost_double, lost_of, double_at)

static double get_cost(const void *self, const void *row, unsigned which)
{
    const struct q8_matrix *m = matrix_of(row);

    (void)self;
    return m && m->have_costs && !m->cost[which].obstacle ? m->cost[which].sqnr : NONE;
}

static double get_sqnr(const void *self, const void *row, unsigned which)
{
    (void)which;
    return q8_subject_sqnr(self, row);
}

static double get_share(const void *self, const void *row, unsigned which)
{
    const struct q8_matrix *m = inputs_of(row);
    double most = 0;

    (void)self, (void)which;
    for (unsigned i = 0; m && i < Q8_OUTLIER_COLUMNS && i < m->outliers; i++)
        most = fmax(most, m->column[i].share);
    return m ? most : NONE;
}

/* The least and the largest code in use, and how many are. */
static double get_code(const void *self, const void *row, unsigned which)
{
    const struct q8_code_numbers *c = codes_of(row);

    (void)self;
    return c ? (double)(which == 0 ? c->least : which == 1 ? c->most : (int)c->used) : NONE;
}

/* A column, and the Q8_IN_* it is in. */
struct number {
    unsigned in;
    struct q8_column column;
};

#define AT(of, field) offsetof(struct q8_##of, field)

#define ELEMENTS (Q8_IN_ELEMENTS | Q8_IN_DETAILS)
#define ROWS (Q8_IN_ROWS | Q8_IN_DETAILS)
#define INPUTS (Q8_IN_INPUTS | Q8_IN_DETAILS)
#define CODES (Q8_IN_CODES | Q8_IN_DETAILS)
#define LOST (Q8_IN_LOST | Q8_IN_DETAILS)
#define TABLE Q8_IN_TABLE
#define CSV Q8_IN_CSV

/* Headings of the details. */
static const char matrix[] = "Rows and columns: least / median / most";
static const char codes[] = "Codes", lost[] = "Against the reference";

/* Rows of the table: with help, without, and three of a spread, some of which CSV has too. */
/* clang-format off */
#define HELPED(in, key, group, title, help, form, get, at)                                         \
    {in, {key, group, title, help, Q8_HTML_##form, false, get, at}}
/* clang-format on */
#define NUMBER(in, key, group, title, form, get, at)                                               \
    HELPED(in, key, group, title, NULL, form, get, at)
#define SPREAD(in, middle, end, key, group, title, get, of, at)                                    \
    NUMBER(in, key ".min", group, title, PLAIN, get, AT(of, at.least)),                            \
        NUMBER((in) | (middle), key ".median", group, title, PLAIN, get, AT(of, at.median)),       \
        NUMBER((in) | (end), key ".max", group, title, PLAIN, get, AT(of, at.most))

/* The order is that of JSON within an object, of CSV, and of the page's table. */
static const struct number table[] = {
    NUMBER(Q8_IN_DETAILS | CSV, "elements", NULL, "Elements", COUNT, get_count,
           AT(numbers, elements)),
    NUMBER(ELEMENTS | CSV, "nan", NULL, "NaN", COUNT, get_count, AT(numbers, nans)),
    NUMBER(ELEMENTS | CSV, "inf", NULL, "Inf", COUNT, get_count, AT(numbers, infinities)),
    NUMBER(ELEMENTS | CSV, "zeros", NULL, "Zeros", COUNT, get_count, AT(numbers, zeros)),
    NUMBER(ELEMENTS | CSV, "denormals", NULL, "Denormals", COUNT, get_count,
           AT(numbers, denormals)),
    NUMBER(ELEMENTS | CSV, "min", NULL, "Least", PLAIN, get_double, AT(numbers, least)),
    NUMBER(ELEMENTS | CSV, "max", NULL, "Most", PLAIN, get_double, AT(numbers, most)),
    HELPED(Q8_IN_ELEMENTS | CSV | TABLE, "absmax", NULL, "Absmax", "largest magnitude", PLAIN,
           get_double, AT(numbers, absmax)),
    NUMBER(ELEMENTS | CSV, "mean", NULL, "Mean", PLAIN, get_double, AT(numbers, mean)),
    NUMBER(ELEMENTS | CSV, "std", NULL, "Deviation", PLAIN, get_double, AT(numbers, deviation)),
    NUMBER(Q8_IN_ELEMENTS, "rms", NULL, "RMS", PLAIN, get_rms, 0),
    NUMBER(ELEMENTS | CSV, "kurtosis", NULL, "Kurtosis", PLAIN, get_double, AT(numbers, kurtosis)),
    NUMBER(Q8_IN_ELEMENTS | CSV, "constant", NULL, NULL, COUNT, get_constant, 0),
    HELPED(Q8_IN_DETAILS | TABLE, NULL, NULL, "Constant", "all elements are one number", COUNT,
           get_constant, 1),
    NUMBER(ROWS, "rows_zero", matrix, "Rows of zeros", COUNT, get_matrix_count, AT(matrix, dead)),
    NUMBER(ROWS, "rows_not_finite", matrix, "Rows left out", COUNT, get_matrix_count,
           AT(matrix, unusable)),
    SPREAD(ROWS, CSV, 0, "row_absmax", matrix, "Absmax of a row", get_matrix_double, matrix,
           absmax),
    SPREAD(ROWS, CSV, CSV, "row_crest", matrix, "Crest of a row", get_matrix_double, matrix, crest),
    HELPED(TABLE, NULL, NULL, "Crest", "largest absmax / RMS of a row", PLAIN, get_matrix_double,
           AT(matrix, crest.most)),
    HELPED(TABLE, NULL, NULL, "SQNR reference", "dB, against --reference", DECIBEL, get_lost_double,
           AT(code_numbers, sqnr)),
    SPREAD(INPUTS, 0, 0, "column_rms", matrix, "RMS of a column", get_inputs_double, matrix,
           column_rms),
    NUMBER(Q8_IN_INPUTS | CSV, "outlier_columns", NULL, NULL, COUNT, get_inputs_count,
           AT(matrix, outliers)),
    HELPED(CSV | TABLE, NULL, "SQNR", NULL, "SQNR, dB", DECIBEL, get_cost, 0),
    HELPED(TABLE, NULL, NULL, "Outlier columns",
           "columns whose RMS is over 4 standard deviations out", COUNT, get_inputs_count,
           AT(matrix, outliers)),
    HELPED(TABLE, NULL, NULL, "Scale least", "smallest step of a code", PLAIN, get_codes_double,
           AT(code_numbers, scale.least)),
    HELPED(TABLE, NULL, NULL, "Scale most", "largest step of a code", PLAIN, get_codes_double,
           AT(code_numbers, scale.most)),
    SPREAD(CODES, CSV, 0, "scale", codes, "Scale, least / median / most", get_codes_double,
           code_numbers, scale),
    NUMBER(CODES, "scales", codes, "Scales", COUNT, get_codes_count, AT(code_numbers, scales)),
    NUMBER(CODES, "bad_scales", codes, "Bad scales", COUNT, get_codes_count,
           AT(code_numbers, bad_scales)),
    HELPED(CODES | CSV | TABLE, "saturated_share", codes, "Saturated",
           "share of codes at the ends of their range", PERCENT, get_codes_double,
           AT(code_numbers, saturated)),
    NUMBER(CODES, "code_min", codes, "Codes, least / most", COUNT, get_code, 0),
    NUMBER(CODES, "code_max", codes, "Codes, least / most", COUNT, get_code, 1),
    HELPED(CODES | CSV | TABLE, "codes_used", codes, "Codes used", "different codes in use", COUNT,
           get_code, 2),
    HELPED(CODES | CSV | TABLE, "effective_bits", codes, "Bits", "entropy of the codes", BITS,
           get_codes_double, AT(code_numbers, bits)),
    NUMBER(CODES, "rows_zero", codes, "Rows of zeros", COUNT, get_codes_count,
           AT(code_numbers, dead)),
    NUMBER(LOST | CSV, "reference.sqnr_db", lost, "SQNR, dB", DECIBEL, get_lost_double,
           AT(code_numbers, sqnr)),
    NUMBER(LOST, "reference.mse", lost, "Mean squared error", PLAIN, get_lost_double,
           AT(code_numbers, mse)),
    NUMBER(LOST, "reference.max_error", lost, "Largest error", PLAIN, get_lost_double,
           AT(code_numbers, most_error)),
    HELPED(TABLE, NULL, NULL, "NaN/Inf", "elements that are not finite", COUNT, get_bad, 0),
    HELPED(0, "sqnr", NULL, "SQNR", "of the target, or against the reference", DECIBEL, get_sqnr,
           0),
    HELPED(0, "share", NULL, "Outlier share", "most rows that one column leads", PERCENT, get_share,
           0),
};

unsigned q8_numbers_choose(struct q8_column *ret, unsigned in)
{
    unsigned n = 0;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct q8_column *c = &table[i].column;

        if (!(table[i].in & in))
            continue;
        for (unsigned cost = 0; cost < (q8_number_is_cost(c) ? Q8_COSTS : 1); cost++) {
            ret[n] = *c;
            if (q8_number_is_cost(c)) { /* a column for each scheme */
                ret[n].title = q8_costs(cost)->title;
                ret[n].which = cost;
            }
            n++;
        }
    }
    return n;
}

static bool any_has(const struct q8_inspect *in, const struct q8_column *c)
{
    for (uint64_t i = 0; i < in->subjects; i++)
        if (in->subject[i].shown && !isnan(q8_column_value(c, in, &in->subject[i])))
            return true;
    return false;
}

unsigned q8_numbers_used(const struct q8_inspect *in, struct q8_column *column, unsigned columns)
{
    unsigned used = 0;

    for (unsigned i = 0; i < columns; i++)
        if (any_has(in, &column[i]))
            column[used++] = column[i];
    return used;
}

const struct q8_column *q8_numbers_find(const char *key)
{
    const struct number *row = table;

    while (!row->column.key || strcmp(row->column.key, key) != 0)
        row++;
    return &row->column;
}

bool q8_number_is_cost(const struct q8_column *c)
{
    return c->value == get_cost;
}

bool q8_subject_below(const struct q8_inspect *in, const struct q8_subject *s)
{
    return q8_subject_sqnr(in, s) < in->options.min_sqnr; /* NaN is not below */
}

bool q8_inspect_judges(const struct q8_inspect *in)
{
    return any_has(in, q8_numbers_find("sqnr"));
}
