/* suggest.c - which weights fall below a wanted SQNR, and the cheapest overrides that cure them */
#include "src/inspect/suggest.h"

#include "src/inspect/list.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define NEAR 16 /* members of a fused group stand within so many names of each other */

/* What shares one fate with a weight, itself included: among subjects [first, end). */
struct family {
    uint64_t of, first, end;
    bool experts; /* all experts of a layer, else a fused group or a weight alone */
};

static bool is_patient(const struct q8_subject *s)
{
    return s->int8 && s->shown && s->matrix && s->matrix->have_costs;
}

static const struct q8_cost *cost_of(const struct q8_subject *s, const struct q8_target *target)
{
    return &s->matrix->cost[q8_cost_of(target)];
}

/* Whether the weight as that target has it is good enough. */
static bool is_well(const struct q8_inspect *in, const struct q8_subject *s,
                    const struct q8_target *target)
{
    const struct q8_cost *cost = cost_of(s, target);

    return !cost->obstacle && cost->sqnr >= in->options.min_sqnr;
}

static bool is_member(const struct q8_inspect *in, const struct family *f, uint64_t i)
{
    const struct q8_subject *s = &in->subject[i];

    return i == f->of ||
           (is_patient(s) && (f->experts || q8_arch_same_group(in->subject[f->of].name, s->name)));
}

/* The weight and all that runtimes make one weight of. */
static struct family find_family(const struct q8_inspect *in, uint64_t i)
{
    const struct q8_subject *s = in->subject;
    struct family f = {i, i, i + 1, s[i].kind == Q8_KIND_EXPERT};

    if (f.experts) {
        while (f.first > 0 && q8_arch_same_experts(s[i].name, s[f.first - 1].name))
            f.first--;
        while (f.end < in->subjects && q8_arch_same_experts(s[i].name, s[f.end].name))
            f.end++;
    } else {
        f.first = i < NEAR ? 0 : i - NEAR;
        f.end = q8_min(i + NEAR, in->subjects);
    }
    return f;
}

/* Bytes of a weight with that target; NULL: as it is. */
static uint64_t stored_bytes(const struct q8_subject *s, const struct q8_target *target)
{
    uint64_t bytes = 0;

    if (!target)
        return s->numbers.elements * q8_dtype_size(s->tensor->dtype);
    for (unsigned p = 0; p < Q8_PARTS && target->scheme->part[p].kind != Q8_PART_NONE; p++) {
        struct q8_tensor t = {0};
        struct q8_err none = {0}; /* sizes of what is there fit */

        (void)q8_part_shape(target->scheme, &target->scheme->part[p],
                            (struct q8_weight_shape){s->tensor->dtype, s->view.rows, s->view.cols},
                            &t, &none);
        bytes += t.nbytes;
    }
    return bytes;
}

/* Whether a weight can have that target beside the main one: the same family, smaller groups. */
static bool is_finer(const struct q8_target *main, const struct q8_target *other)
{
    return main->scheme->rule == Q8_RULE_DIVIDE && other->scheme->rule == Q8_RULE_DIVIDE &&
           other->scheme->group &&
           (!main->scheme->group || other->scheme->group < main->scheme->group);
}

/* Whether every member is good enough in that target; NULL: they stay float.  Adds their bytes. */
static bool add_members(const struct q8_inspect *in, const struct family *f,
                        const struct q8_target *target, uint64_t *bytes)
{
    bool well = true;

    *bytes = 0;
    for (uint64_t i = f->first; i < f->end; i++)
        if (is_member(in, f, i)) {
            well = well && (!target || is_well(in, &in->subject[i], target));
            *bytes += stored_bytes(&in->subject[i], target);
        }
    return well;
}

/* The target that makes every member well in the fewest bytes; NULL: none does, float. */
static const struct q8_target *find_cure(const struct q8_inspect *in, const struct family *f)
{
    const struct q8_target *best = NULL;
    uint64_t least, bytes;

    (void)add_members(in, f, NULL, &least);
    for (unsigned c = 0; c < Q8_COSTS; c++) {
        const struct q8_target *target = q8_costs(c);

        if (is_finer(in->options.target, target) && add_members(in, f, target, &bytes) &&
            bytes < least) {
            best = target;
            least = bytes;
        }
    }
    return best;
}

static struct q8_cure make_cure(const struct q8_inspect *in, const struct q8_subject *s,
                                const struct q8_target *use)
{
    const struct q8_target *main = in->options.target;
    const struct q8_cost *cost = cost_of(s, main);
    struct q8_cure cure = {.subject = s, .use = use};

    cure.before = cost->obstacle ? NAN : cost->sqnr;
    cure.after = use ? cost_of(s, use)->sqnr : INFINITY;
    cure.bytes = stored_bytes(s, use) - stored_bytes(s, main);
    if (is_well(in, s, main))
        cure.with = s->kind == Q8_KIND_EXPERT ? "experts" : q8_arch_group(s->name);
    return cure;
}

