/* page_cures.c - what is suggested */
#include "src/inspect/page_parts.h"

#include "src/base/text.h"

#include <inttypes.h>
#include <stdlib.h>

static void put_cure(const struct q8_html_page *page, const struct q8_cure *cure)
{
    FILE *out = page->out;
    char text[32];

    fputs("<tr><th scope=\"row\">", out);
    q8_html_name(out, cure->subject->name);
    fputs("</th><td class=\"t\">", out);
    if (cure->use)
        fprintf(out, "use %s", cure->use->name);
    else
        fputs("leave float", out);
    fputs("</td><td>", out);
    q8_html_number(out, Q8_HTML_DECIBEL, cure->before);
    fputs("</td><td>", out);
    q8_html_number(out, Q8_HTML_DECIBEL, cure->after);
    fprintf(out, "</td><td>%s</td><td class=\"t\">", q8_text_bytes(cure->bytes, text, sizeof text));
    if (cure->with) {
        fputs("goes with its group ", out);
        q8_html_text(out, cure->with);
    } else {
        fprintf(out, "below %.4g dB", page->in->options.min_sqnr);
    }
    fputs("</td></tr>\n", out);
}

static void put_table(const struct q8_html_page *page)
{
    const struct q8_suggestion *d = page->suggestion;
    FILE *out = page->out;

    fputs("<div class=\"box\" tabindex=\"0\" role=\"region\" aria-labelledby=\"cure-caption\">"
          "<table id=\"cures\" class=\"list\"><caption id=\"cure-caption\">The cheapest cure of "
          "each weight</caption>\n"
          "<thead><tr><th scope=\"col\">Weight</th><th scope=\"col\">Cure</th>"
          "<th scope=\"col\" class=\"n\">dB before</th><th scope=\"col\" class=\"n\">dB after</th>"
          "<th scope=\"col\" class=\"n\">Extra bytes</th><th scope=\"col\">Reason</th></tr></thead>"
          "\n<tbody>\n",
          out);
    for (uint64_t i = 0; i < d->cures; i++)
        put_cure(page, &d->cure[i]);
    fputs("</tbody></table></div>\n", out);
}

static bool put_overrides(const struct q8_html_page *page)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    bool ok;

    if (!memory)
        return q8_fail(page->err, Q8_ELIMIT, "no memory for the text of the overrides");
    q8_suggest_print(page->suggestion, memory);
    ok = !ferror(memory);
    ok &= fclose(memory) == 0;
    if (!ok)
        q8_fail(page->err, Q8_ELIMIT, "no memory for the text of the overrides");
    fputs("<h3 id=\"overrides-title\">File for <code>q8-convert --overrides</code></h3>\n"
          "<pre id=\"overrides\" tabindex=\"0\" role=\"region\""
          " aria-labelledby=\"overrides-title\">",
          page->out);
    for (char *line = text; ok && *line;) { /* newlines and tabs are no hidden characters here */
        char *end = line;

        for (; *end && *end != '\n'; end++)
            if (*end == '\t')
                *end = ' ';
        if (*end)
            *end++ = '\0';
        q8_html_text(page->out, line);
        fputc('\n', page->out);
        line = end;
    }
    fputs("</pre>\n", page->out);
    free(text);
    return ok;
}

bool q8_html_cures(const struct q8_html_page *page)
{
    const struct q8_suggestion *d = page->suggestion;
    FILE *out = page->out;
    char text[32];

    if (!d)
        return true;
    fputs("<section id=\"doctor\"><h2>What to change</h2>\n", out);
    if (!d->cures) {
        fprintf(out, "<p>Nothing: no weight is below %.4g dB.</p></section>\n",
                page->in->options.min_sqnr);
        return true;
    }
    fprintf(out,
            "<p>%" PRIu64 " weight%s below %.4g dB, or bound to one that is. All cures together"
            " take %s more than the target alone.</p>\n",
            d->cures, d->cures == 1 ? " is" : "s are", page->in->options.min_sqnr,
            q8_text_bytes(d->bytes, text, sizeof text));
    put_table(page);
    if (!put_overrides(page))
        return false;
    fputs("</section>\n", out);
    return true;
}
