/* finding.c - what a verification found, from any thread, in an order of its own */
#include "src/verify/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 1024 /* of a finding, with its NUL */

const char *q8_level_name(enum q8_level level)
{
    static const char *const names[Q8_LEVELS] = {"integrity", "weights", "matmul"};

    return (unsigned)level < Q8_LEVELS ? names[level] : NULL;
}

void q8_findings_init(struct q8_findings *f, struct q8_arena *mem)
{
    *f = (struct q8_findings){.mem = mem, .lock = PTHREAD_MUTEX_INITIALIZER};
}

static bool add(struct q8_findings *f, const struct q8_finding *finding, const char *text,
                struct q8_err *err)
{
    struct q8_finding *list = q8_grow(f->mem, f->list, f->count, &f->room, sizeof *list, err);
    char *copy = list ? q8_strndup(f->mem, text, strlen(text), err) : NULL;

    if (list)
        f->list = list;
    if (!copy)
        return false;
    list[f->count] = *finding;
    list[f->count++].text = copy;
    return true;
}

bool q8_findings_add(struct q8_findings *f, const struct q8_finding *finding, struct q8_err *err,
                     const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list args;
    bool ok;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pthread_mutex_lock(&f->lock);
    ok = add(f, finding, text, err);
    pthread_mutex_unlock(&f->lock);
    return ok;
}

bool q8_findings_constant(struct q8_findings *f, enum q8_level level, const char *name,
                          struct q8_err *err)
{
    const struct q8_finding finding = {.level = level, .kind = "constant-weight", .name = name};

    return q8_findings_add(f, &finding, err,
                           "all of it is zero or one constant in the reference: was the file "
                           "downloaded whole?");
}

static int compare_findings(const void *a, const void *b)
{
    const struct q8_finding *x = a, *y = b;
    int order = (int)x->level - (int)y->level;

    order = order ? order : strcmp(x->name, y->name);
    order = order ? order : strcmp(x->kind, y->kind);
    return order ? order : strcmp(x->text, y->text);
}

void q8_findings_sort(struct q8_findings *f)
{
    if (f->count)
        qsort(f->list, f->count, sizeof *f->list, compare_findings);
}

uint64_t q8_findings_failing(const struct q8_findings *f)
{
    uint64_t failing = 0;

    for (uint64_t i = 0; i < f->count; i++)
        failing += f->list[i].fails;
    return failing;
}
