/* json_scan.c - a strict JSON pull reader over any source, in constant memory */
#include "src/base/json_scan.h"

#include "src/base/num.h"

#include <inttypes.h>
#include <string.h>

#define STRING_LIMIT (1u << 20)

static bool fail(struct q8_scan *s, const char *what)
{
    return q8_fail(s->err, Q8_EINPUT, "JSON at byte %" PRIu64 ": %s", s->at, what);
}

/* The next byte without taking it, or -1 at the end or on failure. */
static int look(struct q8_scan *s)
{
    if (s->err->code || s->at >= s->source.size)
        return -1;
    if (s->at < s->window_at || s->at >= s->window_at + s->window_len) {
        s->window_at = s->at;
        s->window_len = q8_min(Q8_SCAN_WINDOW, s->source.size - s->at);
        if (!s->source.read(s->source.self, s->at, s->window, s->window_len, s->err)) {
            s->window_len = 0;
            return -1;
        }
    }
    return s->window[s->at - s->window_at];
}

static int take(struct q8_scan *s)
{
    int c = look(s);

    if (c >= 0)
        s->at++;
    return c;
}

/* Skips white space; the byte after it, not taken. */
static int skip_space(struct q8_scan *s)
{
    int c;

    while ((c = look(s)) == ' ' || c == '\t' || c == '\r' || c == '\n')
        s->at++;
    return c;
}

static bool put(struct q8_scan *s, int byte)
{
    if (s->length > STRING_LIMIT) /* the NUL comes behind the limit */
        return fail(s, "a string of more than 1 MiB");
    if (s->length + 1 >= s->room) {
        char *text = q8_grow(s->mem, s->text, s->room, &s->room, 1, s->err);

        if (!text)
            return false;
        s->text = text;
    }
    s->text[s->length++] = (char)byte;
    return true;
}

/* Appends a code point as UTF-8. */
static bool put_point(struct q8_scan *s, uint32_t p)
{
    if (p < 0x80)
        return put(s, (int)p);
    if (p < 0x800)
        return put(s, (int)(0xc0 | p >> 6)) && put(s, (int)(0x80 | (p & 63)));
    if (p < 0x10000)
        return put(s, (int)(0xe0 | p >> 12)) && put(s, (int)(0x80 | (p >> 6 & 63))) &&
               put(s, (int)(0x80 | (p & 63)));
    return put(s, (int)(0xf0 | p >> 18)) && put(s, (int)(0x80 | (p >> 12 & 63))) &&
           put(s, (int)(0x80 | (p >> 6 & 63))) && put(s, (int)(0x80 | (p & 63)));
}

static bool hex4(struct q8_scan *s, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++) {
        int c = take(s);

        if (c >= '0' && c <= '9')
            c -= '0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            c = (c | 32) - 'a' + 10;
        else
            return fail(s, "\\u wants four hex digits");
        *ret = *ret << 4 | (uint32_t)c;
    }
    return true;
}

static bool escape(struct q8_scan *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = take(s);
    const char *known = c > 0 ? strchr(from, c) : NULL;
    uint32_t high, low;

    if (known)
        return put(s, to[known - from]);
    if (c != 'u')
        return fail(s, "unknown escape in a string");
    if (!hex4(s, &high))
        return false;
    if (high >= 0xd800 && high < 0xdc00) {
        if (take(s) != '\\' || take(s) != 'u' || !hex4(s, &low) || low < 0xdc00 || low > 0xdfff)
            return fail(s, "half of a surrogate pair");
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    } else if (high >= 0xdc00 && high < 0xe000) {
        return fail(s, "half of a surrogate pair");
    }
    if (high == 0)
        return fail(s, "a NUL character in a string");
    return put_point(s, high);
}

/* A byte >= 0x80 and those that follow it; RFC 3629, table 3-7 of Unicode. */
static bool utf8(struct q8_scan *s, int c)
{
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1, least = 0x80, most = 0xbf;

    if (c < 0xc2 || c > 0xf4)
        return fail(s, "not UTF-8");
    if (c == 0xe0)
        least = 0xa0;
    else if (c == 0xed)
        most = 0x9f;
    else if (c == 0xf0)
        least = 0x90;
    else if (c == 0xf4)
        most = 0x8f;
    if (!put(s, c))
        return false;
    while (more-- > 0) {
        c = take(s);
        if (c < least || c > most)
            return fail(s, "not UTF-8");
        if (!put(s, c))
            return false;
        least = 0x80, most = 0xbf;
    }
    return true;
}

/* The rest of a string whose opening quote was taken. */
static bool string(struct q8_scan *s)
{
    s->length = 0;
    for (;;) {
        int c = take(s);
        bool ok;

        if (c < 0)
            return fail(s, "a string without an end");
        if (c == '"')
            break;
        if (c < 0x20)
            return fail(s, "a control character in a string");
        ok = c == '\\' ? escape(s) : c >= 0x80 ? utf8(s, c) : put(s, c);
        if (!ok)
            return false;
    }
    if (!put(s, 0))
        return false;
    s->length--;
    return true;
}

