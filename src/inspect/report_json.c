/* report_json.c - all that was found, for machines: schema q8-inspect/1 */
#include "src/inspect/report_json.h"

#include "src/inspect/numbers.h"
#include "src/model/coded/decode.h"

/* Those of these groups, as members of the object that is open. */
static void print_numbers(const struct q8_subject *s, unsigned groups, struct q8_json *j)
{
    struct q8_column column[Q8_NUMBERS];
    const unsigned columns = q8_numbers_choose(column, groups);

    q8_columns_json(j, column, columns, NULL, s);
}

static void print_histogram(const struct q8_numbers *n, struct q8_json *j)
{
    q8_json_begin(j, "histogram", '{');
    q8_json_double(j, "first_exponent", n->first_exponent);
    q8_json_numbers(j, "counts", n->histogram, (uint64_t)n->exponents);
    q8_json_end(j, '}');
}

static void print_columns(const struct q8_matrix *m, struct q8_json *j)
{
    q8_json_begin(j, "columns", '[');
    for (uint64_t i = 0; i < m->outliers && i < Q8_OUTLIER_COLUMNS; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_number(j, "column", m->column[i].column);
        q8_json_double(j, "rms", m->column[i].rms);
        q8_json_double(j, "absmax", m->column[i].absmax);
        q8_json_double(j, "z", m->column[i].z);
        q8_json_double(j, "row_share", m->column[i].share);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static void print_matrix(const struct q8_subject *s, struct q8_json *j)
{
    const struct q8_matrix *m = s->matrix;

    q8_json_number(j, "rows", s->view.rows);
    q8_json_number(j, "cols", s->view.cols);
    print_numbers(s, Q8_IN_ROWS, j);
    q8_json_begin(j, "worst_rows", '[');
    for (unsigned i = 0; i < m->worsts; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_number(j, "row", m->worst[i].row);
        q8_json_double(j, "absmax", m->worst[i].absmax);
        q8_json_double(j, "crest", m->worst[i].crest);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
    if (!m->have_columns)
        return;
    print_numbers(s, Q8_IN_INPUTS, j);
    print_columns(m, j);
}

static void print_cost(const struct q8_cost *cost, struct q8_json *j)
{
    if (cost->obstacle) {
        q8_json_text(j, "obstacle", cost->obstacle);
        if (cost->row != UINT64_MAX)
            q8_json_number(j, "row", cost->row);
        return;
    }
    q8_json_double(j, "sqnr_db", cost->sqnr);
    q8_json_double(j, "mse", cost->mse);
    q8_json_double(j, "max_error", cost->most);
    q8_json_double(j, "worst_rows_share", cost->worst_share);
}

/* By the name of every target. */
static void print_costs(const struct q8_matrix *m, struct q8_json *j)
{
    q8_json_begin(j, "targets", '{');
    for (const struct q8_target *t = q8_targets; t->name; t++) {
        q8_json_begin(j, t->name, '{');
        print_cost(&m->cost[q8_cost_of(t)], j);
        q8_json_end(j, '}');
    }
    q8_json_end(j, '}');
}

static void print_place(const struct q8_inspect *in, const struct q8_subject *s, struct q8_json *j)
{
    q8_json_text(j, "name", s->name);
    q8_json_text(j, "tensor", s->tensor->name);
    q8_json_text(j, "file", in->model->shard[s->tensor->shard].name);
    q8_json_text(j, "dtype", q8_dtypes[s->tensor->dtype].name);
    q8_json_numbers(j, "shape", s->tensor->dim, s->tensor->rank);
    q8_json_number(j, "elements", s->numbers.elements);
    if (s->view.first || s->view.transpose) {
        q8_json_number(j, "first_element", s->view.first);
        q8_json_flag(j, "transposed", s->view.transpose);
    }
    if (s->layer != UINT64_MAX)
        q8_json_number(j, "layer", s->layer);
    q8_json_text(j, "role", s->role);
    q8_json_flag(j, "linear", s->int8 || s->experts || (Q8_LINEAR_KINDS & 1u << s->kind));
}

static void print_subject(const struct q8_inspect *in, const struct q8_subject *s,
                          struct q8_json *j)
{
    q8_json_begin(j, NULL, '{');
    print_place(in, s, j);
    if (s->unmeasured)
        q8_json_text(j, "not_measured", s->unmeasured);
    if (!s->unmeasured) {
        print_numbers(s, Q8_IN_ELEMENTS, j);
        print_histogram(&s->numbers, j);
    }
    if (s->whole)
        q8_json_text(j, "no_rows", s->whole);
    if (s->matrix && !s->unmeasured) {
        print_matrix(s, j);
        if (s->matrix->have_costs)
            print_costs(s->matrix, j);
    }
    if (s->codes && !s->unmeasured) {
        q8_json_begin(j, "int8", '{');
        print_numbers(s, Q8_IN_CODES | (s->codes->have_reference ? Q8_IN_LOST : 0), j);
        q8_json_end(j, '}');
    }
    q8_json_end(j, '}');
}

static void print_totals(const struct q8_inspect *in, struct q8_json *j)
{
    const struct q8_inspect_totals *t = &in->total;

    q8_json_begin(j, "totals", '{');
    q8_json_number(j, "tensors", t->tensors);
    q8_json_number(j, "parameters", t->parameters);
    q8_json_number(j, "parameters_linear", t->linear);
    q8_json_number(j, "tensors_not_finite", t->bad);
    q8_json_number(j, "weights_constant", t->constant);
    q8_json_number(j, "below_min_sqnr", t->below);
    q8_json_begin(j, "sqnr_db", '{');
    for (const struct q8_target *target = q8_targets; in->stored.count == 0 && target->name;
         target++)
        q8_json_double(j, target->name, t->sqnr[q8_cost_of(target)]);
    q8_json_end(j, '}');
    q8_json_end(j, '}');
}

static void print_source(const struct q8_outlier_list *list, uint64_t i, struct q8_json *j)
{
    const struct q8_feature_source *s = &list->source[i];

    q8_json_begin(j, NULL, '{');
    q8_json_text(j, "name", s->name);
    if (s->layer != UINT64_MAX)
        q8_json_number(j, "layer", s->layer);
    q8_json_number(j, "features", s->features);
    q8_json_double(j, "median", s->median);
    q8_json_text(j, "feeds", s->feeds);
    q8_json_begin(j, "outliers", '[');
    for (uint64_t h = 0; h < list->hits; h++)
        if (list->hit[h].source == i) {
            q8_json_begin(j, NULL, '{');
            q8_json_number(j, "dimension", list->hit[h].dimension);
            q8_json_double(j, "value", list->hit[h].value);
            q8_json_double(j, "factor", list->hit[h].factor);
            q8_json_end(j, '}');
        }
    q8_json_end(j, ']');
    q8_json_end(j, '}');
}

static void print_features(const struct q8_outlier_list *list, struct q8_json *j)
{
    q8_json_begin(j, "features", '[');
    for (uint64_t i = 0; i < list->count; i++) {
        const struct q8_feature *f = &list->feature[i];

        q8_json_begin(j, NULL, '{');
        q8_json_number(j, "dimension", f->dimension);
        q8_json_number(j, "of_features", f->features);
        q8_json_number(j, "layers", f->layers);
        q8_json_number(j, "of_layers", f->of);
        q8_json_number(j, "sources", f->sources);
        q8_json_double(j, "factor_min", f->least);
        q8_json_double(j, "factor_median", f->median);
        q8_json_double(j, "factor_max", f->most);
        q8_json_flag(j, "systematic", f->systematic);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static void print_outliers(const struct q8_outlier_list *list, struct q8_json *j)
{
    q8_json_begin(j, "outliers", '{');
    q8_json_text(j, "from", list->from_activations ? "activations" : "norm gains");
    if (list->from_rms) /* largest magnitudes are not known */
        q8_json_text(j, "statistic", "rms");
    print_features(list, j);
    q8_json_begin(j, "sources", '[');
    for (uint64_t i = 0; i < list->sources; i++)
        print_source(list, i, j);
    q8_json_end(j, ']');
    if (list->from_activations) {
        q8_json_double(j, "touched_share", list->touched);
        q8_json_number(j, "decomposed_bytes", list->decomposed_bytes);
        q8_json_begin(j, "without_statistics", '[');
        for (uint64_t i = 0; i < list->missings; i++)
            q8_json_text(j, NULL, list->missing[i]);
        q8_json_end(j, ']');
    }
    q8_json_end(j, '}');
}

static void print_cures(const struct q8_suggestion *d, struct q8_json *j)
{
    char reason[256];

    q8_json_begin(j, "suggestions", '[');
    for (uint64_t i = 0; i < d->cures; i++) {
        const struct q8_cure *c = &d->cure[i];

        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "name", c->subject->name);
        q8_json_text(j, "use", c->use ? c->use->name : NULL);
        q8_json_double(j, "before_db", c->before);
        q8_json_double(j, "after_db", c->after);
        q8_json_number(j, "bytes", c->bytes);
        q8_json_text(j, "reason", q8_cure_reason(d->in, c, reason, sizeof reason));
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

bool q8_inspect_json(const struct q8_inspect *in, const struct q8_suggestion *suggestion, FILE *out,
                     struct q8_err *err)
{
    struct q8_json j = {.out = out, .indent = 1};
    char schemes[200];

    q8_json_begin(&j, NULL, '{');
    q8_json_text(&j, "schema", "q8-inspect/1");
    q8_json_text(&j, "version", Q8_VERSION);
    q8_json_text(&j, "input", in->model->path);
    q8_json_text(&j, "layout", in->stored.count ? q8_layouts[in->stored.layout].name : "float");
    q8_json_text(&j, "source", q8_model_schemes(in->model, schemes, sizeof schemes));
    q8_json_number(&j, "decoded", in->model->decoded);
    q8_json_text(&j, "model_type", in->arch.model_type);
    q8_json_text(&j, "architecture", in->arch.class_name);
    q8_json_text(&j, "target", in->options.target->name);
    q8_json_double(&j, "min_sqnr_db", in->options.min_sqnr);
    q8_json_flag(&j, "quick", in->options.quick);
    print_totals(in, &j);
    print_outliers(&in->outliers, &j);
    print_cures(suggestion, &j);
    q8_json_begin(&j, "tensors", '[');
    for (uint64_t i = 0; i < in->subjects; i++)
        if (in->subject[i].shown)
            print_subject(in, &in->subject[i], &j);
    q8_json_end(&j, ']');
    q8_json_end(&j, '}');
    fputc('\n', out);
    return !ferror(out) || q8_fail_errno(err, "cannot write the JSON report");
}
