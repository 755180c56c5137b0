/*
 * test_coded.c - quantized weights as the floats that their libraries make of them, over
 * testdata/good/coded-*.safetensors (tests/oracle/make_coded.py): NAME.want are those of NAME
 */
#include "src/model/coded/decode.h"

#include "src/base/num.h"
#include "src/model/coded/codes.h"
#include "src/model/floats.h"
#include "tests/unit/scratch.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define MOST 20000 /* bytes of a weight here */

static const char *testdata;

/* The directory of a file of testdata/good with the config.json that its metadata has. */
static void make(struct scratch *s, const char *name, enum q8_decode which, enum q8_isa isa)
{
    const struct q8_decode_options options = {which, Q8_DTYPES, isa};
    struct q8_model bare;
    char path[600], to[128];

    *s = (struct scratch){.dir = "/tmp/q8-test-scratch-XXXXXX"};
    q8_arena_init(&s->mem, 16 << 20);
    assert_non_null(mkdtemp(s->dir));
    (void)snprintf(path, sizeof path, "%s/good/%s", testdata, name);
    (void)snprintf(to, sizeof to, "%s/model.safetensors", s->dir);
    assert_int_equal(symlink(path, to), 0);
    assert_true(q8_model_open(&bare, path, &s->mem, &s->err));
    assert_int_equal(bare.shard[0].metas, 1);
    scratch_write(s, "config.json", bare.shard[0].meta[0].value.text,
                  strlen(bare.shard[0].meta[0].value.text), "wb");
    q8_model_close(&bare);
    if (!scratch_open(s) || !q8_model_decode(&s->model, &options, &s->mem, &s->err))
        fail_msg("%s: %s", name, s->err.text);
}

/* Whether two numbers of that type are the same, any NaN as another. */
static bool same(enum q8_dtype dtype, const unsigned char *a, const unsigned char *b)
{
    const uint64_t size = q8_dtype_size(dtype);
    uint16_t x, y;
    float f, g;

    if (memcmp(a, b, size) == 0)
        return true;
    if (dtype == Q8_F32) {
        memcpy(&f, a, size);
        memcpy(&g, b, size);
    } else {
        memcpy(&x, a, size);
        memcpy(&y, b, size);
        f = dtype == Q8_F16 ? q8_half_to_float(x) : q8_bf16_to_float(x);
        g = dtype == Q8_F16 ? q8_half_to_float(y) : q8_bf16_to_float(y);
    }
    return f != f && g != g;
}

/* The whole weight against the library's floats; every part of it against the whole. */
static void check_weight(struct scratch *s, const char *file, const struct q8_tensor *t)
{
    const uint64_t size = q8_dtype_size(t->dtype);
    static unsigned char whole[MOST], part[MOST], want[MOST];
    const struct q8_tensor *w;
    char name[300];

    (void)snprintf(name, sizeof name, "%s.want", t->name);
    w = q8_index_find(&s->model.index, name);
    if (!w || w->dtype != t->dtype || w->rank != t->rank ||
        memcmp(w->dim, t->dim, t->rank * sizeof *t->dim) != 0)
        fail_msg("%s: %s is %s of rank %u", file, t->name, q8_dtypes[t->dtype].name, t->rank);
    assert_true(t->nbytes <= MOST);
    assert_true(q8_model_read(&s->model, t, 0, whole, t->nbytes, &s->err));
    assert_true(q8_model_read(&s->model, w, 0, want, w->nbytes, &s->err));
    for (uint64_t i = 0; i < t->nbytes; i += size)
        if (!same(t->dtype, whole + i, want + i))
            fail_msg("%s: %s: element %llu: %02x%02x, the library has %02x%02x", file, t->name,
                     (unsigned long long)(i / size), whole[i + 1], whole[i], want[i + 1], want[i]);
    for (uint64_t off = 0; off < t->nbytes; off += 1 + t->nbytes / 50)
        for (uint64_t n = 0; off + n <= t->nbytes; n += 1 + n / 2) {
            memset(part, 0xa5, sizeof part);
            assert_true(q8_model_read(&s->model, t, off, part, n, &s->err));
            if (memcmp(part, whole + off, n) != 0)
                fail_msg("%s: %s: bytes [%llu, + %llu) are others than in the whole", file, t->name,
                         (unsigned long long)off, (unsigned long long)n);
            assert_int_equal(part[n], 0xa5);
        }
}

