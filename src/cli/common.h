/* common.h - what the commands share: numbers of options, instruction sets, files of reports */
#ifndef Q8_CLI_COMMON_H
#define Q8_CLI_COMMON_H

#include "kernels/kernels.h"
#include "src/base/arena.h"

#include <stdio.h>

struct q8_model; /* src/model/model.h */

/* For names and plans: a header may name millions of tensors. */
#define Q8_CLI_MEMORY (UINT64_C(4) << 30)

/* The number that --threads was given; Q8_EUSAGE. */
bool q8_cli_threads(const char *arg, unsigned *ret, struct q8_err *err);

/* A number from `least` to `most` for that option ("--min-sqnr"); Q8_EUSAGE. */
bool q8_cli_number(const char *option, const char *arg, double least, double most, double *ret,
                   struct q8_err *err);

/* A whole number from `least` to `most` for that option; Q8_EUSAGE. */
bool q8_cli_whole(const char *option, const char *arg, uint64_t least, uint64_t most, uint64_t *ret,
                  struct q8_err *err);

struct argp_state; /* argp.h */

/*
 * The FILE of an option whose argument may be left out: `arg`, or, where that is NULL, the next
 * word of the command line when it ends in `suffix` (taken then).  NULL: there is none.
 */
const char *q8_cli_optional(struct argp_state *state, const char *arg, const char *suffix);

/* Columns of the terminal that standard output is, 40 at least; `other` where it is none. */
unsigned q8_cli_width(unsigned other);

/* Bytes for that option: "512M", "24G" or "1.5T", binary units, more than 0; Q8_EUSAGE. */
bool q8_cli_bytes(const char *option, const char *arg, uint64_t *ret, struct q8_err *err);

/* One per processor, 8 at most. */
unsigned q8_cli_default_threads(void);

/* The best instruction set of this machine under the cap that Q8_ISA may set; Q8_EUSAGE. */
bool q8_cli_isa(enum q8_isa *ret, struct q8_err *err);

/* Two files are open for each shard; models of hundreds come near the usual limit of 1,024. */
void q8_cli_raise_file_limit(void);

/* Says on standard error what is odd about a model that was opened all the same. */
void q8_cli_notes(const char *tool, const struct q8_model *model);

/*
 * A file that gets its name when it is complete.  A path that is a link, a pipe or a device
 * (/dev/stdout is a link) is written as it is, and what a file behind a link held before is
 * overwritten only then.  A zeroed struct is none.
 */
struct q8_cli_file {
    const char *path; /* the caller's; NULL: none was asked for */
    char *part;       /* what it is called until then; NULL: it is written as it is */
    FILE *out;        /* NULL: not open */
};

/* Opens it before the work, so that hours do not end in a wrong path.  Q8_EIO. */
bool q8_cli_file_open(struct q8_cli_file *f, const char *path, struct q8_arena *mem,
                      struct q8_err *err);

/* Gives it its name, once all is written; Q8_EIO. */
bool q8_cli_file_keep(struct q8_cli_file *f, struct q8_err *err);

/* Closes it, and removes one that was not kept; accepts a zeroed struct. */
void q8_cli_file_drop(struct q8_cli_file *f);

#endif
