/* page_features.c - outlier features: dimensions across the layers */
#include "src/inspect/page_parts.h"

#include "src/base/text.h"

#include <inttypes.h>
#include <math.h>

/* A browser shows them at once: beyond these the page says how many more there are. */
#define LINES 500
#define MISSINGS 200

/* The map of one list. */
struct map {
    const struct q8_outlier_list *list;
    unsigned columns; /* features that it shows */
    double calm, alarm;
};

/* What stands in one cell. */
struct cell {
    double factor;                          /* the largest of the layer; 0: none */
    const struct q8_feature_source *source; /* where */
};

static struct map measure(const struct q8_outlier_list *list, double threshold)
{
    struct map m = {list, Q8_HTML_FEATURES, threshold, threshold * 2};

    if (list->count < m.columns)
        m.columns = (unsigned)list->count;
    for (unsigned c = 0; c < m.columns; c++) {
        m.calm = fmin(m.calm, list->feature[c].least);
        m.alarm = fmax(m.alarm, list->feature[c].most);
    }
    return m;
}

/* Fills the cells of the layer that begins with source `s`; returns the source behind it. */
static uint64_t read_layer(const struct map *m, uint64_t s, uint64_t *hit, struct cell *cell)
{
    const struct q8_outlier_list *list = m->list;
    uint64_t layer = list->source[s].layer;

    for (unsigned c = 0; c < m->columns; c++)
        cell[c] = (struct cell){0, NULL};
    for (; s < list->sources && list->source[s].layer == layer; s++)
        for (; *hit < list->hits && list->hit[*hit].source <= s; ++*hit) {
            const struct q8_feature_hit *h = &list->hit[*hit];

            for (unsigned c = 0; c < m->columns; c++)
                if (list->feature[c].dimension == h->dimension &&
                    list->feature[c].features == list->source[s].features &&
                    h->factor > cell[c].factor)
                    cell[c] = (struct cell){h->factor, &list->source[s]};
        }
    return s;
}

static bool any_cell(const struct cell *cell, unsigned columns)
{
    unsigned c = 0;

    while (c < columns && !cell[c].source)
        c++;
    return c < columns;
}

/* Whether all are there. */
static bool put_layers(const struct map *m, FILE *out)
{
    struct cell cell[Q8_HTML_FEATURES];
    uint64_t s = 0, hit = 0, lines = 0;

    while (s < m->list->sources && lines < LINES) {
        uint64_t layer = m->list->source[s].layer;

        s = read_layer(m, s, &hit, cell);
        if (layer == UINT64_MAX && !any_cell(cell, m->columns))
            continue;
        lines++;
        fputs("<tr><th scope=\"row\">", out);
        if (layer == UINT64_MAX)
            fputs("none", out);
        else
            fprintf(out, "%" PRIu64, layer);
        fputs("</th>", out);
        for (unsigned c = 0; c < m->columns; c++) {
            if (!cell[c].source) {
                fputs("<td class=\"none\"></td>", out);
                continue;
            }
            fprintf(out, "<td class=\"h%u\" title=\"",
                    q8_html_step(log(cell[c].factor), log(m->calm), log(m->alarm)));
            q8_html_text(out, cell[c].source->role);
            fprintf(out, "\">%.1f</td>", cell[c].factor);
        }
        fputs("</tr>\n", out);
    }
    return s >= m->list->sources;
}

static void put_map(const struct map *m, const struct q8_html_page *page)
{
    FILE *out = page->out;
    bool all;

    fputs("<p class=\"legend\">", out);
    q8_html_legend(page->out, Q8_HTML_PLAIN, m->calm, m->alarm, " \xc3\x97");
    fprintf(out,
            "<span>Magnitude over the median of its %s, the largest of a layer.</span></p>\n"
            "<div class=\"side\"><div class=\"box map\" tabindex=\"0\" role=\"region\""
            " aria-labelledby=\"feature-caption\"><table id=\"feature-map\" class=\"heat\">"
            "<caption id=\"feature-caption\">Factor by layer and dimension</caption>\n"
            "<thead><tr><th scope=\"col\">Layer</th>",
            m->list->from_activations ? "module" : "norm");
    for (unsigned c = 0; c < m->columns; c++)
        fprintf(out, "<th scope=\"col\">%" PRIu64 "</th>", m->list->feature[c].dimension);
    fputs("</tr></thead>\n<tbody>\n", out);
    all = put_layers(m, out);
    fputs("</tbody></table>", out);
    if (!all)
        fprintf(out, "<p class=\"rest\">The first %d layers.</p>", LINES);
    fputs("</div>\n", out);
}

