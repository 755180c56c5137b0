/*
 * block.c - a CUDA device on the CPU: the threads of a block as fibers
 *
 * A thread runs until it waits at a barrier or for a shuffle, or ends; then the next one does, in
 * an order that is drawn anew for each turn.  A barrier or a shuffle that some threads do not come
 * to breaks a rule of the programming guide, and ends the process.
 */
#include "tests/cuda_cpu/cuda_cpu.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifdef CUDA_CPU_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#define WARP 32
#define STACK (UINT64_C(64) << 10)

enum state { NEW, READY, AT_BARRIER, AT_SHUFFLE, DONE };

/* A thread of the block. */
struct lane {
    struct cuda_cpu_place place;
    enum state state;
    struct fiber *fiber; /* that runs it; NULL: NEW */
    int line;            /* where it waits */
    uint32_t mask;       /* of a shuffle, as all that follows */
    uint64_t value;
    enum cuda_cpu_shuffle kind;
    int distance, width;
};

/* Runs threads, one after another; it keeps the one that waits. */
struct fiber {
    ucontext_t start;
    jmp_buf at;
    void *fake; /* AddressSanitizer's */
    bool begun;
    char *stack;
    struct fiber *next; /* of those that are free */
};

/* The block at hand: there is one, since whoever runs kernels has the lock. */
static struct block {
    const struct cuda_cpu_work *work;
    struct lane lane[CUDA_CPU_CALLS_OF_A_BLOCK];
    unsigned order[CUDA_CPU_CALLS_OF_A_BLOCK];
    unsigned lanes, begun; /* threads; of order, those that are not NEW */
} block;

const struct cuda_cpu_place *cuda_cpu_here;

static _Thread_local struct lane *now;
static _Thread_local struct fiber *current, *spare;

/* ---- switching ---- */

#ifdef CUDA_CPU_ASAN
static _Thread_local ucontext_t scheduler;
static _Thread_local const void *bottom;
static _Thread_local size_t bottom_size;

static void arrive(struct fiber *f)
{
    __sanitizer_finish_switch_fiber(f->fake, &bottom, &bottom_size);
}

__attribute__((noinline)) static void leave(struct fiber *f)
{
    __sanitizer_start_switch_fiber(&f->fake, bottom, bottom_size);
    (void)swapcontext(&f->start, &scheduler);
    arrive(f);
}

__attribute__((noinline)) static void go_to(struct fiber *f)
{
    void *fake;

    __sanitizer_start_switch_fiber(&fake, f->stack, STACK);
    (void)swapcontext(&scheduler, &f->start);
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
}
#else
/* As above, without asking the kernel each time: swapcontext sets the mask of signals. */
static _Thread_local jmp_buf scheduler;

static void arrive(struct fiber *f)
{
    (void)f;
}

__attribute__((noinline)) static void leave(struct fiber *f)
{
    if (_setjmp(f->at) == 0)
        _longjmp(scheduler, 1);
}

__attribute__((noinline)) static void go_to(struct fiber *f)
{
    if (_setjmp(scheduler))
        return;
    if (f->begun)
        _longjmp(f->at, 1);
    f->begun = true;
    (void)setcontext(&f->start);
}
#endif

/* ---- fibers ---- */

static void turn_to(struct lane *lane)
{
    now = lane;
    cuda_cpu_here = lane ? &lane->place : NULL;
}

/* Threads that are NEW, in order, while none waits; then sleeps until it is taken again. */
static void work(void)
{
    struct fiber *f = current;

    arrive(f);
    for (;;) {
        while (block.begun < block.lanes) {
            struct lane *lane = &block.lane[block.order[block.begun++]];

            lane->fiber = f;
            turn_to(lane);
            block.work->run(block.work->body);
            now->state = DONE;
        }
        f->next = spare;
        spare = f;
        leave(f);
    }
}

static struct fiber *make_fiber(void)
{
    struct fiber *const f = calloc(1, sizeof *f);

    if (!f || getcontext(&f->start))
        abort();
    f->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (f->stack == MAP_FAILED)
        abort();
    f->start.uc_stack.ss_sp = f->stack;
    f->start.uc_stack.ss_size = STACK;
    makecontext(&f->start, work, 0);
    return f;
}

static struct fiber *take_fiber(void)
{
    struct fiber *f = spare;

    if (f)
        spare = f->next;
    return f ? f : make_fiber();
}

static void resume(struct fiber *f)
{
    current = f;
    go_to(f);
    turn_to(NULL);
}

/* The thread at hand waits. */
static void wait_at(int line, enum state state)
{
    struct lane *lane = now;

    lane->line = line;
    lane->state = state;
    leave(lane->fiber);
    turn_to(lane);
}

void cuda_cpu_barrier(int line)
{
    wait_at(line, AT_BARRIER);
}

uint64_t cuda_cpu_exchange(int line, uint32_t mask, uint64_t value, enum cuda_cpu_shuffle kind,
                           int distance, int width)
{
    struct lane *lane = now;

    lane->mask = mask;
    lane->value = value;
    lane->kind = kind;
    lane->distance = distance;
    lane->width = width;
    wait_at(line, AT_SHUFFLE);
    return lane->value;
}

