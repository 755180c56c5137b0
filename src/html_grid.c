/* html_grid.c - the heat map: layers times roles */
#include "src/html_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A way to colour the map. */
struct view {
    const char *id; /* for the script and the style */
    struct q8_html_quantity quantity;
    const char *unit;   /* behind the numbers of the legend */
    const char *words;  /* what they mean */
    double calm, alarm; /* the scale reaches from one to the other, or as far as the values do */
    bool log;           /* steps are even in the logarithm */
};

#define VIEWS_MAX 5
#define ANY ((double)NAN) /* as far as the values do */

/* dB are beyond options.min_sqnr: a model without trouble is calm, however its values differ. */
static const struct view views[VIEWS_MAX] = {
    {"sqnr", {"SQNR", "", Q8_HTML_DECIBEL, q8_html_sqnr, 0}, " dB", "", 15, -10, false},
    {"bits",
     {"Bits", "", Q8_HTML_BITS, q8_html_codes, Q8_HTML_ENTROPY},
     " bits",
     "Entropy of the codes: of 8 bits, how many are worth their place.",
     8,
     4,
     false},
    {"absmax",
     {"Absmax", "", Q8_HTML_PLAIN, q8_html_absmax, 0},
     "",
     "Largest magnitude; the colour goes by its logarithm.",
     ANY,
     ANY,
     true},
    {"share",
     {"Outlier share", "", Q8_HTML_PERCENT, q8_html_share, 0},
     "",
     "Share of the rows whose largest magnitude lies in one and the same input feature.",
     0,
     0.1,
     false},
    {"saturated",
     {"Saturated", "", Q8_HTML_PERCENT, q8_html_codes, Q8_HTML_SATURATED},
     "",
     "Share of the codes at the ends of their range.",
     0,
     0.02,
     false},
};

/* A weight that has a place in the map. */
struct spot {
    const char *stack;    /* its path before the layer number; */
    uint64_t stack_bytes; /* so many bytes of it */
    const struct q8_subject *s;
    uint64_t row; /* of the table of tensors */
};

/* The map, and how it is coloured. */
struct grid {
    struct spot *spot; /* [spots], by stack, layer, role */
    uint64_t spots;
    const char **role; /* [roles], by name */
    uint64_t roles, rows;
    bool stacks; /* there are layers of more than one stack (encoder, decoder) */
    struct view view[VIEWS_MAX];
    unsigned views;
};

/* Bytes before the first part of a dotted path that is a number. */
static uint64_t stack_length(const char *name)
{
    for (const char *part = name; *part;) {
        size_t n = strcspn(part, ".");

        if (n && strspn(part, "0123456789") == n)
            return (uint64_t)(part - name);
        part += n + (part[n] == '.');
    }
    return 0;
}

static int compare_rows(const struct spot *x, const struct spot *y)
{
    uint64_t n = x->stack_bytes < y->stack_bytes ? x->stack_bytes : y->stack_bytes;
    int order = memcmp(x->stack, y->stack, n);

    if (order == 0 && x->stack_bytes != y->stack_bytes)
        order = x->stack_bytes < y->stack_bytes ? -1 : 1;
    if (order == 0 && x->s->layer != y->s->layer)
        order = x->s->layer < y->s->layer ? -1 : 1;
    return order;
}

static int compare_spots(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;
    int order = compare_rows(x, y);

    if (order == 0)
        order = strcmp(x->s->role, y->s->role);
    return order ? order : x->row < y->row ? -1 : x->row > y->row;
}

