/* test_walk.c - every element comes once, in its place, whatever the tiles and however it lies */
#include "src/flow/walk.h"

#include "tests/unit/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MOST 64 /* elements of a weight */

/* What a walk has shown. */
struct seen {
    uint64_t cols, row, tiles, most; /* of the view; rows so far; tiles; rows of the largest */
    uint64_t room;                   /* that is left to the walk */
    float value[MOST];
};

static bool take(void *self, void *rows, uint64_t row, uint64_t n, struct q8_err *err)
{
    struct seen *s = self;

    (void)err;
    assert_int_equal(row, s->row);
    memcpy(s->value + row * s->cols, rows, n * s->cols * sizeof(float));
    s->row += n;
    s->tiles++;
    s->most = n > s->most ? n : s->most;
    return true;
}

static uint64_t room(void *self)
{
    return ((struct seen *)self)->room;
}

/* Walks in tiles of `tile` bytes; the digest is of the source. */
static bool walk(struct scratch *s, struct seen *seen, const struct q8_view *view, uint64_t tile,
                 struct q8_digest *ret)
{
    struct q8_visit visit = {take, seen->room ? room : NULL, seen};
    struct q8_walk w = {.tile_bytes = tile};
    struct q8_pool pool = {0};
    struct q8_xxh xxh;
    bool ok;

    seen->cols = view->cols;
    assert_int_equal(pthread_mutex_init(&pool.lock, NULL), 0);
    assert_true(q8_xxh_open(&xxh, &s->err));
    w.xxh = &xxh;
    q8_xxh_reset(&xxh);
    q8_walk_fit(&w, view);
    assert_true(q8_walk_open(&w, &s->mem, &s->err));
    ok = q8_walk_run(&w, &s->model, view, &visit, &pool, &s->err);
    *ret = q8_xxh_sum(&xxh);
    q8_xxh_close(&xxh);
    (void)pthread_mutex_destroy(&pool.lock);
    return ok;
}

/* A bare file with the tensor "w" of those floats. */
static struct q8_tensor *open_floats(struct scratch *s, const char *shape, uint64_t n)
{
    static float data[MOST];
    const struct scratch_tensor t = {"w", "F32", shape, data, n * sizeof *data};

    for (unsigned i = 0; i < MOST; i++)
        data[i] = (float)i;
    scratch_make(s, NULL, &t, 1);
    assert_true(scratch_open(s));
    return &s->model.index.tensor[0];
}

static void walk_tiles_cover_all_rows_in_order(void **state)
{
    static const uint64_t tiles[] = {1, 12, 13, 24, 47, 48, 132, 1000};
    struct scratch s;
    const struct q8_tensor *t = open_floats(&s, "[11,3]", 33);
    const struct q8_view view = {.tensor = t, .rows = 11, .cols = 3};

    (void)state;
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        const uint64_t rows = tiles[i] < 24 ? 1 : tiles[i] >= 132 ? 11 : tiles[i] / 12;
        struct seen seen = {0};
        struct q8_digest got, want;
        float all[33];

        assert_true(walk(&s, &seen, &view, tiles[i], &got));
        assert_int_equal(seen.row, 11);
        assert_int_equal(seen.most, rows);
        assert_int_equal(seen.tiles, (11 + rows - 1) / rows);
        for (unsigned k = 0; k < 33; k++)
            assert_true(seen.value[k] == (float)k), all[k] = (float)k;
        want = q8_xxh_once(all, sizeof all);
        assert_true(q8_digest_same(&got, &want));
    }
    scratch_close(&s);
}

static void walk_tile_is_no_larger_than_its_visitor_asks(void **state)
{
    struct scratch s;
    const struct q8_view view = {.tensor = open_floats(&s, "[11,3]", 33), .rows = 11, .cols = 3};
    struct seen seen = {.room = 2};
    struct q8_digest digest;

    (void)state;
    assert_true(walk(&s, &seen, &view, 1000, &digest));
    assert_int_equal(seen.most, 2);
    assert_int_equal(seen.tiles, 6);
    scratch_close(&s);
}

static void walk_part_of_a_tensor_begins_at_its_element(void **state)
{
    struct scratch s;
    const struct q8_view view = {
        .tensor = open_floats(&s, "[11,3]", 33), .first = 12, .rows = 2, .cols = 3};
    struct seen seen = {0};
    struct q8_digest digest;

    (void)state;
    assert_true(walk(&s, &seen, &view, 12, &digest));
    assert_int_equal(seen.row, 2);
    for (unsigned k = 0; k < 6; k++)
        assert_true(seen.value[k] == (float)(12 + k));
    scratch_close(&s);
}

/* Stored [3, 7]: element (r, c) of the weight [7, 3] is number c * 7 + r. */
static void walk_transposed_rows_are_the_columns(void **state)
{
    static const uint64_t tiles[] = {1, 12, 21, 1000};
    struct scratch s;
    const struct q8_tensor *t = open_floats(&s, "[3,7]", 21);
    const struct q8_view view = {.tensor = t, .transpose = true, .rows = 7, .cols = 3};
    float all[21];

    (void)state;
    for (unsigned k = 0; k < 21; k++)
        all[k] = (float)k;
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        const struct q8_digest want = q8_xxh_once(all, sizeof all);
        struct seen seen = {0};
        struct q8_digest got;

        assert_true(walk(&s, &seen, &view, tiles[i], &got));
        assert_int_equal(seen.row, 7);
        for (unsigned r = 0; r < 7; r++)
            for (unsigned c = 0; c < 3; c++)
                assert_true(seen.value[r * 3 + c] == (float)(c * 7 + r));
        assert_true(q8_digest_same(&got, &want)); /* in the order of the file */
    }
    scratch_close(&s);
}