static void put_list(const struct map *m, FILE *out)
{
    fputs("<div class=\"box\" tabindex=\"0\" role=\"region\" aria-labelledby=\"dim-caption\">"
          "<table class=\"list\"><caption id=\"dim-caption\">Dimensions that stand out</caption>\n"
          "<thead><tr><th scope=\"col\">Dimension</th><th scope=\"col\" class=\"n\">of</th>"
          "<th scope=\"col\" class=\"n\">Layers</th><th scope=\"col\" class=\"n\">Sources</th>"
          "<th scope=\"col\" class=\"n\">Least factor</th><th scope=\"col\" class=\"n\">Median</th>"
          "<th scope=\"col\" class=\"n\">Most</th><th scope=\"col\">Across layers</th></tr></thead>"
          "\n<tbody>\n",
          out);
    for (unsigned c = 0; c < m->columns; c++) {
        const struct q8_feature *f = &m->list->feature[c];

        fprintf(out,
                "<tr><th scope=\"row\">%" PRIu64 "</th><td>%" PRIu64 "</td><td>%" PRIu64
                " of %" PRIu64 "</td><td>%" PRIu64 "</td><td>%.1f</td><td>%.1f</td><td>%.1f</td>"
                "<td class=\"t\">%s</td></tr>\n",
                f->dimension, f->features, f->layers, f->of, f->sources, f->least, f->median,
                f->most, f->systematic ? "systematic" : "");
    }
    fputs("</tbody></table></div>\n", out);
}

static void put_activations(const struct q8_outlier_list *list, FILE *out)
{
    char text[32];

    fprintf(out,
            "<p>%.2f %% of the Linear parameters are in outlier columns; LLM.int8() works with"
            " %s of 16-bit columns per pass.</p>\n",
            100 * list->touched, q8_text_bytes(list->decomposed_bytes, text, sizeof text));
    if (!list->missings)
        return;
    fprintf(out, "<details><summary>%" PRIu64 " Linear modules without statistics</summary><ul>\n",
            list->missings);
    for (uint64_t i = 0; i < list->missings && i < MISSINGS; i++) {
        fputs("<li>", out);
        q8_html_name(out, list->missing[i]);
        fputs("</li>\n", out);
    }
    if (list->missings > MISSINGS)
        fprintf(out, "<li>and %" PRIu64 " more</li>\n", list->missings - MISSINGS);
    fputs("</ul></details>\n", out);
}

void q8_html_features(const struct q8_html_page *page)
{
    const struct q8_outlier_list *list = &page->in->outliers;
    struct map m =
        measure(list, list->from_activations ? page->in->options.threshold : Q8_GAIN_FACTOR);
    FILE *out = page->out;

    if (!list->sources)
        return;
    fprintf(out, "<section id=\"features\"><h2>Outlier features</h2>\n<p>");
    if (!list->count)
        fputs("No input feature stands out", out);
    else if (list->count > m.columns)
        fprintf(out, "The first %u of %" PRIu64 " input features that stand out", m.columns,
                list->count);
    else
        fprintf(out, "%" PRIu64 " input feature%s", list->count,
                list->count == 1 ? " stands out" : "s stand out");
    fprintf(out, list->from_activations ? " in the statistics of activations.</p>\n"
                                        : " in the gains of the norms.</p>\n");
    if (list->from_rms)
        fputs("<p>An imatrix has root mean squares: these features reach the threshold, and others "
              "may, whose largest magnitude it does not say.</p>\n",
              out);
    if (list->from_activations)
        put_activations(list, out);
    if (list->count) {
        put_map(&m, page);
        put_list(&m, out);
        fputs("</div>\n", out);
    }
    fputs("</section>\n", out);
}
