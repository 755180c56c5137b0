/* json.h - a strict reader of small JSON documents, over cJSON; large ones: json_scan.h */
#ifndef Q8_BASE_JSON_H
#define Q8_BASE_JSON_H

#include "src/base/arena.h"

/* A value inside a parsed document: cJSON's own struct, whose fields only json.c uses. */
struct cJSON;

/* Values of one document, those inside of others too: a value takes some 80 bytes of memory. */
#define Q8_JSON_VALUES 2097152

/* Characters of a number; real ones have under 25. */
#define Q8_JSON_DIGITS 63

/*
 * Parses a whole document of `len` bytes.  Stricter than cJSON: nothing behind the value but white
 * space, no duplicate keys in any object, no invalid UTF-8, no \u0000 in strings, no numbers like
 * 01 or 1e999, at most 64 levels deep, strings of at most 1 MiB.  The words NaN, Infinity and
 * -Infinity, which Python writes into config files (mamba2, time_step_limit), read as [].
 * Q8_EINPUT says line and column, or the key; Q8_ELIMIT: memory, or Q8_JSON_VALUES.  Free with
 * q8_json_free (accepts NULL).
 */
struct cJSON *q8_json_parse(const char *text, uint64_t len, struct q8_err *err);

/*
 * Where the value of member `key` of the root object lies in a text that q8_json_parse took: its
 * bytes are [*ret_start, *ret_end).  False: there is no such member; or Q8_ELIMIT, when err is set.
 */
bool q8_json_find(const char *text, uint64_t len, const char *key, uint64_t *ret_start,
                  uint64_t *ret_end, struct q8_err *err);

/*
 * Overwrites the words NaN, Infinity and -Infinity outside of strings with "[]" and spaces: as long
 * as before, so that positions stay, and no key, so that nothing else becomes legal.
 */
void q8_json_blank(char *text, uint64_t len);

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

#endif
