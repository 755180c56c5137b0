/* text.h - numbers and names for people */
#ifndef Q8_BASE_TEXT_H
#define Q8_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * "0 B", "532 B", "1.20 GiB" (three significant digits, binary units) into text; 32 bytes are
 * enough, here and for the next two.  Returns text.
 */
char *q8_text_bytes(uint64_t bytes, char *text, size_t size);

/* "3.28 M", "1.10 B": a count of parameters (decimal; K, M, B, T); returns text. */
char *q8_text_count(uint64_t count, char *text, size_t size);

/* "0.4s", "12s", "3m 20s", "2h 05m"; "?" when negative, NaN or above 1e12; returns text. */
char *q8_text_seconds(double seconds, char *text, size_t size);

/* What q8_text_next gives for a byte that starts no UTF-8 character. */
#define Q8_TEXT_BAD UINT32_MAX

/* Takes one UTF-8 character off *text, or one byte that starts none (Q8_TEXT_BAD).  Not the NUL. */
uint32_t q8_text_next(const char **text);

/* Whether a terminal obeys, reorders by or does not show it: controls, bidirectional marks. */
bool q8_text_hidden(uint32_t c);

/*
 * A name from a file, safe for a terminal or a one-line message: hidden characters and bytes that
 * are not UTF-8 become \xNN or \u{NNNN}, a backslash is doubled; cut to fit with "..." at the end,
 * never inside a character or an escape.  Returns text.
 */
char *q8_text_escape(const char *name, char *text, size_t size);

/* Length of what stands in front of that end; 0: the text does not end so, or is no more. */
size_t q8_text_stem(const char *text, const char *end);

/* Number of edits (insert, delete, replace a byte) between two names, both cut to 255 bytes. */
unsigned q8_text_distance(const char *a, const char *b);

/* A number as text: "12.3", "inf", "NaN", with at most that many digits; returns text. */
char *q8_text_number(double value, int digits, char text[32]);

/*
 * Two numbers as text: `limit` with the digits that it needs, both with four at least and with as
 * many as tell them apart, unless they are the same.
 */
void q8_text_numbers(double value, double limit, char shown[2][32]);

/*
 * What to say of a percentage that looks like a fraction, above 0 and up to 1: "percent, not a
 * fraction: did you mean 90?"; NULL where it is none.
 */
const char *q8_text_fraction(double percent, char text[64]);

/* The end of a name in `width` columns: it says more than the start; returns a part of text. */
const char *q8_text_fit(const char *name, unsigned width, char *text, size_t size);

/* Whether one of the words is in the text; none is in NULL. */
bool q8_text_holds(const char *text, const char *const *word, size_t words);

/* Whether the text starts like that; NULL starts with nothing. */
bool q8_text_starts(const char *text, const char *start);

/* Whether the text ends like that. */
bool q8_text_ends(const char *text, const char *tail);

/* The last part of a path: what is behind its last slash, or all of it. */
const char *q8_text_leaf(const char *path);

#endif
