/* fake_cuda.h - kernels/cuda/cuda.h without a GPU: exact, forgetful, and failing on demand */
#ifndef Q8_FAKE_CUDA_H
#define Q8_FAKE_CUDA_H

#include "kernels/cuda/cuda.h"

/* What the fake does and has seen.  Zero it, then set what is wanted. */
struct fake_cuda {
    int devices;                 /* that there are */
    bool old_driver;             /* which does not serve this build */
    uint64_t memory;             /* bytes of the device */
    bool eager;                  /* does all at once; else nothing before it is waited for */
    uint64_t fail_at;            /* the call that fails, from 1; 0: none */
    enum q8_cuda_code fail_with; /* with that */
    bool wrong;                  /* int8 products are off by one */
    uint64_t fail_times;         /* how many calls from there on; 0: one */

    uint64_t calls;                /* that could fail */
    uint64_t used, most;           /* bytes taken now; and at most */
    unsigned blocks, pinned, open; /* not given back */
    uint64_t products;             /* int8 products asked for */
    uint64_t faults;               /* accesses outside of what was taken; wrong arguments */
};

extern struct fake_cuda fake_cuda;

/* ---- for fake_cuda_run.c ---- */

/* Queues something for a stream: `run` is called with a copy of `args`. */
void fake_cuda_push(unsigned stream, void (*run)(const void *args), const void *args, size_t size);

/* The outcome of this call: 0, or fail_with when it is the one to fail. */
int fake_cuda_fails(struct q8_cuda *c);

/* Counts and prints something that no caller may do. */
void fake_cuda_fault(const char *what);

/* Where the memory that a pointer points into starts; NULL: nowhere. */
const void *fake_cuda_start(const void *at);

/* A fault where those bytes are not memory of the device. */
void fake_cuda_need(const void *at, uint64_t bytes, const char *what);

#endif
