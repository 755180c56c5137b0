/* heat_map.c - the heat map: layers times roles */
#include "src/report/heat_map.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The map, and how it is coloured. */
struct grid {
    FILE *out;
    struct q8_heat_spot *spot; /* [spots], by stack, layer, role */
    uint64_t spots;
    const char **role; /* [roles], by name */
    uint64_t roles, rows;
    bool stacks; /* there are layers of more than one stack (encoder, decoder) */
    struct q8_heat_view view[Q8_HTML_VIEWS]; /* [views], those that have values */
    unsigned value[Q8_HTML_VIEWS];           /* of a spot, for each view */
    unsigned views;
    const char *bad;
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

static int compare_stacks(const struct q8_heat_spot *x, const struct q8_heat_spot *y)
{
    uint64_t n = x->stack_bytes < y->stack_bytes ? x->stack_bytes : y->stack_bytes;
    int order = memcmp(x->name, y->name, n);

    if (order == 0 && x->stack_bytes != y->stack_bytes)
        order = x->stack_bytes < y->stack_bytes ? -1 : 1;
    return order;
}

static int compare_rows(const struct q8_heat_spot *x, const struct q8_heat_spot *y)
{
    int order = compare_stacks(x, y);

    if (order == 0 && x->layer != y->layer)
        order = x->layer < y->layer ? -1 : 1;
    return order;
}

static int compare_spots(const void *a, const void *b)
{
    const struct q8_heat_spot *x = a, *y = b;
    int order = compare_rows(x, y);

    if (order == 0)
        order = strcmp(x->role, y->role);
    return order ? order : x->row < y->row ? -1 : x->row > y->row;
}

static int compare_roles(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* Sorts the spots, and counts rows and roles. */
static bool arrange(struct grid *g, struct q8_arena *mem, struct q8_err *err)
{
    g->role = q8_alloc(mem, g->spots, sizeof *g->role, err);
    if (!g->role)
        return false;
    for (uint64_t i = 0; i < g->spots; i++) {
        g->role[i] = g->spot[i].role;
        g->spot[i].stack_bytes = stack_length(g->spot[i].name);
    }
    qsort(g->spot, g->spots, sizeof *g->spot, compare_spots);
    qsort(g->role, g->spots, sizeof *g->role, compare_roles);
    for (uint64_t i = 0; i < g->spots; i++) {
        const struct q8_heat_spot *here = &g->spot[i];

        g->rows += i == 0 || compare_rows(here - 1, here) != 0;
        g->stacks |= compare_stacks(here, g->spot) != 0;
        if (i == 0 || strcmp(g->role[g->roles - 1], g->role[i]) != 0)
            g->role[g->roles++] = g->role[i];
    }
    return true;
}

/* Widens the scale to the values; false when there are none. */
static bool fit(const struct grid *g, struct q8_heat_view *v, unsigned value)
{
    bool rising = !(v->alarm < v->calm);
    double least = (double)INFINITY, most = -least;
    uint64_t n = 0;

    for (uint64_t i = 0; i < g->spots; i++) {
        double x = g->spot[i].value[value];

        n += !isnan(x);
        if (isnan(x) || isinf(x) || (v->log && x <= 0))
            continue;
        least = fmin(least, x);
        most = fmax(most, x);
    }
    if (least <= most) { /* fmin and fmax pass over a NaN */
        v->calm = rising ? fmin(v->calm, least) : fmax(v->calm, most);
        v->alarm = rising ? fmax(v->alarm, most) : fmin(v->alarm, least);
    }
    return n > 0;
}

static char step_of(const struct q8_heat_view *v, double x)
{
    if (isnan(x))
        return '-';
    if (v->log && x > 0)
        return (char)('0' + q8_html_step(log(x), log(v->calm), log(v->alarm)));
    return (char)('0' + q8_html_step(x, v->calm, v->alarm));
}

/* The number of each view and its colour; the script switches between them. */
static void put_cell(const struct grid *g, const struct q8_heat_spot *spot)
{
    FILE *out = g->out;
    char step = step_of(g->view, spot->value[g->value[0]]);

    fprintf(out, "<td class=\"%s%s", spot->low ? "low " : "", spot->bad ? "bad " : "");
    if (step != '-')
        fprintf(out, "h%c", step);
    fprintf(out, "\" data-i=\"%" PRIu64 "\" data-h=\"", spot->row);
    for (unsigned v = 0; v < g->views; v++)
        fputc(step_of(&g->view[v], spot->value[g->value[v]]), out);
    fputs("\" data-v=\"", out);
    for (unsigned v = 0; v < g->views; v++) {
        if (v)
            fputc('|', out);
        q8_html_number(out, g->view[v].form, spot->value[g->value[v]]);
    }
    fputs("\">", out);
    q8_html_number(out, g->view->form, spot->value[g->value[0]]);
    fputs("</td>", out);
}

static bool put_rows(const struct grid *g, struct q8_arena *mem, struct q8_err *err)
{
    FILE *out = g->out;

    for (uint64_t i = 0; i < g->spots;) {
        const struct q8_heat_spot *first = &g->spot[i];

        fputs("<tr><th scope=\"row\">", out);
        if (g->stacks) {
            char *stack = q8_strndup(mem, first->name, first->stack_bytes, err);

            if (!stack)
                return false;
            q8_html_name(out, stack);
        }
        fprintf(out, "%" PRIu64 "</th>", first->layer);
        for (uint64_t r = 0; r < g->roles; r++) {
            bool here = i < g->spots && compare_rows(first, &g->spot[i]) == 0 &&
                        strcmp(g->spot[i].role, g->role[r]) == 0;

            if (here)
                put_cell(g, &g->spot[i]);
            else
                fputs("<td class=\"none\"></td>", out);
            /* "a.1.b" and "a.01.b" are one place; the table has both */
            while (here && i < g->spots && compare_rows(first, &g->spot[i]) == 0 &&
                   strcmp(g->spot[i].role, g->role[r]) == 0)
                i++;
        }
        fputs("</tr>\n", out);
    }
    return true;
}

static void put_controls(const struct grid *g)
{
    FILE *out = g->out;

    fputs("<fieldset class=\"views\" hidden><legend>Show</legend>", out);
    for (unsigned v = 0; v < g->views; v++)
        fprintf(out,
                "<label><input type=\"radio\" name=\"view\" value=\"%s\"%s><span>%s</span></label>",
                g->view[v].id, v ? "" : " checked", g->view[v].title);
    fputs("</fieldset>\n", out);
    for (unsigned v = 0; v < g->views; v++) {
        const struct q8_heat_view *here = &g->view[v];

        fprintf(out, "<p class=\"legend\"%s>", v ? " hidden" : "");
        q8_html_legend(out, here->form, here->calm, here->alarm, here->unit);
        fprintf(out, "<span>%s</span>", here->words);
        if (!isnan(here->low))
            fprintf(out, "<span><b class=\"key low\"></b>below %.4g dB</span>", here->low);
        fprintf(out, "<span><b class=\"key bad\"></b>%s</span></p>\n", g->bad);
    }
}

static bool put_map(const struct grid *g, struct q8_arena *mem, struct q8_err *err)
{
    FILE *out = g->out;
    bool ok;

    put_controls(g);
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
    ok = put_rows(g, mem, err);
    fputs("</tbody></table></div>\n", out);
    return ok;
}

bool q8_heat_map_print(FILE *out, const struct q8_heat_map *map, struct q8_arena *mem,
                       struct q8_err *err)
{
    struct grid g = {.out = out, .spot = map->spot, .spots = map->spots, .bad = map->bad};
    bool ok = true;

    for (unsigned i = 0; i < map->views; i++) {
        g.view[g.views] = map->view[i];
        g.value[g.views] = i;
        g.views += fit(&g, &g.view[g.views], i);
    }
    if (!g.views)
        return true;
    if (!arrange(&g, mem, err))
        return false;
    fputs("<section id=\"layers\"><h2>Layers and roles</h2>\n", out);
    if (g.roles > Q8_HTML_CELLS / g.rows)
        fprintf(out, "<p>%" PRIu64 " layers times %" PRIu64 " roles are too many for a map.</p>\n",
                g.rows, g.roles);
    else
        ok = put_map(&g, mem, err);
    fputs("</section>\n", out);
    return ok;
}
