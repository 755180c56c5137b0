/* page_numbers.c - numbers of a subject */
#include "src/inspect/page_parts.h"

#include <math.h>

static double none(void)
{
    return (double)NAN;
}

double q8_html_sqnr(const struct q8_inspect *in, const struct q8_subject *s, unsigned which)
{
    (void)which;
    return q8_subject_sqnr(in, s);
}

double q8_html_absmax(const struct q8_inspect *in, const struct q8_subject *s, unsigned which)
{
    (void)in, (void)which;
    return s->unmeasured ? none() : s->numbers.absmax;
}

double q8_html_share(const struct q8_inspect *in, const struct q8_subject *s, unsigned which)
{
    const struct q8_matrix *m = s->matrix;
    double most = 0;

    (void)in, (void)which;
    if (s->unmeasured || !m || !m->have_columns)
        return none();
    for (unsigned i = 0; i < Q8_OUTLIER_COLUMNS && i < m->outliers; i++)
        most = fmax(most, m->column[i].share);
    return most;
}

double q8_html_codes(const struct q8_inspect *in, const struct q8_subject *s, unsigned which)
{
    const struct q8_code_numbers *c = s->codes;

    (void)in;
    if (s->unmeasured || !c)
        return none();
    switch (which) {
    case Q8_HTML_SCALE_LEAST: return c->scale.least;
    case Q8_HTML_SCALE_MOST: return c->scale.most;
    case Q8_HTML_SATURATED: return c->saturated;
    case Q8_HTML_USED: return c->used;
    case Q8_HTML_ENTROPY: return c->bits;
    default: return none();
    }
}

bool q8_html_below(const struct q8_inspect *in, const struct q8_subject *s)
{
    return q8_subject_sqnr(in, s) < in->options.min_sqnr; /* NaN is not below */
}

bool q8_html_has(const struct q8_inspect *in, const struct q8_html_quantity *q)
{
    for (uint64_t i = 0; i < in->subjects; i++)
        if (in->subject[i].shown && !isnan(q->value(in, &in->subject[i], q->which)))
            return true;
    return false;
}

bool q8_html_judges(const struct q8_inspect *in)
{
    return q8_html_has(in, &(struct q8_html_quantity){.value = q8_html_sqnr});
}
