/* page_layers.c - the layers on the page of q8-verify: heat map, table, details */
#include "src/verify/page_layers.h"

#include "src/compare/report.h"
#include "src/report/rows_data.h"
#include "src/verify/report.h"

#include <inttypes.h>
#include <string.h>

static const char *get_name(const void *row)
{
    return ((const struct q8_layer *)row)->module;
}

static const char *get_type(const void *row, char *buffer)
{
    return q8_side_type(&((const struct q8_layer *)row)->item->b, buffer, Q8_PAGE_WORD);
}

static const char *get_shape(const void *row, char *buffer)
{
    const struct q8_side *side = &((const struct q8_layer *)row)->item->b;

    (void)snprintf(buffer, Q8_PAGE_WORD, "[%" PRIu64 ", %" PRIu64 "]", side->rows, side->cols);
    return buffer;
}

static const char *get_note(const void *row, char *buffer)
{
    (void)buffer;
    return ((const struct q8_layer *)row)->unmeasured;
}

static const char *get_rule(const void *row, char *buffer)
{
    const struct q8_layer *layer = row;

    (void)buffer;
    if (!layer->have_weights)
        return NULL;
    return layer->weights.library_rule ? "codes are of a division in the weight's type"
                                       : "codes are of the format's rule";
}

static const char *get_product(const void *row, char *buffer)
{
    const struct q8_layer *layer = row;

    if (!layer->have_matmul)
        return NULL;
    (void)snprintf(buffer, Q8_PAGE_WORD, "multiplied as %s, threshold %g, activations %s",
                   q8_mode_name(layer->matmul.mode), layer->matmul.threshold,
                   q8_activations_kind_name(layer->matmul.from));
    return buffer;
}

static const struct q8_page_word words[] = {
    {"type", get_type}, {"shape", get_shape},     {"note", get_note},
    {"rule", get_rule}, {"product", get_product},
};

static bool fails(const void *self, const void *row)
{
    (void)self;
    return ((const struct q8_layer *)row)->failing > 0;
}

static const struct q8_page_mark marks[] = {{"fails", "fails", fails}};

static bool has_place(const void *row)
{
    return ((const struct q8_layer *)row)->number != UINT64_MAX;
}

/*
 * A row of normal numbers loses 41 dB to 8 bits and 30 dB is where q8-inspect's alarm begins, so 45
 * is calm and 20 is not; products lose some dB more, by the codes of the activations.
 */
static const struct q8_page_view views[] = {
    {"weights", "Weights", " dB",
     "Signal to quantization noise of the weights against the reference.", NULL, 45, 20, false},
    {"matmul", "Products", " dB", "Signal to noise of the int8 products against those in float.",
     NULL, 40, 15, false},
};

/* ---- what the script shows of a layer: see page_layers.h ---- */

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

static void put_worst(struct q8_json *j, const struct q8_weights *w)
{
    q8_json_begin(j, "worst", '[');
    for (unsigned i = 0; i < w->worsts; i++) {
        q8_json_begin(j, NULL, '[');
        q8_json_number(j, NULL, w->worst[i].row);
        q8_column_script(j, NULL, w->worst[i].sqnr);
        q8_json_end(j, ']');
    }
    q8_json_end(j, ']');
}

static void put_details(struct q8_json *j, const void *verify, const void *row)
{
    const struct q8_layer *layer = row;

    put_about(j, verify, layer);
    if (!layer->have_weights)
        return;
    q8_json_number(j, "scales", layer->weights.scales);
    if (layer->weights.worsts)
        put_worst(j, &layer->weights);
}

/* ---- all of it ---- */

bool q8_html_layers_make(struct q8_html_layers *ret, const struct q8_verify *v,
                         struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_column *column[Q8_NUMBERS];
    struct q8_page_rows *rows = &ret->rows;
    unsigned count;

    *ret = (struct q8_html_layers){.rows = {.self = v,
                                            .name = get_name,
                                            .word = words,
                                            .words = sizeof words / sizeof *words,
                                            .column = ret->column,
                                            .mark = marks,
                                            .marks = sizeof marks / sizeof *marks,
                                            .view = ret->view,
                                            .views = sizeof views / sizeof *views,
                                            .has_place = has_place,
                                            .details = put_details}};
    rows->row = q8_alloc(mem, v->layers, sizeof *rows->row, err);
    if (!rows->row)
        return false;
    for (uint64_t i = 0; i < v->layers; i++)
        rows->row[rows->rows++] = &v->layer[i];
    q8_page_rows_sort(rows);
    rows->columns = q8_numbers_shown(v, column);
    for (unsigned c = 0; c < rows->columns; c++)
        ret->column[c] = *column[c];
    memcpy(ret->view, views, sizeof views);
    ret->view[0].column = q8_numbers_of(Q8_LEVEL_WEIGHTS, &count); /* the SQNR is first */
    ret->view[1].column = q8_numbers_of(Q8_LEVEL_MATMUL, &count);
    return true;
}

bool q8_html_layers(const struct q8_page_rows *rows, FILE *out, struct q8_arena *mem,
                    struct q8_err *err)
{
    static const struct q8_page_table table = {
        "weights", "Weights", "Int8 weights, by name. A bar at the left marks those that fail.",
        "only those that fail"};

    return q8_page_table(out, rows, &table, mem, err);
}

bool q8_html_layer_data(const struct q8_page_rows *rows, FILE *out, struct q8_arena *mem,
                        struct q8_err *err)
{
    struct q8_json j = {.out = out, .script = true};

    fputs("<script type=\"application/json\" id=\"data\">", out);
    q8_json_begin(&j, NULL, '{');
    if (!q8_page_rows_data(&j, rows, mem, err))
        return false;
    q8_json_end(&j, '}');
    fputs("</script>\n", out);
    return true;
}
