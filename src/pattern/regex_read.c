/*
 * regex_read.c - a pattern of Python's re as one of PCRE2
 *
 * Reads it as Lib/re/_parser.py of Python 3.11 does, and writes what means the same: every class by
 * what is in it, every character but ASCII letters and digits by its number.  Only what is known
 * here is written, so nothing else of PCRE2's syntax gets through.
 */
#include "src/pattern/regex_parts.h"

#include "src/base/text.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GROWTH 100    /* bytes that a byte becomes at most: \S */
#define REPEATS 65535 /* PCRE2's most */

bool q8_regex_put(struct q8_regex_reader *r, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(r->out + r->used, r->size - r->used, format, args);
    va_end(args);
    assert(length >= 0 && (size_t)length < r->size - r->used);
    r->used += (size_t)length;
    return true;
}

bool q8_regex_fail(struct q8_regex_reader *r, const char *at, const char *format, ...)
{
    char reason[200];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return q8_fail(r->err, Q8_EUSAGE, "%s at position %td", reason, at - r->start);
}

static uint32_t wide_sum(uint32_t a, uint32_t b)
{
    return a + b < Q8_REGEX_WIDE ? a + b : Q8_REGEX_WIDE; /* neither is above it */
}

static uint32_t wide_product(uint32_t a, uint32_t b)
{
    const uint64_t product = (uint64_t)a * b;

    return product < Q8_REGEX_WIDE ? (uint32_t)product : Q8_REGEX_WIDE;
}

/* A row of literals has ended: keeps the longest. */
static void end_run(struct q8_regex_reader *r)
{
    if (r->in_run && r->run_used > r->needed_used) {
        memcpy(r->needed, r->run, r->run_used);
        r->needed_used = r->run_used;
    }
    r->in_run = false;
}

void q8_regex_add(struct q8_regex_reader *r, enum q8_regex_item item, uint32_t least, uint32_t most)
{
    struct q8_regex_group *g = &r->group[r->depth];

    end_run(r);
    r->closed_top = false;
    g->before.least = wide_sum(g->before.least, g->width.least);
    g->before.most = wide_sum(g->before.most, g->width.most);
    g->last = item;
    g->width = (struct q8_regex_width){least, most};
}

/* Appends the character, in UTF-8, to the row that it stands in. */
static void add_to_run(struct q8_regex_reader *r, uint32_t c, bool going)
{
    unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xC0, 0xE0, 0xF0};

    r->last_used = going ? r->run_used : 0;
    r->run_used = r->last_used;
    r->run[r->run_used++] = (char)(first[more] | c >> (6 * more));
    while (more-- > 0)
        r->run[r->run_used++] = (char)(0x80 | ((c >> (6 * more)) & 0x3F));
    r->in_run = true;
}

bool q8_regex_literal(struct q8_regex_reader *r, uint32_t c)
{
    const bool going = r->in_run;

    r->in_run = false;
    q8_regex_add(r, Q8_REGEX_ATOM, 1, 1);
    r->in_run = going;
    if (!q8_regex_character(r, c))
        return false;
    if (c && r->depth == r->top && !(r->flags & Q8_REGEX_I))
        add_to_run(r, c, going);
    else
        end_run(r);
    return true;
}

/* A branch has ended: what the group may match so far. */
static void end_branch(struct q8_regex_reader *r)
{
    struct q8_regex_group *g = &r->group[r->depth];

    q8_regex_add(r, Q8_REGEX_NONE, 0, 0);
    if (g->bars == 0)
        g->others = g->before;
    if (g->before.least < g->others.least)
        g->others.least = g->before.least;
    if (g->before.most > g->others.most)
        g->others.most = g->before.most;
    g->before = (struct q8_regex_width){0, 0};
}

static bool close_group(struct q8_regex_reader *r)
{
    struct q8_regex_group *g = &r->group[r->depth];
    const bool looks = g->kind == Q8_REGEX_AHEAD || g->kind == Q8_REGEX_BEHIND;

    if (r->depth == 0)
        return q8_regex_fail(r, r->at, "unbalanced parenthesis");
    end_branch(r);
    if (g->kind == Q8_REGEX_BEHIND && g->others.least != g->others.most)
        return q8_regex_fail(r, g->start, "look-behind requires fixed-width pattern");
    r->behind -= g->kind == Q8_REGEX_BEHIND;
    if (g->kind == Q8_REGEX_CAPTURE)
        r->closed[g->number] = true;
    r->flags = g->flags;
    r->depth--;
    r->at++;
    q8_regex_add(r, Q8_REGEX_ATOM, looks ? 0 : g->others.least, looks ? 0 : g->others.most);
    if (r->depth < r->top) {
        r->top = 0;
        r->closed_top = true;
    }
    return q8_regex_put(r, ")");
}

static bool put_bar(struct q8_regex_reader *r)
{
    struct q8_regex_group *g = &r->group[r->depth];

    if (g->kind == Q8_REGEX_CONDITION && g->bars == 1)
        return q8_regex_fail(r, r->at, "conditional backref with more than two branches");
    end_branch(r);
    r->open_choice = r->open_choice || r->depth <= r->top;
    g->bars++;
    r->at++;
    return q8_regex_put(r, "|");
}

/* The number at *p, which is left behind it; `none` where there is none. */
static uint32_t read_number(const char **p, uint32_t none)
{
    uint32_t number = isdigit((unsigned char)**p) ? 0 : none;

    for (; isdigit((unsigned char)**p); (*p)++)
        if (number <= REPEATS)
            number = number * 10 + (uint32_t)(**p - '0');
    return number;
}