static void coded_weights_are_what_their_libraries_make(void **state)
{
    static const struct {
        const char *file;
        uint64_t weights;
    } cases[] = {
        {"coded-fp8-block.safetensors", 11}, {"coded-fp8-scaled.safetensors", 7},
        {"coded-fp4.safetensors", 3},        {"coded-packed.safetensors", 14},
        {"coded-ordered.safetensors", 4},    {"coded-int8.safetensors", 18},
        {"coded-llm-int8.safetensors", 1},   {"coded-nvfp4.safetensors", 2},
        {"coded-bnb-4bit.safetensors", 13},  {"coded-gptq.safetensors", 4},
        {"coded-gptq-v2.safetensors", 4},    {"coded-awq.safetensors", 2},
        {"coded-torchao.safetensors", 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int isa = 0; isa < 2; isa++) {
            struct scratch s;
            uint64_t weights = 0;

            make(&s, cases[i].file, Q8_DECODE_ALL, isa ? q8_isa_detect(Q8_ISAS) : Q8_ISA_ref);
            for (uint64_t k = 0; k < s.model.index.count; k++)
                if (s.model.index.tensor[k].coded) {
                    check_weight(&s, cases[i].file, &s.model.index.tensor[k]);
                    weights++;
                }
            assert_int_equal(weights, cases[i].weights);
            assert_int_equal(s.model.index.count, 2 * weights);
            scratch_close(&s);
        }
}

/* The element that a code and its step are, rounded as its library does; int8 has no -0. */
static void multiply(const struct q8_tensor *t, const struct q8_codes *codes, int8_t code,
                     const unsigned char *steps, uint64_t col, unsigned char *ret)
{
    uint16_t half;
    float x;

    q8_floats_read(&x, codes->dtype, steps + col / codes->group * q8_dtype_size(codes->dtype), 1);
    x = (float)code * x;
    x = codes->absmax ? x * 0.007874015718698502f : x;
    half = t->dtype == Q8_F16 ? q8_float_to_half(x) : q8_float_to_bf16(x);
    if (t->dtype == Q8_F32)
        memcpy(ret, &x, sizeof x);
    else
        memcpy(ret, &half, sizeof half);
}

/* Every code times its step against the library's floats; 1 where it is such a weight. */
static unsigned check_codes(struct scratch *s, const char *file, const struct q8_tensor *t)
{
    static unsigned char whole[MOST], steps[MOST], one[sizeof(float)];
    static int8_t list[MOST];
    const uint64_t size = q8_dtype_size(t->dtype);
    struct q8_codes codes;

    if (!q8_coded_codes(t->coded, &codes))
        return 0;
    assert_true(q8_model_read(&s->model, t, 0, whole, t->nbytes, &s->err));
    assert_true(q8_coded_read_codes(t->coded, 0, t->dim[0], list, &s->err));
    for (uint64_t row = 0; row < t->dim[0]; row++) {
        assert_true(q8_coded_read_steps(t->coded, row, steps, &s->err));
        for (uint64_t col = 0; col < t->dim[1]; col++) {
            const uint64_t i = row * t->dim[1] + col;

            multiply(t, &codes, list[i], steps, col, one);
            if (list[i] == 0) /* -0 in FP4 */
                whole[(i + 1) * size - 1] &= 0x7f;
            if (!same(t->dtype, one, whole + i * size))
                fail_msg("%s: %s: [%llu, %llu] is not code %d times its step", file, t->name,
                         (unsigned long long)row, (unsigned long long)col, list[i]);
        }
    }
    return 1;
}

static void codes_times_steps_are_the_floats(void **state)
{
    static const struct {
        const char *file;
        unsigned weights; /* without zeros and orders, and no experts in one */
    } cases[] = {{"coded-packed.safetensors", 4},    {"coded-int8.safetensors", 9},
                 {"coded-llm-int8.safetensors", 1},  {"coded-fp4.safetensors", 2},
                 {"coded-fp8-block.safetensors", 0}, {"coded-ordered.safetensors", 2}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scratch s;
        unsigned weights = 0;

        make(&s, cases[i].file, Q8_DECODE_ALL, Q8_ISA_ref);
        for (uint64_t k = 0; k < s.model.index.count; k++)
            if (s.model.index.tensor[k].coded)
                weights += check_codes(&s, cases[i].file, &s.model.index.tensor[k]);
        if (weights != cases[i].weights)
            fail_msg("%s: %u such weights", cases[i].file, weights);
        scratch_close(&s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coded_weights_are_what_their_libraries_make),
        cmocka_unit_test(codes_times_steps_are_the_floats),
    };

    assert(argc == 2);
    testdata = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
