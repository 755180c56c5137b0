/* escape.c - text and numbers inside an HTML page */
#include "src/report/escape.h"

#include "src/base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define MINUS "\xe2\x88\x92"       /* U+2212 */
#define INFINITE "\xe2\x88\x9e"    /* U+221E */
#define DASH "\xe2\x80\x93"        /* U+2013 */

/* What HTML makes of a character that means something to it; NULL: it stays. */
static const char *escape(uint32_t c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

/* `rest` is what follows a joint of a path. */
static void put_text(FILE *out, const char *text, const char *rest)
{
    while (*text) {
        const char *start = text;
        uint32_t c = q8_text_next(&text);
        const char *instead = escape(c);

        if (c == Q8_TEXT_BAD)
            fputs(REPLACEMENT, out);
        else if (q8_text_hidden(c))
            fprintf(out, "\\u{%04" PRIx32 "}", c);
        else if (instead)
            fputs(instead, out);
        else
            fwrite(start, 1, (size_t)(text - start), out);
        if (c == '.' || c == '_' || c == '/')
            fputs(rest, out);
    }
}

void q8_html_text(FILE *out, const char *text)
{
    put_text(out, text, "");
}

void q8_html_name(FILE *out, const char *name)
{
    put_text(out, name, "<wbr>");
}

/* Three digits, zeros too; printf's exponent has two and a plus, but people write 1.20e5. */
static void put_plain(FILE *out, double value)
{
    char text[32];
    size_t n;

    (void)snprintf(text, sizeof text, "%#.3g", value);
    n = strcspn(text, "e");
    fprintf(out, "%.*s", (int)(n > 0 && text[n - 1] == '.' ? n - 1 : n), text);
    if (text[n]) {
        const char *digits = text + n + 2;

        fprintf(out, "e%s%s", text[n + 1] == '-' ? "-" : "", digits + strspn(digits, "0"));
    }
}

/* Enough digits that what is there is not shown as 0. */
static void put_percent(FILE *out, double share)
{
    double percent = 100 * share;

    if (percent > 0 && percent < 0.095)
        fprintf(out, "%.1g %%", percent);
    else
        fprintf(out, "%.*f %%", percent > 0 && percent < 9.95 ? 1 : 0, percent);
}

void q8_html_number(FILE *out, enum q8_html_form form, double value)
{
    if (isnan(value)) {
        fputs(DASH, out);
        return;
    }
    if (isinf(value)) {
        fputs(value > 0 ? INFINITE : MINUS INFINITE, out);
        return;
    }
    switch (form) {
    case Q8_HTML_DECIBEL:
    case Q8_HTML_BITS: fprintf(out, "%.2f", value); break;
    case Q8_HTML_COSINE: fprintf(out, "%.6f", value); break;
    case Q8_HTML_COUNT: fprintf(out, "%.0f", value); break;
    case Q8_HTML_PLAIN:
        if (value != 0)
            put_plain(out, value);
        else
            fputc('0', out);
        break;
    case Q8_HTML_PERCENT: put_percent(out, value);
    }
}