/* ---- a block ---- */

/* Where a lane of a warp reads from: "Warp Shuffle Functions" of the programming guide. */
static unsigned source(const struct lane *l, unsigned i)
{
    const unsigned width = (unsigned)l->width, in = i % width;
    const unsigned from =
        l->kind == CUDA_CPU_XOR ? in ^ (unsigned)l->distance : in + (unsigned)l->distance;

    return from < width ? i - in + from : i;
}

/* Hands values over once all lanes of a warp have come; false when there is nothing to do yet. */
static bool shuffle(struct lane *warp, unsigned lanes)
{
    uint64_t value[WARP];
    unsigned waiting = 0;

    for (unsigned i = 0; i < lanes; i++)
        waiting += warp[i].state == AT_SHUFFLE;
    if (waiting == 0)
        return false;
    for (unsigned i = 0; i < lanes; i++) {
        if (warp[i].state == DONE)
            cuda_cpu_break("%s: a shuffle without thread %u, which has ended",
                           block.work->grid.name, i);
        if (warp[i].state != AT_SHUFFLE)
            return false;
        if (warp[i].line != warp[0].line || warp[i].mask != 0xffffffff || lanes != WARP)
            cuda_cpu_break("%s: a shuffle of which not all of a warp are", block.work->grid.name);
    }
    for (unsigned i = 0; i < WARP; i++)
        value[i] = warp[source(&warp[i], i)].value;
    for (unsigned i = 0; i < WARP; i++) {
        warp[i].value = value[i];
        warp[i].state = READY;
    }
    return true;
}

/* Lets go on who may; false: all have ended. */
static bool release(void)
{
    unsigned waiting = 0, ended = 0, line = 0;
    bool any = false;

    for (unsigned w = 0; w < block.lanes; w += WARP)
        any |= shuffle(&block.lane[w], block.lanes - w < WARP ? block.lanes - w : WARP);
    if (any)
        return true;
    for (unsigned i = 0; i < block.lanes; i++) {
        const struct lane *l = &block.lane[i];

        ended += l->state == DONE;
        if (l->state != AT_BARRIER)
            continue;
        if (waiting++ && line != (unsigned)l->line)
            cuda_cpu_break("%s: threads wait at the barriers of lines %u and %d",
                           block.work->grid.name, line, l->line);
        line = (unsigned)l->line;
    }
    if (ended == block.lanes)
        return false;
    if (waiting != block.lanes)
        cuda_cpu_break("%s: %u of %u threads come to a barrier or a shuffle", block.work->grid.name,
                       block.lanes - ended, block.lanes);
    for (unsigned i = 0; i < block.lanes; i++)
        block.lane[i].state = READY;
    return true;
}

/* Rising, falling or any. */
static void draw_order(void)
{
    const uint64_t kind = cuda_cpu_draw(3);

    for (unsigned i = 0; i < block.lanes; i++)
        block.order[i] = kind == 1 ? block.lanes - 1 - i : i;
    for (unsigned i = block.lanes - 1; kind == 2 && i > 0; i--) {
        const unsigned other = (unsigned)cuda_cpu_draw(i + 1), mine = block.order[i];

        block.order[i] = block.order[other];
        block.order[other] = mine;
    }
}

/* What __shared__ arrays hold at the start of a block is anything. */
static void spoil_shared(void)
{
    extern char __start_cuda_shared[] __attribute__((weak));
    extern char __stop_cuda_shared[] __attribute__((weak));

    if (__start_cuda_shared)
        memset(__start_cuda_shared, 0x7d, (size_t)(__stop_cuda_shared - __start_cuda_shared));
}

static void run_block(const struct cuda_cpu_grid *g, struct cuda_cpu_size at)
{
    const struct cuda_cpu_size t = g->threads;

    spoil_shared();
    block.lanes = t.x * t.y * t.z;
    block.begun = 0;
    for (unsigned i = 0; i < block.lanes; i++)
        block.lane[i] = (struct lane){
            .place = {{i % t.x, i / t.x % t.y, i / t.x / t.y}, at, g->threads, g->blocks}};
    draw_order();
    while (block.begun < block.lanes)
        resume(take_fiber());
    while (release()) {
        draw_order();
        for (unsigned i = 0; i < block.lanes; i++)
            if (block.lane[block.order[i]].state == READY)
                resume(block.lane[block.order[i]].fiber);
    }
}

void cuda_cpu_run(const void *queued)
{
    const struct cuda_cpu_work *w = queued;
    const struct cuda_cpu_size n = w->grid.blocks;
    const uint64_t count = (uint64_t)n.x * n.y * n.z, start = cuda_cpu_draw(count);

    block.work = w;
    for (uint64_t k = 0; k < count; k++) {
        const uint64_t i = (start + k) % count;

        run_block(&w->grid, (struct cuda_cpu_size){(unsigned)(i % n.x), (unsigned)(i / n.x % n.y),
                                                   (unsigned)(i / n.x / n.y)});
    }
}
