/* test_scheme.c - types and shapes of the parts; compressed-tensors 0.20.0, bitsandbytes 0.50.2 */
#include "src/scheme/target.h"
#include "src/model/floats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void scheme_part_follows_the_type_of_the_weight(void **state)
{
    const struct q8_part fixed = {Q8_PART_ABSMAX, ".SCB", Q8_F32};
    const struct q8_part same = {Q8_PART_SCALE, ".weight_scale", Q8_DTYPES};

    (void)state;
    assert_int_equal(q8_part_dtype(&fixed, Q8_BF16), Q8_F32);
    assert_int_equal(q8_part_dtype(&same, Q8_BF16), Q8_BF16);
    assert_int_equal(q8_part_dtype(&same, Q8_F16), Q8_F16);
    assert_int_equal(q8_part_dtype(&same, Q8_F32), Q8_F32);
    assert_int_equal(q8_part_dtype(&same, Q8_F64), Q8_F32); /* narrowed first */
}

static void scheme_only_floats_of_two_to_eight_bytes_are_quantized(void **state)
{
    (void)state;
    for (int d = 0; d < Q8_DTYPES; d++) {
        enum q8_float want = d == Q8_F16                  ? Q8_FLOAT_F16
                             : d == Q8_BF16               ? Q8_FLOAT_BF16
                             : d == Q8_F32 || d == Q8_F64 ? Q8_FLOAT_F32
                                                          : Q8_FLOATS;

        assert_int_equal(q8_dtype_float((enum q8_dtype)d), want);
    }
}

/* The parts of a bf16 weight of 3 rows, as the libraries write them. */
static const struct {
    const char *target;
    uint64_t cols;
    const char *suffix;
    enum q8_dtype dtype;
    uint32_t rank;
    uint64_t dim[2], bytes;
} shapes[] = {
    {"bnb-int8", 10, ".weight", Q8_I8, 2, {3, 10}, 30},
    {"bnb-int8", 10, ".SCB", Q8_F32, 1, {3}, 12},
    {"bnb-int8", 10, ".weight_format", Q8_U8, 0, {0}, 1},
    {"ct-w8a8", 10, ".weight", Q8_I8, 2, {3, 10}, 30},
    {"ct-w8a8", 10, ".weight_scale", Q8_BF16, 2, {3, 1}, 6},
    {"ct-w8a16", 10, ".weight_packed", Q8_I32, 2, {3, 3}, 36}, /* 2 bytes of padding */
    {"ct-w8a16", 8, ".weight_packed", Q8_I32, 2, {3, 2}, 24},
    {"ct-w8a16", 10, ".weight_scale", Q8_BF16, 2, {3, 1}, 6},
    {"ct-w8a16", 10, ".weight_shape", Q8_I64, 1, {2}, 16},
    {"ct-w8a16-g32", 64, ".weight_scale", Q8_BF16, 2, {3, 2}, 12},
    {"ct-w8a16-g32", 65, ".weight_scale", Q8_BF16, 2, {3, 3}, 18},
    {"ct-w8a16-g128", 128, ".weight_scale", Q8_BF16, 2, {3, 1}, 6},
};

static void scheme_parts_have_the_shapes_of_the_libraries(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct q8_target *target = q8_target_find(shapes[i].target);
        const struct q8_part *part = NULL;
        struct q8_tensor t = {0};
        struct q8_err err = {0};

        assert_non_null(target);
        for (int p = 0; p < Q8_PARTS; p++)
            if (target->scheme.part[p].kind != Q8_PART_NONE &&
                strcmp(target->scheme.part[p].suffix, shapes[i].suffix) == 0)
                part = &target->scheme.part[p];
        assert_non_null(part);
        assert_true(q8_part_shape(&target->scheme, part,
                                  (struct q8_weight_shape){Q8_BF16, 3, shapes[i].cols}, &t, &err));
        assert_int_equal(t.dtype, shapes[i].dtype);
        assert_int_equal(t.rank, shapes[i].rank);
        assert_memory_equal(t.dim, shapes[i].dim, t.rank * sizeof *t.dim);
        assert_int_equal(t.nbytes, shapes[i].bytes);
    }
}

static void scheme_part_refuses_a_size_beyond_64_bits(void **state)
{
    const struct q8_scheme scheme = {.name = "test"};
    const struct q8_part codes = {Q8_PART_CODES, ".weight", Q8_I8};
    const struct q8_weight_shape huge = {Q8_F32, UINT64_C(1) << 32, UINT64_C(1) << 32};
    struct q8_tensor t = {.rank = 7};
    struct q8_err err = {0};

    (void)state;
    assert_false(q8_part_shape(&scheme, &codes, huge, &t, &err));
    assert_int_equal(err.code, Q8_EINPUT);
    assert_int_equal(t.rank, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scheme_part_follows_the_type_of_the_weight),
        cmocka_unit_test(scheme_only_floats_of_two_to_eight_bytes_are_quantized),
        cmocka_unit_test(scheme_parts_have_the_shapes_of_the_libraries),
        cmocka_unit_test(scheme_part_refuses_a_size_beyond_64_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
