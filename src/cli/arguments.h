/* arguments.h - the command line of a command: what all have alike */
#ifndef Q8_CLI_ARGUMENTS_H
#define Q8_CLI_ARGUMENTS_H

#include "src/cli/process.h"

#include <argp.h>

/*
 * Parses the command line with the options of `argp`, and --help, --usage and --version, which
 * print to standard output: false then, without an error.  All of it is read also where something
 * is wrong, so that the reports that it names are known.  The parser of `argp` returns EINVAL where
 * it has set *err.  Q8_EUSAGE, Q8_ELIMIT.
 */
bool q8_arguments_parse(const struct argp *argp, int argc, char **argv, void *input,
                        struct q8_process *process, struct q8_err *err);

#endif
