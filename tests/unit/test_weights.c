/* test_weights.c - the weights of a checkpoint by module, and whether heads are tied */
#include "src/model/weights.h"

#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define MOE                                                                                        \
    "\"architectures\": [\"Qwen3VLMoeForConditionalGeneration\"], \"model_type\": "                \
    "\"qwen3_vl_moe\""
#define EXPERTS "model.layers.0.mlp.experts"

static const float floats[256];

/* 11 experts of 2 x 3: gate_up [11, 4, 3], down [11, 3, 2]. */
#define FUSED(gate_up_shape, down_shape)                                                           \
    {EXPERTS ".down_proj", "F32", down_shape, floats, 264},                                        \
    {                                                                                              \
        EXPERTS ".gate_up_proj", "F32", gate_up_shape, floats, 528                                 \
    }

static void find(struct scratch *s, struct q8_weight_list *list, const char *config,
                 const struct scratch_tensor *tensor, size_t count)
{
    struct q8_arch arch;

    scratch_make(s, config, tensor, count);
    assert_true(scratch_open(s));
    q8_model_arch(&arch, &s->model);
    assert_true(q8_weights_find(list, &s->model, &arch, &s->mem, &s->err));
}

static void weights_come_by_module_and_by_tensor(void **state)
{
    /* by tensor "a-b.weight" is the first, by module "a" is */
    static const struct scratch_tensor tensor[] = {
        {"a-b.weight", "F32", "[1, 2]", floats, 8}, {"a.bias", "F32", "[2]", floats, 8},
        {"a.weight", "I8", "[2, 3]", floats, 6},    {"embed.weight", "F32", "[4, 3]", floats, 48},
        {"norm.weight", "F32", "[3]", floats, 12},  {"plain", "F32", "[2, 2]", floats, 16}};
    static const char *const names[] = {"a", "a-b", "embed"};
    struct q8_weight_list list;
    uint64_t count;
    struct scratch s;

    (void)state;
    find(&s, &list, NULL, tensor, COUNT(tensor));
    assert_int_equal(list.count, 3);
    for (int i = 0; i < 3; i++) {
        const struct q8_weight *w = q8_weights_find_module(&list, names[i]);

        assert_ptr_equal(w, &list.weight[i]);
        assert_string_equal(w->module, names[i]);
        assert_ptr_equal(*q8_weights_of(&list, w->view.tensor, &count), w);
        assert_int_equal(count, 1);
        assert_null(w->fused);
        assert_null(w->view.stored);
    }
    assert_string_equal(list.by_tensor[0]->module, "a-b");
    assert_int_equal(list.weight[0].view.rows, 2);
    assert_int_equal(list.weight[0].view.cols, 3);
    assert_int_equal(list.weight[2].kind, Q8_KIND_EMBEDDING);
    assert_null(q8_weights_find_module(&list, "norm"));
    (void)q8_weights_of(&list, q8_index_find(&s.model.index, "plain"), &count);
    assert_int_equal(count, 0);
    assert_int_equal(list.parameters, 2 + 2 + 6 + 12 + 3 + 4);
    assert_int_equal(list.linear, 2 + 6);
    scratch_close(&s);
}

static void weights_of_a_conv1d_are_turned(void **state)
{
    static const struct scratch_tensor tensor[] = {
        {"h.0.attn.c_attn.weight", "F32", "[2, 6]", floats, 48}};
    struct q8_weight_list list;
    struct scratch s;

    (void)state;
    find(&s, &list, "{\"architectures\": [\"GPT2LMHeadModel\"], \"model_type\": \"gpt2\"}", tensor,
         1);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.weight->kind, Q8_KIND_CONV1D);
    assert_true(list.weight->view.transpose);
    assert_int_equal(list.weight->view.rows, 6);
    assert_int_equal(list.weight->view.cols, 2);
    scratch_close(&s);
}

