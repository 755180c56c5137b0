/* regex_group.c - what begins with a '(' in Python's re, as PCRE2 has it */
#include "src/pattern/regex_parts.h"

#include "src/base/text.h"

#include <ctype.h>
#include <string.h>

static bool open_group(struct q8_regex_reader *r, enum q8_regex_kind kind, const char *start)
{
    if (r->depth == Q8_REGEX_NESTED)
        return q8_regex_fail(r, start, "more than %d parentheses within each other",
                             Q8_REGEX_NESTED);
    r->group[++r->depth] = (struct q8_regex_group){.kind = kind, .start = start, .flags = r->flags};
    r->behind += kind == Q8_REGEX_BEHIND;
    return true;
}

/* A group that captures; `name` is of the pattern, NULL: it has none. */
static bool open_capture(struct q8_regex_reader *r, const char *name, const char *start)
{
    if (r->captures == Q8_REGEX_GROUPS)
        return q8_regex_fail(r, start, "more than %d groups; (?:...) is none", Q8_REGEX_GROUPS);
    if (!open_group(r, Q8_REGEX_CAPTURE, start))
        return false;
    r->group[r->depth].number = ++r->captures;
    r->name[r->captures] = name;
    return q8_regex_put(r, "(");
}

/* Reads a name up to `end`; its length, 0 with a failure. */
static size_t read_name(struct q8_regex_reader *r, char end)
{
    const char *name = r->at;
    size_t length = 0;

    while (isalnum((unsigned char)name[length]) || name[length] == '_')
        length++;
    if (length == 0 || name[length] != end || isdigit((unsigned char)*name)) {
        (void)q8_regex_fail(r, name, "bad or missing group name");
        return 0;
    }
    r->at += length + 1;
    return length;
}

/* The capture of that name; 0 = none. */
static unsigned find_name(const struct q8_regex_reader *r, const char *name, size_t length)
{
    unsigned i = r->captures;

    while (i > 0 && !(r->name[i] && strncmp(r->name[i], name, length) == 0 &&
                      !isalnum((unsigned char)r->name[i][length]) && r->name[i][length] != '_'))
        i--;
    return i;
}

/* Reads the name of a capture that there is, up to `end`; its number, 0 with a failure. */
static unsigned read_known(struct q8_regex_reader *r, char end)
{
    const char *name = r->at;
    const size_t length = read_name(r, end);
    const unsigned number = length ? find_name(r, name, length) : 0;

    if (length && !number)
        (void)q8_regex_fail(r, name, "unknown group name '%.*s'", (int)length, name);
    return number;
}

/* (?P<name>...) and (?P=name); r->at is behind the P. */
static bool put_named(struct q8_regex_reader *r, const char *start)
{
    const char kind = *r->at++, *name = r->at;
    size_t length;
    unsigned number;

    if (kind != '<' && kind != '=')
        return q8_regex_fail(r, start + 1, "unknown extension ?P");
    if (kind == '=') {
        number = read_known(r, ')');
        return number && q8_regex_refer(r, start, number) && q8_regex_put(r, "\\g{%u}", number);
    }
    length = read_name(r, '>');
    if (length && find_name(r, name, length))
        return q8_regex_fail(r, name, "redefinition of group name '%.*s'", (int)length, name);
    return length && open_capture(r, name, start);
}

/* (?(1)yes|no); r->at is behind the second parenthesis. */
static bool put_condition(struct q8_regex_reader *r, const char *start)
{
    const char *name = r->at;
    unsigned number = 0;

    if (isdigit((unsigned char)*name)) {
        while (isdigit((unsigned char)*r->at) && number <= Q8_REGEX_GROUPS)
            number = number * 10 + (unsigned)(*r->at++ - '0');
        if (*r->at++ != ')')
            return q8_regex_fail(r, name, "bad group number");
    } else {
        number = read_known(r, ')');
    }
    if (r->err->code || !q8_regex_refer(r, name, number))
        return false;
    return open_group(r, Q8_REGEX_CONDITION, start) && q8_regex_put(r, "(?(%u)", number);
}

static bool skip_comment(struct q8_regex_reader *r, const char *start)
{
    r->at += strcspn(r->at, ")");
    return *r->at++ || q8_regex_fail(r, start, "missing ), unterminated comment");
}

/* Reads letters of flags. */
static unsigned read_flags(struct q8_regex_reader *r)
{
    static const char letters[] = "imsxau";
    unsigned flags = 0;

    for (const char *found; *r->at && (found = strchr(letters, *r->at)); r->at++)
        flags |= 1u << (found - letters);
    return flags;
}

/* (?i) at the start, (?i:...), (?-i:...); r->at is at the first letter. */
static bool put_flags(struct q8_regex_reader *r, const char *start)
{
    enum {
        UNICODE = 32,
        TYPES = Q8_REGEX_A | UNICODE,
        OURS = Q8_REGEX_I | Q8_REGEX_M | Q8_REGEX_S
    };
    const struct q8_regex_group *g = &r->group[r->depth];
    const unsigned on = read_flags(r);
    const bool minus = *r->at == '-';
    const unsigned off = minus ? (r->at++, read_flags(r)) : 0;
    const bool global = *r->at == ')' && on && !minus;
    unsigned flags = (r->flags | on) & ~off;

    if ((*r->at != ':' && !global) || (minus && !off) || (on & off) || off & TYPES ||
        (on & TYPES) == TYPES)
        return q8_regex_fail(r, start + 1, "unknown extension, or flags that q8 does not take");
    if (global && (r->depth || g->bars || g->last != Q8_REGEX_NONE))
        return q8_regex_fail(r, start, "global flags not at the start of the expression");
    if (on & UNICODE)
        flags &= ~(unsigned)TYPES;
    if (flags & Q8_REGEX_A && flags & Q8_REGEX_I)
        return q8_regex_fail(r, start, "q8 does not take the flags a and i together");
    r->at++;
    if (!global && !open_group(r, Q8_REGEX_PLAIN, start))
        return false;
    r->flags = flags;
    return q8_regex_put(
        r, "(?%s%s%s%s%s%s%s%s", on & Q8_REGEX_I ? "i" : "", on & Q8_REGEX_M ? "m" : "",
        on & Q8_REGEX_S ? "s" : "", off & OURS ? "-" : "", off & Q8_REGEX_I ? "i" : "",
        off & Q8_REGEX_M ? "m" : "", off & Q8_REGEX_S ? "s" : "", global ? ")" : ":");
}

bool q8_regex_open_group(struct q8_regex_reader *r)
{
    static const struct {
        const char *text;
        enum q8_regex_kind kind;
    } same[] = {
        {"(?:", Q8_REGEX_PLAIN}, {"(?>", Q8_REGEX_PLAIN},   {"(?=", Q8_REGEX_AHEAD},
        {"(?!", Q8_REGEX_AHEAD}, {"(?<=", Q8_REGEX_BEHIND}, {"(?<!", Q8_REGEX_BEHIND},
    };
    const char *start = r->at;

    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (q8_text_starts(start, same[i].text)) {
            r->at += strlen(same[i].text);
            return open_group(r, same[i].kind, start) && q8_regex_put(r, "%s", same[i].text);
        }
    r->at++;
    if (*r->at != '?')
        return open_capture(r, NULL, start);
    r->at += 1 + (r->at[1] && strchr("P(#", r->at[1]));
    switch (r->at[-1]) {
    case 'P': return put_named(r, start);
    case '(': return put_condition(r, start);
    case '#': return skip_comment(r, start);
    default: return put_flags(r, start);
    }
}
