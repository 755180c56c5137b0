/* gate.c - thresholds: defaults, those of options and of a file, and what they say of a result */
#include "src/verify/gate.h"
#include "src/verify/result.h"

#include "src/base/text.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct q8_metric_row q8_metrics[Q8_METRICS] = {
    /* level, word, noun, least, lowest, highest, standard, unit */
    [Q8_COVERAGE] = {Q8_LEVEL_INTEGRITY, "min-coverage", "coverage", true, 0, 100, 0, " %"},
    [Q8_WEIGHTS_SQNR] = {Q8_LEVEL_WEIGHTS, "min-sqnr", "SQNR", true, -1000, 1000, 10, " dB"},
    [Q8_WEIGHTS_COSINE] = {Q8_LEVEL_WEIGHTS, "min-cosine", "cosine", true, -1, 1, 0.95, ""},
    [Q8_WEIGHTS_ERROR] = {Q8_LEVEL_WEIGHTS, "max-rel-error", "relative error", false, 0, 1000, 0.35,
                          ""},
    [Q8_WEIGHTS_OFF] = {Q8_LEVEL_WEIGHTS, "max-off-nearest", "share of codes off the nearest",
                        false, 0, 1, 0, ""},
    [Q8_WEIGHTS_SCALE] = {Q8_LEVEL_WEIGHTS, "max-scale-off", "relative error of a scale", false, 0,
                          1000, 0, ""},
    [Q8_MATMUL_SQNR] = {Q8_LEVEL_MATMUL, "min-sqnr", "SQNR", true, -1000, 1000, 0, " dB"},
    [Q8_MATMUL_COSINE] = {Q8_LEVEL_MATMUL, "min-cosine", "cosine", true, -1, 1, 0, ""},
    [Q8_MATMUL_ERROR] = {Q8_LEVEL_MATMUL, "max-rel-error", "relative error", false, 0, 1000, 1, ""},
    [Q8_MATMUL_KL] = {Q8_LEVEL_MATMUL, "max-kl", "KL divergence", false, 0, 1000, INFINITY,
                      " nats"},
};

/* What users call the level of a metric: level 1 measures one, and that of the whole model. */
static const char *scope_name(const struct q8_metric_row *row)
{
    return row->level == Q8_LEVEL_INTEGRITY ? "model" : q8_level_name(row->level);
}

/* Adds a threshold for the modules of a pattern, NULL: for all. */
static bool add(struct q8_gate *g, const struct q8_threshold *t, const char *pattern,
                struct q8_arena *mem, struct q8_err *err)
{
    struct q8_threshold *list = q8_grow(mem, g->list, g->count, &g->room, sizeof *list, err);

    if (!list)
        return false;
    g->list = list;
    list[g->count] = *t;
    list[g->count].pattern.steps = g->steps;
    if (pattern && !q8_select_add(&list[g->count].pattern, Q8_ONLY, pattern, t->origin, mem, err))
        return false;
    g->count++;
    return true;
}

bool q8_gate_init(struct q8_gate *g, struct q8_arena *mem, struct q8_err *err)
{
    *g = (struct q8_gate){.steps = q8_alloc(mem, 1, sizeof *g->steps, err)};
    if (!g->steps)
        return false;
    for (int m = 0; m < Q8_METRICS; m++) {
        const struct q8_threshold t = {
            .metric = (enum q8_metric)m, .value = q8_metrics[m].standard, .origin = "the default"};

        if (!add(g, &t, NULL, mem, err))
            return false;
    }
    return true;
}

/* The value of a threshold; `place` is where it stands, for messages. */
static bool parse_value(double *ret, const struct q8_metric_row *row, const char *text,
                        const char *place, struct q8_err *err)
{
    char *end, shown[200];
    double value = strtod(text, &end);

    if (*end || end == text || !(value >= row->lowest && value <= row->highest))
        return q8_fail(err, Q8_EUSAGE, "%s wants a number from %g to %g, not '%s'", place,
                       row->lowest, row->highest, q8_text_escape(text, shown, sizeof shown));
    if (strcmp(row->unit, " %") == 0 && q8_text_fraction(value, shown))
        return q8_fail(err, Q8_EUSAGE, "%s wants %s", place, shown);
    *ret = value;
    return true;
}

static bool is_word(const char *word, const char *text, size_t length)
{
    return strlen(word) == length && memcmp(word, text, length) == 0;
}

