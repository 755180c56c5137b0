/* report.c - the differences of two checkpoints for people, and for machines */
#include "src/compare/report.h"

#include "src/base/json_write.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *const names[Q8_VERDICTS] = {
    [Q8_ONLY_A] = "only-a",        [Q8_ONLY_B] = "only-b",       [Q8_OTHER_SHAPE] = "shape",
    [Q8_OTHER_TYPE] = "type",      [Q8_OTHER_VALUES] = "values", [Q8_SAME_VALUES] = "same-values",
    [Q8_SAME_BYTES] = "same-bytes"};

const char *q8_verdict_name(enum q8_verdict verdict)
{
    return names[verdict];
}

#define NAME_COLUMNS 24 /* where a terminal leaves fewer, a name has a line of its own */

char *q8_side_type(const struct q8_side *s, char *text, size_t size)
{
    const struct q8_stored *w = s->stored;
    const char *packed = w && q8_scheme_part(w->scheme, Q8_PART_PACKED) ? " packed" : "";

    if (!w)
        (void)snprintf(text, size, "%s", q8_dtypes[s->tensor->dtype].name);
    else if (q8_scheme_part(w->scheme, Q8_PART_ABSMAX))
        (void)snprintf(text, size, "int8 %s", q8_layouts[w->scheme->layout].name);
    else if (w->group == w->cols)
        (void)snprintf(text, size, "int8%s %s %s", packed, q8_dtypes[w->scales->dtype].name,
                       w->scheme->shared ? "tensor" : "channel");
    else
        (void)snprintf(text, size, "int8%s %s g%" PRIu64, packed, q8_dtypes[w->scales->dtype].name,
                       w->group);
    return text;
}

char *q8_side_shape(const struct q8_side *s, char *text, size_t size)
{
    struct q8_tensor matrix = {.rank = 2, .dim = {s->rows, s->cols}};

    q8_tensor_shape(s->stored || s->slice || s->transpose ? &matrix : s->tensor, text, size);
    return text;
}

/* ---- for people ---- */

/* "BF16 [4, 8]", or what it was and is where the two are not the same. */
static void print_types(const struct q8_compared *c, bool with_shape, FILE *out)
{
    char type[2][64], shape[2][200];
    const struct q8_side *side[2] = {c->a.tensor ? &c->a : &c->b, c->b.tensor ? &c->b : &c->a};

    for (int i = 0; i < 2; i++) {
        q8_side_type(side[i], type[i], sizeof type[i]);
        q8_side_shape(side[i], shape[i], sizeof shape[i]);
    }
    fputs(type[0], out);
    if (strcmp(type[0], type[1]) != 0)
        fprintf(out, " -> %s", type[1]);
    if (with_shape)
        fprintf(out, " %s", shape[0]);
    if (with_shape && strcmp(shape[0], shape[1]) != 0)
        fprintf(out, " -> %s", shape[1]);
}

/* Columns of names: the widest of that verdict, within what `width` leaves beside `rest`. */
static int name_columns(const struct q8_compare *r, enum q8_verdict verdict, unsigned width,
                        unsigned rest)
{
    const unsigned room = width >= rest + NAME_COLUMNS ? width - rest : 0;
    size_t most = 0;

    for (uint64_t i = 0; i < r->items; i++) {
        const size_t length = r->item[i].verdict == verdict ? strlen(r->item[i].name) : 0;

        if (length > most && length <= room)
            most = length;
    }
    return (int)most;
}

/* A name in its column; one that is wider has the line for itself. */
static void print_name(const char *name, int columns, FILE *out)
{
    char text[1024];

    q8_text_escape(name, text, sizeof text);
    if (strlen(text) > (size_t)columns)
        fprintf(out, "  %s\n  %*s", text, columns, "");
    else
        fprintf(out, "  %-*s", columns, text);
}

/* Those on one side, of other shapes or types. */
static void print_plain(const struct q8_compare *r, enum q8_verdict verdict, unsigned width,
                        FILE *out)
{
    const int columns = name_columns(r, verdict, width, 40);

    for (uint64_t i = 0; i < r->items; i++) {
        const struct q8_compared *c = &r->item[i];

        if (c->verdict != verdict)
            continue;
        print_name(c->name, columns, out);
        fputs("  ", out);
        print_types(c, true, out);
        if (c->note)
            fprintf(out, "  (%s)", c->note);
        fputc('\n', out);
    }
}

/* A number in a column of text; what is not finite as JSON has it, cut to fit. */
static void print_number(const char *format, double value, FILE *out)
{
    if (isfinite(value))
        fprintf(out, format, value);
    else
        fprintf(out, "%8s", isnan(value) ? "NaN" : value > 0 ? "Inf" : "-Inf");
}

