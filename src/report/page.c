/* page.c - what the pages of q8-inspect and q8-verify share: the frame, and facts */
#include "src/report/page.h"

#include <string.h>

/* src/report/page.css and page.js, from embed.c. */
extern const char q8_page_css[], q8_page_js[];

/* No fetch of any kind, whatever gets past the escapes. */
#define POLICY                                                                                     \
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "   \
    "base-uri 'none'; form-action 'none'"

/* What a model is called: the last part of its path, or all of it where that says nothing. */
static void put_title(FILE *out, const char *path, void (*put)(FILE *, const char *))
{
    size_t end = strlen(path), start;
    char name[256];

    while (end > 1 && path[end - 1] == '/')
        end--;
    for (start = end; start && path[start - 1] != '/';)
        start--;
    if (start == end || end - start >= sizeof name || strspn(path + start, ".") >= end - start) {
        put(out, path);
        return;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(end - start), path + start);
    put(out, name);
}

void q8_html_open(FILE *out, const char *tool, const char *path)
{
    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"" POLICY "\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n"
            "<meta name=\"generator\" content=\"%s " Q8_VERSION "\">\n<title>",
            tool);
    put_title(out, path, q8_html_text);
    fprintf(out, " \xe2\x80\x93 %s</title>\n<style>\n", tool);
    fputs(q8_page_css, out);
    fprintf(out, "</style>\n</head>\n<body>\n<header><p class=\"tool\">%s</p>\n<h1>", tool);
    put_title(out, path, q8_html_name);
    fputs("</h1>\n", out);
}

void q8_html_path(FILE *out, const char *path)
{
    if (!strchr(path, '/'))
        return;
    fputs("<span>", out);
    q8_html_name(out, path);
    fputs("</span>", out);
}

void q8_html_main(FILE *out)
{
    fputs("<nav aria-label=\"Sections\" hidden></nav></header>\n<main>\n", out);
}

/* The dialog is empty: the script fills it when a row is chosen. */
void q8_html_end(FILE *out)
{
    fputs("</main>\n<dialog id=\"details\" aria-labelledby=\"details-title\"></dialog>\n"
          "<footer><p>q8 " Q8_VERSION "</p></footer>\n",
          out);
}

void q8_html_close(FILE *out)
{
    fputs("<script type=\"module\">\n", out);
    fputs(q8_page_js, out);
    fputs("</script>\n</body>\n</html>\n", out);
}

void q8_html_fact(FILE *out, const char *id, const char *label, const char *value, const char *more,
                  bool alarm)
{
    fprintf(out, "<div%s><dt>%s</dt><dd id=\"%s\">%s", alarm ? " class=\"alarm\"" : "", label, id,
            value);
    if (*more)
        fprintf(out, "<small>%s</small>", more);
    fputs("</dd></div>\n", out);
}

unsigned q8_html_step(double value, double calm, double alarm)
{
    double t = (value - calm) / (alarm - calm) * Q8_HTML_STEPS;

    if (!(t > 0)) /* also NaN: calm and alarm are one */
        return 0;
    return t >= Q8_HTML_STEPS ? Q8_HTML_STEPS - 1 : (unsigned)t;
}

void q8_html_legend(FILE *out, enum q8_html_form form, double calm, double alarm, const char *unit)
{
    fputs("<span class=\"scale\"><span>", out);
    q8_html_number(out, form, calm);
    fprintf(out, "%s</span><span class=\"strip\" aria-hidden=\"true\">", unit);
    for (unsigned i = 0; i < Q8_HTML_STEPS; i++)
        fprintf(out, "<i class=\"h%u\"></i>", i);
    fputs("</span><span>", out);
    q8_html_number(out, form, alarm);
    fprintf(out, "%s</span></span>", unit);
}
