/* page_layers.c - the layers on the page of q8-verify: heat map, table, details */
#include "src/verify/page_layers.h"

#include "src/report/heat_map.h"
#include "src/verify/numbers.h"
#include "src/compare/report.h"
#include "src/verify/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/*
 * A row of normal numbers loses 41 dB to 8 bits and 30 dB is where q8-inspect's alarm begins, so 45
 * is calm and 20 is not; products lose some dB more, by the codes of the activations.
 */
static const struct q8_heat_view views[] = {
    {"weights", "Weights", Q8_HTML_DECIBEL, " dB",
     "Signal to quantization noise of the weights against the reference.", 45, 20, (double)NAN,
     false},
    {"matmul", "Products", Q8_HTML_DECIBEL, " dB",
     "Signal to noise of the int8 products against those in float.", 40, 15, (double)NAN, false},
};

static bool put_map(const struct q8_verify *v, FILE *out, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_heat_map map = {.views = sizeof views / sizeof *views, .bad = "fails"};

    memcpy(map.view, views, sizeof views);
    map.spot = q8_alloc(mem, v->layers, sizeof *map.spot, err);
    if (!map.spot)
        return false;
    for (uint64_t i = 0; i < v->layers; i++) {
        const struct q8_layer *layer = &v->layer[i];

        if (layer->number != UINT64_MAX)
            map.spot[map.spots++] = (struct q8_heat_spot){
                .name = layer->module,
                .role = layer->role,
                .layer = layer->number,
                .row = i,
                .bad = layer->failing > 0,
                .value = {layer->have_weights ? layer->weights.sqnr : (double)NAN,
                          layer->have_matmul ? layer->matmul.sqnr : (double)NAN},
            };
    }
    return q8_heat_map_print(out, &map, mem, err);
}

static void put_row(const struct q8_layer *layer, const struct q8_column *const *column,
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
    for (unsigned c = 0; c < columns; c++)
        q8_column_cell(out, column[c], NULL, layer);
    fputs("</tr>\n", out);
}

/* The search is for the script, which shows it. */
static void put_table(const struct q8_verify *v, FILE *out)
{
    const struct q8_column *column[Q8_NUMBERS];
    const unsigned columns = q8_numbers_shown(v, column);

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
        q8_column_head(out, column[c], "n");
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

static void put_about(struct q8_json *j, const struct q8_verify *v, const struct q8_layer *layer)
{
    char kind[80];

    q8_json_begin(j, "about", '[');
    for (int level = 0; level < Q8_LEVELS; level++) {
        uint64_t count;
        const struct q8_finding *f =
            q8_verify_about(v, (enum q8_level)level, layer->module, &count);

        for (; count; f++, count--) {
            (void)snprintf(kind, sizeof kind, "%s: %s", f->fails ? "fails" : "note", f->kind);
            q8_json_begin(j, NULL, '[');
            q8_json_text(j, NULL, kind);
            q8_json_text(j, NULL, f->text);
            q8_json_end(j, ']');
        }
    }
    q8_json_end(j, ']');
}

/* A heading and the list of pairs below it, which the caller closes with end_pairs(). */
static void begin_pairs(struct q8_json *j, const char *heading)
{
    q8_json_begin(j, NULL, '[');
    q8_json_text(j, NULL, heading);
    q8_json_begin(j, NULL, '[');
}

static void end_pairs(struct q8_json *j)
{
    q8_json_end(j, ']');
    q8_json_end(j, ']');
}

/* A name with a text, or with a number where that is NULL. */
static void put_pair(struct q8_json *j, const char *name, const char *text, double number)
{
    q8_json_begin(j, NULL, '[');
    q8_json_text(j, NULL, name);
    if (text)
        q8_json_text(j, NULL, text);
    else
        q8_column_script(j, NULL, number);
    q8_json_end(j, ']');
}

static void put_settings(struct q8_json *j, const struct q8_layer *layer)
{
    q8_json_begin(j, "pairs", '[');
    if (layer->have_weights) {
        begin_pairs(j, "Codes and scales");
        put_pair(j, "Codes are of",
                 layer->weights.library_rule ? "a division in the weight's type"
                                             : "the format's rule",
                 0);
        put_pair(j, "Scales", NULL, (double)layer->weights.scales);
        end_pairs(j);
    }
    if (layer->have_matmul) {
        begin_pairs(j, "How it was multiplied");
        put_pair(j, "Activations", q8_activations_kind_name(layer->matmul.from), 0);
        put_pair(j, "Mode", q8_mode_name(layer->matmul.mode), 0);
        put_pair(j, "Threshold", NULL, layer->matmul.threshold);
        end_pairs(j);
    }
    q8_json_end(j, ']');
}

static void put_rows(struct q8_json *j, const struct q8_weights *w)
{
    char row[24];

    q8_json_begin(j, "lists", '[');
    begin_pairs(j, "Rows of the lowest SQNR");
    q8_json_text(j, NULL, "Row");
    q8_json_text(j, NULL, "SQNR, dB");
    q8_json_end(j, ']');
    q8_json_begin(j, NULL, '[');
    for (unsigned i = 0; i < w->worsts; i++) {
        (void)snprintf(row, sizeof row, "%" PRIu64, w->worst[i].row);
        put_pair(j, row, NULL, w->worst[i].sqnr);
    }
    end_pairs(j);
    q8_json_end(j, ']');
}

void q8_html_layer_data(const struct q8_verify *v, FILE *out)
{
    struct q8_json j = {.out = out, .script = true};

    fputs("<script type=\"application/json\" id=\"data\">", out);
    q8_json_begin(&j, NULL, '{');
    q8_json_begin(&j, "rows", '[');
    for (uint64_t i = 0; i < v->layers; i++) {
        const struct q8_layer *layer = &v->layer[i];

        q8_json_begin(&j, NULL, '{');
        put_about(&j, v, layer);
        put_settings(&j, layer);
        if (layer->have_weights && layer->weights.worsts)
            put_rows(&j, &layer->weights);
        q8_json_end(&j, '}');
    }
    q8_json_end(&j, ']');
    q8_json_end(&j, '}');
    fputs("</script>\n", out);
}
