/* test_coded_bad.c - quantized weights whose parts do not fit: refused in one clear line */
#include "src/model/coded/decode.h"
#include "src/model/foreign.h"
#include "tests/unit/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

#define CONFIG(text) "{\"quantization_config\": {" text "}}"
#define CT CONFIG("\"quant_method\": \"compressed-tensors\"")
#define CT_BITS(bits)                                                                              \
    CONFIG("\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"g\": {\"weights\": {"  \
           "\"num_bits\": " #bits ", \"type\": \"int\"}}}")
#define FP8 CONFIG("\"quant_method\": \"fp8\", \"weight_block_size\": [4, 8]")
#define GPTQ(more) CONFIG("\"quant_method\": \"gptq\"" more)
#define AWQ(more) CONFIG("\"quant_method\": \"awq\"" more)

/* A tensor of zeros, or of what `data` has. */
#define ZEROS(name, dtype, shape, n)                                                               \
    {                                                                                              \
        name, dtype, shape, zeros, n                                                               \
    }

static const unsigned char zeros[1024];
static const int64_t shape[2] = {4, 64}, tall[2] = {5, 64}, huge[2] = {4, INT64_MAX},
                     odd[2] = {4, 65};
static const int64_t minus[2] = {4, -64}, small[2] = {4, 3};
static const int32_t order[64] = {[5] = 1}, beyond[64] = {[9] = 2}, below[64] = {[9] = -7};
static const int32_t unset[64] = {[0] = -1};
static const float one[1] = {1}, no_number[1] = {NAN}, none[1] = {0};
static const uint8_t column[1] = {1};
static const float doubled[16] = {-2};

#define STATE(text)                                                                                \
    {                                                                                              \
        "m.weight.quant_state.bitsandbytes__nf4", "U8", NULL, text, sizeof(text) - 1               \
    }
#define JSON(shape)                                                                                \
    "{\"quant_type\": \"nf4\", \"blocksize\": 64, \"dtype\": \"bfloat16\", \"shape\": " shape "}"

#define PACKED ZEROS("m.weight_packed", "I32", "[4, 8]", 128)
#define SCALE ZEROS("m.weight_scale", "BF16", "[4, 2]", 16)
#define SHAPE(data) SCRATCH("m.weight_shape", "I64", "[2]", data)
#define NF4 ZEROS("m.weight", "U8", "[128, 1]", 128)
#define ABSMAX(n) ZEROS("m.weight.absmax", "F32", "[" #n "]", 4 * (n))
#define QWEIGHT ZEROS("m.qweight", "I32", "[8, 8]", 256)
#define QZEROS ZEROS("m.qzeros", "I32", "[2, 1]", 8)
#define QSCALES ZEROS("m.scales", "F16", "[2, 8]", 32)

/* What q8_model_decode says, and where it says nothing, whether the model is a float one. */
static enum q8_code ask(const char *config, const struct scratch_tensor *t, char text[1024])
{
    const struct q8_decode_options options = {Q8_DECODE_ALL, Q8_DTYPES, Q8_ISA_ref};
    struct scratch_tensor made[6];
    char sizes[6][32];
    struct scratch s;
    enum q8_code ret;
    size_t count = 0;

    for (; count < COUNT(made) && t[count].name; count++) {
        made[count] = t[count];
        (void)snprintf(sizes[count], sizeof sizes[count], "[%d]", (int)t[count].bytes);
        if (!made[count].shape)
            made[count].shape = sizes[count];
    }
    scratch_make(&s, config, made, count);
    assert_true(scratch_open(&s));
    assert_true((q8_model_decode(&s.model, &options, &s.mem, &s.err) &&
                 q8_model_is_float(&s.model, &s.err)) == (s.err.code == Q8_OK));
    ret = (enum q8_code)s.err.code;
    memcpy(text, s.err.text, sizeof s.err.text);
    scratch_close(&s);
    return ret;
}

static const struct {
    const char *config;
    struct scratch_tensor t[6];
    enum q8_code code;
    const char *text; /* what the message has; that of Q8_OK is empty */
} cases[] = {
    /* compressed-tensors, packed */
    {CT, {PACKED, SCALE, SHAPE(shape)}, Q8_OK, ""},
    {CT, {PACKED, SCALE}, Q8_EUNSUPPORTED, "tensor 'm.weight_packed' (I32) says so; q8 reads no"},
    {CT,
     {PACKED, SHAPE(shape)},
     Q8_EUNSUPPORTED,
     "would have '.weight_packed' I32, '.weight_scale' F16 or BF16 or F32, '.weight_shape' I32 or "
     "I64: is the checkpoint whole?"},
    {FP8,
     {ZEROS("m.weight", "F8_E4M3", "[4, 8]", 32), ZEROS("m.weight_scale_inv", "F64", "[1, 1]", 8)},
     Q8_EUNSUPPORTED,
     "tensor 'm.weight_scale_inv' (F64) says so; q8 reads no weight that it is a part of, which "
     "would have '.weight' F8_E5M2 or F8_E4M3, '.weight_scale_inv' "},
    {GPTQ(""),
     {QWEIGHT, QSCALES},
     Q8_EUNSUPPORTED,
     "would have '.qweight' I32, '.scales' F16 or BF16 or F32, '.qzeros' I32"},
    {FP8,
     {ZEROS("m.weight", "F8_E4M3", "[4, 8]", 32)},
     Q8_EUNSUPPORTED,
     "beside it ('.weight_scale_inv', '.weight_scale', '.scale', '.qscale_weight', of their "
     "types)"},
    {CT,
     {PACKED, SCALE, SHAPE(tall)},
     Q8_EINPUT,
     "I32 [4, 8]: expected [rows, words] with the rows"},
    {CT, {PACKED, SCALE, SHAPE(huge)}, Q8_EINPUT, "no size from 1 to 8 bits"},
    {CT, {PACKED, SCALE, SHAPE(minus)}, Q8_EINPUT, "expected [rows, words]"},
    {CT,
     {PACKED, SCALE, SHAPE(odd)},
     Q8_EINPUT,
     "weight_shape is [4, 65], for which rows of 8 words"},
    {CT_BITS(8), {PACKED, SCALE, SHAPE(shape)}, Q8_EINPUT, "that config.json allows"},
    {CT,
     {ZEROS("m.weight_packed", "I32", "[4, 1]", 16), ZEROS("m.weight_scale", "BF16", "[4, 1]", 8),
      SHAPE(small)},
     Q8_EUNSUPPORTED,
     "several sizes: config.json does not say which"},
    {CT_BITS(4),
     {ZEROS("m.weight_packed", "I32", "[4, 1]", 16), ZEROS("m.weight_scale", "BF16", "[4, 1]", 8),
      SHAPE(small)},
     Q8_OK,
     ""},
    {CT, {PACKED, SCALE, ZEROS("m.weight_shape", "I64", "[1]", 8)}, Q8_EINPUT, "expected [2]"},
    {CT,
     {PACKED, SHAPE(shape), ZEROS("m.weight_scale", "BF16", "[4, 3]", 24)},
     Q8_EINPUT,
     "'.weight_scale' is BF16 [4, 3] for a weight of [4, 64]: expected one, one for each row"},
    {CT,
     {PACKED, SHAPE(shape), ZEROS("m.weight_scale", "BF16", "[2, 4]", 16)},
     Q8_EINPUT,
     "[2, 4] for a weight"},
    {CT, {PACKED, SHAPE(shape), ZEROS("m.weight_scale", "BF16", "[0]", 0)}, Q8_EINPUT, "BF16 [0]"},
    {CT, {ZEROS("m.weight_packed", "I32", "[0, 8]", 0), SCALE, SHAPE(shape)}, Q8_EINPUT, "[0, 8]"},
    {CT,
     {PACKED, SCALE, SHAPE(shape), ZEROS("m.weight_zero_point", "I32", "[1, 2]", 8)},
     Q8_OK,
     ""},
    {CT,
     {PACKED, SCALE, SHAPE(shape), ZEROS("m.weight_zero_point", "I32", "[2, 2]", 16)},
     Q8_EINPUT,
     "packed down the rows"},
    {CT,
     {PACKED, SCALE, SHAPE(shape), ZEROS("m.weight_zero_point", "I8", "[4, 1]", 4)},
     Q8_EINPUT,
     "'.weight_zero_point' is I8 [4, 1] for a weight of [4, 64]: expected one for each scale"},
    {CT,
     {PACKED, SCALE, SHAPE(shape), ZEROS("m.weight_zero_point", "F32", "[4, 2]", 32)},
     Q8_EINPUT,
     "F32 [4, 2]: expected I8 or I32"},
    {CT, {PACKED, SCALE, SHAPE(shape), SCRATCH("m.weight_g_idx", "I32", "[64]", order)}, Q8_OK, ""},
    {CT,
     {PACKED, SCALE, SHAPE(shape), SCRATCH("m.weight_g_idx", "I32", "[64]", beyond)},
     Q8_EINPUT,
     "has group 2 for column 9, but the scales have 2 groups"},
    {CT,
     {PACKED, SCALE, SHAPE(shape), SCRATCH("m.weight_g_idx", "I32", "[64]", below)},
     Q8_EINPUT,
     "has group -7 for column 9"},
    {CT,
     {PACKED, SCALE, SHAPE(shape), SCRATCH("m.weight_g_idx", "I32", "[64]", unset)},
     Q8_EINPUT,
     "has no group for 1 of 64 columns"},
    {CT,
     {PACKED, SCALE, SHAPE(shape), ZEROS("m.weight_g_idx", "I32", "[63]", 252)},
     Q8_EINPUT,
     "expected one group for each column"},
    {CT,
     {PACKED, SCALE, SHAPE(shape), ZEROS("m.weight", "BF16", "[4, 64]", 512)},
     Q8_EINPUT,
     "'m.weight' is there twice"},
    /* whole bytes */
    {CT, {ZEROS("m.weight", "I8", "[4, 64]", 256), SCALE}, Q8_OK, ""},
    {CT, {ZEROS("m.weight", "I8", "[4, 64]", 256)}, Q8_EUNSUPPORTED, "no scales that q8 knows"},
    {CT,
     {ZEROS("m.weight", "I8", "[64]", 64), ZEROS("m.weight_scale", "F32", "[1]", 4)},
     Q8_EINPUT,
     "expected two dimensions"},
    {CT,
     {ZEROS("m.weight", "I8", "[4, 64]", 256), SCALE,
      ZEROS("m.weight_zero_point", "I8", "[2, 4]", 8)},
     Q8_EINPUT,
     "one for each scale"},
    {CT,
     {ZEROS("m.weight", "I8", "[4, 64]", 256), ZEROS("m.SCB", "F32", "[3]", 12)},
     Q8_EINPUT,
     "'.SCB' is F32 [3] for a weight of [4, 64]: expected one for each row"},
    {CT,
     {ZEROS("m.weight", "I8", "[4, 64]", 256), ZEROS("m.SCB", "F32", "[4]", 16),
      SCRATCH("m.weight_format", "U8", "[]", column)},
     Q8_EUNSUPPORTED,
     "in the order 1 of an old bitsandbytes"},
    /* FP8 */
    {FP8,
     {ZEROS("m.weight", "F8_E4M3", "[4, 64]", 256),
      ZEROS("m.weight_scale_inv", "F32", "[1, 8]", 32)},
     Q8_OK,
     ""},
    {FP8,
     {ZEROS("m.weight", "F8_E4M3", "[4, 64]", 256),
      ZEROS("m.weight_scale_inv", "F32", "[8, 1]", 32)},
     Q8_EINPUT,
     "or [1, 8] for blocks of 4 x 8"},
    {FP8,
     {ZEROS("m.weight", "F8_E4M3", "[4, 64]", 256)},
     Q8_EUNSUPPORTED,
     "tensor 'm.weight' (F8_E4M3) says so; no scales"},
    {CONFIG("\"quant_method\": \"fp8\", \"weight_block_size\": [4, 0]"),
     {ZEROS("m.weight", "F8_E4M3", "[4, 64]", 256)},
     Q8_EINPUT,
     "weight_block_size is not [rows, columns]"},
    /* FP4 */
    {CT,
     {ZEROS("m.weight_packed", "U8", "[4, 24]", 96), ZEROS("m.weight_scale", "U8", "[4, 1]", 4)},
     Q8_EINPUT,
     "one for each 32 columns"},
    {CT,
     {ZEROS("m.weight_packed", "U8", "[4, 24]", 96),
      ZEROS("m.weight_scale", "F8_E4M3", "[4, 3]", 12),
      SCRATCH("m.weight_global_scale", "F32", "[1]", one)},
     Q8_OK,
     ""},
    {CT,
     {ZEROS("m.weight_packed", "U8", "[4, 24]", 96),
      ZEROS("m.weight_scale", "F8_E4M3", "[4, 2]", 8),
      SCRATCH("m.weight_global_scale", "F32", "[1]", one)},
     Q8_EINPUT,
     "one for each 16 columns"},
    {CT,
     {ZEROS("m.weight_packed", "U8", "[4, 24]", 96),
      ZEROS("m.weight_scale", "F8_E4M3", "[4, 3]", 12),
      SCRATCH("m.weight_global_scale", "F32", "[1]", none)},
     Q8_EINPUT,
     "'.weight_global_scale' is 0: expected a number above 0"},
    {CT,
     {ZEROS("m.weight_packed", "U8", "[4, 24]", 96),
      ZEROS("m.weight_scale", "F8_E4M3", "[4, 3]", 12),
      SCRATCH("m.weight_global_scale", "F32", "[1]", no_number)},
     Q8_EINPUT,
     "is nan"},
    {CONFIG("\"quant_method\": \"mxfp4\""),
     {ZEROS("e_blocks", "U8", "[1, 4, 2, 16]", 128), ZEROS("e_scales", "U8", "[1, 4, 3]", 12)},
     Q8_EINPUT,
     "as many as there are blocks"},
    /* NF4 */
    {NULL,
     {NF4, ABSMAX(4), SCRATCH("m.weight.quant_map", "F32", "[16]", doubled),
      STATE(JSON("[4, 64]"))},
     Q8_EUNSUPPORTED,
     "code 0 is -2 in its '.weight.quant_map', and -1 to bitsandbytes"},
    {NULL,
     {NF4, ABSMAX(4), ZEROS("m.weight.quant_map", "F32", "[15]", 60), STATE(JSON("[4, 64]"))},
     Q8_EINPUT,
     "expected 16 elements"},
    {NULL,
     {NF4, ABSMAX(4), ZEROS("m.weight.quant_map", "F32", "[16]", 64), STATE(JSON("[4, 65]"))},
     Q8_EINPUT,
     "expected two elements in a byte"},
    {NULL,
     {NF4, ABSMAX(4), ZEROS("m.weight.quant_map", "F32", "[16]", 64), STATE(JSON("[4, 64, 1]"))},
     Q8_EINPUT,
     "has no \"shape\" that q8 reads"},
    {NULL,
     {NF4, ABSMAX(4), ZEROS("m.weight.quant_map", "F32", "[16]", 64),
      STATE(JSON("[9007199254740991, 9007199254740991]"))},
     Q8_EINPUT,
     "expected two elements in a byte"},
    {NULL,
     {NF4, ABSMAX(4), ZEROS("m.weight.quant_map", "F32", "[16]", 64), STATE("{\"dtype\": 1}")},
     Q8_EINPUT,
     "has no \"dtype\" that q8 reads"},
    {NULL,
     {NF4, ABSMAX(4), ZEROS("m.weight.quant_map", "F32", "[16]", 64), STATE("nothing")},
     Q8_EINPUT,
     "tensor 'm.weight' (NF4)"},
    {NULL,
     {NF4, ZEROS("m.weight.absmax", "U8", "[4]", 4), ZEROS("m.weight.quant_map", "F32", "[16]", 64),
      STATE(JSON("[4, 64]"))},
     Q8_EINPUT,
     "'.weight.nested_absmax' is not there"},
    {NULL,
     {NF4, ABSMAX(4), ZEROS("m.weight.quant_map", "F32", "[16]", 64)},
     Q8_EUNSUPPORTED,
     "bitsandbytes with 4 bits"},
    /* GPTQ and AWQ */
    {GPTQ(""), {QWEIGHT, QZEROS, QSCALES}, Q8_OK, ""},
    {NULL, {QWEIGHT, QZEROS, QSCALES}, Q8_EUNSUPPORTED, "q8 reads it by a quantization_config"},
    {GPTQ(""), {QWEIGHT, QSCALES}, Q8_EUNSUPPORTED, "tensor 'm.qweight' (I32) says so"},
    {GPTQ(", \"checkpoint_format\": \"marlin\""),
     {QWEIGHT, QZEROS, QSCALES},
     Q8_EUNSUPPORTED,
     "checkpoint_format is marlin, of which q8 reads gptq and gptq_v2: dequantize it"},
    {GPTQ(""),
     {QWEIGHT, QSCALES, ZEROS("m.qzeros", "I32", "[2, 3]", 24)},
     Q8_EINPUT,
     "'.qzeros' is I32 [2, 3]"},
    {GPTQ(""),
     {QWEIGHT, QSCALES, ZEROS("m.qzeros", "I32", "[3, 1]", 12)},
     Q8_EINPUT,
     "one for each scale"},
    {GPTQ(""),
     {ZEROS("m.qweight", "I32", "[2, 32]", 256), ZEROS("m.qzeros", "I32", "[1, 3]", 12),
      ZEROS("m.scales", "F16", "[1, 32]", 64)},
     Q8_EUNSUPPORTED,
     "its codes have 3 bits, of which q8 reads 4 and 8"},
    {GPTQ(""),
     {QWEIGHT, QZEROS, ZEROS("m.scales", "F16", "[2, 4]", 16)},
     Q8_EINPUT,
     "as many rows as there are scales"},
    {GPTQ(""),
     {QWEIGHT, ZEROS("m.qzeros", "I32", "[3, 1]", 12), ZEROS("m.scales", "F16", "[3, 8]", 48)},
     Q8_EINPUT,
     "groups of equal size"},
    {GPTQ(""),
     {QWEIGHT, QZEROS, QSCALES, SCRATCH("m.g_idx", "I32", "[64]", beyond)},
     Q8_EINPUT,
     "'.g_idx' has group 2 for column 9"},
    {GPTQ(""),
     {QWEIGHT, QZEROS, QSCALES, SCRATCH("m.g_idx", "I64", "[2]", shape)},
     Q8_EINPUT,
     "'.g_idx' is I64 [2]: expected I32"},
    {AWQ(", \"version\": \"gemv\""),
     {QWEIGHT, QZEROS, QSCALES},
     Q8_EUNSUPPORTED,
     "version is gemv"},
    {AWQ(", \"bits\": 3"), {QWEIGHT, QZEROS, QSCALES}, Q8_EUNSUPPORTED, "have 3 bits"},
    {AWQ(""), {QWEIGHT, QZEROS, QSCALES}, Q8_EINPUT, "as many rows as there are scales"},
    {CONFIG("\"quant_method\": \"torchao\""),
     {ZEROS("m._weight_qdata", "I8", "[4, 64]", 256), ZEROS("m._weight_scale", "F32", "[4, 1]", 16),
      ZEROS("m._weight_act_pre_scale", "F32", "[64]", 256)},
     Q8_EUNSUPPORTED,
     "there is a '._weight_act_pre_scale' beside it"},
    /* what config.json says of floats, and methods that q8 does not read */
    {FP8,
     {ZEROS("m.weight", "BF16", "[4, 64]", 512)},
     Q8_EUNSUPPORTED,
     "by fp8: quantization_config in config.json says so; q8 found no weight in its files that is"},
    {CONFIG("\"quant_method\": \"hqq\""),
     {ZEROS("m.weight", "BF16", "[4, 64]", 512)},
     Q8_EUNSUPPORTED,
     "by hqq: quantization_config in config.json says so; q8 does not read that: dequantize it"},
};

static void coded_parts_that_do_not_fit_are_refused(void **state)
{
    char text[1024];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const enum q8_code code = ask(cases[i].config, cases[i].t, text);

        if (code != cases[i].code || !strstr(text, cases[i].text))
            fail_msg("case %zu ('%s'): exit %d: %s", i, cases[i].text, (int)code, text);
        assert_null(strchr(text, '\n'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coded_parts_that_do_not_fit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
