/* page_layers.c - the layers on the page of q8-verify: heat map, table, details */
#include "src/report/page.h"
#include "src/verify/page_layers.h"

#include "src/verify/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* One number of a layer; NaN: it has none. */
struct quantity {
    const char *group, *title; /* heading of its column */
    const char *help;          /* a clause that says what it is */
    enum q8_html_form form;
    double (*of)(const struct q8_layer *layer);
};

/* A function for a number of level 2 or 3. */
#define WEIGHTS(name, value)                                                                       \
    static double name(const struct q8_layer *layer)                                               \
    {                                                                                              \
        return layer->have_weights ? (double)layer->weights.value : (double)NAN;                   \
    }
#define MATMUL(name, value)                                                                        \
    static double name(const struct q8_layer *layer)                                               \
    {                                                                                              \
        return layer->have_matmul ? (double)layer->matmul.value : (double)NAN;                     \
    }

WEIGHTS(get_weights_sqnr, sqnr)
WEIGHTS(get_mse, relative_mse)
WEIGHTS(get_weights_cosine, cosine)
WEIGHTS(get_steps, most_steps)
WEIGHTS(get_off, off)
WEIGHTS(get_off_nearest, off_nearest)
WEIGHTS(get_ties, ties)
WEIGHTS(get_scales_off, scales_off)
WEIGHTS(get_scale_off, scale_off)
MATMUL(get_matmul_sqnr, sqnr)
MATMUL(get_error, relative_error)
MATMUL(get_matmul_cosine, cosine)
MATMUL(get_most, most)
MATMUL(get_kl, kl)
MATMUL(get_outliers, outliers)
MATMUL(get_bad, bad)
MATMUL(get_tokens, tokens)

static const struct quantity quantities[] = {
    {"weights", "SQNR", "dB, against the reference", Q8_HTML_DECIBEL, get_weights_sqnr},
    {"weights", "Rel. MSE", "squared error / squared weights", Q8_HTML_PLAIN, get_mse},
    {"weights", "Cosine", "of the weights and the reference", Q8_HTML_COSINE, get_weights_cosine},
    {"weights", "Steps", "largest error, in steps of a code", Q8_HTML_PLAIN, get_steps},
    {"codes", "Off", "codes that the rule does not give", Q8_HTML_COUNT, get_off},
    {"codes", "Off share", "of all codes", Q8_HTML_PERCENT, get_off_nearest},
    {"codes", "Ties", "codes that are off within rounding", Q8_HTML_COUNT, get_ties},
    {"scales", "Off", "scales that the rule does not give", Q8_HTML_COUNT, get_scales_off},
    {"scales", "Off by", "largest relative difference", Q8_HTML_PLAIN, get_scale_off},
    {"products", "SQNR", "dB, against float products", Q8_HTML_DECIBEL, get_matmul_sqnr},
    {"products", "Rel. error", "norm of the error / norm of the products", Q8_HTML_PLAIN,
     get_error},
    {"products", "Cosine", "of int8 and float products", Q8_HTML_COSINE, get_matmul_cosine},
    {"products", "Most", "largest error", Q8_HTML_PLAIN, get_most},
    {"products", "KL", "mean divergence of a head's softmax, nats", Q8_HTML_PLAIN, get_kl},
    {"products", "Outlier columns", "multiplied in 16 bit", Q8_HTML_COUNT, get_outliers},
    {"products", "NaN/Inf", "products that are not finite", Q8_HTML_COUNT, get_bad},
    {"products", "Tokens", "rows of activations", Q8_HTML_COUNT, get_tokens},
};

#define QUANTITIES (sizeof quantities / sizeof *quantities)

/*
 * A row of normal numbers loses 41 dB to 8 bits and 30 dB is where q8-inspect's alarm begins, so 45
 * is calm and 20 is not; products lose some dB more, by the codes of the activations.
 */
static const struct q8_html_view views[] = {
    {"weights", "Weights", Q8_HTML_DECIBEL, " dB",
     "Signal to quantization noise of the weights against the reference.", 45, 20, (double)NAN,
     false},
    {"matmul", "Products", Q8_HTML_DECIBEL, " dB",
     "Signal to noise of the int8 products against those in float.", 40, 15, (double)NAN, false},
};

/* Columns that some layer has something for, in *ret [QUANTITIES]; how many. */
static unsigned choose(const struct q8_verify *v, const struct quantity **ret)
{
    unsigned n = 0;

    for (size_t q = 0; q < QUANTITIES; q++) {
        uint64_t i = 0;

        while (i < v->layers && isnan(quantities[q].of(&v->layer[i])))
            i++;
        if (i < v->layers)
            ret[n++] = &quantities[q];
    }
    return n;
}

static bool put_map(const struct q8_verify *v, FILE *out, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_html_map map = {.views = sizeof views / sizeof *views, .bad = "fails"};

    memcpy(map.view, views, sizeof views);
    map.spot = q8_alloc(mem, v->layers, sizeof *map.spot, err);
    if (!map.spot)
        return false;
    for (uint64_t i = 0; i < v->layers; i++) {
        const struct q8_layer *layer = &v->layer[i];

        if (layer->number != UINT64_MAX)
            map.spot[map.spots++] = (struct q8_html_spot){
                .name = layer->module,
                .role = layer->role,
                .layer = layer->number,
                .row = i,
                .bad = layer->failing > 0,
                .value = {get_weights_sqnr(layer), get_matmul_sqnr(layer)},
            };
    }
    return q8_html_grid(out, &map, mem, err);
}