/* torch 2.15, nn/modules/activation.py: F.multi_head_attention_forward gets out_proj.weight */
static void weights_beside_bare_projections_are_bypassed(void **state)
{
    static const struct scratch_tensor tensor[] = {
        {"a.in_proj_weight", "F32", "[6, 2]", floats, 48},
        {"a.out_proj.weight", "F32", "[2, 2]", floats, 16},
        {"b.out_proj.weight", "F32", "[2, 2]", floats, 16},
        {"b.q_proj_weight", "F32", "[2, 2]", floats, 16},
        {"c.in_proj.weight", "F32", "[6, 2]", floats, 48},
        {"c.out_proj.weight", "F32", "[2, 2]", floats, 16},
        {"in_proj_weight", "F32", "[6, 2]", floats, 48},
        {"out_proj.weight", "F32", "[2, 2]", floats, 16},
        {"xout_proj.weight", "F32", "[2, 2]", floats, 16}};
    static const struct {
        const char *module;
        bool bypassed;
    } rows[] = {{"a.out_proj", true},
                {"b.out_proj", true},
                {"c.out_proj", false},
                {"out_proj", true},
                {"xout_proj", false}};
    struct q8_weight_list list;
    struct scratch s;

    (void)state;
    find(&s, &list, NULL, tensor, COUNT(tensor));
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(q8_weights_find_module(&list, rows[i].module)->kind == Q8_KIND_BYPASSED,
                         rows[i].bypassed);
    scratch_close(&s);
}

static void weights_of_fused_experts_are_slices(void **state)
{
    static const struct scratch_tensor tensor[] = {FUSED("[11, 4, 3]", "[11, 3, 2]")};
    struct q8_weight_list list;
    const struct q8_weight *const *of, *w;
    uint64_t count;
    struct scratch s;

    (void)state;
    find(&s, &list, "{" MOE "}", tensor, COUNT(tensor));
    assert_int_equal(list.count, 33);
    w = q8_weights_find_module(&list, EXPERTS ".10.up_proj");
    assert_non_null(w);
    assert_int_equal(w->kind, Q8_KIND_EXPERT);
    assert_non_null(w->fused);
    assert_int_equal(w->view.first, 10 * 12 + 6); /* ten experts of 12, and the gate of this one */
    assert_int_equal(w->view.rows, 2);
    assert_int_equal(w->view.cols, 3);
    of = q8_weights_of(&list, w->view.tensor, &count);
    w = q8_weights_find_module(&list, EXPERTS ".2.up_proj");
    assert_true(w && w->view.first == 2 * 12 + 6);
    assert_int_equal(count, 22);
    for (uint64_t i = 0; i < count; i++) /* in the order of their rows, 9 before 10 */
        assert_int_equal(of[i]->view.first, i * 6);
    w = q8_weights_find_module(&list, EXPERTS ".2.down_proj");
    assert_true(w && w->view.first == 12 && w->view.rows == 3 && w->view.cols == 2);
    assert_int_equal(list.linear, 132 + 66);
    scratch_close(&s);
}

static void weights_of_experts_whose_shapes_do_not_bear_it_out_are_none(void **state)
{
    static const struct scratch_tensor turned[] = {FUSED("[11, 3, 4]", "[11, 2, 3]")};
    static const struct scratch_tensor wide[] = {
        {EXPERTS ".down_proj", "F32", "[11, 3, 3]", floats, 396},
        {EXPERTS ".gate_up_proj", "F32", "[11, 4, 3]", floats, 528}};
    static const struct scratch_tensor whole[] = {FUSED("[11, 4, 3]", "[11, 3, 2]")};
    const struct {
        const char *config;
        const struct scratch_tensor *tensor;
        size_t count, linear; /* they are multiplied all the same */
    } cases[] = {{"{" MOE "}", turned, 2, 198},
                 {"{" MOE "}", wide, 2, 231},
                 {"{" MOE "}", whole, 1, 66}, /* the other of the pair is missing */
                 {"{\"model_type\": \"gpt_oss\"}", whole, 2, 198}}; /* another layout */
    struct q8_weight_list list;
    struct scratch s;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        find(&s, &list, cases[i].config, cases[i].tensor, cases[i].count);
        assert_int_equal(list.count, 0);
        assert_int_equal(list.linear, cases[i].linear);
        scratch_close(&s);
    }
}

