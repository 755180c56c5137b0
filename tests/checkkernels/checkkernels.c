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

static void on_fault(int signal)
{
    (void)signal;
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

static int check_all(uint64_t seed, enum q8_isa best)
{
    struct check c = {.random = seed};
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    bool fenced = fence_init(&c.fence, (CHECK_LONGEST + 64) * sizeof(float));

    if (!fenced || sigaction(SIGSEGV, &action, NULL) < 0 || sigaction(SIGBUS, &action, NULL) < 0) {
        perror("checkkernels");
        return 1;
    }
    printf("seed %" PRIu64 "\n", seed);
    check_scalar(&c);
    for (enum q8_isa isa = Q8_ISA_ref; isa <= best; isa++)
        check_isa(&c, isa);
    for (enum q8_isa isa = Q8_ISA_ref + 1; isa < Q8_ISAS; isa++)
        printf(isa <= best ? "ran: %s\n" : "no %s on this machine or in this build: not run\n",
               q8_isa_name(isa));
    if (best == Q8_ISA_ref)
        printf("skipped: there is no version to compare with ref\n");
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", c.passed, c.failed);
    return c.failed > 0 ? 1 : best == Q8_ISA_ref ? 77 : 0;
}

int main(int argc, char **argv)
{
    enum q8_isa best = q8_isa_detect(Q8_ISAS - 1);
    uint64_t seed = (uint64_t)time(NULL);

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
