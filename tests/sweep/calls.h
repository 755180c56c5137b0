/* calls.h - the system calls that the sweep makes fail, and how */
#ifndef TESTS_SWEEP_CALLS_H
#define TESTS_SWEEP_CALLS_H

#include <stdbool.h>

#define CALL_NUMBERS 16
#define CALL_HOWS 8

/* How a call fails beside the values of errno: half of it is done, or nothing and no error. */
enum { HOW_SHORT = -1, HOW_NOTHING = -2 };

struct call_how {
    const char *name;
    int value; /* errno or HOW_* */
};

/* One kind of call. */
struct call {
    const char *name;
    int number[CALL_NUMBERS]; /* of system calls; those behind the last are -1 */
    const char *hows;         /* names of hows, a space between two */
    bool ever; /* only "for ever": the numbers together are a thing that goes wrong and stays so */
};

extern const struct call calls[]; /* ends with a row without a name */

/* The hows of a row; returns how many. */
int call_hows(const struct call *call, struct call_how ret[CALL_HOWS]);

/* Whether this system call is of the row.  `flags`: those of an openat. */
bool call_has(const struct call *call, int number, unsigned long long flags);

/* System calls that are let alone; calls.c says why.  Ends with -1. */
extern const int calls_let_alone[];

#endif
