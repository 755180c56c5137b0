/* select.c - the one pattern language: --skip, --only, --also, --overrides */
#include "src/select.h"

#include "src/base/file.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#define MAX_FILE_BYTES (1u << 20) /* of patterns: far more than anyone writes */
#define MAX_NEAREST_OF 100000     /* names looked at for the nearest: keeps an error quick */
#define NEAREST 3

static const char *const verbs[] = {[Q8_SKIP] = "skip", [Q8_ONLY] = "only", [Q8_ALSO] = "also"};

static bool is_regex(const char *text)
{
    return strncmp(text, "re:", 3) == 0;
}

bool q8_select_add(struct q8_select *s, enum q8_verb verb, const char *text, const char *origin,
                   struct q8_arena *mem, struct q8_err *err)
{
    struct q8_pattern p = {.verb = verb, .text = text, .origin = origin};
    struct q8_pattern *grown = q8_grow(mem, s->pattern, s->count, &s->room, sizeof p, err);

    if (!grown)
        return false;
    s->pattern = grown;
    if (is_regex(text)) {
        char reason[200], shown[300];
        int rc;

        p.regex = q8_alloc(mem, 1, sizeof(regex_t), err);
        if (!p.regex)
            return false;
        rc = regcomp(p.regex, text + 3, REG_EXTENDED);
        if (rc != 0) {
            (void)regerror(rc, p.regex, reason, sizeof reason);
            return q8_fail(err, rc == REG_ESPACE ? Q8_ELIMIT : Q8_EUSAGE,
                           "%s '%s' is no regular expression: %s", origin,
                           q8_text_escape(text, shown, sizeof shown), reason);
        }
    }
    s->pattern[s->count++] = p;
    s->have_only = s->have_only || verb == Q8_ONLY;
    return true;
}

/* Ends the line at its comment and at the white space around what is left; returns its start. */
static char *trim(char *line)
{
    char *end;

    line += strspn(line, " \t\r");
    end = line;
    while (*end && !(*end == '#' && (end == line || strchr(" \t", end[-1]))))
        end++;
    while (end > line && strchr(" \t\r", end[-1]))
        end--;
    *end = '\0';
    return line;
}

/* Adds the pattern of one line: "skip PATTERN". */
static bool add_line(struct q8_select *s, char *line, const char *origin, struct q8_arena *mem,
                     struct q8_err *err)
{
    size_t word = strcspn(line, " \t"), rest = word + strspn(line + word, " \t");
    char shown[200];

    for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++)
        if (word == strlen(verbs[v]) && memcmp(line, verbs[v], word) == 0) {
            if (line[rest])
                return q8_select_add(s, (enum q8_verb)v, line + rest, origin, mem, err);
            return q8_fail(err, Q8_EUSAGE, "%s: '%s' wants a pattern behind it", origin, verbs[v]);
        }
    line[word] = '\0';
    return q8_fail(err, Q8_EUSAGE, "%s: a line starts with skip, only or also, not '%s'", origin,
                   q8_text_escape(line, shown, sizeof shown));
}

bool q8_select_file(struct q8_select *s, const char *path, struct q8_arena *mem, struct q8_err *err)
{
    char *text, *line, *next, *origin;
    uint64_t length, number = 0;

    text = q8_file_text(path, MAX_FILE_BYTES, &length, mem, err);
    if (!text)
        return false;
    if (strlen(text) != length)
        return q8_fail(err, Q8_EUSAGE, "%s: byte %zu is a NUL: it is no text file", path,
                       strlen(text));
    for (line = text; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        line = trim(line);
        if (!*line)
            continue;
        origin = q8_sprintf(mem, err, "%s:%" PRIu64, path, number);
        if (!origin || !add_line(s, line, origin, mem, err))
            return false;
    }
    return true;
}

static bool is_match(const struct q8_pattern *p, const char *module)
{
    regmatch_t whole;

    /* The match that starts first, and of those the longest: all of the name if that can match. */
    if (p->regex)
        return regexec(p->regex, module, 1, &whole, 0) == 0 && whole.rm_so == 0 &&
               module[whole.rm_eo] == '\0';
    if (strcmp(p->text, module) == 0)
        return true;
    return strpbrk(p->text, "*?[") && fnmatch(p->text, module, 0) == 0;
}

struct q8_choice q8_select_ask(struct q8_select *s, const char *module)
{
    const struct q8_pattern *first[sizeof verbs / sizeof *verbs] = {0};

    for (uint64_t i = 0; i < s->count; i++) {
        struct q8_pattern *p = &s->pattern[i];

        if (!is_match(p, module))
            continue;
        p->matches++;
        if (!first[p->verb])
            first[p->verb] = p;
    }
    return (struct q8_choice){first[Q8_SKIP], first[Q8_ONLY], first[Q8_ALSO]};
}

/* Fills `ret` with the names nearest to `text`, the nearest first; returns how many. */
static size_t find_nearest(const char *ret[NEAREST], const char *text, uint64_t count,
                           const char *(*name)(void *self, uint64_t i), void *self)
{
    unsigned distance[NEAREST];
    size_t found = 0;

    for (uint64_t i = 0; i < q8_min(count, MAX_NEAREST_OF); i++) {
        const char *candidate = name(self, i);
        unsigned d = candidate ? q8_text_distance(text, candidate) : 0;
        size_t at = found;

        if (!candidate)
            continue;
        while (at > 0 && distance[at - 1] > d)
            at--;
        if (at == NEAREST)
            continue;
        if (found < NEAREST)
            found++;
        for (size_t k = found - 1; k > at; k--) {
            distance[k] = distance[k - 1];
            ret[k] = ret[k - 1];
        }
        distance[at] = d;
        ret[at] = candidate;
    }
    return found;
}

bool q8_select_check(const struct q8_select *s, uint64_t count,
                     const char *(*name)(void *self, uint64_t i), void *self, struct q8_err *err)
{
    char shown[NEAREST][150] = {{0}}, pattern[300];
    const struct q8_pattern *p;
    const char *nearest[NEAREST];
    uint64_t i = 0;
    size_t found;

    while (i < s->count && s->pattern[i].matches)
        i++;
    if (i == s->count)
        return true;
    p = &s->pattern[i];
    found = find_nearest(nearest, is_regex(p->text) ? p->text + 3 : p->text, count, name, self);
    for (size_t k = 0; k < found; k++)
        q8_text_escape(nearest[k], shown[k], sizeof shown[k]);
    return q8_fail(err, Q8_EUSAGE, "%s '%s' matches no module; nearest: %s%s%s%s%s", p->origin,
                   q8_text_escape(p->text, pattern, sizeof pattern), found ? shown[0] : "none",
                   found > 1 ? ", " : "", shown[1], found > 2 ? ", " : "", shown[2]);
}

void q8_select_close(struct q8_select *s)
{
    for (uint64_t i = 0; i < s->count; i++)
        if (s->pattern[i].regex)
            regfree(s->pattern[i].regex);
    s->count = 0;
}
