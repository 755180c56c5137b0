/* report_text.c - what was found, for people: a summary, and a table that fits the terminal */
#include "src/inspect/report_text.h"
#include "src/inspect/report_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/inspect/numbers.h"
#include "src/report/constant.h"
#include "src/model/coded/decode.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RED "\033[31m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

/* Columns of the table: what a name has at least beside its numbers, and at most. */
#define NAME_LEAST 16
#define NAME_MOST 60
#define SPARK_LEAST 8
#define SPARK_MOST 32

static const char *const sort_names[Q8_SORTS] = {"sqnr",     "absmax", "crest",
                                                 "outliers", "size",   "name"};

const char *q8_sort_name(enum q8_sort sort)
{
    return (unsigned)sort < Q8_SORTS ? sort_names[sort] : NULL;
}

/* One subject and what it is sorted by: least first. */
struct keyed {
    double key;
    uint64_t number;
};

static int compare_keys(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* What hurts most is least.  Without the quantity: behind all that have it. */
static double sort_key(const struct q8_inspect *in, const struct q8_subject *s, enum q8_sort sort)
{
    const struct q8_matrix *m = s->matrix;
    double sqnr;

    switch (sort) {
    case Q8_SORT_SQNR:
        if (s->numbers.nans + s->numbers.infinities > 0)
            return -INFINITY;
        sqnr = q8_subject_sqnr(in, s);
        return isnan(sqnr) ? INFINITY : sqnr;
    case Q8_SORT_ABSMAX: return s->unmeasured ? INFINITY : -s->numbers.absmax;
    case Q8_SORT_CREST: return m ? -m->crest.most : INFINITY;
    case Q8_SORT_OUTLIERS: return m && m->outliers ? -m->column[0].share : INFINITY;
    case Q8_SORT_SIZE: return -(double)s->numbers.elements;
    default: return 0;
    }
}

/* Numbers of the shown subjects in that order; *ret_count is how many. */
static uint64_t *sort_subjects(const struct q8_inspect *in, enum q8_sort sort, uint64_t *ret_count,
                               struct q8_arena *mem, struct q8_err *err)
{
    struct keyed *list = q8_alloc(mem, in->subjects, sizeof *list, err);
    uint64_t *order = q8_alloc(mem, in->subjects, sizeof *order, err), n = 0;

    if (!list || !order)
        return NULL;
    for (uint64_t i = 0; i < in->subjects; i++)
        if (in->subject[i].shown)
            list[n++] = (struct keyed){sort_key(in, &in->subject[i], sort), i};
    qsort(list, n, sizeof *list, compare_keys);
    for (uint64_t i = 0; i < n; i++)
        order[i] = list[i].number;
    *ret_count = n;
    return order;
}

/* "41.23", "inf", or "-" where there is none; at most 6 characters. */
static const char *show_db(double db, char text[32])
{
    if (isnan(db))
        return "-";
    if (isinf(db))
        return db > 0 ? "inf" : "-inf";
    (void)snprintf(text, 32, "%.2f", db);
    return text;
}

/* Three significant digits, at most 8 characters. */
static const char *show_number(double value, char text[32])
{
    (void)snprintf(text, 32, "%.3g", value);
    return text;
}

static void print_head(const struct q8_inspect *in, FILE *out)
{
    const struct q8_inspect_totals *t = &in->total;
    char name[512], a[32], b[32], c[32], schemes[200];

    fprintf(out, "%s: ", q8_text_escape(in->model->path, name, sizeof name));
    if (in->arch.class_name)
        fprintf(out, "%s, ", q8_text_escape(in->arch.class_name, name, sizeof name));
    fprintf(out, "%s%s\n",
            in->stored.count ? q8_layouts[in->stored.layout].name
                             : q8_model_schemes(in->model, schemes, sizeof schemes),
            in->model->decoded ? ", quantized already: what int8 costs is against its own values"
                               : "");
    fprintf(out,
            "%" PRIu64 " tensors in %" PRIu32 " file%s, %s; %s parameters, %s of them Linear\n",
            t->tensors, in->model->shards, in->model->shards == 1 ? "" : "s",
            q8_text_bytes(in->model->bytes, a, sizeof a), q8_text_count(t->parameters, b, sizeof b),
            q8_text_count(t->linear, c, sizeof c));
}

static void print_schemes(const struct q8_inspect *in, FILE *out)
{
    const unsigned own = q8_cost_of(in->options.target);
    char text[32];

    fputs("\nSQNR in dB of the weights that become int8:\n", out);
    for (unsigned c = 0; c < Q8_COSTS; c++) {
        unsigned named = 0;

        fprintf(out, "  %-8s %6s  ", q8_costs(c)->title, show_db(in->total.sqnr[c], text));
        for (const struct q8_target *t = q8_targets; t->name; t++)
            if (q8_cost_of(t) == c)
                fprintf(out, "%s%s", named++ ? ", " : "", t->name);
        fprintf(out, "%s\n", c == own ? "  <- the table is sorted by this one" : "");
    }
}

/* How the table is cut; a name of no columns has a line of its own, and there may be no spark. */
struct columns {
    unsigned name, spark;
};

/* A narrow terminal takes the spark first, then the place beside the name. */
static struct columns find_columns(const struct q8_inspect_print *p)
{
    const unsigned numbers = (p->in->stored.count ? 39 : 7 * Q8_COSTS) + 1 + 10;
    const unsigned room = p->style.width > numbers ? p->style.width - numbers : 0;

    if (room < NAME_LEAST)
        return (struct columns){0, 0};
    if (room < NAME_LEAST + 1 + SPARK_LEAST)
        return (struct columns){room, 0};
    if (room < NAME_MOST + 1 + SPARK_LEAST)
        return (struct columns){room - 1 - SPARK_LEAST, SPARK_LEAST};
    return (struct columns){NAME_MOST, (unsigned)q8_min(SPARK_MOST, room - 1 - NAME_MOST)};
}

static void print_columns(const struct q8_inspect_print *p, struct columns columns, FILE *out)
{
    if (p->style.colour)
        fputs(BOLD, out);
    fprintf(out, "%-*s%s", (int)columns.name, "weight", columns.name ? " " : "\n");
    if (p->in->stored.count)
        fputs("  scale  satur.  codes  bits   SQNR dead", out);
    else
        for (unsigned c = 0; c < Q8_COSTS; c++)
            fprintf(out, "%7s", q8_costs(c)->title);
    fputs(" crest out", out);
    fprintf(out, "%s\n", p->style.colour ? PLAIN : "");
}

static void print_costs(const struct q8_subject *s, FILE *out)
{
    char text[32];

    for (unsigned c = 0; c < Q8_COSTS; c++) {
        const struct q8_cost *cost =
            s->matrix && s->matrix->have_costs ? &s->matrix->cost[c] : NULL;

        fprintf(out, "%7s", cost && !cost->obstacle ? show_db(cost->sqnr, text) : "-");
    }
}

static void print_codes(const struct q8_subject *s, FILE *out)
{
    const struct q8_code_numbers *n = s->codes;
    char scale[32], sqnr[32];

    if (n)
        fprintf(out, "%7s %6.2f%% %6u %5.2f %6s %4" PRIu64, show_number(n->scale.median, scale),
                100 * n->saturated, n->used, n->bits,
                n->have_reference ? show_db(n->sqnr, sqnr) : "-", n->dead);
    else
        fprintf(out, "%39s", "");
}

/* Marks in front of a name: what the colour says too. */
static char mark_of(const struct q8_inspect *in, const struct q8_subject *s)
{
    if (s->numbers.nans + s->numbers.infinities > 0 || (s->codes && s->codes->bad_scales))
        return '!';
    if (q8_subject_constant(s))
        return '=';
    return q8_subject_sqnr(in, s) < in->options.min_sqnr ? '*' : ' ';
}

static void print_row(const struct q8_inspect_print *p, const struct q8_subject *s,
                      struct columns columns, FILE *out)
{
    const unsigned width = columns.name ? columns.name - 1 : p->style.width - 1;
    const struct q8_matrix *m = s->matrix;
    const char mark = mark_of(p->in, s);
    char name[1024], spark[256];

    if (mark != ' ' && p->style.colour)
        fputs(RED, out);
    fprintf(out, "%c%-*s%s", mark, columns.name ? (int)width : 0,
            q8_text_fit(s->name, width, name, sizeof name), columns.name ? " " : "\n");
    if (p->in->stored.count)
        print_codes(s, out);
    else
        print_costs(s, out);
    if (m)
        fprintf(out, "%6.1f%4" PRIu64, m->crest.most, m->outliers);
    else
        fprintf(out, "%6s%4s", "", "");
    if (s->numbers.histogram && columns.spark)
        fprintf(out, " %s",
                q8_sparkline(&s->numbers, columns.spark, p->style.utf8, spark, sizeof spark));
    if (s->unmeasured)
        fprintf(out, " %s", s->unmeasured);
    fprintf(out, "%s\n", mark != ' ' && p->style.colour ? PLAIN : "");
}

static bool is_weight(const struct q8_subject *s)
{
    return s->codes || (s->matrix && s->matrix->have_costs) ||
           s->numbers.nans + s->numbers.infinities > 0 || q8_subject_constant(s);
}

static bool print_table(const struct q8_inspect_print *p, FILE *out, struct q8_arena *mem,
                        struct q8_err *err)
{
    const struct q8_inspect *in = p->in;
    const struct columns columns = find_columns(p);
    uint64_t count, shown = 0, *order = sort_subjects(in, p->sort, &count, mem, err);

    if (!order)
        return false;
    fputc('\n', out);
    print_columns(p, columns, out);
    for (uint64_t i = 0; i < count && (p->top == 0 || shown < p->top); i++)
        if (p->details || p->sort == Q8_SORT_NAME || is_weight(&in->subject[order[i]])) {
            print_row(p, &in->subject[order[i]], columns, out);
            shown++;
        }
    for (uint64_t i = 0; p->details && i < count; i++)
        q8_inspect_detail(p, &in->subject[order[i]], out);
    return true;
}

static void print_attention(const struct q8_inspect *in, FILE *out)
{
    const struct q8_inspect_totals *t = &in->total;
    struct q8_constants constants = {0};
    char text[32], sentence[Q8_CONSTANTS_TEXT];

    fprintf(out, "\n%s below %s dB with %s (*): %" PRIu64 "; NaN or Inf (!): %" PRIu64 "\n",
            in->stored.count ? "int8 weights" : "Weights", show_number(in->options.min_sqnr, text),
            in->stored.count ? "--reference" : in->options.target->name, t->below, t->bad);
    for (uint64_t i = 0; i < in->subjects; i++)
        if (in->subject[i].shown && q8_subject_constant(&in->subject[i]))
            q8_constants_add(&constants, in->subject[i].name);
    if (constants.count)
        fprintf(out, "%s (=)\n", q8_constants_text(&constants, sentence));
}

bool q8_inspect_text(const struct q8_inspect_print *p, FILE *out, struct q8_arena *mem,
                     struct q8_err *err)
{
    print_head(p->in, out);
    if (p->in->stored.count == 0)
        print_schemes(p->in, out);
    q8_inspect_features(p->in, out);
    print_attention(p->in, out);
    if (!print_table(p, out, mem, err))
        return false;
    if (p->suggestion->cures)
        q8_inspect_cures(p, out);
    return !ferror(out) || q8_fail_errno(err, "cannot write the report");
}
