/* select.c - the one pattern language: --skip, --only, --also, --use, --overrides */
#include "src/model/select.h"

#include "src/base/pour.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/pattern/glob.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_FILE_BYTES (1u << 20) /* of patterns: far more than anyone writes */
#define MAX_NEAREST_OF 100000     /* names looked at for the nearest: keeps an error quick */
#define OFFER_BYTES 256           /* of a pattern that a message offers */

const char *q8_verb_name(enum q8_verb verb)
{
    static const char *const names[Q8_VERBS] = {"skip", "only", "also", "use"};

    return names[verb];
}

static bool is_regex(const char *text)
{
    return strncmp(text, "re:", 3) == 0;
}

/* Splits "TARGET=PATTERN" or "TARGET PATTERN", which p->text is. */
static bool split_target(struct q8_pattern *p, struct q8_arena *mem, struct q8_err *err)
{
    size_t length = strcspn(p->text, "= \t"), gap = strspn(p->text + length, "= \t");
    char shown[300];

    if (length == 0 || !p->text[length + gap])
        return q8_fail(err, Q8_EUSAGE, "%s '%s': use wants a target and a pattern", p->origin,
                       q8_text_escape(p->text, shown, sizeof shown));
    p->target = q8_strndup(mem, p->text, length, err);
    p->text += length + gap;
    return p->target != NULL;
}

/* Compiles what stands behind "re:". */
static bool compile(struct q8_select *s, struct q8_pattern *p, struct q8_arena *mem,
                    struct q8_err *err)
{
    struct q8_err reason = {0};
    char shown[300];

    if (!s->steps)
        s->steps = q8_alloc(mem, 1, sizeof *s->steps, err);
    if (!s->steps)
        return false;
    p->steps = s->steps;
    p->regex = q8_regex_open(p->text + strlen("re:"), Q8_REGEX_WHOLE, mem, &reason);
    return p->regex ||
           q8_fail(err, reason.code, "%s '%s' is not a regular expression: %s", p->origin,
                   q8_text_escape(p->text, shown, sizeof shown), reason.text);
}

bool q8_select_add(struct q8_select *s, enum q8_verb verb, const char *text, const char *origin,
                   struct q8_arena *mem, struct q8_err *err)
{
    struct q8_pattern p = {.verb = verb, .text = text, .origin = origin};
    struct q8_pattern *grown = q8_grow(mem, s->pattern, s->count, &s->room, sizeof p, err);
    char shown[300];

    if (!grown)
        return false;
    s->pattern = grown;
    if (verb == Q8_USE && !split_target(&p, mem, err))
        return false;
    if (is_regex(p.text) && !compile(s, &p, mem, err))
        return false;
    if (!p.regex && strstr(p.text, "[:"))
        return q8_fail(err, Q8_EUSAGE, "%s '%s': a glob has no [:classes:]; write [0-9] or [a-z]",
                       origin, q8_text_escape(p.text, shown, sizeof shown));
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

bool q8_select_lines(const char *path, q8_line_fn take, void *self, struct q8_arena *mem,
                     struct q8_err *err)
{
    char *text, *line, *next, *origin;
    uint64_t length, number = 0;

    text = q8_pour_text(path, MAX_FILE_BYTES, &length, mem, err);
    if (!text)
        return false;
    if (strlen(text) != length)
        return q8_fail(err, Q8_EUSAGE, "%s: byte %zu is a NUL: it is not a text file", path,
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
        if (!origin || !take(self, line, origin, err))
            return false;
    }
    return true;
}

/* Where the patterns of a file go. */
struct reader {
    struct q8_select *select;
    struct q8_arena *mem;
};

/* Adds the pattern of one line: "skip PATTERN", "use TARGET PATTERN". */
static bool add_line(void *self, char *line, const char *origin, struct q8_err *err)
{
    const struct reader *r = self;
    size_t word = strcspn(line, " \t"), rest = word + strspn(line + word, " \t");
    char shown[200];

    for (int v = 0; v < Q8_VERBS; v++) {
        const char *name = q8_verb_name((enum q8_verb)v);

        if (word != strlen(name) || memcmp(line, name, word) != 0)
            continue;
        if (line[rest])
            return q8_select_add(r->select, (enum q8_verb)v, line + rest, origin, r->mem, err);
        return q8_fail(err, Q8_EUSAGE, "%s: '%s' wants a pattern behind it", origin, name);
    }
    line[word] = '\0';
    return q8_fail(err, Q8_EUSAGE, "%s: a line starts with skip, only, also or use, not '%s'",
                   origin, q8_text_escape(line, shown, sizeof shown));
}

bool q8_select_file(struct q8_select *s, const char *path, struct q8_arena *mem, struct q8_err *err)
{
    return q8_select_lines(path, add_line, &(struct reader){s, mem}, mem, err);
}

bool q8_pattern_ask(const struct q8_pattern *p, const char *module, bool *ret, struct q8_err *err)
{
    enum q8_regex_answer answer;
    char pattern[300], name[200];

    if (!p->regex) {
        *ret = strcmp(p->text, module) == 0 ||
               (q8_glob_is(p->text) && q8_glob_matches(p->text, module));
        return true;
    }
    answer = q8_regex_match(p->regex, module, p->steps);
    *ret = answer == Q8_REGEX_YES;
    return answer <= Q8_REGEX_YES ||
           q8_fail(err, Q8_ELIMIT, "%s '%s' %s, at '%s'", p->origin,
                   q8_text_escape(p->text, pattern, sizeof pattern), q8_regex_reason(answer),
                   q8_text_escape(module, name, sizeof name));
}

bool q8_select_ask(struct q8_select *s, const char *module, struct q8_choice *ret,
                   struct q8_err *err)
{
    struct q8_pattern *first[Q8_VERBS] = {0};