static void weights_of_one_module_are_one(void **state)
{
    static const struct scratch_tensor tensor[] = {
        FUSED("[11, 4, 3]", "[11, 3, 2]"),
        {EXPERTS ".3.up_proj.weight", "F32", "[2, 9]", floats, 72}};
    struct q8_weight_list list = {.count = 99};
    struct q8_arch arch;
    struct scratch s;

    (void)state;
    scratch_make(&s, "{" MOE "}", tensor, COUNT(tensor));
    assert_true(scratch_open(&s));
    q8_model_arch(&arch, &s.model);
    assert_false(q8_weights_find(&list, &s.model, &arch, &s.mem, &s.err));
    assert_int_equal(s.err.code, Q8_EINPUT);
    assert_non_null(strstr(s.err.text, "'" EXPERTS ".3.up_proj' has two weights, one in '" EXPERTS
                                       ".3.up_proj.weight' and one in '" EXPERTS ".gate_up_proj'"));
    assert_int_equal(list.count, 99);
    scratch_close(&s);
}

/* 30,000 weights of one element: their names alone take twenty times their bytes. */
static void weights_are_in_proportion_to_the_model(void **state)
{
    static const unsigned char bytes[40000];
    static const struct scratch_tensor tensor[] = {
        {EXPERTS ".down_proj", "F16", "[10000, 1, 1]", bytes, 20000},
        {EXPERTS ".gate_up_proj", "F16", "[10000, 2, 1]", bytes, 40000}};
    struct q8_weight_list list = {.count = 99};
    struct q8_arch arch;
    struct scratch s;

    (void)state;
    scratch_make(&s, "{" MOE "}", tensor, COUNT(tensor));
    assert_true(scratch_open(&s));
    q8_model_arch(&arch, &s.model);
    assert_false(q8_weights_find(&list, &s.model, &arch, &s.mem, &s.err));
    assert_int_equal(s.err.code, Q8_ELIMIT);
    assert_non_null(strstr(s.err.text, " weights that a model of 6"));
    assert_int_equal(list.count, 99);
    scratch_close(&s);
}

static void tied_is_what_root_or_language_model_say(void **state)
{
    static const struct {
        const char *config;
        enum q8_tied tied;
    } cases[] = {
        {"{}", Q8_TIED_BLANK},
        {"{\"tie_word_embeddings\": true}", Q8_TIED},
        {"{\"tie_word_embeddings\": false}", Q8_UNTIED},
        {"{\"text_config\": {\"tie_word_embeddings\": true}}", Q8_TIED},
        {"{\"tie_word_embeddings\": false, \"text_config\": {\"tie_word_embeddings\": true}}",
         Q8_TIED},
        {"{\"decoder\": {\"tie_word_embeddings\": false}}", Q8_UNTIED},
        {"{\"tie_word_embeddings\": false, \"vision_config\": {\"tie_word_embeddings\": true}}",
         Q8_UNTIED},
        {"{\"vision_config\": {\"tie_word_embeddings\": true}}", Q8_TIED_BLANK},
    };
    static const struct scratch_tensor tensor[] = {{"x", "F32", "[1]", floats, 4}};
    struct scratch s;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        scratch_make(&s, cases[i].config, tensor, 1);
        assert_true(scratch_open(&s));
        assert_int_equal(q8_model_tied(&s.model), cases[i].tied);
        scratch_close(&s);
    }
}

static void tied_head_is_one_of_the_class(void **state)
{
    static const struct scratch_tensor tensor[] = {{"x", "F32", "[1]", floats, 4}};
    struct q8_arch arch;
    struct scratch s;

    (void)state;
    scratch_make(&s, "{" MOE ", \"tie_word_embeddings\": true}", tensor, 1);
    assert_true(scratch_open(&s));
    q8_model_arch(&arch, &s.model);
    assert_string_equal(arch.model_type, "qwen3_vl_moe");
    assert_true(q8_weight_is_tied(&s.model, &arch, "lm_head"));
    assert_false(q8_weight_is_tied(&s.model, &arch, "score"));
    scratch_close(&s);
}

