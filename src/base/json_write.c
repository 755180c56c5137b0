/* json_write.c - JSON, printed value after value */
#include "src/base/json_write.h"

#include "src/base/json.h"
#include "src/base/text.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 64 /* of a document that was read: the strict reader takes no deeper one */

/* A character that is written as it is, as most are. */
static bool is_plain(const struct q8_json *j, char c)
{
    return c >= ' ' && c < 127 && c != '"' && c != '\\' && !(j->script && strchr("<>&'", c));
}

static void put_special(FILE *out, bool script, uint32_t c, const char *utf8, const char *end)
{
    if (c == Q8_TEXT_BAD)
        fputs("\\ufffd", out);
    else if (script && q8_text_hidden(c)) /* for people to see */
        fprintf(out, "\\\\u{%04" PRIx32 "}", c);
    else if (c == '\n')
        fputs("\\n", out);
    else if (c == '"' || c == '\\')
        fprintf(out, "\\%c", (int)c);
    else if (q8_text_hidden(c) && c > 0xffff) /* as a surrogate pair */
        fprintf(out, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
    else if (q8_text_hidden(c) || c < 127)
        fprintf(out, "\\u%04" PRIx32, c);
    else
        fwrite(utf8, 1, (size_t)(end - utf8), out);
}

static void put_quoted(const struct q8_json *j, const char *text)
{
    fputc('"', j->out);
    while (*text) {
        const char *start = text;
        uint32_t c;

        while (is_plain(j, *text))
            text++;
        if (text > start) { /* most names are nothing else */
            fwrite(start, 1, (size_t)(text - start), j->out);
            continue;
        }
        c = q8_text_next(&text);
        put_special(j->out, j->script, c, start, text);
    }
    fputc('"', j->out);
}

static void put_newline(const struct q8_json *j)
{
    if (j->indent && !j->flat)
        fprintf(j->out, "\n%*s", (int)(j->indent * j->depth), "");
}

/* Everything that stands before a value: comma, line, key. */
static void put_lead(struct q8_json *j, const char *key)
{
    if (j->depth && j->comma)
        fputs(j->flat ? ", " : ",", j->out);
    if (j->depth)
        put_newline(j);
    if (key) {
        put_quoted(j, key);
        fputs(j->indent || j->flat ? ": " : ":", j->out);
    }
    j->comma = true;
}

void q8_json_begin(struct q8_json *j, const char *key, char bracket)
{
    put_lead(j, key);
    fputc(bracket, j->out);
    j->depth++;
    j->comma = false;
}

void q8_json_end(struct q8_json *j, char bracket)
{
    j->depth--;
    if (j->comma)
        put_newline(j);
    fputc(bracket, j->out);
    j->comma = true;
}

void q8_json_text(struct q8_json *j, const char *key, const char *value)
{
    put_lead(j, key);
    if (value)
        put_quoted(j, value);
    else
        fputs("null", j->out);
}

void q8_json_number(struct q8_json *j, const char *key, uint64_t value)
{
    put_lead(j, key);
    fprintf(j->out, "%" PRIu64, value);
}

void q8_json_signed(struct q8_json *j, const char *key, int64_t value)
{
    put_lead(j, key);
    fprintf(j->out, "%" PRId64, value);
}

void q8_json_numbers(struct q8_json *j, const char *key, const uint64_t *value, uint64_t count)
{
    q8_json_begin(j, key, '[');
    for (uint64_t i = 0; i < count; i++)
        q8_json_number(j, NULL, value[i]);
    q8_json_end(j, ']');
}

void q8_json_double(struct q8_json *j, const char *key, double value)
{
    char text[32];

    if (isnan(value) || isinf(value)) {
        q8_json_text(j, key, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
        return;
    }
    if (fabs(value) < 0x1p53 && value == (double)(int64_t)value)
        (void)snprintf(text, sizeof text, "%.0f", value);
    else
        for (int digits = 1; digits <= 17; digits++) {
            (void)snprintf(text, sizeof text, "%.*g", digits, value);
            if (strtod(text, NULL) == value)
                break;
        }
    q8_json_raw(j, key, text);
}

void q8_json_flag(struct q8_json *j, const char *key, bool value)
{
    q8_json_raw(j, key, value ? "true" : "false");
}

void q8_json_raw(struct q8_json *j, const char *key, const char *json)
{
    put_lead(j, key);
    fputs(json, j->out);
}

/* A value with nothing inside it. */
static void put_scalar(struct q8_json *j, const char *key, const struct cJSON *value)
{
    switch (q8_json_kind(value)) {
    case '"': q8_json_text(j, key, value->valuestring); break;
    case '0': q8_json_double(j, key, value->valuedouble); break;
    case 't': q8_json_flag(j, key, true); break;
    case 'f': q8_json_flag(j, key, false); break;
    default: q8_json_text(j, key, NULL); break;
    }
}

void q8_json_value(struct q8_json *j, const char *key, const struct cJSON *value)
{
    const struct cJSON *open[DEPTH];
    unsigned depth = 0;

    do {
        const char *name = depth ? value->string : key;
        const bool object = cJSON_IsObject(value);

        if ((object || cJSON_IsArray(value)) && depth < DEPTH) {
            q8_json_begin(j, name, object ? '{' : '[');
            open[depth++] = value;
            value = value->child;
        } else {
            put_scalar(j, name, value);
            value = depth ? value->next : NULL;
        }
        while (!value && depth) {
            value = open[--depth];
            q8_json_end(j, cJSON_IsObject(value) ? '}' : ']');
            value = depth ? value->next : NULL;
        }
    } while (depth);
}
