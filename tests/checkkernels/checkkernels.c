/* checkkernels.c - compares every version of every kernel with the reference, bit for bit */
#include "tests/checkkernels/check.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SHOWN 20 /* wrong results that are printed */

sigjmp_buf check_fault;

void check_that(struct check *c, bool ok, const char *format, ...)
{
    va_list args;

    if (ok) {
        c->passed++;
        return;
    }
    if (c->failed++ >= SHOWN)
        return;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* A fault outside of a guarded call may come back to where it happens again: there is an end. */
static void on_fault(int signal)
{
    static volatile sig_atomic_t faults;
    static const char end[] = "checkkernels: 10,000 faults: given up\n";

    (void)signal;
    if (++faults > 10000) {
        (void)!write(STDERR_FILENO, end, sizeof end - 1);
        _exit(1);
    }
    siglongjmp(check_fault, 1);
}

/* Room for `bytes` between two pages that fault. */
static bool fence_init(struct check_fence *fence, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *all;

    fence->size = (bytes + page - 1) / page * page;
    all = mmap(NULL, fence->size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return false;
    fence->data = all + page;
    return mprotect(fence->data, fence->size, PROT_READ | PROT_WRITE) == 0;
}

/* The operations that `isa` has a version of. */
static void check_isa(struct check *c, enum q8_isa isa)
{
    c->isa = isa;
    q8_kernels_init(&c->ref, Q8_ISA_ref);
    q8_kernels_init(&c->fast, isa);
    /* where a check has set no place of its own, a fault comes back here and ends its operation */
#define Q8_KERNEL(op, set)                                                                         \
    if (isa == Q8_ISA_##set) {                                                                     \
        if (sigsetjmp(check_fault, 0) == 0)                                                        \
            check_##op(c);                                                                         \
        else                                                                                       \
            check_that(c, false, "%s %s touches memory that is not its own", #op, #set);           \
    }
#include "kernels/kernels.inc"
}

/* The AMX kernel on a model of its tiles, where the processor has all else that it uses. */
static void check_model(struct check *c)
{
    const char *broken;

    c->isa = Q8_ISA_amx;
    q8_kernels_init(&c->ref, Q8_ISA_ref);
    q8_kernels_init(&c->fast, Q8_ISA_vnni);
    c->fast.gemm_s8 = q8_gemm_s8_model;
    check_gemm_s8(c);
    broken = tiles_broken();
    check_that(c, !broken, "gemm_s8 amx, on the model, breaks a rule: %s", broken ? broken : "");
}

/* Says what ran, and what did not. */
static void print_sets(enum q8_isa best, bool model)
{
    for (enum q8_isa isa = Q8_ISA_ref + 1; isa < Q8_ISAS; isa++)
        printf(isa <= best ? "ran on the processor: %s\n"
                           : "no %s on this machine or in this build: not run on the processor\n",
               q8_isa_name(isa));
    printf(model
               ? "ran on a model of its tile instructions in C: amx gemm_s8\n"
               : "no vnni on this machine: amx gemm_s8 not run on the model of its tiles either\n");
    if (best == Q8_ISA_ref)
        printf("skipped: there is no version to compare with ref\n");
}

static int check_all(uint64_t seed, enum q8_isa best)
{
    struct check c = {.random = seed};
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    const bool model = best >= Q8_ISA_vnni && q8_gemm_s8_model;
    const bool fenced = fence_init(&c.fence[0], CHECK_ROOM) &&
                        fence_init(&c.fence[1], CHECK_ROOM) &&
                        fence_init(&c.scratch, Q8_GEMM_SCRATCH);

    if (!fenced || sigaction(SIGSEGV, &action, NULL) < 0 || sigaction(SIGBUS, &action, NULL) < 0) {
        perror("checkkernels");
        return 1;
    }
    printf("seed %" PRIu64 "\n", seed);
    check_scalar(&c);
    check_cuda(&c);
    for (enum q8_isa isa = Q8_ISA_ref; isa <= best; isa++)
        check_isa(&c, isa);
    if (model)
        check_model(&c);
    print_sets(best, model);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", c.passed, c.failed);
    return c.failed > 0 ? 1 : best == Q8_ISA_ref ? 77 : 0;
}

int main(int argc, char **argv)
{
    enum q8_isa best = q8_isa_detect(Q8_ISAS - 1);
    uint64_t seed = (uint64_t)time(NULL);

    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* nothing is lost where on_fault gives up */
    for (int i = 1; i < argc; i++) {
        char *end;

        if (strcmp(argv[i], "--bench") == 0)
            return bench(best);
        errno = 0;
        seed = strtoull(argv[i], &end, 10);
        if (*argv[i] < '0' || *argv[i] > '9' || *end || errno) {
            fprintf(stderr, "usage: checkkernels [SEED] [--bench]\n");
            return 2;
        }
    }
    return check_all(seed, best);
}
