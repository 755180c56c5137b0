/* text.c - numbers and names for people */
#include "src/base/text.h"

#include <stdlib.h>
#include <math.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What a terminal obeys, reorders by or does not show (Unicode 15: Cc, Zl, Zp and most of Cf). */
static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x00, 0x1f},       /* C0 controls */
    {0x7f, 0x9f},       /* DEL, C1 controls */
    {0x061c, 0x061c},   /* Arabic letter mark */
    {0x200b, 0x200f},   /* zero width; left-to-right and right-to-left marks */
    {0x2028, 0x202e},   /* line and paragraph separator; bidirectional embeddings */
    {0x2060, 0x206f},   /* bidirectional isolates and other invisible format controls */
    {0xfeff, 0xfeff},   /* byte order mark */
    {0xfff9, 0xfffb},   /* interlinear annotation */
    {0xfffe, 0xffff},   /* no characters; XML 1.0 has no place for them */
    {0xe0000, 0xe007f}, /* tags */
};

/* `value` with three significant digits; more before the point when it needs them. */
static void print_digits(double value, const char *unit, char *text, size_t size)
{
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

    (void)snprintf(text, size, "%.*f %s", decimals, value, unit);
}

char *q8_text_bytes(uint64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    size_t u = 0;

    if (bytes < 1024) {
        (void)snprintf(text, size, "%" PRIu64 " B", bytes);
        return text;
    }
    for (; value >= 1023.5 && u + 1 < sizeof units / sizeof *units; u++)
        value /= 1024;
    print_digits(value, units[u], text, size);
    return text;
}

char *q8_text_count(uint64_t count, char *text, size_t size)
{
    static const char *const units[] = {"K", "M", "B", "T"};
    double value = (double)count / 1000;
    size_t u = 0;

    if (count < 1000) {
        (void)snprintf(text, size, "%" PRIu64, count);
        return text;
    }
    for (; value >= 999.5 && u + 1 < sizeof units / sizeof *units; u++)
        value /= 1000;
    print_digits(value, units[u], text, size);
    return text;
}

char *q8_text_seconds(double seconds, char *text, size_t size)
{
    uint64_t whole;

    if (!(seconds >= 0 && seconds < 1e12)) { /* also NaN */
        (void)snprintf(text, size, "?");
        return text;
    }
    whole = (uint64_t)(seconds + 0.5);
    if (seconds < 9.95)
        (void)snprintf(text, size, "%.1fs", seconds);
    else if (whole < 60)
        (void)snprintf(text, size, "%" PRIu64 "s", whole);
    else if (whole < 3600)
        (void)snprintf(text, size, "%" PRIu64 "m %02" PRIu64 "s", whole / 60, whole % 60);
    else
        (void)snprintf(text, size, "%" PRIu64 "h %02" PRIu64 "m", whole / 3600, whole / 60 % 60);
    return text;
}

uint32_t q8_text_next(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000}; /* less is an overlong form */
    uint32_t c = *p;
    unsigned more = c < 0x80 ? 0 : c < 0xc0 ? 4 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf8 ? 3 : 4;

    (*text)++;
    if (more == 0)
        return c;
    if (more == 4)
        return Q8_TEXT_BAD;
    c &= 0x3fu >> more;
    for (unsigned i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) /* also the NUL: never reads past it */
            return Q8_TEXT_BAD;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return Q8_TEXT_BAD;
    *text += more;
    return c;
}

bool q8_text_hidden(uint32_t c)
{
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (c >= hidden[i].first && c <= hidden[i].last)
            return true;
    return false;
}

char *q8_text_escape(const char *name, char *text, size_t size)
{
    size_t used = 0, safe = 0; /* safe: the longest that leaves room for "..." */
    char unit[16];

    if (!size)
        return text;
    while (*name) {
        const char *start = name;
        uint32_t c = q8_text_next(&name);
        int len;

        if (c == '\\')
            len = snprintf(unit, sizeof unit, "\\\\");
        else if (c == Q8_TEXT_BAD || (c < 0x80 && q8_text_hidden(c)))
            len = snprintf(unit, sizeof unit, "\\x%02x", (unsigned char)*start);
        else if (q8_text_hidden(c))
            len = snprintf(unit, sizeof unit, "\\u{%04" PRIx32 "}", c);
        else
            len = snprintf(unit, sizeof unit, "%.*s", (int)(name - start), start);
        if (used + (size_t)len >= size) {
            (void)snprintf(text + safe, size - safe, "...");
            return text;
        }
        memcpy(text + used, unit, (size_t)len);
        used += (size_t)len;
        if (used + sizeof "..." <= size)
            safe = used;
    }
    text[used] = '\0';
    return text;
}

size_t q8_text_stem(const char *text, const char *end)
{
    const size_t length = strlen(text), n = strlen(end);

    return length > n && strcmp(text + length - n, end) == 0 ? length - n : 0;
}

unsigned q8_text_distance(const char *a, const char *b)
{
    size_t a_len = strnlen(a, 255), b_len = strnlen(b, 255);
    unsigned row[256]; /* row[j]: from the first i bytes of a to the first j of b */

    for (size_t j = 0; j <= b_len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_len];
}

char *q8_text_number(double value, int digits, char text[32])
{
    if (isnan(value))
        (void)strcpy(text, "NaN"); /* printf's may have a sign */
    else
        (void)snprintf(text, 32, "%.*g", digits, value);
    return text;
}

void q8_text_numbers(double value, double limit, char shown[2][32])
{
    int digits = 4;

    do {
        (void)q8_text_number(value, digits, shown[0]);
        (void)q8_text_number(limit, digits, shown[1]);
    } while ((strtod(shown[1], NULL) < limit || strtod(shown[1], NULL) > limit ||
              strcmp(shown[0], shown[1]) == 0) &&
             digits++ < 17); /* that many tell any two doubles apart */
}

const char *q8_text_fraction(double percent, char text[64])
{
    if (!(percent > 0 && percent <= 1))
        return NULL;
    (void)snprintf(text, 64, "percent, not a fraction: did you mean %g?", percent * 100);
    return text;
}

const char *q8_text_fit(const char *name, unsigned width, char *text, size_t size)
{
    size_t length, cut;

    q8_text_escape(name, text, size);
    length = strlen(text);
    if (length <= width)
        return text;
    cut = length - width + 2;
    while (text[cut] && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut++;
    text[cut - 2] = '.';
    text[cut - 1] = '.';
    return text + cut - 2;
}

bool q8_text_holds(const char *text, const char *const *word, size_t words)
{
    for (size_t i = 0; text && i < words; i++)
        if (strstr(text, word[i]))
            return true;
    return false;
}

bool q8_text_starts(const char *text, const char *start)
{
    return text && strncmp(text, start, strlen(start)) == 0;
}

bool q8_text_ends(const char *text, const char *tail)
{
    const size_t n = strlen(text), m = strlen(tail);

    return n >= m && strcmp(text + n - m, tail) == 0;
}

const char *q8_text_leaf(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}
