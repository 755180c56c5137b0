/* json_scan.h - a strict JSON pull reader over any source, in constant memory */
#ifndef Q8_BASE_JSON_SCAN_H
#define Q8_BASE_JSON_SCAN_H

#include "src/base/arena.h"
#include "src/base/source.h"

#define Q8_SCAN_WINDOW 16384 /* bytes read at a time */

/*
 * Reads one JSON text piece by piece.  Everything invalid is refused: bad UTF-8, \u0000, lone
 * surrogates, control characters in strings, leading zeros, trailing commas, bytes behind the
 * value.  A failure (Q8_EINPUT with the byte, Q8_ELIMIT, or that of the source) sticks: every later
 * call returns false and err keeps the first one.  One thread's.  Needs no closing.
 *
 *     q8_scan_open(&s, '{') ... while (q8_scan_key(&s)) { use s.text; read one value }  ...
 *     q8_scan_done(&s)
 */
struct q8_scan {
    struct q8_source source; /* the JSON text ends where it does */
    uint64_t at;             /* its offset of the next byte */
    struct q8_err *err;      /* the caller's: where failures go */
    struct q8_arena *mem;    /* for the string buffer */
    char *text; /* the last key or string, unescaped, NUL-terminated; overwritten by the next */
    uint64_t length, room;          /* bytes of text without its NUL, bytes allocated */
    uint64_t window_at, window_len; /* which bytes of the source the window holds; 0 = none yet */
    unsigned char window[Q8_SCAN_WINDOW]; /* the first window_len are valid */
    uint64_t values;                      /* that q8_scan_skip took, those inside of others too */
    unsigned depth;                       /* brackets that are open */
    bool first;                           /* nothing read yet on this level */
    char stack[64];                       /* '{' or '[' of each, outermost first */
};

/*
 * Starts reading at byte `start`, up to the end of the source.  Strings longer than 1 MiB and
 * nesting deeper than 64 are refused.  *source is copied; what it reads, `mem` and `err` must
 * outlive *s.  False when memory runs out (Q8_ELIMIT).
 */
bool q8_scan_init(struct q8_scan *s, const struct q8_source *source, uint64_t start,
                  struct q8_arena *mem, struct q8_err *err);

/*
 * The kind of the next value without taking it: '{' '[' '"' '0' (number) 't' 'f' 'n', or 0 on
 * failure.
 */
char q8_scan_peek(struct q8_scan *s);

/* Takes an opening bracket, '{' or '['; anything else is a failure. */
bool q8_scan_open(struct q8_scan *s, char bracket);

/*
 * In an object: takes the next key and its colon into s->text.  False at the '}' (taken) or on
 * failure (s->err->code).
 */
bool q8_scan_key(struct q8_scan *s);

/* In an array: true when another element follows.  False at the ']' (taken) or on failure. */
bool q8_scan_more(struct q8_scan *s);

/* Takes a string value into s->text; a value of another kind is a failure. */
bool q8_scan_string(struct q8_scan *s);

/* Takes a whole number in [0, 2^64): digits only, no sign, fraction or exponent. */
bool q8_scan_u64(struct q8_scan *s, uint64_t *ret);

/* Takes and checks one value of any kind, without recursion. */
bool q8_scan_skip(struct q8_scan *s);

/* After the root value: true when nothing but white space follows. */
bool q8_scan_done(struct q8_scan *s);

#endif
