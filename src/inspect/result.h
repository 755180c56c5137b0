/* result.h - what q8-inspect finds: statistics of every tensor, and what each scheme costs */
#ifndef Q8_INSPECT_RESULT_H
#define Q8_INSPECT_RESULT_H

#include "src/base/spread.h"
#include "src/flow/walk.h"
#include "src/inspect/outlier.h"
#include "src/model/select.h"
#include "src/scheme/stored.h"
#include "src/scheme/target.h"

#define Q8_COSTS 5           /* different ways to quantize, over all targets */
#define Q8_WORST_ROWS 5      /* rows that a weight's report names */
#define Q8_OUTLIER_COLUMNS 8 /* columns that it names */

/*
 * A matrix beyond these is measured as a whole only: what is kept per row and per column would take
 * more memory than a run may (Gemma has 262,144 rows).
 */
#define Q8_MATRIX_ROWS (UINT64_C(1) << 19)
#define Q8_MATRIX_COLS (UINT64_C(1) << 18)

/* Numbers of one tensor.  Sums are over the finite elements, by the rule of kernels.h. */
struct q8_numbers {
    uint64_t elements;          /* of all kinds */
    uint64_t nans, infinities;  /* not finite */
    uint64_t zeros, denormals;  /* of both signs; denormals of the tensor's own type */
    double least, most, absmax; /* of the finite ones; 0 when there are none */
    double mean, deviation;     /* deviation: square root of the mean square about the mean */
    double kurtosis;            /* fourth central moment / variance^2 (normal: 3); NaN if 0 / 0 */
    double sum2;                /* sum of squares */
    int first_exponent,
        exponents;       /* histogram[i] counts 2^(first_exponent + i) <= |x| < twice it */
    uint64_t *histogram; /* [exponents] of the finite, nonzero ones; NULL: none */
};

/* A row that stands out. */
struct q8_row_mark {
    uint64_t row;  /* of the weight as it is multiplied */
    double absmax; /* its largest magnitude */
    double crest;  /* absmax / RMS of the row */
};

/* An input feature that stands out. */
struct q8_column_mark {
    uint64_t column;    /* of the weight as it is multiplied */
    double rms, absmax; /* over the rows */
    double z;           /* how many standard deviations its own lies above those of the others */
    double share;       /* of the rows whose largest magnitude is in this column, 0 to 1 */
};

/* What one scheme does to a weight. */
struct q8_cost {
    const char *obstacle; /* why the scheme cannot take it: a clause; NULL: the rest is valid */
    uint64_t row;         /* the first row that stands in the way; UINT64_MAX: none does */
    double sqnr;          /* dB; infinity when nothing is lost */
    double mse;           /* mean of (w - w')^2 */
    double most;          /* largest |w - w'| */
    double worst_share;   /* of the squared error, in the worst 1 % of the rows (one at least) */
};

/* Rows, columns and schemes of a matrix. */
struct q8_matrix {
    uint64_t unusable;                       /* rows with a NaN or an Inf, left out below */
    uint64_t dead;                           /* rows of zeros */
    struct q8_spread absmax, crest;          /* over the rows; crest over those not dead */
    struct q8_row_mark worst[Q8_WORST_ROWS]; /* the largest absmax first */
    unsigned worsts;                         /* how many */
    struct q8_spread column_rms;             /* over the columns */
    uint64_t outliers;                       /* columns with z > 4, see q8_outlier_columns */
    struct q8_column_mark column[Q8_OUTLIER_COLUMNS]; /* of them, the largest z first */
    bool have_columns;             /* false with --quick: the last three are not set */
    bool have_costs;               /* a weight that some target can take */
    struct q8_cost cost[Q8_COSTS]; /* in the order of q8_costs */
};

/* What is special to a weight that is int8 already. */
struct q8_code_numbers {
    struct q8_spread scale; /* what a code of 1 stands for, over all groups */
    uint64_t scales,
        bad_scales;      /* all; of them NaN, Inf, negative, or 0 in a row that is not dead */
    double saturated;    /* share of codes at the ends of their range, 0 to 1 */
    int least, most;     /* codes in use */
    unsigned used;       /* different codes in use */
    double bits;         /* entropy of the codes: the bits they are worth */
    uint64_t dead;       /* rows without a code other than 0 */
    bool have_reference; /* --reference has this weight: the rest is valid */
    double sqnr, mse, most_error; /* against it */
};

/* One line of the report: a tensor, a slice of fused experts, or an int8 weight with its parts. */
struct q8_subject {
    const char *name;               /* module of a matrix, else the tensor's name */
    const struct q8_tensor *tensor; /* the numbers, or the codes */
    const struct q8_stored *stored; /* an int8 weight; NULL: none */
    enum q8_kind kind;              /* what module it is; OTHER for what is no matrix */
    bool int8;                      /* convert makes it int8 for the target; or it is already */
    bool experts;                   /* fused experts in one 3-D tensor: multiplied, but no matrix */
    uint64_t layer;                 /* the first number in its path; UINT64_MAX: none */
    const char *role;               /* its path from behind that number; the name when none */
    bool shown;                     /* --layers names it, or is not there */
    struct q8_view view;            /* the rows that are measured */
    struct q8_view reference;       /* the same weight in --reference; no tensor: not there */
    const char *whole;              /* why a matrix is measured as a whole only; NULL: it is not */
    const char *unmeasured;         /* why there are no numbers: a clause; NULL: there are */
    struct q8_numbers numbers;      /* where unmeasured, all 0 but the elements */
    struct q8_matrix *matrix;       /* NULL: no matrix */
    struct q8_code_numbers *codes;  /* NULL: no int8 weight */
};

/* How to look. */
struct q8_inspect_options {
    const struct q8_target *target;   /* --to: whose SQNR sorts and whose layers are cured */
    struct q8_select *layers;         /* --layers */
    const struct q8_model *reference; /* --reference, or NULL */
    const struct q8_statistics *acts; /* --activations, or NULL */
    double threshold;                 /* of an activation outlier: 6.0 */
    double min_sqnr;                  /* dB below which a layer needs attention */
    unsigned threads;                 /* 1 to Q8_THREADS_MAX */
    enum q8_isa isa;                  /* best instruction set to use */
    bool quick;                       /* no columns, and the target's scheme alone */
    const struct q8_watch *watch;     /* NULL: nobody watches */
};

/* Sums over the subjects that are shown. */
struct q8_inspect_totals {
    uint64_t tensors, parameters; /* of the file; parameters of an int8 weight: its codes */
    uint64_t linear;              /* parameters that are multiplied */
    uint64_t bad;                 /* subjects with a NaN or an Inf */
    uint64_t constant;            /* weights all of whose elements are one number */
    uint64_t below;               /* weights whose cost for the target is under min_sqnr */
    double sqnr[Q8_COSTS];        /* of all weights that become int8, together; NaN: none */
    double seconds;               /* that the measuring took; not in any file */
};

/* The result.  All memory is the arena's. */
struct q8_inspect {
    const struct q8_model *model;      /* the input */
    struct q8_inspect_options options; /* a copy */
    struct q8_arch arch;               /* the class that config.json names */
    struct q8_stored_list stored;      /* int8 weights; none in a float model */
    struct q8_subject *subject;        /* [subjects], by name */
    uint64_t subjects;                 /* how many, shown or not */
    struct q8_outlier_list outliers;   /* features that norm gains or activations make stand out */
    struct q8_inspect_totals total;    /* sums */
};

#endif
