/* files.h - what lies in folders, said in one number */
#ifndef TESTS_SWEEP_FILES_H
#define TESTS_SWEEP_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names, kinds and bytes of all that is at the path and below; 0: nothing is there. */
uint64_t files_digest(const char *path);

/* The same of sizes, times and inodes in place of bytes: whether somebody wrote there. */
uint64_t files_stamp(const char *path);

/*
 * Of one text, 0 where there is none.  Lines with what differs from run to run are left out:
 * seconds, rates, free space, what was resumed.
 */
uint64_t files_text_digest(const char *path);

/* Removes it, whatever it is. */
void files_remove(const char *path);

bool files_there(const char *path);

/* The file with a NUL behind, cut to fit; empty when there is none. */
void files_read(const char *path, char *ret, size_t size);

#endif