/* A number by the grammar of RFC 8259; *ret_u64 when it is digits only and fits. */
static bool number(struct q8_scan *s, uint64_t *ret, bool *ret_whole)
{
    uint64_t value = 0;
    bool whole = true;
    int c = look(s);

    if (c == '-') {
        whole = false;
        s->at++;
        c = look(s);
    }
    if (c < '0' || c > '9')
        return fail(s, "a number wants a digit");
    s->at++;
    value = (uint64_t)(c - '0');
    if (c == '0' && (c = look(s)) >= '0' && c <= '9')
        return fail(s, "a number with a leading zero");
    while ((c = look(s)) >= '0' && c <= '9') {
        whole = whole && q8_mul(value, 10, &value) && q8_add(value, (uint64_t)(c - '0'), &value);
        s->at++;
    }
    if (c == '.') {
        whole = false;
        s->at++;
        if ((c = look(s)) < '0' || c > '9')
            return fail(s, "a number wants a digit behind its point");
        while ((c = look(s)) >= '0' && c <= '9')
            s->at++;
    }
    if (c == 'e' || c == 'E') {
        whole = false;
        s->at++;
        if ((c = look(s)) == '+' || c == '-')
            s->at++;
        if ((c = look(s)) < '0' || c > '9')
            return fail(s, "a number wants a digit in its exponent");
        while ((c = look(s)) >= '0' && c <= '9')
            s->at++;
    }
    *ret = value;
    *ret_whole = whole;
    return !s->err->code;
}

static bool word(struct q8_scan *s, const char *text)
{
    for (; *text; text++)
        if (take(s) != *text)
            return fail(s, "unknown word");
    return true;
}

bool q8_scan_init(struct q8_scan *s, const struct q8_source *source, uint64_t start,
                  struct q8_arena *mem, struct q8_err *err)
{
    *s = (struct q8_scan){.source = *source, .at = start, .err = err, .mem = mem, .first = true};
    return put(s, 0);
}

char q8_scan_peek(struct q8_scan *s)
{
    int c = skip_space(s);

    if (c == '-' || (c >= '0' && c <= '9'))
        return '0';
    if (c > 0 && strchr("{[\"tfn", c))
        return (char)c;
    fail(s, c < 0 ? "the text ends early" : "a value was expected");
    return 0;
}

bool q8_scan_open(struct q8_scan *s, char bracket)
{
    if (skip_space(s) != bracket)
        return fail(s, bracket == '{' ? "an object was expected" : "an array was expected");
    if (s->depth == sizeof s->stack)
        return fail(s, "nested deeper than 64");
    s->at++;
    s->stack[s->depth++] = bracket;
    s->first = true;
    return true;
}

/* Comma or closing bracket: true when another member follows. */
static bool next_member(struct q8_scan *s, char close)
{
    int c = skip_space(s);

    if (c == close) {
        s->at++;
        s->depth--;
        s->first = false;
        return false;
    }
    if (!s->first) {
        if (c != ',')
            return fail(s, "a comma or a closing bracket was expected");
        s->at++;
        if (skip_space(s) == close)
            return fail(s, "a comma before a closing bracket");
    }
    s->first = false;
    return !s->err->code;
}

bool q8_scan_key(struct q8_scan *s)
{
    if (s->err->code || !next_member(s, '}'))
        return false;
    if (take(s) != '"')
        return fail(s, "a key in quotes was expected");
    if (!string(s))
        return false;
    if (skip_space(s) != ':')
        return fail(s, "a colon was expected");
    s->at++;
    return true;
}

bool q8_scan_more(struct q8_scan *s)
{
    return !s->err->code && next_member(s, ']');
}

bool q8_scan_string(struct q8_scan *s)
{
    if (skip_space(s) != '"')
        return fail(s, "a string was expected");
    s->at++;
    return string(s);
}

bool q8_scan_u64(struct q8_scan *s, uint64_t *ret)
{
    bool whole;

    if (q8_scan_peek(s) != '0')
        return fail(s, "a whole number was expected");
    return number(s, ret, &whole) && (whole || fail(s, "not a whole number below 2^64"));
}

/* One value that is no bracket. */
static bool skip_scalar(struct q8_scan *s, char kind)
{
    uint64_t value;
    bool whole;

    switch (kind) {
    case '"': return q8_scan_string(s);
    case '0': return number(s, &value, &whole);
    case 't': return word(s, "true");
    case 'f': return word(s, "false");
    case 'n': return word(s, "null");
    default: return false;
    }
}

bool q8_scan_skip(struct q8_scan *s)
{
    unsigned floor = s->depth;
    char kind = q8_scan_peek(s);

    s->values++;
    if (kind != '{' && kind != '[')
        return skip_scalar(s, kind);
    if (!q8_scan_open(s, kind))
        return false;
    while (s->depth > floor) {
        bool more = s->stack[s->depth - 1] == '{' ? q8_scan_key(s) : q8_scan_more(s);

        if (s->err->code)
            return false;
        if (!more)
            continue;
        kind = q8_scan_peek(s);
        s->values++;
        if (kind == '{' || kind == '[' ? !q8_scan_open(s, kind) : !skip_scalar(s, kind))
            return false;
    }
    return true;
}

bool q8_scan_done(struct q8_scan *s)
{
    if (skip_space(s) >= 0)
        return fail(s, "bytes behind the value");
    return !s->err->code;
}