/* Says in which forms an option takes its value. */
static bool fail_scope(const char *word, const char *arg, struct q8_err *err)
{
    char forms[100] = "", shown[200];
    size_t used = 0;

    for (int m = 0; m < Q8_METRICS; m++)
        if (strcmp(q8_metrics[m].word, word) == 0)
            used += (size_t)snprintf(forms + used, sizeof forms - used, " or %s:VALUE",
                                     scope_name(&q8_metrics[m]));
    return q8_fail(err, Q8_EUSAGE, "--%s wants VALUE%s, not '%s'", word, forms,
                   q8_text_escape(arg, shown, sizeof shown));
}

bool q8_gate_option(struct q8_gate *g, const char *word, const char *arg, struct q8_arena *mem,
                    struct q8_err *err)
{
    const char *colon = strchr(arg, ':'), *origin = q8_sprintf(mem, err, "--%s", word);
    struct q8_threshold t = {.origin = origin};
    bool found = false;

    if (!origin)
        return false;
    for (int m = 0; m < Q8_METRICS; m++) {
        const struct q8_metric_row *row = &q8_metrics[m];

        if (strcmp(row->word, word) != 0 ||
            (colon && !is_word(scope_name(row), arg, (size_t)(colon - arg))))
            continue;
        found = true;
        t.metric = (enum q8_metric)m;
        if (!parse_value(&t.value, row, colon ? colon + 1 : arg, origin, err) ||
            !add(g, &t, NULL, mem, err))
            return false;
    }
    return found || fail_scope(word, arg, err);
}

/* Takes a word off the line; "" at its end. */
static char *next_word(char **line)
{
    char *word = *line;

    *line += strcspn(word, " \t");
    if (**line)
        *(*line)++ = '\0';
    *line += strspn(*line, " \t");
    return word;
}

/* Finds "LEVEL METRIC"; what it does not know it fails with, and names what there is. */
static bool find_metric(enum q8_metric *ret, const char *scope, const char *word,
                        const char *origin, struct q8_err *err)
{
    char known[200] = "", shown[200];
    size_t used = 0;

    for (int m = 0; m < Q8_METRICS; m++) {
        const struct q8_metric_row *row = &q8_metrics[m];

        if (strcmp(scope_name(row), scope) != 0)
            continue;
        *ret = (enum q8_metric)m;
        if (strcmp(row->word, word) == 0)
            return true;
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                 row->word);
    }
    if (!used)
        return q8_fail(err, Q8_EUSAGE, "%s: a line starts with model, weights or matmul, not '%s'",
                       origin, q8_text_escape(scope, shown, sizeof shown));
    return q8_fail(err, Q8_EUSAGE, "%s: '%s' wants one of these behind it: %s; not '%s'", origin,
                   scope, known, q8_text_escape(word, shown, sizeof shown));
}

/* Where the thresholds of a file go. */
struct reader {
    struct q8_gate *gate;
    struct q8_arena *mem;
};

/* Adds the threshold of one line: "LEVEL METRIC VALUE [PATTERN]". */
static bool add_line(void *self, char *line, const char *origin, struct q8_err *err)
{
    const struct reader *r = self;
    const char *scope = next_word(&line), *word = next_word(&line), *value = next_word(&line);
    struct q8_threshold t = {.origin = origin};
    char place[64];

    if (!find_metric(&t.metric, scope, word, origin, err))
        return false;
    (void)snprintf(place, sizeof place, "%s %s", scope, word);
    if (!parse_value(&t.value, &q8_metrics[t.metric], value, place, err))
        return q8_fail_in(err, origin);
    if (*line && t.metric == Q8_COVERAGE)
        return q8_fail(err, Q8_EUSAGE, "%s: %s is of the whole model and takes no pattern", origin,
                       place);
    return add(r->gate, &t, *line ? line : NULL, r->mem, err);
}

bool q8_gate_file(struct q8_gate *g, const char *path, struct q8_arena *mem, struct q8_err *err)
{
    return q8_select_lines(path, add_line, &(struct reader){g, mem}, mem, err);
}

const struct q8_threshold *q8_gate_ask(const struct q8_gate *g, enum q8_metric metric,
                                       const char *module, struct q8_err *err)
{
    const struct q8_threshold *t = g->list + g->count;
    bool holds = false;

    while (!holds) {
        assert(t > g->list); /* the defaults hold for everything */
        t--;
        if (t->metric != metric)
            continue;
        holds = !t->pattern.count;
        if (!holds && module && !q8_pattern_ask(&t->pattern.pattern[0], module, &holds, err))
            return NULL;
    }
    return t;
}