/* What lies in the file as [3, 7] and is shown as its transpose [7, 3], as torch saves x.T. */
static struct q8_tensor *open_strided(struct scratch *s)
{
    struct q8_tensor *t = open_floats(s, "[3,7]", 21);

    t->dim[0] = 7;
    t->dim[1] = 3;
    t->strided = true;
    t->stride[0] = 1;
    t->stride[1] = 7;
    return t;
}

static void walk_strided_rows_are_gathered(void **state)
{
    static const uint64_t tiles[] = {1, 12, 21, 1000};
    struct scratch s;
    const struct q8_tensor *t = open_strided(&s);
    const struct q8_view view = {.tensor = t, .rows = 7, .cols = 3};
    float want[21];

    (void)state;
    for (unsigned r = 0; r < 7; r++)
        for (unsigned c = 0; c < 3; c++)
            want[r * 3 + c] = (float)(c * 7 + r);
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        const struct q8_digest packed = q8_xxh_once(want, sizeof want);
        struct seen seen = {0};
        struct q8_digest got;

        assert_true(walk(&s, &seen, &view, tiles[i], &got));
        assert_int_equal(seen.row, 7);
        assert_memory_equal(seen.value, want, sizeof want);
        assert_true(q8_digest_same(&got, &packed));
    }
    scratch_close(&s);
}

static void walk_transpose_of_a_strided_tensor_is_as_it_lies(void **state)
{
    struct scratch s;
    const struct q8_tensor *t = open_strided(&s);
    const struct q8_view view = {.tensor = t, .transpose = true, .rows = 3, .cols = 7};
    struct seen seen = {0};
    struct q8_digest digest;

    (void)state;
    assert_true(walk(&s, &seen, &view, 12, &digest));
    assert_int_equal(seen.row, 3);
    for (unsigned k = 0; k < 21; k++)
        assert_true(seen.value[k] == (float)k);
    scratch_close(&s);
}

static void walk_f64_becomes_f32(void **state)
{
    static const double data[6] = {1, 1.0 / 3, -0.0, 0x1p-149, NAN, INFINITY};
    static const struct scratch_tensor t = SCRATCH("w", "F64", "[3,2]", data);
    struct q8_view view = {.rows = 3, .cols = 2};
    struct seen seen = {0};
    struct q8_digest got, want = q8_xxh_once(data, sizeof data);
    struct scratch s;

    (void)state;
    scratch_make(&s, NULL, &t, 1);
    assert_true(scratch_open(&s));
    view.tensor = &s.model.index.tensor[0];
    assert_true(walk(&s, &seen, &view, 16, &got));
    for (unsigned k = 0; k < 4; k++)
        assert_true(seen.value[k] == (float)data[k]);
    assert_true(signbit(seen.value[2]));
    assert_true(isnan(seen.value[4]));
    assert_true(isinf(seen.value[5])); /* it was none of ours */
    assert_true(q8_digest_same(&got, &want));
    scratch_close(&s);
}

static void walk_f64_beyond_f32_is_told_by_its_row(void **state)
{
    static const double data[6] = {1, 2, 3, 4, 5, -1e39};
    static const struct scratch_tensor t = SCRATCH("w", "F64", "[3,2]", data);
    struct q8_view view = {.rows = 3, .cols = 2};
    struct q8_walk w = {.tile_bytes = 16, .infinite = true};
    struct seen seen = {0};
    struct q8_digest digest;
    struct scratch s;
    const float *row;

    (void)state;
    scratch_make(&s, NULL, &t, 1);
    assert_true(scratch_open(&s));
    view.tensor = &s.model.index.tensor[0];
    assert_false(walk(&s, &seen, &view, 16, &digest));
    assert_int_equal(s.err.code, Q8_EINPUT);
    assert_non_null(strstr(s.err.text, "row 2 holds -1e+39, beyond fp32"));
    assert_int_equal(seen.row, 2);
    s.err = (struct q8_err){0};
    q8_walk_fit(&w, &view);
    assert_true(q8_walk_open(&w, &s.mem, &s.err));
    assert_non_null(row = q8_walk_read(&w, &s.model, &view, 2, 1, &s.err));
    assert_true(row[0] == 5 && isinf(row[1]) && row[1] < 0);
    scratch_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk_tiles_cover_all_rows_in_order),
        cmocka_unit_test(walk_tile_is_no_larger_than_its_visitor_asks),
        cmocka_unit_test(walk_part_of_a_tensor_begins_at_its_element),
        cmocka_unit_test(walk_transposed_rows_are_the_columns),
        cmocka_unit_test(walk_strided_rows_are_gathered),
        cmocka_unit_test(walk_transpose_of_a_strided_tensor_is_as_it_lies),
        cmocka_unit_test(walk_f64_becomes_f32),
        cmocka_unit_test(walk_f64_beyond_f32_is_told_by_its_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