static void put_row(const struct q8_layer *layer, const struct quantity *const *column,
                    unsigned columns, FILE *out)
{
    const struct q8_side *side = &layer->item->b;
    char type[64];

    fprintf(out, "<tr%s><th scope=\"row\">", layer->failing ? " class=\"low\"" : "");
    q8_html_name(out, layer->module);
    if (layer->unmeasured) {
        fputs(" <small>", out);
        q8_html_text(out, layer->unmeasured);
        fputs("</small>", out);
    }
    fprintf(out, "</th><td>%s</td><td>[%" PRIu64 ", %" PRIu64 "]</td>",
            q8_side_type(side, type, sizeof type), side->rows, side->cols);
    for (unsigned c = 0; c < columns; c++) {
        fputs("<td>", out);
        q8_html_number(out, column[c]->form, column[c]->of(layer));
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

/* The search is for the script, which shows it. */
static void put_table(const struct q8_verify *v, FILE *out)
{
    const struct quantity *column[QUANTITIES];
    const unsigned columns = choose(v, column);

    fprintf(out,
            "<section id=\"weights\"><h2>Weights</h2>\n"
            "<form class=\"find\" role=\"search\" hidden>"
            "<label>Search <input type=\"search\" id=\"find\" autocomplete=\"off\""
            " spellcheck=\"false\" placeholder=\"layers.3 down_proj\"></label>"
            "<label><input type=\"checkbox\" id=\"low\"> only those that fail</label>"
            "<output id=\"found\" aria-live=\"polite\">%" PRIu64 " of %" PRIu64 "</output></form>\n"
            "<div class=\"box\" tabindex=\"0\" role=\"region\" aria-labelledby=\"rows-caption\">"
            "<table id=\"rows\" class=\"list\"><caption id=\"rows-caption\">Int8 weights, by name. "
            "A bar at the left marks those that fail.</caption>\n"
            "<thead><tr><th scope=\"col\" aria-sort=\"ascending\">Name</th>"
            "<th scope=\"col\">Type</th><th scope=\"col\">Shape</th>",
            v->layers, v->layers);
    for (unsigned c = 0; c < columns; c++)
        fprintf(out, "<th scope=\"col\" class=\"n\" title=\"%s\"><small>%s</small> %s</th>",
                column[c]->help, column[c]->group, column[c]->title);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (uint64_t i = 0; i < v->layers; i++)
        put_row(&v->layer[i], column, columns, out);
    fputs("</tbody></table></div></section>\n", out);
}

bool q8_html_layers(const struct q8_verify *v, FILE *out, struct q8_arena *mem, struct q8_err *err)
{
    if (!put_map(v, out, mem, err))
        return false;
    put_table(v, out);
    return true;
}

/* ---- what the script shows of a layer: see src/report/page.js ---- */

static void put_about(const struct q8_verify *v, const struct q8_layer *layer, FILE *out)
{
    bool first = true;

    fputs("{\"about\":[", out);
    for (int level = 0; level < Q8_LEVELS; level++) {
        uint64_t count;
        const struct q8_finding *f =
            q8_verify_about(v, (enum q8_level)level, layer->module, &count);

        for (; count; f++, count--) {
            fprintf(out, "%s[\"%s: %s\",", first ? "" : ",", f->fails ? "fails" : "note", f->kind);
            q8_html_string(out, f->text);
            fputc(']', out);
            first = false;
        }
    }
    fputc(']', out);
}

static void put_settings(const struct q8_layer *layer, FILE *out)
{
    fputs(",\"pairs\":[", out);
    if (layer->have_weights)
        fprintf(out, "[\"Codes and scales\",[[\"Codes are of\",\"%s\"],[\"Scales\",%" PRIu64 "]]]",
                layer->weights.library_rule ? "a division in the weight\\u0027s type"
                                            : "the format\\u0027s rule",
                layer->weights.scales);
    if (layer->have_matmul) {
        fprintf(out,
                "%s[\"How it was multiplied\",[[\"Activations\",\"%s\"],[\"Mode\",\"%s\"],"
                "[\"Threshold\",",
                layer->have_weights ? "," : "", q8_activations_kind_name(layer->matmul.from),
                q8_mode_name(layer->matmul.mode));
        q8_html_json(out, layer->matmul.threshold);
        fputs("]]]", out);
    }
    fputc(']', out);
}

static void put_rows(const struct q8_weights *w, FILE *out)
{
    fputs(",\"lists\":[[\"Rows of the lowest SQNR\",[\"Row\",\"SQNR, dB\"],[", out);
    for (unsigned i = 0; i < w->worsts; i++) {
        fprintf(out, "%s[\"%" PRIu64 "\",", i ? "," : "", w->worst[i].row);
        q8_html_json(out, w->worst[i].sqnr);
        fputc(']', out);
    }
    fputs("]]]", out);
}

void q8_html_layer_data(const struct q8_verify *v, FILE *out)
{
    fputs("<script type=\"application/json\" id=\"data\">{\"rows\":[", out);
    for (uint64_t i = 0; i < v->layers; i++) {
        fputs(i ? ",\n" : "\n", out);
        put_about(v, &v->layer[i], out);
        put_settings(&v->layer[i], out);
        if (v->layer[i].have_weights && v->layer[i].weights.worsts)
            put_rows(&v->layer[i].weights, out);
        fputc('}', out);
    }
    fputs("\n]}</script>\n", out);
}
