/* common.h - what the commands share: numbers of options, instruction sets, the terminal */
#ifndef Q8_CLI_COMMON_H
#define Q8_CLI_COMMON_H

#include "kernels/kernels.h"
#include "src/cli/output.h"
#include "src/model/coded/decode.h"

/* For names and plans: a header may name millions of tensors. */
#define Q8_CLI_MEMORY (UINT64_C(4) << 30)

/* The number that --threads was given; Q8_EUSAGE. */
bool q8_cli_threads(const char *arg, unsigned *ret, struct q8_err *err);

/* A number from `least` to `most` for that option ("--min-sqnr"); Q8_EUSAGE. */
bool q8_cli_number(const char *option, const char *arg, double least, double most, double *ret,
                   struct q8_err *err);

/* A percentage; Q8_EUSAGE, also for what looks like a fraction. */
bool q8_cli_percent(const char *option, const char *arg, double *ret, struct q8_err *err);

/* A whole number from `least` to `most` for that option; Q8_EUSAGE. */
bool q8_cli_whole(const char *option, const char *arg, uint64_t least, uint64_t most, uint64_t *ret,
                  struct q8_err *err);

struct argp_state; /* argp.h */

/* What --json[=FILE] asks for. */
struct q8_cli_json {
    bool wanted;
    const char *path; /* NULL: standard output */
    const char
        *operand; /* the word behind a --json without FILE, which may have been meant as it */
};

/*
 * --json was given: its FILE is `arg`, or, where that is NULL, the next word of the command line
 * when it ends in ".json" (taken then).
 */
void q8_cli_json(struct q8_cli_json *json, struct argp_state *state, const char *arg);

/* Where it goes: a report of that name, standard output, or NULL where it is not wanted. */
struct q8_output *q8_cli_json_output(const struct q8_cli_json *json, struct q8_outputs *os);

/* Adds to a failure that FILE wants a '=', where the word was taken for what it cannot be. */
void q8_cli_json_hint(const struct q8_cli_json *json, bool crowded, struct q8_err *err);

/* Columns of the terminal that standard output is, 40 at least; `other` where it is none. */
unsigned q8_cli_width(unsigned other);

/* Bytes for that option: "512M", "24G" or "1.5T", binary units, more than 0; Q8_EUSAGE. */
bool q8_cli_bytes(const char *option, const char *arg, uint64_t *ret, struct q8_err *err);

/* One per processor, 8 at most. */
unsigned q8_cli_default_threads(void);

/*
 * Opens the model and makes floats of those of its weights; close it in every case.  Errors as
 * q8_model_open and q8_model_decode.
 */
bool q8_cli_open(struct q8_model *model, const char *path, const struct q8_decode_options *decode,
                 struct q8_arena *mem, struct q8_err *err);

/* The best instruction set of this machine under the cap of Q8_ISA, if not empty; Q8_EUSAGE. */
bool q8_cli_isa(enum q8_isa *ret, struct q8_err *err);

#endif
