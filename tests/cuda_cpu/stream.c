/*
 * stream.c - a CUDA device on the CPU: streams and events
 *
 * Work may be done at any time between its queueing and the wait for it, in the order of its stream
 * and behind the events it waits for.  So it is done as late as may be, at once, or now and then a
 * piece of any stream: the manner changes while a run goes on, as the seed has it.
 */
#include "tests/cuda_cpu/cuda_cpu.h"

#include <stdlib.h>
#include <string.h>

#define STREAMS 64

enum manner { LATE, AT_ONCE, NOW_AND_THEN, MANNERS };

/* All that was queued on a stream up to there. */
struct mark {
    struct cuda_cpu_stream *stream;
    uint64_t count;
};

struct item {
    void (*run)(const void *args); /* NULL: waits for the mark */
    struct mark until;
    _Alignas(16) char args[CUDA_CPU_ARGUMENTS];
};

struct cuda_cpu_stream {
    bool open;
    struct item *item;     /* [room], of which [done % room, queued % room) wait */
    uint64_t room;         /* a power of 2 */
    uint64_t queued, done; /* so far */
};

struct cuda_cpu_event {
    struct mark mark;
};

static struct cuda_cpu_stream streams[STREAMS]; /* the first is the default one */

static struct cuda_cpu_stream *stream_of(cudaStream_t stream)
{
    if (stream && !stream->open)
        cuda_cpu_break("a stream that is not open");
    return stream ? stream : &streams[0];
}

/* The first item of a stream that has one; false when it waits for another stream. */
static bool step(struct cuda_cpu_stream *s)
{
    struct item item = s->item[s->done % s->room];

    if (!item.run && item.until.stream->done < item.until.count)
        return false;
    if (item.run) {
        cuda_cpu_expose(true);
        item.run(item.args);
        cuda_cpu_expose(false);
    }
    s->done++;
    return true;
}

/* An event is recorded before anybody waits for it, so no two streams wait for each other. */
static void run_until(struct cuda_cpu_stream *s, uint64_t count)
{
    while (s->done < count)
        if (!step(s)) {
            const struct mark until = s->item[s->done % s->room].until;

            run_until(until.stream, until.count);
        }
}

static void go_on(struct cuda_cpu_stream *s)
{
    static enum manner manner;

    if (cuda_cpu_draw(100) == 0)
        manner = (enum manner)cuda_cpu_draw(MANNERS);
    if (manner == AT_ONCE)
        run_until(s, s->queued);
    for (uint64_t n = manner == NOW_AND_THEN ? cuda_cpu_draw(4) : 0; n > 0; n--) {
        struct cuda_cpu_stream *other = &streams[cuda_cpu_draw(8)];

        if (other->done < other->queued)
            (void)step(other);
    }
}

static struct item *add(struct cuda_cpu_stream *s)
{
    if (s->queued - s->done == s->room) {
        const uint64_t room = s->room ? 2 * s->room : 64;
        struct item *items = calloc(room, sizeof *items);

        for (uint64_t i = s->done; items && i < s->queued; i++)
            items[i % room] = s->item[i % s->room];
        if (!items)
            abort();
        free(s->item);
        s->item = items;
        s->room = room;
    }
    return &s->item[s->queued++ % s->room];
}

void cuda_cpu_push(cudaStream_t stream, void (*run)(const void *), const void *args, size_t size)
{
    struct cuda_cpu_stream *s = stream_of(stream);
    struct item *item = add(s);

    if (size > sizeof item->args)
        cuda_cpu_break("%zu bytes of arguments", size);
    *item = (struct item){.run = run};
    memcpy(item->args, args, size);
    go_on(s);
}

void cuda_cpu_finish(cudaStream_t stream)
{
    struct cuda_cpu_stream *s = stream_of(stream);

    run_until(s, s->queued);
}

void cuda_cpu_finish_all(void)
{
    for (unsigned i = 0; i < STREAMS; i++)
        run_until(&streams[i], streams[i].queued);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *ret, unsigned flags)
{
    cudaError_t error = cuda_cpu_enter();
    unsigned i = 1;

    if (flags != cudaStreamNonBlocking)
        cuda_cpu_break("a stream that the default one waits for");
    while (!error && streams[i].open)
        if (++i == STREAMS)
            cuda_cpu_break("%d streams", STREAMS);
    if (!error) {
        streams[i].open = true;
        *ret = &streams[i];
        cuda_cpu.objects++;
    }
    return cuda_cpu_leave(error);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    cudaError_t error = cuda_cpu_enter();
    struct cuda_cpu_stream *s = stream_of(stream);

    cuda_cpu_finish(stream);
    free(s->item);
    s->item = NULL;
    s->room = 0; /* counts go on: marks of it hold */
    s->open = false;
    cuda_cpu.objects--;
    return cuda_cpu_leave(error);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    cudaError_t error = cuda_cpu_enter();

    if (!error)
        cuda_cpu_finish(stream);
    return cuda_cpu_leave(error);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
    cudaError_t error = cuda_cpu_enter();
    struct cuda_cpu_stream *s = stream_of(stream);

    if (flags)
        cuda_cpu_break("flags %u of cudaStreamWaitEvent", flags);
    if (!error && event->mark.stream) {
        *add(s) = (struct item){.until = event->mark};
        go_on(s);
    }
    return cuda_cpu_leave(error);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *ret, unsigned flags)
{
    cudaError_t error = cuda_cpu_enter();

    (void)flags;
    if (!error) {
        *ret = calloc(1, sizeof **ret);
        cuda_cpu.objects++;
    }
    return cuda_cpu_leave(error);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    cudaError_t error = cuda_cpu_enter();

    free(event);
    cuda_cpu.objects--;
    return cuda_cpu_leave(error);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    cudaError_t error = cuda_cpu_enter();
    struct cuda_cpu_stream *s = stream_of(stream);

    if (!error)
        event->mark = (struct mark){s, s->queued};
    return cuda_cpu_leave(error);
}
