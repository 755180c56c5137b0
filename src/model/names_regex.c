/* names_regex.c - a Python regex as a POSIX extended one, where there is one that says the same */
#include "src/model/names_regex.h"

#include <string.h>

/* The regex that is being written. */
struct out {
    char *text;
    size_t used, size;
};

static bool put(struct out *o, const char *text, size_t n)
{
    if (o->used + n >= o->size)
        return false;
    memcpy(o->text + o->used, text, n);
    o->used += n;
    o->text[o->used] = 0;
    return true;
}

/* \d and the like, outside of brackets and inside; ASCII, as module names are. */
static const struct {
    char letter;
    const char *outside, *inside; /* NULL: brackets cannot hold it */
} classes[] = {
    {'d', "[0-9]", "0-9"},
    {'D', "[^0-9]", NULL},
    {'w', "[A-Za-z0-9_]", "A-Za-z0-9_"},
    {'W', "[^A-Za-z0-9_]", NULL},
    {'s', "[[:space:]]", "[:space:]"},
    {'S', "[^[:space:]]", NULL},
};

/* What stands behind a backslash, at **p. */
static bool put_escape(struct out *o, const char **p, bool inside)
{
    const char c = **p;

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (c == classes[i].letter) {
            const char *text = inside ? classes[i].inside : classes[i].outside;

            return text && put(o, text, strlen(text));
        }
    if (!c || !strchr(inside ? "._/:,@#" : ".[]{}()*+?^$|\\/-_:,@# ", c))
        return false;
    return (inside || !strchr(".[]{}()*+?^$|\\", c) || put(o, "\\", 1)) && put(o, &c, 1);
}

/* From behind a '[' to its ']', which *p is left at. */
static bool put_brackets(struct out *o, const char **p)
{
    if (!put(o, "[", 1))
        return false;
    if (**p == '^' && !put(o, (*p)++, 1))
        return false;
    if (**p == ']' && !put(o, (*p)++, 1))
        return false;
    for (; **p != ']'; (*p)++) {
        if (**p == '\\') {
            (*p)++;
            if (!put_escape(o, p, true))
                return false;
        } else if (!**p || **p == '[' || !put(o, *p, 1)) {
            return false;
        }
    }
    return put(o, "]", 1);
}

bool q8_names_posix(const char *python, const char *end, char *text, size_t size)
{
    struct out o = {.text = text, .size = size};

    if (!put(&o, "", 0))
        return false;
    for (const char *p = python; *p; p++) {
        bool ok;

        if (*p == '\\') {
            p++;
            ok = put_escape(&o, &p, false);
        } else if (*p == '[') {
            p++;
            ok = put_brackets(&o, &p);
        } else if (*p == '(' && p[1] == '?') {
            ok = p[2] == ':' && put(&o, "(", 1);
            p += 2;
        } else if (strchr("*+?", *p)) {
            ok = put(&o, p, 1);
            p += p[1] == '?'; /* as few as possible: the same names match */
            ok = ok && (!p[1] || !strchr("*+?", p[1]));
        } else if (*p == '$') {
            ok = put(&o, end, strlen(end));
        } else {
            ok = *p != '{' && put(&o, p, 1);
        }
        if (!ok)
            return false;
    }
    return true;
}
