/*
 * twin.c - the reads and writes of a conversion to int8, and no arithmetic
 *
 *     twin INPUT OUTPUT THREADS FLOAT_BYTES
 *
 * Reads INPUT in pieces of 256 KiB and writes half of it (all of it for the last FLOAT_BYTES, which
 * stay float) in pieces of 512 KiB at multiples of their size, then reads the output once more in
 * one thread: what q8-convert does with one shard.  Prints the seconds.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TURN (UINT64_C(1) << 20) /* of source that a thread takes at a time */
#define READ (UINT64_C(256) << 10)
#define WRITE (UINT64_C(512) << 10)

struct twin {
    int in, out;
    uint64_t size, floats; /* bytes of the input; of those, copied as they are */
    _Atomic uint64_t next;
};

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Copies n bytes of the buffer to the output, or ends the run. */
static void put(const struct twin *t, const char *from, uint64_t n, uint64_t to)
{
    for (uint64_t at = 0; at < n; at += WRITE) {
        uint64_t piece = least(WRITE, n - at);

        if (pwrite(t->out, from + at, piece, (off_t)(to + at)) != (ssize_t)piece)
            abort();
    }
}

static void *work(void *arg)
{
    struct twin *t = arg;
    char *buffer = aligned_alloc(64, TURN);
    uint64_t at;

    while (buffer && (at = atomic_fetch_add(&t->next, TURN)) < t->size) {
        uint64_t n = least(t->size - at, TURN), small = t->size - t->floats;

        for (uint64_t i = 0; i < n; i += READ)
            if (pread(t->in, buffer + i, least(READ, n - i), (off_t)(at + i)) !=
                (ssize_t)least(READ, n - i))
                abort();
        if (at < small)
            put(t, buffer, n / 2, at / 2);
        else
            put(t, buffer, n, small / 2 + at - small);
    }
    free(buffer);
    return NULL;
}

static void reread(const struct twin *t)
{
    static char piece[256 << 10];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(t->out, piece, sizeof piece, at)) > 0)
        at += n;
}

int main(int argc, char **argv)
{
    pthread_t thread[16];
    struct twin t = {0};
    struct stat st;
    double begin = now();
    int threads = argc == 5 ? atoi(argv[3]) : 0;

    if (threads < 1 || threads > 16)
        return 2;
    t.in = open(argv[1], O_RDONLY | O_CLOEXEC);
    t.out = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (t.in < 0 || t.out < 0 || fstat(t.in, &st) < 0)
        return 5;
    t.size = (uint64_t)st.st_size;
    t.floats = (uint64_t)strtoull(argv[4], NULL, 10);
    if (t.floats > t.size || posix_fallocate(t.out, 0, (off_t)(t.floats + (t.size - t.floats) / 2)))
        return 5;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, work, &t))
            return 6;
    for (int i = 0; i < threads; i++)
        (void)pthread_join(thread[i], NULL);
    reread(&t);
    printf("%.4f\n", now() - begin);
    return 0;
}
