/* measure_end.c - what follows the last row: medians, columns that stand out, SQNR */
#include "src/inspect/measure_parts.h"
#include "src/scheme/error.h"

#include <math.h>
#include <string.h>

/* bitsandbytes 0.50.2, bitsandbytes/utils.py, find_outlier_dims: zscore = 4.0 */
#define OUTLIER_Z 4.0

/* The number that a key of struct q8_histogram stands for; -0 as 0. */
static double key_value(int32_t key)
{
    uint32_t bits = (uint32_t)(key < 0 ? key ^ 0x7fffffff : key);

    return (double)q8_bits_to_float(Q8_FLOAT_F32, bits) + 0.0;
}

/* How many nonzero numbers are denormals of the tensor's type: below its least normal number. */
static uint64_t count_denormals(const struct q8_measure *g)
{
    const int normal = g->type == Q8_FLOAT_F16 ? 127 - 14 : 1; /* exponent field of the least */
    uint64_t count = g->histogram.count[0] - g->histogram.zeros;

    for (int e = 1; e < normal; e++)
        count += g->histogram.count[e];
    return count;
}

static void end_numbers(struct q8_measure *g)
{
    struct q8_numbers *n = &g->subject->numbers;
    const struct q8_central *c = &g->central;

    n->zeros = g->histogram.zeros;
    n->denormals = g->subject->stored ? 0 : count_denormals(g);
    if (g->histogram.least <= g->histogram.most) {
        n->least = key_value(g->histogram.least);
        n->most = key_value(g->histogram.most);
        n->absmax = fmax(fabs(n->least), fabs(n->most));
    }
    n->mean = c->mean;
    n->deviation = c->n > 0 ? sqrt(c->m2 / c->n) : 0;
    n->kurtosis = c->m2 > 0 ? c->n * c->m4 / (c->m2 * c->m2) : NAN;
}

/*
 * Standard deviation of a column over the usable rows, as torch.std has it (n - 1).  What rounding
 * can leave of equal numbers is 0.
 */
static double column_deviation(const struct q8_measure *g, uint64_t column)
{
    const double n = (double)g->usable, sum = g->columns.sum[column];
    const double sum2 = g->columns.sum2[column], m2 = sum2 - sum * sum / n;

    return m2 > sum2 * n * 0x1p-52 ? sqrt(m2 / (n - 1)) : 0;
}

/* Keeps the columns of the largest z, of equal ones the first. */
static void mark_column(struct q8_matrix *m, const struct q8_column_mark *mark)
{
    uint64_t used = m->outliers < Q8_OUTLIER_COLUMNS ? m->outliers : Q8_OUTLIER_COLUMNS, k = used;

    m->outliers++;
    while (k > 0 && m->column[k - 1].z < mark->z)
        k--;
    if (k == Q8_OUTLIER_COLUMNS)
        return;
    used += used < Q8_OUTLIER_COLUMNS;
    memmove(m->column + k + 1, m->column + k, (used - 1 - k) * sizeof *mark);
    m->column[k] = *mark;
}

/* find_outlier_dims: columns whose deviation lies more than 4 deviations above the mean one. */
static void find_outliers(struct q8_measure *g)
{
    struct q8_matrix *m = g->subject->matrix;
    const uint64_t cols = g->subject->view.cols;
    double *deviation = g->ranks, mean = 0, m2 = 0;

    if (g->usable < 2 || cols < 2)
        return;
    for (uint64_t c = 0; c < cols; c++)
        mean += deviation[c] = column_deviation(g, c);
    mean /= (double)cols;
    for (uint64_t c = 0; c < cols; c++)
        m2 += (deviation[c] - mean) * (deviation[c] - mean);
    for (uint64_t c = 0; c < cols; c++) {
        const double z = (deviation[c] - mean) / sqrt(m2 / (double)(cols - 1));
        struct q8_column_mark mark = {.column = c, .z = z};

        if (!(z > OUTLIER_Z))
            continue;
        mark.rms = sqrt(g->columns.sum2[c] / (double)g->usable);
        mark.absmax = (double)q8_bits_to_float(Q8_FLOAT_F32, g->columns.absmax[c]);
        mark.share = (double)g->hits[c] / (double)g->usable;
        mark_column(m, &mark);
    }
}

static void end_columns(struct q8_measure *g)
{
    const uint64_t cols = g->subject->view.cols;

    if (g->usable == 0)
        return;
    for (uint64_t c = 0; c < cols; c++)
        g->ranks[c] = sqrt(g->columns.sum2[c] / (double)g->usable);
    g->subject->matrix->column_rms = q8_spread_of(g->ranks, cols);
    find_outliers(g);
}

static void end_costs(struct q8_measure *g)
{
    const uint64_t worst = g->usable / 100 > 0 ? g->usable / 100 : 1;
    const double elements = (double)g->usable * (double)g->subject->view.cols;

    for (unsigned c = 0; c < Q8_COSTS; c++) {
        struct q8_cost *cost = &g->subject->matrix->cost[c];
        const double err2 = g->cost[c].err2;

        if (cost->obstacle)
            continue;
        cost->sqnr = q8_sqnr(g->subject->numbers.sum2, err2);
        cost->mse = err2 / elements;
        cost->most = g->cost[c].most;
        cost->worst_share = err2 > 0 ? q8_spread_top(g->row_err2[c], g->usable, worst) / err2 : 0;
    }
}

void q8_measure_end(struct q8_measure *g)
{
    struct q8_matrix *m = g->subject->matrix;

    end_numbers(g);
    if (!m)
        return;
    m->absmax = q8_spread_of(g->row_absmax, g->usable);
    m->crest = q8_spread_of(g->row_crest, g->live);
    if (m->have_costs)
        end_costs(g);
    if (m->have_columns)
        end_columns(g);
}
