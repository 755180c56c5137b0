/* json_write.h - JSON, printed value after value */
#ifndef Q8_BASE_JSON_WRITE_H
#define Q8_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cJSON; /* a value that was read: src/base/json.h */

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
