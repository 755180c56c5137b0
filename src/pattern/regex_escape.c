/* regex_escape.c - backslashes and sets of Python's re, as PCRE2 has them */
#include "src/pattern/regex_parts.h"

#include "src/base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define LARGEST 0x10FFFF /* character */

/*
 * What \d and so on stand for, between brackets: str.isdecimal, str.isspace, str.isalnum and '_' of
 * Python; without Unicode, and their opposites.  \p{Pc} are '_' and its like.
 */
static const struct {
    char letter;
    const char *text, *ascii;
} classes[] = {
    {'d', "\\p{Nd}", "0-9"},
    {'D', "\\P{Nd}", "\\x{0}-\\x{2F}\\x{3A}-\\x{10FFFF}"},
    {'w', "\\p{L}\\p{N}_", "A-Za-z0-9_"},
    {'W',
     "\\p{M}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\\p{Po}\\p{S}\\p{Z}\\p{C}\\x{203F}\\x{2040}\\x{2054}"
     "\\x{FE33}\\x{FE34}\\x{FE4D}-\\x{FE4F}\\x{FF3F}",
     "\\x{0}-\\x{2F}\\x{3A}-\\x{40}\\x{5B}-\\x{5E}\\x{60}\\x{7B}-\\x{10FFFF}"},
    {'s',
     "\\x{9}-\\x{D}\\x{1C}-\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}"
     "\\x{202F}\\x{205F}\\x{3000}",
     "\\x{9}-\\x{D}\\x{20}"},
    {'S',
     "\\x{0}-\\x{8}\\x{E}-\\x{1B}\\x{21}-\\x{84}\\x{86}-\\x{9F}\\x{A1}-\\x{167F}\\x{1681}-\\x{1FFF}"
     "\\x{200B}-\\x{2027}\\x{202A}-\\x{202E}\\x{2030}-\\x{205E}\\x{2060}-\\x{2FFF}"
     "\\x{3001}-\\x{10FFFF}",
     "\\x{0}-\\x{8}\\x{E}-\\x{1F}\\x{21}-\\x{10FFFF}"},
};

static const char *class_of(const struct q8_regex_reader *r, char letter)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (classes[i].letter == letter)
            return r->flags & Q8_REGEX_A ? classes[i].ascii : classes[i].text;
    return NULL;
}

bool q8_regex_character(struct q8_regex_reader *r, uint32_t c)
{
    if (c > LARGEST || (c >= 0xD800 && c <= 0xDFFF))
        return q8_regex_fail(r, r->at, "there is no character U+%04" PRIX32, c);
    if (r->flags & Q8_REGEX_I && c > 0x7F)
        return q8_regex_fail(r, r->at, "q8 ignores the case of ASCII letters only");
    return c < 0x80 && isalnum((int)c) ? q8_regex_put(r, "%c", (char)c)
                                       : q8_regex_put(r, "\\x{%" PRIX32 "}", c);
}

/* Reads up to `most` digits of that base; returns how many. */
static int read_digits(struct q8_regex_reader *r, int base, int most, uint32_t *ret)
{
    int count = 0;

    *ret = 0;
    while (count < most && isxdigit((unsigned char)*r->at)) {
        const char c = *r->at;
        const int digit = isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;

        if (digit >= base)
            break;
        *ret = *ret * (uint32_t)base + (uint32_t)digit;
        count++;
        r->at++;
    }
    return count;
}

/*
 * The character that a backslash and what follows stand for; r->at is behind the letter then.  Not
 * for digits outside of sets, nor for classes.
 */
static bool read_character(struct q8_regex_reader *r, uint32_t *ret)
{
    static const char letters[] = "abfnrtv", meant[] = "\a\b\f\n\r\t\v";
    const char *backslash = r->at - 1, *letter;
    uint32_t c = q8_text_next(&r->at);
    int digits;

    if (c >= '0' && c <= '7') {
        r->at--;
        (void)read_digits(r, 8, 3, ret);
        return *ret <= 0377 || q8_regex_fail(r, backslash, "octal escape outside of range 0-0o377");
    }
    if (c == 'x' || c == 'u' || c == 'U') {
        digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        return read_digits(r, 16, digits, ret) == digits ||
               q8_regex_fail(r, backslash, "incomplete escape");
    }
    letter = c < 0x80 ? strchr(letters, (int)c) : NULL;
    if (letter)
        c = (unsigned char)meant[letter - letters];
    else if (c == 'N')
        return q8_regex_fail(r, backslash, "q8 does not know characters by their names");
    else if (c < 0x80 && isalnum((int)c))
        return q8_regex_fail(r, backslash, "bad escape \\%c", (char)c);
    *ret = c;
    return true;
}