/* Values: numbers in columns.  Below the tolerance they are listed too, without a mark. */
static void print_values(const struct q8_compare *r, unsigned width, FILE *out)
{
    const int columns = name_columns(r, Q8_OTHER_VALUES, width, 52);

    fprintf(out, "  %-*s   relative  max |a-b|       SQNR  unequal   type\n", columns, "");
    for (uint64_t i = 0; i < r->items; i++) {
        const struct q8_compared *c = &r->item[i];
        const double share = c->elements ? 100 * ((double)c->unequal / (double)c->elements) : 0;

        if (c->verdict != Q8_OTHER_VALUES)
            continue;
        print_name(c->name, columns, out);
        fprintf(out, " %c ", c->different ? '!' : ' ');
        if (c->have_numbers) {
            print_number("%8.2e", c->relative, out);
            fputs("   ", out);
            print_number("%8.2e", c->most, out);
            print_number("%8.2f", c->sqnr, out);
            fputs(" dB", out);
        } else {
            fprintf(out, "%8s   %8s%8s   ", "-", "-", "-");
        }
        fprintf(out, "  %6.2f %%  ", share);
        print_types(c, false, out);
        if (c->note)
            fprintf(out, "  (%s)", c->note);
        fputc('\n', out);
    }
}

/* Equal values that are stored in another way. */
static void print_types_alone(const struct q8_compare *r, unsigned width, FILE *out)
{
    const int columns = name_columns(r, Q8_SAME_VALUES, width, 40);
    bool any = false;

    for (uint64_t i = 0; i < r->items; i++) {
        const struct q8_compared *c = &r->item[i];

        if (c->verdict != Q8_SAME_VALUES || !c->type_changed)
            continue;
        if (!any)
            fputs("\nother type, equal values:\n", out);
        any = true;
        print_name(c->name, columns, out);
        fputs("  ", out);
        print_types(c, false, out);
        fputc('\n', out);
    }
}

/* Values are cut to what one line holds behind its indent. */
static void print_config(const struct q8_compare *r, unsigned width, FILE *out)
{
    char path[512], a[256], b[256];
    const size_t room = width < 40 ? 36 : width < sizeof a ? width - 4 : sizeof a;

    if (r->changes)
        fputs("\nconfig.json:\n", out);
    for (uint64_t i = 0; i < r->changes; i++) {
        const struct q8_config_change *c = &r->change[i];

        q8_text_escape(c->path, path, sizeof path);
        q8_text_escape(c->a ? c->a : "", a, room);
        q8_text_escape(c->b ? c->b : "", b, room);
        if (c->a && c->b)
            fprintf(out, "  %s: %s -> %s\n", path, a, b);
        else
            fprintf(out, "  %s: %s %s\n", path, c->a ? "removed" : "added", c->a ? a : b);
    }
}

/* "3 tensors only in A, 12 with other values, 200 equal; ..." */
static void print_summary(const struct q8_compare *r, FILE *out)
{
    static const char *const words[Q8_VERDICTS] = {
        "only in A",       "only in B",      "of another shape",   "of another type",
        "of other values", "equal in value", "equal in every byte"};
    bool any = false;

    fputc('\n', out);
    for (int v = 0; v < Q8_VERDICTS; v++)
        if (r->count[v]) {
            fprintf(out, "%s%" PRIu64 " %s", any ? ", " : "", r->count[v], words[v]);
            any = true;
        }
    fprintf(out, "%s", any ? "\n" : "no tensors\n");
    if (r->have_configs)
        fprintf(out, "%" PRIu64 " change%s of config.json\n", r->changes,
                r->changes == 1 ? "" : "s");
    else
        fputs("config.json not compared: there are not two\n", out);
    if (!r->different)
        fprintf(out, "A and B are the same within a relative difference of %g\n",
                r->options.tolerance);
    else
        fprintf(out, "A and B differ: %" PRIu64 " tensor%s beyond a relative difference of %g%s\n",
                r->differing, r->differing == 1 ? "" : "s", r->options.tolerance,
                r->changes ? ", and config.json" : "");
}

