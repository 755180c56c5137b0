/* names_regex.h - regular expressions of Python, as far as POSIX has the same */
#ifndef Q8_MODEL_NAMES_REGEX_H
#define Q8_MODEL_NAMES_REGEX_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The POSIX extended regex that matches what a Python one does, into `text`; `end` stands where
 * that has a $.  False when there is none, or no room for it.
 */
bool q8_names_posix(const char *python, const char *end, char *text, size_t size);

#endif
