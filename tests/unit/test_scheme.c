/* test_scheme.c - types and shapes of the parts; compressed-tensors 0.20.0, bitsandbytes 0.50.2 */
#include "src/scheme/stored.h"
#include "src/scheme/target.h"
#include "tests/unit/scratch.h"
#include "src/model/floats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define CONFIG(rest) "{\"quantization_config\": {\"quant_method\": " rest "}}"

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
            if (target->scheme->part[p].kind != Q8_PART_NONE &&
                strcmp(target->scheme->part[p].suffix, shapes[i].suffix) == 0)
                part = &target->scheme->part[p];
        assert_non_null(part);
        assert_true(q8_part_shape(target->scheme, part,
                                  (struct q8_weight_shape){Q8_BF16, 3, shapes[i].cols}, &t, &err));
        assert_int_equal(t.dtype, shapes[i].dtype);
        assert_int_equal(t.rank, shapes[i].rank);
        assert_memory_equal(t.dim, shapes[i].dim, t.rank * sizeof *t.dim);
        assert_int_equal(t.nbytes, shapes[i].bytes);
    }
}

/* Codes, then scales, then what else there is: readers and writers go by that. */
static void scheme_rows_have_codes_before_scales(void **state)
{
    (void)state;
    for (int i = 0; i < Q8_SCHEMES; i++) {
        const struct q8_scheme *scheme = &q8_schemes[i];
        const struct q8_part *codes = q8_scheme_part(scheme, Q8_PART_CODES);
        const struct q8_part *scales = q8_scheme_part(scheme, Q8_PART_SCALE);

        assert_non_null(scheme->name);
        codes = codes ? codes : q8_scheme_part(scheme, Q8_PART_PACKED);
        scales = scales ? scales : q8_scheme_part(scheme, Q8_PART_ABSMAX);
        assert_ptr_equal(codes, &scheme->part[Q8_CODES_AT]);
        assert_ptr_equal(scales, &scheme->part[Q8_SCALES_AT]);
        assert_non_null(q8_layouts[scheme->layout].name);
        assert_true(!scheme->shared || scheme->group == 0);
        assert_true(scheme->least == -127 || scheme->least == -128);
    }
}

/* compressed-tensors 0.20.0, config/base.py; naive-quantized is the older name. */
static void scheme_layouts_are_found_by_the_names_of_their_method(void **state)
{
    static const char ct[] = "compressed-tensors";

    (void)state;
    assert_int_equal(q8_layout_find(ct, "int-quantized"), Q8_LAYOUT_PLAIN);
    assert_int_equal(q8_layout_find(ct, "naive-quantized"), Q8_LAYOUT_PLAIN);
    assert_int_equal(q8_layout_find(ct, "pack-quantized"), Q8_LAYOUT_PACKED);
    assert_int_equal(q8_layout_find(ct, "mixed-precision"), Q8_LAYOUT_MIXED);
    assert_int_equal(q8_layout_find(ct, "bitsandbytes"), Q8_LAYOUT_NONE);
    assert_int_equal(q8_layout_find(ct, NULL), Q8_LAYOUT_NONE);
    assert_int_equal(q8_layout_find("bitsandbytes", "bitsandbytes"), Q8_LAYOUT_BNB);
    assert_true(q8_layout_same_method(Q8_LAYOUT_PLAIN, Q8_LAYOUT_MIXED));
    assert_false(q8_layout_same_method(Q8_LAYOUT_PLAIN, Q8_LAYOUT_BNB));
    assert_false(q8_layout_same_method(Q8_LAYOUT_NONE, Q8_LAYOUT_NONE));
}

/* The parts of a weight of 2 rows and 256 columns as the row of a scheme shapes them. */
static size_t make_parts(const struct q8_scheme *scheme, struct scratch_tensor *ret,
                         char (*text)[96])
{
    static const uint8_t zeros[2 * 256];
    static const int64_t sizes[2] = {2, 256};
    const struct q8_weight_shape weight = {Q8_F32, 2, 256};
    size_t p = 0;

    for (; p < Q8_PARTS && scheme->part[p].kind != Q8_PART_NONE; p++) {
        const struct q8_part *part = &scheme->part[p];
        struct q8_tensor t = {0};
        struct q8_err err = {0};
        char *name = text[2 * p], *shape = text[2 * p + 1];

        assert_true(q8_part_shape(scheme, part, weight, &t, &err));
        assert_true(t.nbytes <= sizeof zeros);
        (void)snprintf(name, sizeof *text, "a.mlp%s", part->suffix);
        q8_tensor_shape(&t, shape, sizeof *text);
        ret[p] = (struct scratch_tensor){
            .name = name,
            .dtype = q8_dtypes[t.dtype].name,
            .shape = shape,
            .data = part->kind == Q8_PART_SHAPE ? (const void *)sizes : zeros,
            .bytes = t.nbytes,
        };
    }
    return p;
}

static const char *const configs[Q8_LAYOUTS] = {
    [Q8_LAYOUT_BNB] = CONFIG("\"bitsandbytes\", \"load_in_8bit\": true"),
    [Q8_LAYOUT_PLAIN] = CONFIG("\"compressed-tensors\", \"format\": \"int-quantized\""),
    [Q8_LAYOUT_PACKED] = CONFIG("\"compressed-tensors\", \"format\": \"pack-quantized\""),
};

/* What a row writes is read by the same row, with a config and without. */
static void scheme_row_is_found_by_what_it_writes(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * Q8_SCHEMES; i++) {
        const struct q8_scheme *scheme = &q8_schemes[i / 2];
        char text[2 * Q8_PARTS][96];
        struct scratch_tensor t[Q8_PARTS];
        const size_t parts = make_parts(scheme, t, text);
        struct q8_stored_list list;
        struct scratch s;

        scratch_make(&s, i % 2 ? configs[scheme->layout] : NULL, t, parts);
        assert_true(scratch_open(&s));
        if (!q8_stored_find(&list, &s.model, &s.mem, &s.err))
            fail_msg("%s: %s", scheme->name, s.err.text);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.layout, scheme->layout);
        assert_ptr_equal(list.weight->scheme, scheme);
        assert_int_equal(list.weight->group, scheme->group ? scheme->group : 256);
        for (size_t p = 0; p < parts; p++) {
            const struct q8_tensor *part = q8_index_find(&s.model.index, t[p].name);

            assert_true((q8_stored_of(&list, part) != NULL) == (p == Q8_CODES_AT));
            assert_true(q8_stored_is_part(&list, part) == (p != Q8_CODES_AT));
        }
        scratch_close(&s);
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
        cmocka_unit_test(scheme_rows_have_codes_before_scales),
        cmocka_unit_test(scheme_layouts_are_found_by_the_names_of_their_method),
        cmocka_unit_test(scheme_row_is_found_by_what_it_writes),
        cmocka_unit_test(scheme_part_refuses_a_size_beyond_64_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
