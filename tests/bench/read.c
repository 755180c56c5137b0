/*
 * read.c - a bare read of a file: the limit of q8-inspect
 *
 *     read FILE THREADS
 *
 * Reads all bytes in pieces of 128 KiB, as q8-inspect does, and prints the seconds.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TURN (16L << 20) /* bytes that a thread takes at a time */
#define PIECE (128L << 10)

struct file {
    int fd;
    long size;
    _Atomic long next;
};

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *work(void *arg)
{
    struct file *f = arg;
    char *buffer = aligned_alloc(64, PIECE);
    long turn;

    while (buffer && (turn = atomic_fetch_add(&f->next, TURN)) < f->size)
        for (long at = turn; at < turn + TURN && at < f->size; at += PIECE)
            if (pread(f->fd, buffer, PIECE, at) < 0)
                abort();
    free(buffer);
    return NULL;
}

int main(int argc, char **argv)
{
    struct file f = {.fd = argc == 3 ? open(argv[1], O_RDONLY) : -1};
    int threads = argc == 3 ? atoi(argv[2]) : 0;
    pthread_t thread[64];
    struct stat st;
    double begin;

    if (f.fd < 0 || fstat(f.fd, &st) < 0 || threads < 1 || threads > 64) {
        fprintf(stderr, "usage: read FILE THREADS\n");
        return 2;
    }
    f.size = st.st_size;
    begin = now();
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, work, &f) != 0)
            return 1;
    for (int i = 0; i < threads; i++)
        (void)pthread_join(thread[i], NULL);
    printf("%.4f\n", now() - begin);
    return 0;
}
