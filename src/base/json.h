/* json.h - JSON: a strict small-document reader over cJSON, and our own writer */
#ifndef Q8_BASE_JSON_H
#define Q8_BASE_JSON_H

#include "src/base/arena.h"

#include <stdio.h>

/* ---- reading: config.json and the like (large headers go through json_scan.h) ---- */

/* A value inside a parsed document: cJSON's own struct, whose fields only json.c uses. */
struct cJSON;

/*
 * Parses a whole document of `len` bytes.  Stricter than cJSON: nothing behind the value but white
 * space, no duplicate keys in any object, no invalid UTF-8, no \u0000 in strings, no numbers like
 * 01 or 1e999, at most 64 levels deep, strings of at most 1 MiB.  The words NaN, Infinity and
 * -Infinity, which Python writes into config files (mamba2, time_step_limit), read as [].
 * Q8_EINPUT says line and column, or the key.  Free with q8_json_free (accepts NULL).
 */
struct cJSON *q8_json_parse(const char *text, uint64_t len, struct q8_err *err);

/* Releases a document and every value in it; accepts NULL. */
void q8_json_free(struct cJSON *root);

/*
 * Member `key` (case matters) of an object; NULL when there is none or `object` is no object or
 * NULL.  What this and the calls below return is the document's, and they all accept NULL.
 */
const struct cJSON *q8_json_get(const struct cJSON *object, const char *key);

/* The i-th element of an array or member of an object; NULL past the last.  For short lists. */
const struct cJSON *q8_json_at(const struct cJSON *list, size_t i);

/* What stands behind it in the same array or object; NULL at the end. */
const struct cJSON *q8_json_next(const struct cJSON *value);

/* The key of a member, NULL for an array element. */
const char *q8_json_key(const struct cJSON *value);

/* What it is: '{' '[' '"' '0' (number) 't' 'f' 'n'. */
char q8_json_kind(const struct cJSON *value);

/* The text of a string value, UTF-8; NULL when it is anything else. */
const char *q8_json_string(const struct cJSON *value);

/* 1 true, 0 false, -1 neither. */
int q8_json_bool(const struct cJSON *value);

/* A whole number in [0, 2^53), what a double holds exactly; false when it is anything else. */
bool q8_json_u64(const struct cJSON *value, uint64_t *ret);

/* Any number, as a double; NaN when it is anything else. */
double q8_json_f64(const struct cJSON *value);

/* ---- writing ---- */

/*
 * Writes a document, value after value.  `key` is NULL in arrays and for the root.  Strings are
 * escaped so that a terminal shows them safely (q8_text_hidden) and any reader gets them back;
 * invalid UTF-8 becomes U+FFFD.  Doubles print with the fewest digits that read back the same,
 * whole ones below 2^53 without an exponent; NaN and infinities as the strings "NaN", "Infinity",
 * "-Infinity".  No newline follows the root.  Whether `out` took it all is for the owner to ask.
 * Set `out`, `indent` and `script`, the rest to 0.
 */
struct q8_json {
    FILE *out;       /* where the text goes: a file, or memory through open_memstream */
    unsigned indent; /* spaces per level; 0 = one line without spaces */
    bool flat;       /* no line breaks but spaces, as json.dumps() does it; set it as you go */
    bool script;     /* it stands in <script>, where "</script" and "<!--" mean something: < > & '
                        are \u escapes, and hidden characters are spelled: \\u{202e} */
    unsigned depth;  /* internal: open brackets */
    bool comma;      /* internal: a value stands before on this level */
};

/* Opens an object or an array: '{' or '['. */
void q8_json_begin(struct q8_json *j, const char *key, char bracket);

/* Closes it: '}' or ']', whichever fits. */
void q8_json_end(struct q8_json *j, char bracket);

/* A string; null when `value` is NULL. */
void q8_json_text(struct q8_json *j, const char *key, const char *value);

/* A whole number, all of its digits: above 2^53 some readers round it. */
void q8_json_number(struct q8_json *j, const char *key, uint64_t value);

/* The same of one that may be negative. */
void q8_json_signed(struct q8_json *j, const char *key, int64_t value);

/* An array of whole numbers, such as a shape. */
void q8_json_numbers(struct q8_json *j, const char *key, const uint64_t *value, uint64_t count);

/* A double, or a string when it is not finite. */
void q8_json_double(struct q8_json *j, const char *key, double value);

/* true or false. */
void q8_json_flag(struct q8_json *j, const char *key, bool value);

/* A value of a document that was read, with all that is inside it. */
void q8_json_value(struct q8_json *j, const char *key, const struct cJSON *value);

/* A value that is JSON text already, put in as it is. */
void q8_json_raw(struct q8_json *j, const char *key, const char *json);

#endif