static int compare_roles(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

static bool collect(struct grid *g, const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    uint64_t row = 0;

    g->spot = q8_alloc(page->mem, in->subjects, sizeof *g->spot, page->err);
    g->role = q8_alloc(page->mem, in->subjects, sizeof *g->role, page->err);
    if (!g->spot || !g->role)
        return false;
    for (uint64_t i = 0; i < in->subjects; i++) {
        const struct q8_subject *s = &in->subject[i];
        bool weight = s->codes || (s->matrix && s->matrix->have_costs);

        if (s->shown && weight && s->layer != UINT64_MAX) {
            g->role[g->spots] = s->role;
            g->spot[g->spots++] = (struct spot){s->name, stack_length(s->name), s, row};
        }
        row += s->shown;
    }
    if (!g->spots)
        return true;
    qsort(g->spot, g->spots, sizeof *g->spot, compare_spots);
    qsort(g->role, g->spots, sizeof *g->role, compare_roles);
    for (uint64_t i = 0; i < g->spots; i++) {
        const struct spot *here = &g->spot[i];

        g->rows += i == 0 || compare_rows(here - 1, here) != 0;
        g->stacks |= here->stack_bytes != g->spot->stack_bytes ||
                     memcmp(here->stack, g->spot->stack, here->stack_bytes) != 0;
        if (i == 0 || strcmp(g->role[g->roles - 1], g->role[i]) != 0)
            g->role[g->roles++] = g->role[i];
    }
    return true;
}

static double get_value(const struct q8_inspect *in, const struct view *v, const struct spot *spot)
{
    return v->quantity.value(in, spot->s, v->quantity.which);
}

/* Widens the scale to the values; false when there are none. */
static bool fit(struct view *v, const struct grid *g, const struct q8_inspect *in)
{
    bool rising = !(v->alarm < v->calm);
    double least = (double)INFINITY, most = -least;
    uint64_t n = 0;

    for (uint64_t i = 0; i < g->spots; i++) {
        double x = get_value(in, v, &g->spot[i]);

        n += !isnan(x);
        if (isnan(x) || isinf(x) || (v->log && x <= 0))
            continue;
        least = fmin(least, x);
        most = fmax(most, x);
    }
    if (v->quantity.form == Q8_HTML_DECIBEL) {
        v->calm += in->options.min_sqnr;
        v->alarm += in->options.min_sqnr;
    }
    if (least <= most) { /* fmin and fmax pass over a NaN */
        v->calm = rising ? fmin(v->calm, least) : fmax(v->calm, most);
        v->alarm = rising ? fmax(v->alarm, most) : fmin(v->alarm, least);
    }
    return n > 0;
}

static char step_of(const struct view *v, double x)
{
    if (isnan(x))
        return '-';
    if (v->log && x > 0)
        return (char)('0' + q8_html_step(log(x), log(v->calm), log(v->alarm)));
    return (char)('0' + q8_html_step(x, v->calm, v->alarm));
}

/* The number of each view and its colour; the script switches between them. */
static void put_cell(const struct grid *g, const struct q8_html_page *page, const struct spot *spot)
{
    const struct q8_subject *s = spot->s;
    FILE *out = page->out;
    char step = step_of(g->view, get_value(page->in, g->view, spot));

    fprintf(out, "<td class=\"%s%s", q8_html_below(page->in, s) ? "low " : "",
            s->numbers.nans || s->numbers.infinities ? "bad " : "");
    if (step != '-')
        fprintf(out, "h%c", step);
    fprintf(out, "\" data-i=\"%" PRIu64 "\" data-h=\"", spot->row);
    for (unsigned v = 0; v < g->views; v++)
        fputc(step_of(&g->view[v], get_value(page->in, &g->view[v], spot)), out);
    fputs("\" data-v=\"", out);
    for (unsigned v = 0; v < g->views; v++) {
        if (v)
            fputc('|', out);
        q8_html_number(out, g->view[v].quantity.form, get_value(page->in, &g->view[v], spot));
    }
    fputs("\">", out);
    q8_html_number(out, g->view->quantity.form, get_value(page->in, g->view, spot));
    fputs("</td>", out);
}

static void put_rows(const struct grid *g, const struct q8_html_page *page)
{
    FILE *out = page->out;

    for (uint64_t i = 0; i < g->spots;) {
        const struct spot *first = &g->spot[i];

        fputs("<tr><th scope=\"row\">", out);
        if (g->stacks) {
            char *stack = q8_strndup(page->mem, first->stack, first->stack_bytes, page->err);

            q8_html_name(out, stack ? stack : "");
        }
        fprintf(out, "%" PRIu64 "</th>", first->s->layer);
        for (uint64_t r = 0; r < g->roles; r++) {
            bool here = i < g->spots && compare_rows(first, &g->spot[i]) == 0 &&
                        strcmp(g->spot[i].s->role, g->role[r]) == 0;

            if (here)
                put_cell(g, page, &g->spot[i]);
            else
                fputs("<td class=\"none\"></td>", out);
            /* "a.1.b" and "a.01.b" are one place; the table has both */
            while (here && i < g->spots && compare_rows(first, &g->spot[i]) == 0 &&
                   strcmp(g->spot[i].s->role, g->role[r]) == 0)
                i++;
        }
        fputs("</tr>\n", out);
    }
}

static void put_words(const struct q8_html_page *page, const struct view *v)
{
    const struct q8_inspect *in = page->in;

    if (v->quantity.form != Q8_HTML_DECIBEL) {
        fprintf(page->out, "<span>%s</span>", v->words);
        return;
    }
    fputs("<span>Signal to quantization noise ", page->out);
    if (in->coded.count)
        fputs("against the reference", page->out);
    else if (in->options.target)
        fprintf(page->out, "with <b>%s</b>", in->options.target->name);
    fprintf(page->out, "</span><span><b class=\"key low\"></b>below %.4g dB</span>",
            in->options.min_sqnr);
}

static void put_controls(const struct grid *g, const struct q8_html_page *page)
{
    FILE *out = page->out;

    fputs("<fieldset class=\"views\" hidden><legend>Show</legend>", out);
    for (unsigned v = 0; v < g->views; v++)
        fprintf(out,
                "<label><input type=\"radio\" name=\"view\" value=\"%s\"%s><span>%s</span></label>",
                g->view[v].id, v ? "" : " checked", g->view[v].quantity.title);
    fputs("</fieldset>\n", out);
    for (unsigned v = 0; v < g->views; v++) {
        const struct view *here = &g->view[v];

        fprintf(out, "<p class=\"legend\"%s>", v ? " hidden" : "");
        q8_html_legend(page, here->quantity.form, here->calm, here->alarm, here->unit);
        put_words(page, here);
        fputs("<span><b class=\"key bad\"></b>has NaN or Inf</span></p>\n", out);
    }
}

static void put_map(const struct grid *g, const struct q8_html_page *page)
{
    FILE *out = page->out;

    put_controls(g, page);
    fprintf(out,
            "<div class=\"box map\" tabindex=\"0\" role=\"region\" aria-labelledby=\"map-caption\">"
            "<table id=\"map\" class=\"heat\" data-view=\"%s\"><caption id=\"map-caption\">%" PRIu64
            " layer%s, %" PRIu64 " role%s</caption>\n"
            "<thead><tr><th scope=\"col\">Layer</th>",
            g->view->id, g->rows, g->rows == 1 ? "" : "s", g->roles, g->roles == 1 ? "" : "s");
    for (uint64_t r = 0; r < g->roles; r++) {
        fputs("<th scope=\"col\">", out);
        q8_html_name(out, g->role[r]);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    put_rows(g, page);
    fputs("</tbody></table></div>\n", out);
}

bool q8_html_grid(const struct q8_html_page *page)
{
    struct grid g = {0};

    if (!collect(&g, page))
        return false;
    for (unsigned i = 0; i < VIEWS_MAX; i++) {
        g.view[g.views] = views[i];
        g.views += fit(&g.view[g.views], &g, page->in);
    }
    if (!g.views)
        return true;
    fputs("<section id=\"layers\"><h2>Layers and roles</h2>\n", page->out);
    if (g.roles > Q8_HTML_CELLS / g.rows)
        fprintf(page->out,
                "<p>%" PRIu64 " layers times %" PRIu64 " roles are too many for a map.</p>\n",
                g.rows, g.roles);
    else
        put_map(&g, page);
    fputs("</section>\n", page->out);
    return true;
}
