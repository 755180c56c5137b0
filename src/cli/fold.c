/* fold.c - lines that are wider than the terminal, folded between words */
#include "src/cli/fold.h"

#include <string.h>

#define FAR 16 /* columns within which the second column of a line begins */

/* Bytes of a sequence that takes no columns: colours, as q8 prints them ("\033[31m"). */
static size_t unseen(const char *text, size_t n)
{
    size_t i = 2;

    if (n < 2 || text[0] != '\033' || text[1] != '[')
        return 0;
    while (i < n && text[i] != 'm')
        i++;
    return i < n ? i + 1 : n;
}

/* Columns of a text; a character of UTF-8 is one. */
static size_t columns(const char *text, size_t n)
{
    size_t count = 0;

    for (size_t i = 0, skip; i < n; i += skip) {
        skip = unseen(text + i, n - i);
        if (skip == 0) {
            count += ((unsigned char)text[i] & 0xc0) != 0x80;
            skip = 1;
        }
    }
    return count;
}

/* Where the rest of a line is to begin. */
static size_t find_indent(const char *line, size_t n)
{
    size_t start = 0;

    while (start < n && line[start] == ' ')
        start++;
    for (size_t i = start + 2; i < n && i < FAR; i++)
        if (line[i] != ' ' && line[i - 1] == ' ' && line[i - 2] == ' ')
            return i;
    return start + 2;
}

/* The longest start of the text, of whole words, that `room` columns hold; one word at least. */
static size_t fit(const char *text, size_t n, size_t room)
{
    size_t best = 0;

    for (size_t i = 1; i <= n; i++) {
        if (i < n && (text[i] != ' ' || text[i - 1] == ' '))
            continue;
        if (best && columns(text, i) > room)
            break;
        best = i;
    }
    return best;
}

/* A line without its end. */
static void print_line(const struct q8_fold *f, const char *line, size_t n)
{
    const size_t hang = find_indent(line, n), indent = hang < f->width / 2 ? hang : 2;
    size_t lead = 0, from, part;

    while (lead < n && line[lead] == ' ')
        lead++;
    for (from = lead; lead + columns(line + from, n - from) > f->width; from += part) {
        part = fit(line + from, n - from, f->width > lead ? f->width - lead : 0);
        if (part == n - from)
            break;
        fprintf(f->out, "%*s%.*s\n", (int)lead, "", (int)part, line + from);
        while (part < n - from && line[from + part] == ' ')
            part++;
        lead = indent;
    }
    fprintf(f->out, "%*s%.*s", (int)lead, "", (int)(n - from), line + from);
}

static ssize_t take(void *self, const char *bytes, size_t n)
{
    struct q8_fold *f = self;

    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != '\n' && f->used < sizeof f->line) {
            f->line[f->used++] = bytes[i];
            continue;
        }
        print_line(f, f->line, f->used);
        f->used = 0;
        if (bytes[i] == '\n')
            fputc('\n', f->out);
        else /* longer than any line of a report: go on with what is there */
            f->line[f->used++] = bytes[i];
    }
    return (ssize_t)n;
}

bool q8_fold_open(struct q8_fold *f, FILE *out, unsigned width, struct q8_err *err)
{
    *f = (struct q8_fold){.out = out, .in = out, .width = width};
    if (width == 0)
        return true;
    f->in = fopencookie(f, "w", (cookie_io_functions_t){.write = take});
    return f->in || q8_fail(err, Q8_ELIMIT, "no memory to print the report");
}

void q8_fold_close(struct q8_fold *f)
{
    if (f->in == f->out)
        return;
    (void)fclose(f->in);
    print_line(f, f->line, f->used);
    f->in = f->out;
}