/* Reads {m}, {m,}, {,n} or {m,n}; false when it is none of them: then the '{' means itself. */
static bool read_braces(struct q8_regex_reader *r, struct q8_regex_width *ret)
{
    const char *p = r->at + 1;

    if (*p == '}')
        return false;
    ret->least = ret->most = read_number(&p, 0);
    if (*p == ',') {
        p++;
        ret->most = read_number(&p, Q8_REGEX_WIDE);
    }
    if (*p != '}')
        return false;
    r->at = p + 1;
    return true;
}

static bool put_literal(struct q8_regex_reader *r)
{
    return q8_regex_literal(r, q8_text_next(&r->at));
}

/* A quantifier, and whether it takes as few as it can or gives nothing back. */
static bool put_repeat(struct q8_regex_reader *r)
{
    struct q8_regex_group *g = &r->group[r->depth];
    const char *start = r->at, *way;
    struct q8_regex_width times = {*start == '+', *start == '?' ? 1 : Q8_REGEX_WIDE};

    if (*start != '{')
        r->at++;
    else if (!read_braces(r, &times))
        return put_literal(r);
    if (times.least > REPEATS || (times.most > REPEATS && times.most != Q8_REGEX_WIDE))
        return q8_regex_fail(r, start, "q8 takes at most %d repeats", REPEATS);
    if (times.most < times.least)
        return q8_regex_fail(r, start, "min repeat greater than max repeat");
    if (g->last == Q8_REGEX_NONE || g->last == Q8_REGEX_PLACE)
        return q8_regex_fail(r, start, "nothing to repeat");
    if (g->last == Q8_REGEX_REPEAT)
        return q8_regex_fail(r, start, "multiple repeat");
    if (r->in_run) /* its last character may be missing */
        r->run_used = r->last_used;
    end_run(r);
    r->needed_used = r->closed_top ? 0 : r->needed_used;
    g->last = Q8_REGEX_REPEAT;
    g->width.least = wide_product(g->width.least, times.least);
    g->width.most = wide_product(g->width.most, times.most);
    way = *r->at == '?' ? "?" : *r->at == '+' ? "+" : "";
    r->at += strlen(way);
    return times.most == Q8_REGEX_WIDE
               ? q8_regex_put(r, "{%" PRIu32 ",}%s", times.least, way)
               : q8_regex_put(r, "{%" PRIu32 ",%" PRIu32 "}%s", times.least, times.most, way);
}

/* One character that stands for what it is in PCRE2 too. */
static bool put_same(struct q8_regex_reader *r, enum q8_regex_item item)
{
    const uint32_t width = item == Q8_REGEX_ATOM;

    q8_regex_add(r, item, width, width);
    return q8_regex_put(r, "%c", *r->at++);
}

static bool put_item(struct q8_regex_reader *r)
{
    switch (*r->at) {
    case '\\': return q8_regex_escape(r);
    case '[': return q8_regex_set(r);
    case '(': return q8_regex_open_group(r);
    case ')': return close_group(r);
    case '|': return put_bar(r);
    case '*':
    case '+':
    case '?':
    case '{': return put_repeat(r);
    case '.': return put_same(r, Q8_REGEX_ATOM);
    case '^':
    case '$': return put_same(r, Q8_REGEX_PLACE);
    default: return put_literal(r);
    }
}

/* White space and comments of (?x). */
static void skip_space(struct q8_regex_reader *r)
{
    while (r->flags & Q8_REGEX_X && *r->at && strchr(" \t\n\r\v\f#", *r->at))
        r->at += *r->at == '#' ? strcspn(r->at, "\n") : 1;
}

static bool is_text(struct q8_regex_reader *r)
{
    for (const char *p = r->start; *p;) {
        const char *at = p;

        if (at - r->start >= Q8_REGEX_BYTES)
            return q8_fail(r->err, Q8_EUSAGE, "it is longer than %d bytes", Q8_REGEX_BYTES);
        if (q8_text_next(&p) == Q8_TEXT_BAD)
            return q8_regex_fail(r, at, "a byte that is not UTF-8");
    }
    return true;
}

/* Room for what is written, and for the rows of literals; NULL: no memory. */
static struct q8_regex_reader *open_reader(const char *python, struct q8_arena *mem,
                                           struct q8_err *err)
{
    struct q8_regex_reader *r = q8_alloc(mem, 1, sizeof *r, err);
    const size_t length = strlen(python);

    if (!r)
        return NULL;
    r->start = r->at = python;
    r->err = err;
    if (!is_text(r))
        return NULL;
    r->top = q8_text_starts(python, "(?:");
    r->size = (length + 1) * GROWTH;
    r->out = q8_alloc(mem, r->size, 1, err);
    r->run = q8_alloc(mem, length + 1, 1, err);
    r->needed = q8_alloc(mem, length + 1, 1, err);
    return err->code ? NULL : r;
}

bool q8_regex_translate(struct q8_regex_pcre2 *ret, const char *python, struct q8_arena *mem,
                        struct q8_err *err)
{
    struct q8_regex_reader *r = open_reader(python, mem, err);

    if (!r)
        return false;
    for (skip_space(r); *r->at; skip_space(r))
        if (!put_item(r))
            return false;
    if (r->depth)
        return q8_regex_fail(r, r->group[r->depth].start, "missing ), unterminated subpattern");
    end_run(r);
    r->needed[r->open_choice ? 0 : r->needed_used] = '\0';
    *ret = (struct q8_regex_pcre2){.text = r->out, .needed = r->needed};
    return true;
}