bool q8_regex_refer(struct q8_regex_reader *r, const char *at, unsigned number)
{
    if (number == 0 || number > r->captures)
        return q8_regex_fail(r, at, "invalid group reference %u", number);
    if (!r->closed[number])
        return q8_regex_fail(r, at, "cannot refer to an open group");
    if (r->behind)
        return q8_regex_fail(r, at, "q8 takes no reference to a group in a look-behind");
    q8_regex_add(r, Q8_REGEX_ATOM, 0, Q8_REGEX_WIDE);
    return true;
}

/* \1, or a character in octal digits, as \012 and \101 are. */
static bool put_digits(struct q8_regex_reader *r)
{
    const char *p = r->at, *backslash = p - 1;
    const bool octal = *p == '0' || (strspn(p, "01234567") >= 3);
    uint32_t number;

    if (octal)
        return read_character(r, &number) && q8_regex_literal(r, number);
    (void)read_digits(r, 10, 2, &number);
    return q8_regex_refer(r, backslash, number) && q8_regex_put(r, "\\g{%" PRIu32 "}", number);
}

/* \b and \B, with what \w is here. */
static bool put_boundary(struct q8_regex_reader *r, bool opposite)
{
    const char *w = class_of(r, 'w');

    return q8_regex_put(r, "(?:(?<=[%s])(?%c[%s])|(?<![%s])(?%c[%s]))", w, opposite ? '=' : '!', w,
                        w, opposite ? '!' : '=', w);
}

bool q8_regex_escape(struct q8_regex_reader *r)
{
    const char c = r->at[1], *class = class_of(r, c);
    uint32_t character;

    r->at++;
    if (!c)
        return q8_regex_fail(r, r->at - 1, "bad escape (end of pattern)");
    if (isdigit((unsigned char)c))
        return put_digits(r);
    if (strchr("AZbB", c)) {
        r->at++;
        q8_regex_add(r, Q8_REGEX_PLACE, 0, 0);
        return c == 'A'   ? q8_regex_put(r, "\\A")
               : c == 'Z' ? q8_regex_put(r, "\\z")
                          : put_boundary(r, c == 'B');
    }
    if (!class)
        return read_character(r, &character) && q8_regex_literal(r, character);
    r->at++;
    q8_regex_add(r, Q8_REGEX_ATOM, 1, 1);
    return q8_regex_put(r, "[%s]", class);
}

/* One element of a set: a class (*ret_class), or a character. */
static bool read_element(struct q8_regex_reader *r, const char **ret_class, uint32_t *ret)
{
    *ret_class = NULL;
    if (*r->at == '[' && r->at[1] && strchr(":.=", r->at[1]))
        return q8_regex_fail(r, r->at, "Python has no [:classes:]; \\d, \\w and \\s are some");
    if (*r->at != '\\') {
        *ret = q8_text_next(&r->at);
        return true;
    }
    r->at++;
    if (*r->at)
        *ret_class = class_of(r, *r->at);
    if (*ret_class)
        r->at++;
    return *ret_class || read_character(r, ret);
}

/* An element, or a range of them. */
static bool put_element(struct q8_regex_reader *r)
{
    const char *start = r->at, *class, *last_class;
    uint32_t first = 0, last = 0;

    if (!read_element(r, &class, &first))
        return false;
    if (!(class ? q8_regex_put(r, "%s", class) : q8_regex_character(r, first)))
        return false;
    if (*r->at != '-' || !r->at[1])
        return true;
    r->at++;
    if (*r->at == ']')
        return q8_regex_character(r, '-');
    if (!read_element(r, &last_class, &last))
        return false;
    if (class || last_class || last < first)
        return q8_regex_fail(r, start, "bad character range");
    return q8_regex_put(r, "-") && q8_regex_character(r, last);
}

bool q8_regex_set(struct q8_regex_reader *r)
{
    const char *start = r->at++;
    bool first = true;

    if (!q8_regex_put(r, *r->at == '^' ? "[^" : "["))
        return false;
    r->at += *r->at == '^';
    for (; first || *r->at != ']'; first = false) {
        if (!*r->at || (*r->at == '\\' && !r->at[1]))
            return q8_regex_fail(r, start, "unterminated character set");
        if (!put_element(r))
            return false;
    }
    r->at++;
    q8_regex_add(r, Q8_REGEX_ATOM, 1, 1);
    return q8_regex_put(r, "]");
}
