/* archive.h - a folder of files in one text, as the fuzzer can change it */
#ifndef TESTS_FUZZ_ARCHIVE_H
#define TESTS_FUZZ_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Makes in the current folder what the text describes.  An entry opens with a line that begins
 * with two percent signs and goes up to the next one:
 *
 *     %% m/config.json         a file of the lines below, without the last line's end
 *     %% m/model.safetensors   of lines that begin with "{": a header; its length is put in front,
 *                              and behind it as many bytes as its data_offsets ask for; a line
 *                              "@OFFSET HEX" below says what some of them are
 *     %%> m/link               a link to what the line below says
 *     %%/ m/folder             a folder
 *     %%| m/pipe               a pipe
 *
 * Entries whose name, or what they link to, is absolute or has ".." are left out.
 */
void archive_unpack(const char *text, size_t size);

/* Whether a path leads out of the current folder. */
bool archive_leaves(const char *path);

/* Removes all that is in the current folder. */
void archive_clear(void);

#endif
