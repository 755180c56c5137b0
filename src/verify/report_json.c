/* report_json.c - all that q8-verify found, for machines: schema q8-verify/2 */
#include "src/verify/report_json.h"

#include "src/verify/numbers.h"
#include "src/compare/report.h"
#include "src/verify/report.h"
#include "src/verify/runtime/runtime.h"

#include "src/base/json_write.h"
#include "src/model/coded/decode.h"

#include <math.h>
#include <string.h>

/* A number, or null where there is none. */
static void print_known(struct q8_json *j, const char *key, double value)
{
    if (isnan(value))
        q8_json_text(j, key, NULL);
    else
        q8_json_double(j, key, value);
}

/* The runtimes that something is about. */
static void print_readers(unsigned readers, struct q8_json *j)
{
    q8_json_begin(j, "runtimes", '[');
    for (enum q8_reader reader = 0; reader < Q8_READERS; reader++)
        if (readers & 1u << reader)
            q8_json_text(j, NULL, q8_reader_name(reader));
    q8_json_end(j, ']');
}

static void print_models(const struct q8_verify *v, struct q8_json *j)
{
    char digest[Q8_DIGEST_TEXT], schemes[200];

    q8_json_begin(j, "reference", '{');
    q8_json_text(j, "path", v->options.reference->path);
    q8_json_text(j, "xxh3_128",
                 v->options.level < Q8_LEVEL_WEIGHTS ? NULL
                                                     : q8_digest_text(&v->reference, digest));
    q8_json_end(j, '}');
    q8_json_begin(j, "quantized", '{');
    q8_json_text(j, "path", v->options.quantized->path);
    q8_json_text(j, "layout", q8_layouts[v->pairs.stored_b.layout].name);
    q8_json_text(j, "source", q8_model_schemes(v->options.quantized, schemes, sizeof schemes));
    q8_json_end(j, '}');
}

static void print_settings(const struct q8_verify *v, struct q8_json *j)
{
    const struct q8_verify_options *o = &v->options;

    q8_json_begin(j, "settings", '{');
    q8_json_text(j, "level", q8_level_name(o->level));
    q8_json_text(j, "mode", o->mode == Q8_MODES ? "runtime" : q8_mode_name(o->mode));
    print_known(j, "threshold", o->threshold);
    q8_json_number(j, "tokens", o->activations.tokens);
    q8_json_number(j, "seed", o->activations.seed);
    q8_json_text(j, "activations", o->activations.path);
    q8_json_text(j, "engine", v->engine);
    print_readers(o->runtimes, j);
    q8_json_number(j, "tp", o->tp);
    print_known(j, "compute_capability", o->cc ? o->cc / 10.0 : NAN);
    q8_json_text(j, "device", v->engine && *o->device.name ? o->device.name : NULL);
    q8_json_end(j, '}');
}

static void print_totals(const struct q8_verify *v, struct q8_json *j)
{
    const struct q8_verify_totals *t = &v->total;

    q8_json_begin(j, "totals", '{');
    q8_json_number(j, "parameters", t->parameters);
    q8_json_number(j, "parameters_linear", t->linear);
    q8_json_number(j, "parameters_int8", t->int8);
    q8_json_double(j, "coverage_percent", t->coverage);
    q8_json_number(j, "carried", t->carried);
    q8_json_number(j, "same", t->same);
    q8_json_number(j, "layers", v->layers);
    q8_json_number(j, "failing_layers", t->failing_layers);
    print_known(j, "weights_sqnr_db", t->weights_sqnr);
    print_known(j, "matmul_sqnr_db", t->matmul_sqnr);
    q8_json_end(j, '}');
}

static void print_runtimes(const struct q8_verify *v, struct q8_json *j)
{
    q8_json_begin(j, "runtimes", '{');
    for (enum q8_reader reader = 0; reader < Q8_READERS; reader++) {
        const struct q8_runtime *runtime = &v->runtime[reader];

        if (!runtime->judged)
            continue;
        q8_json_begin(j, q8_reader_name(reader), '{');
        q8_json_text(j, "version", strchr(q8_reader_title(reader), ' ') + 1);
        q8_json_text(j, "verdict", q8_outcome_name(runtime->outcome));
        q8_json_number(j, "findings", runtime->findings);
        q8_json_end(j, '}');
    }
    q8_json_end(j, '}');
}

