/* cuda_cpu.h - a CUDA device on the CPU: what tests ask of it, and what its files share */
#ifndef Q8_CUDA_CPU_H
#define Q8_CUDA_CPU_H

#include "tests/cuda_cpu/cuda_runtime.h"

#include <stdbool.h>

#define CUDA_CPU_CALLS_OF_A_BLOCK 1024 /* threads of a block at most */

/* What the device is and does; set before it is opened. */
struct cuda_cpu {
    int devices, driver;      /* how many; version, 13000, or 0: none */
    cudaError_t count_error;  /* that counting devices gives */
    uint64_t memory;          /* bytes of the device */
    uint64_t random;          /* state of the generator: orders of threads, blocks and streams */
    uint64_t fail_at;         /* the call that fails, from 1; 0: none */
    cudaError_t fail_with;    /* with that */
    unsigned libraries;       /* bit 1 << major: libcublasLt.so.major is there */
    unsigned dead_libraries;  /* of those: no handle is to be had */
    bool no_choice, no_state; /* no algorithm is chosen; one is, with a state that is an error */

    uint64_t calls;            /* that could fail */
    uint64_t used;             /* bytes of the device */
    uint64_t blocks, pinned;   /* not given back */
    uint64_t objects;          /* streams, events, handles, descriptions: not given back */
    int library;               /* the major version that was opened last */
    uint64_t chosen, unchosen; /* products with an algorithm, and without */
};

extern struct cuda_cpu cuda_cpu;

/* ---- runtime.c ---- */

/* A rule was broken: printed, and the process ends with status 9. */
void cuda_cpu_break(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* A random number below n > 0. */
uint64_t cuda_cpu_draw(uint64_t n);

/* One thread of the host at a time is inside; leave returns the error, and keeps it. */
cudaError_t cuda_cpu_enter(void);
cudaError_t cuda_cpu_leave(cudaError_t error);

/* ---- stream.c ---- */

#define CUDA_CPU_ARGUMENTS 384

/* Queues work: run is called with a copy of `args`. */
void cuda_cpu_push(cudaStream_t stream, void (*run)(const void *args), const void *args,
                   size_t size);

/* Does all that is queued, on that stream or on every one. */
void cuda_cpu_finish(cudaStream_t stream);
void cuda_cpu_finish_all(void);

/* ---- memory.c ---- */

/* Whether those bytes are memory of the device. */
bool cuda_cpu_on_device(const void *at, uint64_t bytes);

/* Which allocation, from 1; 0: none. */
uint64_t cuda_cpu_block(const void *at);

/* Memory of the device may be touched, or no longer: by kernels and copies alone. */
void cuda_cpu_expose(bool on);

/* ---- block.c ---- */

/* A queued kernel. */
struct cuda_cpu_work {
    struct cuda_cpu_grid grid;
    void (*run)(const void *body);
    _Alignas(16) char body[CUDA_CPU_ARGUMENTS - 128];
};

/* Runs all blocks of it, one after another. */
void cuda_cpu_run(const void *work);

#endif
