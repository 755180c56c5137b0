/*
 * agent.c - for LD_PRELOAD: hands the command's system calls to the sweep, and fails allocations
 *
 * Right before main it installs the filter of the order, whose calls the kernel then shows to the
 * sweep (seccomp's user notification): those of the C library's inside too, which no function with
 * the same name would see.  What libraries do before main (that of CUDA registers its kernels, and
 * believes in malloc) is nothing that q8 could answer for.  64-bit Linux with glibc only.
 */
#undef _FORTIFY_SOURCE

#include "tests/sweep/order.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef int main_fn(int argc, char **argv, char **environment);

static struct order *order;
static main_fn *main_of_command;

static void start(void)
{
    const char *text = getenv(ORDER_VARIABLE);
    struct sock_fprog program;
    struct order *page;
    long fd;

    if (!text)
        return;
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(text), 0);
    if (page == MAP_FAILED)
        _exit(99);
    (void)close(atoi(text));
    order = page;
    if (!page->filters)
        return;
    program = (struct sock_fprog){page->filters, page->filter};
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    atomic_store(&page->listener, fd < 0 ? -1 : (int)fd + 1);
    (void)syscall(SYS_futex, &page->listener, FUTEX_WAKE, 1, NULL, NULL, 0);
    if (fd < 0)
        _exit(99);
}

static int begin(int argc, char **argv, char **environment)
{
    start();
    return main_of_command(argc, argv, environment);
}

/* What the program's first instructions call, with its main. */
int __libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
    int (*next)(main_fn *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

    *(void **)&next = dlsym(RTLD_NEXT, "__libc_start_main");
    main_of_command = main;
    return next(begin, argc, argv, init, fini, rtld_fini, stack_end);
}

#ifndef __SANITIZE_ADDRESS__ /* which has an allocator of its own */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

/* Counts one allocation; true when it must fail. */
static bool is_due(void)
{
    long n;

    if (!order)
        return false;
    n = atomic_fetch_add(&order->allocs, 1) + 1;
    if (!order->alloc_at || n < order->alloc_at || (n > order->alloc_at && !order->alloc_ever))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return is_due() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_due() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return is_due() ? NULL : __libc_realloc(old, size);
}

void *memalign(size_t align, size_t size)
{
    return is_due() ? NULL : __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}

int posix_memalign(void **ret, size_t align, size_t size)
{
    if (is_due())
        return ENOMEM;
    *ret = __libc_memalign(align, size);
    return *ret ? 0 : ENOMEM;
}
#endif