/* One cure for each member of a family that is ill; experts all at once. */
static bool add_cures(struct q8_suggestion *d, const struct family *f, uint64_t *room,
                      struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_target *use = find_cure(d->in, f);

    for (uint64_t i = f->experts ? f->first : f->of; i < (f->experts ? f->end : f->of + 1); i++) {
        if (!is_member(d->in, f, i))
            continue;
        d->cure = q8_grow(mem, d->cure, d->cures, room, sizeof *d->cure, err);
        if (!d->cure)
            return false;
        d->cure[d->cures] = make_cure(d->in, &d->in->subject[i], use);
        d->bytes += d->cure[d->cures++].bytes;
    }
    return true;
}

bool q8_suggest_run(struct q8_suggestion *ret, const struct q8_inspect *in, struct q8_arena *mem,
                    struct q8_err *err)
{
    uint64_t room = 0, next, bytes;

    *ret = (struct q8_suggestion){.in = in};
    for (uint64_t i = 0; i < in->subjects; i = next) {
        struct family f;

        next = i + 1;
        if (!is_patient(&in->subject[i]))
            continue;
        f = find_family(in, i);
        if (f.experts)
            next = f.end;
        if (!add_members(in, &f, in->options.target, &bytes) &&
            !add_cures(ret, &f, &room, mem, err))
            return false;
    }
    return true;
}

char *q8_cure_reason(const struct q8_inspect *in, const struct q8_cure *cure, char *text,
                     size_t size)
{
    const struct q8_matrix *m = cure->subject->matrix;
    const struct q8_cost *cost = cost_of(cure->subject, in->options.target);

    if (cure->with)
        (void)snprintf(text, size, "goes with the rest of its %s", cure->with);
    else if (cost->obstacle)
        (void)snprintf(text, size, "%s (row %" PRIu64 ")", cost->obstacle, cost->row);
    else if (m->outliers && m->column[0].share >= 0.1)
        (void)snprintf(text, size, "column %" PRIu64 " holds the absmax of %.0f %% of the rows",
                       m->column[0].column, 100 * m->column[0].share);
    else
        (void)snprintf(text, size,
                       "row absmax up to %.0f times the RMS, %.0f %% of the error in 1 %% of rows",
                       m->crest.most, 100 * cost->worst_share);
    return text;
}

/*
 * The name as a pattern that matches it: what could be taken for something else becomes a '?'.  The
 * glob then matches a name with another byte there too.
 */
static void print_pattern(const char *name, FILE *out)
{
    const bool regex = strncmp(name, "re:", 3) == 0;

    for (const char *c = name; *c; c++)
        fputc(isalnum((unsigned char)*c) || (strchr("._-/:", *c) && !(regex && c == name + 2))
                  ? *c
                  : '?',
              out);
}

/* One line; slices of a fused expert tensor are named once, by the tensor. */
static void print_cure(const struct q8_suggestion *d, uint64_t i, FILE *out)
{
    const struct q8_cure *c = &d->cure[i];
    const struct q8_tensor *t = c->subject->tensor;
    char size[32], reason[256];

    if (t->rank == 3 && i > 0 && d->cure[i - 1].subject->tensor == t)
        fputs("# the same for ", out);
    else if (c->use)
        fprintf(out, "use %s ", c->use->name);
    else
        fputs("skip ", out);
    if (t->rank == 3 && (i == 0 || d->cure[i - 1].subject->tensor != t)) {
        print_pattern(t->name, out);
        fputs("  # ", out);
    }
    print_pattern(c->subject->name, out);
    fputs(t->rank == 3 ? ": " : "  # ", out);
    if (!isnan(c->before))
        fprintf(out, "%.2f dB -> ", c->before);
    if (c->use)
        fprintf(out, "%.2f dB", c->after);
    else
        fputs("float", out);
    fprintf(out, ", %s: %s\n", q8_text_bytes(c->bytes, size, sizeof size),
            q8_cure_reason(d->in, c, reason, sizeof reason));
}

void q8_suggest_print(const struct q8_suggestion *d, FILE *out)
{
    char size[32], name[512];

    fprintf(out,
            "# q8-convert --to=%s --overrides THIS %s OUTPUT\n"
            "# brings every weight to %g dB or more: %" PRIu64 " line%s, %s more than without\n",
            d->in->options.target->name, q8_text_escape(d->in->model->path, name, sizeof name),
            d->in->options.min_sqnr, d->cures, d->cures == 1 ? "" : "s",
            q8_text_bytes(d->bytes, size, sizeof size));
    for (uint64_t i = 0; i < d->cures; i++)
        print_cure(d, i, out);
}