double q8_gate_value(const struct q8_layer *layer, enum q8_metric metric)
{
    const struct q8_weights *w = layer->have_weights ? &layer->weights : NULL;
    const struct q8_matmul *m = layer->have_matmul ? &layer->matmul : NULL;

    switch (metric) {
    case Q8_WEIGHTS_SQNR: return w ? w->sqnr : NAN;
    case Q8_WEIGHTS_COSINE: return w ? w->cosine : NAN;
    case Q8_WEIGHTS_ERROR: return w ? sqrt(w->relative_mse) : NAN;
    case Q8_WEIGHTS_OFF: return w ? w->off_nearest : NAN;
    case Q8_WEIGHTS_SCALE: return w ? w->scale_off : NAN;
    case Q8_MATMUL_SQNR: return m ? m->sqnr : NAN;
    case Q8_MATMUL_COSINE: return m ? m->cosine : NAN;
    case Q8_MATMUL_ERROR: return m ? m->relative_error : NAN;
    case Q8_MATMUL_KL: return m ? m->kl : NAN;
    default: return NAN;
    }
}

/* Compares one value of a layer, or of the whole model where `module` is NULL. */
static bool judge(struct q8_verify *v, enum q8_metric metric, const char *module, double value,
                  struct q8_err *err)
{
    const struct q8_metric_row *row = &q8_metrics[metric];
    const struct q8_threshold *t = q8_gate_ask(v->options.gate, metric, module, err);
    const struct q8_finding no = {.level = row->level,
                                  .kind = row->word,
                                  .name = module ? module : Q8_WHOLE_MODEL,
                                  .fails = true};
    char shown[2][32];

    if (!t)
        return false;
    if (row->least ? value >= t->value : value <= t->value)
        return true;
    q8_text_numbers(value, t->value, shown);
    return q8_findings_add(&v->findings, &no, err, "%s %s%s, but at %s %s%s %s wanted (%s)",
                           row->noun, shown[0], row->unit, row->least ? "least" : "most", shown[1],
                           row->unit, *row->unit ? "are" : "is", t->origin);
}

/* Whether the gate is to compare it.  A layer that is no head has no divergence. */
static bool is_judged(const struct q8_layer *layer, enum q8_metric metric)
{
    if (metric == Q8_WEIGHTS_OFF || metric == Q8_WEIGHTS_SCALE)
        return false;
    if (metric == Q8_MATMUL_KL)
        return layer->have_matmul && !isnan(layer->matmul.kl);
    return q8_metrics[metric].level == Q8_LEVEL_WEIGHTS  ? layer->have_weights
           : q8_metrics[metric].level == Q8_LEVEL_MATMUL ? layer->have_matmul
                                                         : false;
}

static bool judge_layer(struct q8_verify *v, const struct q8_layer *layer, struct q8_err *err)
{
    for (int m = 0; m < Q8_METRICS; m++) {
        const enum q8_metric metric = (enum q8_metric)m;

        if (is_judged(layer, metric) &&
            !judge(v, metric, layer->module, q8_gate_value(layer, metric), err))
            return false;
    }
    return true;
}

static const char *get_module(void *self, uint64_t i)
{
    return ((const struct q8_layer *)self)[i].module;
}

/* Refuses a pattern that matches no layer: a typing mistake, which would switch its limit off. */
static bool check_patterns(const struct q8_verify *v, struct q8_err *err)
{
    const struct q8_gate *g = v->options.gate;

    for (uint64_t i = 0; i < g->count; i++) {
        const struct q8_select *s = &g->list[i].pattern;
        bool found = !s->count;

        for (uint64_t k = 0; !found && k < v->layers; k++)
            if (!q8_pattern_ask(s->pattern, v->layer[k].module, &found, err))
                return false;
        if (!found)
            return q8_select_check(s, v->layers, get_module, v->layer, err);
    }
    return true;
}

bool q8_gate_run(struct q8_verify *v, struct q8_err *err)
{
    if (!v->options.layers && !check_patterns(v, err))
        return false;
    if (!judge(v, Q8_COVERAGE, NULL, v->total.coverage, err))
        return false;
    for (uint64_t i = 0; i < v->layers; i++)
        if (!judge_layer(v, &v->layer[i], err))
            return false;
    return true;
}
