/* page_rows.c - the tensors on the page of q8-inspect: what its table and its map show of each */
#include "src/inspect/page_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define ANY ((double)NAN) /* as far as the values do */

/* ---- texts ---- */

static const char *get_name(const void *row)
{
    return ((const struct q8_subject *)row)->name;
}

static const char *get_type(const void *row, char *buffer)
{
    (void)buffer;
    return q8_dtypes[((const struct q8_subject *)row)->tensor->dtype].name;
}

/* The matrix that is measured, or the tensor's own shape. */
static const char *get_shape(const void *row, char *buffer)
{
    const struct q8_subject *s = row;
    const bool expert = s->tensor->rank == 3 && s->matrix; /* one of many */

    if (s->stored || expert)
        (void)snprintf(buffer, Q8_PAGE_WORD, "[%" PRIu64 ", %" PRIu64 "]",
                       s->stored ? s->stored->rows : s->view.rows,
                       s->stored ? s->stored->cols : s->view.cols);
    else
        q8_tensor_shape(s->tensor, buffer, Q8_PAGE_WORD);
    return buffer;
}

static const char *get_note(const void *row, char *buffer)
{
    (void)buffer;
    return ((const struct q8_subject *)row)->unmeasured;
}

static const char *get_kind(const void *row, char *buffer)
{
    (void)buffer;
    return q8_kind_reason(((const struct q8_subject *)row)->kind);
}

static const char *get_fused(const void *row, char *buffer)
{
    (void)buffer;
    return q8_arch_group(get_name(row));
}

static const struct q8_page_word words[] = {
    {"type", get_type}, {"shape", get_shape}, {"note", get_note},
    {"kind", get_kind}, {"fused", get_fused},
};

/* ---- marks ---- */

static bool is_bad(const void *self, const void *row)
{
    const struct q8_subject *s = row;

    (void)self;
    return s->numbers.nans || s->numbers.infinities;
}

static bool is_low(const void *self, const void *row)
{
    return q8_subject_below(self, row);
}

/* ---- the map ---- */

static bool has_place(const void *row)
{
    const struct q8_subject *s = row;

    return (s->codes || (s->matrix && s->matrix->have_costs)) && s->layer != UINT64_MAX;
}

/* dB are beyond options.min_sqnr: a model without trouble is calm, however its values differ. */
static const struct {
    struct q8_page_view view;
    const char *number; /* key of its column, see q8_numbers_find */
} views[] = {
    {{"sqnr", "SQNR", " dB", NULL, NULL, 15, -10, false}, "sqnr"},
    {{"bits", "Bits", " bits", "Entropy of the codes: of 8 bits, how many are worth their place.",
      NULL, 8, 4, false},
     "effective_bits"},
    {{"absmax", "Absmax", "", "Largest magnitude; the colour goes by its logarithm.", NULL, ANY,
      ANY, true},
     "absmax"},
    {{"share", "Outlier share", "",
      "Share of the rows whose largest magnitude lies in one and the same input feature.", NULL, 0,
      0.1, false},
     "share"},
    {{"saturated", "Saturated", "", "Share of the codes at the ends of their range.", NULL, 0, 0.02,
      false},
     "saturated_share"},
};

#define VIEWS (sizeof views / sizeof *views)

_Static_assert(VIEWS <= Q8_HTML_VIEWS, "a map has room for every view");

static bool make_views(struct q8_page_view *view, const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    const char *how = "";

    for (unsigned v = 0; v < VIEWS; v++) {
        view[v] = views[v].view;
        view[v].column = q8_numbers_find(views[v].number);
    }
    if (in->stored.count)
        how = " against the reference";
    else if (in->options.target)
        how = q8_sprintf(page->mem, page->err, " with %s", in->options.target->name);
    view->words =
        how ? q8_sprintf(page->mem, page->err, "Signal to quantization noise%s.", how) : NULL;
    view->calm += in->options.min_sqnr;
    view->alarm += in->options.min_sqnr;
    return view->words != NULL;
}

/* ---- all of it ---- */

static bool make_list(struct q8_page_rows *rows, const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;

    rows->row = q8_alloc(page->mem, in->subjects, sizeof *rows->row, page->err);
    if (!rows->row)
        return false;
    for (uint64_t i = 0; i < in->subjects; i++)
        if (in->subject[i].shown)
            rows->row[rows->rows++] = &in->subject[i];
    q8_page_rows_sort(rows);
    return true;
}

/* The table's columns; headings of the details stay there. */
static void choose_columns(struct q8_html_rows *ret, const struct q8_inspect *in)
{
    struct q8_page_rows *rows = &ret->rows;

    rows->columns = q8_numbers_used(in, ret->column, q8_numbers_choose(ret->column, Q8_IN_TABLE));
    for (unsigned c = 0; c < rows->columns; c++) {
        struct q8_column *column = &ret->column[c];

        if (!q8_number_is_cost(column))
            column->group = NULL;
        else if (in->options.target && column->which == q8_cost_of(in->options.target))
            rows->mine = column;
    }
    rows->column = ret->column;
}

bool q8_html_rows_make(struct q8_html_rows *ret, const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    const char *below = q8_sprintf(page->mem, page->err, "below %.4g dB", in->options.min_sqnr);

    *ret = (struct q8_html_rows){.rows = {.self = in,
                                          .name = get_name,
                                          .word = words,
                                          .words = sizeof words / sizeof *words,
                                          .mark = ret->mark,
                                          .view = ret->view,
                                          .views = VIEWS,
                                          .has_place = has_place,
                                          .details = q8_html_details}};
    if (!below || !make_views(ret->view, page) || !make_list(&ret->rows, page))
        return false;
    choose_columns(ret, in);
    ret->mark[ret->rows.marks++] = (struct q8_page_mark){"bad", "has NaN or Inf", is_bad};
    ret->mark[ret->rows.marks++] = (struct q8_page_mark){"low", below, is_low};
    return true;
}

bool q8_html_table(const struct q8_html_page *page, const struct q8_page_rows *rows)
{
    const double least = page->in->options.min_sqnr;
    const bool judges = q8_inspect_judges(page->in);
    char low[64], caption[256], sqnr[64] = "";

    (void)snprintf(low, sizeof low, "only below %.4g dB", least);
    if (judges)
        (void)snprintf(sqnr, sizeof sqnr, "an SQNR below %.4g dB, or ", least);
    (void)snprintf(caption, sizeof caption,
                   "Tensors and weights, by name. A bar at the left marks %sNaN and Inf.", sqnr);
    return q8_page_table(
        page->out, rows,
        &(struct q8_page_table){"tensors", "Tensors", caption, judges ? low : NULL}, page->mem,
        page->err);
}