/* As nested_tie of the public reports: the class, the part or the root says it; or nobody. */
static void tied_head_goes_by_config_then_class_then_bytes(void **state)
{
    static const float other[4] = {1};
    static const struct {
        const char *config;
        bool same, tied; /* the bytes of head and embedding; the answer */
    } cases[] = {
        {"\"architectures\": [\"Gemma2ForCausalLM\"], \"model_type\": \"gemma2\"", true, true},
        {"\"architectures\": [\"Gemma2ForCausalLM\"], \"model_type\": \"gemma2\"", false, false},
        {"\"architectures\": [\"Gemma2ForCausalLM\"], \"model_type\": \"gemma2\", "
         "\"tie_word_embeddings\": false",
         true, false},
        {"\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\"", true, false},
        {"\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", "
         "\"tie_word_embeddings\": true",
         false, true},
        {"\"architectures\": [\"Mistral3ForConditionalGeneration\"], \"model_type\": \"mistral3\", "
         "\"text_config\": {\"tie_word_embeddings\": true}",
         false, true},
    };
    struct q8_arch arch;
    struct scratch s;
    char config[300];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct scratch_tensor tensor[] = {
            SCRATCH("model.embed_tokens.weight", "F32", "[2, 2]", other),
            {"lm_head.weight", "F32", "[2, 2]", cases[i].same ? other : floats, 16}};

        (void)snprintf(config, sizeof config, "{%s}", cases[i].config);
        scratch_make(&s, config, tensor, 2);
        assert_true(scratch_open(&s));
        q8_model_arch(&arch, &s.model);
        assert_true(q8_weight_is_tied(&s.model, &arch, "lm_head") == cases[i].tied);
        assert_true(q8_weight_is_tied(&s.model, &arch, "language_model.lm_head") ==
                    (cases[i].tied && strstr(config, "\"tie_word_embeddings\": true")));
        assert_false(q8_weight_is_tied(&s.model, &arch, "model.other_lm_head"));
        scratch_close(&s);
    }
}

static void path_layer_is_the_first_number(void **state)
{
    static const struct {
        const char *path, *role;
        uint64_t layer;
    } cases[] = {
        {"a.3.b", "b", 3},
        {"model.layers.12.self_attn.q_proj", "self_attn.q_proj", 12},
        {"model.layers.3.mlp.experts.7.w1", "mlp.experts.7.w1", 3},
        {"3.b", "b", 3},
        {"blocks.007", "", 7},
        {"model.norm", "model.norm", UINT64_MAX},
        {"a.b2.c", "a.b2.c", UINT64_MAX},
        {"a.-1.c", "a.-1.c", UINT64_MAX},
        {"a.18446744073709551614.c", "c", UINT64_MAX - 1},
        {"a.18446744073709551615.c", "a.18446744073709551615.c", UINT64_MAX},
        {"a.99999999999999999999.2.c", "c", 2},
        {"a..2", "", 2},
        {"", "", UINT64_MAX},
        {".", ".", UINT64_MAX},
    };
    const char *role;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(q8_path_layer(cases[i].path, &role), cases[i].layer);
        assert_string_equal(role, cases[i].role);
    }
}

static void weight_names_have_a_stem(void **state)
{
    (void)state;
    assert_int_equal(q8_weight_stem("a.b.weight"), 3);
    assert_int_equal(q8_weight_stem(".weight"), 0);
    assert_int_equal(q8_weight_stem("a.weight_scale"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_come_by_module_and_by_tensor),
        cmocka_unit_test(weights_of_a_conv1d_are_turned),
        cmocka_unit_test(weights_beside_bare_projections_are_bypassed),
        cmocka_unit_test(weights_of_fused_experts_are_slices),
        cmocka_unit_test(weights_of_experts_whose_shapes_do_not_bear_it_out_are_none),
        cmocka_unit_test(weights_of_one_module_are_one),
        cmocka_unit_test(weights_are_in_proportion_to_the_model),
        cmocka_unit_test(tied_is_what_root_or_language_model_say),
        cmocka_unit_test(tied_head_is_one_of_the_class),
        cmocka_unit_test(tied_head_goes_by_config_then_class_then_bytes),
        cmocka_unit_test(path_layer_is_the_first_number),
        cmocka_unit_test(weight_names_have_a_stem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