bool q8_compare_text(const struct q8_compare *r, FILE *out, unsigned width, struct q8_err *err)
{
    static const char *const titles[Q8_VERDICTS] = {"only in A", "only in B", "other shape",
                                                    "other type, not compared", "other values"};
    const struct q8_stored_list *stored[2] = {&r->stored_a, &r->stored_b};
    char path[1024];

    for (int i = 0; i < 2; i++)
        fprintf(out, "%c: %s (%s)\n", "AB"[i],
                q8_text_escape((i ? r->options.b : r->options.a)->path, path, sizeof path),
                stored[i] -> layout ? q8_layouts[stored[i]->layout].name : "float");
    for (int v = 0; v <= Q8_OTHER_VALUES; v++) {
        if (!r->count[v])
            continue;
        fprintf(out, "\n%s:\n", titles[v]);
        if (v == Q8_OTHER_VALUES)
            print_values(r, width, out);
        else
            print_plain(r, (enum q8_verdict)v, width, out);
    }
    print_types_alone(r, width, out);
    print_config(r, width, out);
    print_summary(r, out);
    return !ferror(out) || q8_fail_errno(err, "cannot write the report");
}

/* ---- for machines ---- */

static void json_side(struct q8_json *j, const char *key, const struct q8_side *s)
{
    const bool matrix = s->stored || s->slice || s->transpose;
    const uint64_t rows_cols[2] = {s->rows, s->cols};
    char type[64];

    if (!s->tensor) {
        q8_json_text(j, key, NULL);
        return;
    }
    q8_json_begin(j, key, '{');
    q8_json_text(j, "tensor", s->tensor->name);
    q8_json_text(j, "type", q8_side_type(s, type, sizeof type));
    q8_json_numbers(j, "shape", matrix ? rows_cols : s->tensor->dim, matrix ? 2 : s->tensor->rank);
    q8_json_end(j, '}');
}

static void json_item(struct q8_json *j, const struct q8_compared *c)
{
    q8_json_begin(j, NULL, '{');
    q8_json_text(j, "name", c->name);
    q8_json_text(j, "verdict", q8_verdict_name(c->verdict));
    q8_json_flag(j, "different", c->different);
    q8_json_flag(j, "type_changed", c->type_changed);
    json_side(j, "a", &c->a);
    json_side(j, "b", &c->b);
    if (c->verdict >= Q8_OTHER_VALUES)
        q8_json_number(j, "elements", c->elements);
    if (c->verdict == Q8_OTHER_VALUES) {
        q8_json_number(j, "elements_different", c->unequal);
        if (c->have_numbers) {
            q8_json_double(j, "max_abs", c->most);
            q8_json_double(j, "absmax_a", c->absmax);
            q8_json_double(j, "relative", c->relative);
            q8_json_double(j, "sqnr_db", c->sqnr);
        }
    }
    q8_json_text(j, "note", c->note);
    q8_json_end(j, '}');
}

bool q8_compare_json(const struct q8_compare *r, FILE *out, struct q8_err *err)
{
    struct q8_json j = {.out = out, .indent = 1};

    q8_json_begin(&j, NULL, '{');
    q8_json_text(&j, "schema", "q8-inspect-diff/1");
    q8_json_text(&j, "version", Q8_VERSION);
    q8_json_text(&j, "a", r->options.a->path);
    q8_json_text(&j, "b", r->options.b->path);
    q8_json_text(&j, "layout_a", q8_layouts[r->stored_a.layout].name);
    q8_json_text(&j, "layout_b", q8_layouts[r->stored_b.layout].name);
    q8_json_double(&j, "tolerance", r->options.tolerance);
    q8_json_flag(&j, "different", r->different);
    q8_json_begin(&j, "totals", '{');
    q8_json_number(&j, "tensors", r->items);
    q8_json_number(&j, "different", r->differing);
    q8_json_number(&j, "type_changed", r->type_changes);
    for (int v = 0; v < Q8_VERDICTS; v++)
        q8_json_number(&j, q8_verdict_name((enum q8_verdict)v), r->count[v]);
    q8_json_end(&j, '}');
    q8_json_flag(&j, "config_compared", r->have_configs);
    q8_json_begin(&j, "config", '[');
    for (uint64_t i = 0; i < r->changes; i++) {
        const struct q8_config_change *c = &r->change[i];

        q8_json_begin(&j, NULL, '{');
        q8_json_text(&j, "path", c->path);
        q8_json_text(&j, "change", !c->a ? "added" : !c->b ? "removed" : "changed");
        if (c->a)
            q8_json_raw(&j, "a", c->a);
        if (c->b)
            q8_json_raw(&j, "b", c->b);
        q8_json_end(&j, '}');
    }
    q8_json_end(&j, ']');
    q8_json_begin(&j, "tensors", '[');
    for (uint64_t i = 0; i < r->items; i++)
        json_item(&j, &r->item[i]);
    q8_json_end(&j, ']');
    q8_json_end(&j, '}');
    fputc('\n', out);
    return !ferror(out) || q8_fail_errno(err, "cannot write the report");
}
