/* test_stream.c - pieces end at multiples of 512 KiB of the file; no byte is lost at a seam */
#include "src/flow/pool.h"
#include "src/flow/stream.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SIZE (3u << 20)
#define MOST 100000

static unsigned char source[SIZE], back[SIZE];

static int fill_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        source[i] = (unsigned char)(i * 2654435761u >> 13);
    return 0;
}

/* Adds bytes [0, total) of the source in steps and looks at what the file holds after each. */
static void run(uint64_t offset, uint64_t total, uint64_t step)
{
    char path[] = "/tmp/q8-test-stream-XXXXXX";
    struct q8_file file = {.fd = mkstemp(path), .path = path};
    struct q8_digest want, got;
    struct q8_err err = {0};
    struct q8_stream s;
    struct q8_arena mem;

    q8_arena_init(&mem, 4 << 20);
    assert_true(file.fd >= 0);
    assert_true(q8_stream_open(&s, MOST, &mem, &err));
    q8_stream_begin(&s, &file, offset);
    for (uint64_t at = 0, n; at < total; at += n) {
        off_t end;

        n = step < total - at ? step : total - at;
        assert_true(q8_stream_gap(&s) >= 1 && q8_stream_gap(&s) <= Q8_STREAM_PIECE);
        assert_int_equal((offset + at + q8_stream_gap(&s)) % Q8_STREAM_PIECE, 0);
        memcpy(q8_stream_tail(&s), source + at, n);
        assert_true(q8_stream_add(&s, n, &err));
        end = lseek(file.fd, 0, SEEK_END); /* whole pieces so far */
        assert_true(end == 0 || end % Q8_STREAM_PIECE == 0);
        assert_true(offset + at + n - (uint64_t)end < Q8_STREAM_PIECE || end == 0);
    }
    assert_true(q8_stream_end(&s, &got, &err));
    want = q8_xxh_once(source, total);
    assert_true(q8_digest_same(&got, &want));
    assert_int_equal(pread(file.fd, back, SIZE, (off_t)offset), (ssize_t)total);
    assert_memory_equal(back, source, total);
    q8_stream_close(&s);
    q8_arena_clear(&mem);
    (void)close(file.fd);
    (void)unlink(path);
}

static void stream_writes_all_bytes_whatever_the_steps(void **state)
{
    static const uint64_t offsets[] = {
        0, 1, 8, 4096, Q8_STREAM_PIECE - 1, Q8_STREAM_PIECE, Q8_STREAM_PIECE + 12345};
    static const uint64_t steps[] = {4096, 99999, MOST};

    (void)state;
    for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            run(offsets[o], 1, steps[i]);
            run(offsets[o], Q8_STREAM_PIECE, steps[i]);
            run(offsets[o], (2u << 20) + 777, steps[i]);
        }
}

static void stream_of_nothing_writes_nothing(void **state)
{
    (void)state;
    run(1000, 0, 1);
}

static void stream_says_what_could_not_be_written(void **state)
{
    struct q8_file file = {.fd = open("/dev/null", O_RDONLY), .path = "null"};
    struct q8_digest digest;
    struct q8_err err = {0};
    struct q8_stream s;
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, 4 << 20);
    assert_true(q8_stream_open(&s, MOST, &mem, &err));
    q8_stream_begin(&s, &file, 0);
    assert_true(q8_stream_add(&s, 10, &err)); /* not yet */
    assert_false(q8_stream_end(&s, &digest, &err));
    assert_int_equal(err.code, Q8_EIO);
    q8_stream_close(&s);
    q8_arena_clear(&mem);
    (void)close(file.fd);
}

static void stream_range_digest_counts_and_stops(void **state)
{
    const struct q8_digest want = q8_xxh_once(source + 1000, 150000);
    char path[] = "/tmp/q8-test-stream-XXXXXX";
    struct q8_file file = {.fd = mkstemp(path), .path = path};
    struct q8_pool pool = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct q8_digest got = {0};
    struct q8_err err = {0};

    (void)state;
    assert_true(file.fd >= 0);
    assert_true(q8_file_write(&file, 0, source, 200000, &err));
    assert_true(q8_range_digest(&file, 1000, 150000, &pool, &got, &err));
    assert_true(q8_digest_same(&got, &want));
    assert_int_equal(pool.progress.bytes, 150000);
    pool.stop = true;
    assert_false(q8_range_digest(&file, 0, 150000, &pool, &got, &err));
    assert_int_equal(err.code, 0);
    assert_true(q8_digest_same(&got, &want));
    (void)close(file.fd);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_range_digest_counts_and_stops),
        cmocka_unit_test(stream_writes_all_bytes_whatever_the_steps),
        cmocka_unit_test(stream_of_nothing_writes_nothing),
        cmocka_unit_test(stream_says_what_could_not_be_written),
    };

    return cmocka_run_group_tests(tests, fill_source, NULL);
}