    for (uint64_t i = 0; i < s->count; i++) {
        struct q8_pattern *p = &s->pattern[i];
        bool matches;

        if (!q8_pattern_ask(p, module, &matches, err))
            return false;
        p->matches += matches;
        if (matches && !first[p->verb])
            first[p->verb] = p;
    }
    *ret = (struct q8_choice){first[Q8_SKIP], first[Q8_ONLY], first[Q8_ALSO], first[Q8_USE]};
    return true;
}

/* Fills `ret` with the names nearest to `text`, the nearest first; returns how many. */
static size_t find_nearest(const char *ret[Q8_NEAREST], const char *text, uint64_t count,
                           const char *(*name)(void *self, uint64_t i), void *self)
{
    unsigned distance[Q8_NEAREST];
    size_t found = 0;

    for (uint64_t i = 0; i < q8_min(count, MAX_NEAREST_OF); i++) {
        const char *candidate = name(self, i);
        unsigned d = candidate ? q8_text_distance(text, candidate) : 0;
        size_t at = found;

        if (!candidate)
            continue;
        while (at > 0 && distance[at - 1] > d)
            at--;
        if (at == Q8_NEAREST)
            continue;
        if (found < Q8_NEAREST)
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

char *q8_select_nearest(const char *text, uint64_t count,
                        const char *(*name)(void *self, uint64_t i), void *self,
                        char shown[Q8_NEAREST * 152])
{
    const char *nearest[Q8_NEAREST];
    size_t found = find_nearest(nearest, text, count, name, self), used = 0;
    char one[150];

    (void)strcpy(shown, "none");
    for (size_t k = 0; k < found; k++)
        used += (size_t)sprintf(shown + used, "%s%s", k ? ", " : "",
                                q8_text_escape(nearest[k], one, sizeof one));
    return shown;
}

/* What the pattern matches: that name, if it is the only one; "" for more; NULL: none. */
static const char *find_match(const char *text, uint64_t count,
                              const char *(*name)(void *self, uint64_t i), void *self)
{
    const char *ret = NULL;
    struct q8_select s = {0};
    struct q8_err err = {0};
    struct q8_arena own;
    bool ok;

    q8_arena_init(&own, UINT64_C(16) << 20);
    ok = q8_select_add(&s, Q8_ONLY, text, "", &own, &err);
    for (uint64_t i = 0; ok && i < q8_min(count, MAX_NEAREST_OF); i++) {
        const char *candidate = name(self, i);
        bool found = false;

        ok = !candidate || q8_pattern_ask(s.pattern, candidate, &found, &err);
        if (found)
            ret = ret ? "" : candidate;
        if (ret && !*ret)
            break;
    }
    q8_arena_clear(&own);
    return ret;
}

/* The pattern with more around it that would match, or the only name that it would, or NULL. */
static const char *find_wider(const struct q8_pattern *p, uint64_t count,
                              const char *(*name)(void *self, uint64_t i), void *self,
                              char wider[OFFER_BYTES])
{
    static const struct {
        const char *front, *back;
    } around[2][3] = {{{"", ".*"}, {"*.", ""}, {"*.", ".*"}},
                      {{"re:", ".*"}, {"re:.*", ""}, {"re:.*", ".*"}}};
    const bool regex = is_regex(p->text);
    const char *bare = regex ? p->text + strlen("re:") : p->text;

    if (regex && strchr(bare, '|')) /* it would be added to one branch only */
        return NULL;
    for (size_t i = 0; i < 3; i++) {
        const char *match = NULL;

        if (snprintf(wider, OFFER_BYTES, "%s%s%s", around[regex][i].front, bare,
                     around[regex][i].back) < OFFER_BYTES)
            match = find_match(wider, count, name, self);
        if (match)
            return *match ? match : wider;
    }
    return NULL;
}

bool q8_select_check(const struct q8_select *s, uint64_t count,
                     const char *(*name)(void *self, uint64_t i), void *self, struct q8_err *err)
{
    char shown[Q8_NEAREST * 152], pattern[300], offer[OFFER_BYTES];
    const struct q8_pattern *p;
    const char *text, *wider;
    uint64_t i = 0;

    while (i < s->count && s->pattern[i].matches)
        i++;
    if (i == s->count)
        return true;
    p = &s->pattern[i];
    text = is_regex(p->text) ? p->text + 3 : p->text;
    q8_text_escape(p->text, pattern, sizeof pattern);
    wider = find_wider(p, count, name, self, offer);
    if (wider)
        return q8_fail(err, Q8_EUSAGE, "%s '%s' matches no module; did you mean '%s'?", p->origin,
                       pattern, q8_text_escape(wider, shown, sizeof shown));
    return q8_fail(err, Q8_EUSAGE, "%s '%s' matches no module; nearest: %s", p->origin, pattern,
                   q8_select_nearest(text, count, name, self, shown));
}