static void print_findings(const struct q8_findings *f, struct q8_json *j)
{
    q8_json_begin(j, "findings", '[');
    for (uint64_t i = 0; i < f->count; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "level", q8_level_name(f->list[i].level));
        q8_json_text(j, "kind", f->list[i].kind);
        q8_json_text(j, "name", f->list[i].name);
        q8_json_text(j, "text", f->list[i].text);
        q8_json_flag(j, "fails", f->list[i].fails);
        print_readers(f->list[i].runtimes, j);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static void print_numbers(const struct q8_layer *layer, enum q8_level level, struct q8_json *j)
{
    unsigned count;
    const struct q8_column *column = q8_numbers_of(level, &count);

    q8_columns_json(j, column, count, NULL, layer);
}

static void print_weights(const struct q8_layer *layer, struct q8_json *j)
{
    const struct q8_weights *w = &layer->weights;

    q8_json_begin(j, "weights", '{');
    print_numbers(layer, Q8_LEVEL_WEIGHTS, j);
    q8_json_flag(j, "library_rule", w->library_rule);
    q8_json_begin(j, "worst_rows", '[');
    for (unsigned i = 0; i < w->worsts; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_number(j, "row", w->worst[i].row);
        q8_json_double(j, "sqnr_db", w->worst[i].sqnr);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
    q8_json_end(j, '}');
}

static void print_matmul(const struct q8_layer *layer, struct q8_json *j)
{
    q8_json_begin(j, "matmul", '{');
    q8_json_text(j, "activations", q8_activations_kind_name(layer->matmul.from));
    q8_json_text(j, "mode", q8_mode_name(layer->matmul.mode));
    print_numbers(layer, Q8_LEVEL_MATMUL, j);
    q8_json_end(j, '}');
}

static void print_layer(const struct q8_layer *layer, struct q8_json *j)
{
    const struct q8_side *side = &layer->item->b;
    char type[64];

    q8_json_begin(j, NULL, '{');
    q8_json_text(j, "name", layer->module);
    q8_json_number(j, "rows", side->rows);
    q8_json_number(j, "cols", side->cols);
    q8_json_text(j, "scheme", q8_side_type(side, type, sizeof type));
    q8_json_flag(j, "passed", layer->failing == 0);
    if (layer->have_weights)
        print_weights(layer, j);
    else
        q8_json_text(j, "weights", NULL);
    if (layer->have_matmul)
        print_matmul(layer, j);
    else
        q8_json_text(j, "matmul", NULL);
    q8_json_text(j, "unmeasured", layer->unmeasured);
    q8_json_end(j, '}');
}

bool q8_verify_json(const struct q8_verify *v, FILE *out, struct q8_err *err)
{
    struct q8_json j = {.out = out, .indent = 1};

    q8_json_begin(&j, NULL, '{');
    q8_json_text(&j, "schema", "q8-verify/2");
    q8_json_text(&j, "version", Q8_VERSION);
    print_models(v, &j);
    print_settings(v, &j);
    q8_json_text(&j, "verdict", v->failed ? "fail" : "pass");
    print_totals(v, &j);
    print_runtimes(v, &j);
    print_findings(&v->findings, &j);
    q8_json_begin(&j, "layers", '[');
    for (uint64_t i = 0; i < v->layers; i++)
        print_layer(&v->layer[i], &j);
    q8_json_end(&j, ']');
    q8_json_end(&j, '}');
    fputc('\n', out);
    return !ferror(out) || q8_fail_errno(err, "cannot write the JSON report");
}

void q8_verify_json_error(FILE *out, const char *model, const struct q8_err *err)
{
    struct q8_json j = {.out = out, .indent = 1};

    q8_json_begin(&j, NULL, '{');
    q8_json_text(&j, "schema", "q8-verify/2");
    q8_json_text(&j, "version", Q8_VERSION);
    q8_json_begin(&j, "quantized", '{');
    q8_json_text(&j, "path", model);
    q8_json_end(&j, '}');
    q8_json_text(&j, "verdict", "error");
    q8_json_begin(&j, "error", '{');
    q8_json_number(&j, "exit_status", (uint64_t)err->code);
    q8_json_text(&j, "text", err->text);
    q8_json_end(&j, '}');
    q8_json_end(&j, '}');
    fputc('\n', out);
}
