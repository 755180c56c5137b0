/* test_plan_lists.c - lists of quantization_config, in the words of those who read them */
#include "src/convert/plan_make.h"

#include "src/convert/plan_parts.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define LLAMA "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\"}"
#define OTHER "{\"architectures\": [\"OwnForCausalLM\"], \"model_type\": \"own\"}"

static const float floats[256];

/* Puts words one after the other, with a space between. */
static void join(char *text, size_t size, const char *word)
{
    const size_t used = strlen(text);

    (void)snprintf(text + used, size - used, "%s%s", used ? " " : "", word);
}

/* A model of weights, patterns to skip, and what the lists are to be. */
struct row {
    const char *config, *target;
    const char *modules; /* words; '!' in front: skipped; '#': experts in one tensor */
    const char *use;     /* of ct-w8a16-g32, or NULL */
    const char *want;    /* the list of float modules, "null", or a phrase of the message */
    const char *names;   /* of the second group, or NULL */
};

static void check(const struct row *row)
{
    struct scratch_tensor tensor[16];
    char names[16][128], words[1024], found[2048] = "", group[1024] = "";
    struct q8_select select = {0};
    struct q8_plan_options options = {.target = q8_target_find(row->target), .select = &select};
    struct q8_plan plan;
    struct scratch s;
    size_t count = 0;
    char *rest = words;

    (void)snprintf(words, sizeof words, "%s", row->modules);
    for (char *word; (word = strsep(&rest, " "));) {
        const bool fused = *word == '#';

        (void)snprintf(names[count], sizeof *names, "%s%s", word + (*word == '!' || fused),
                       fused ? "" : ".weight");
        tensor[count] = (struct scratch_tensor)SCRATCH(names[count], "F32",
                                                       fused ? "[1, 4, 64]" : "[4, 64]", floats);
        count++;
    }
    scratch_make(&s, row->config, tensor, count);
    assert_true(scratch_open(&s));
    (void)snprintf(words, sizeof words, "%s", row->modules);
    rest = words;
    for (char *word; (word = strsep(&rest, " "));)
        if (*word == '!')
            assert_true(q8_select_add(&select, Q8_SKIP, word + 1, "--skip", &s.mem, &s.err));
    if (row->use)
        assert_true(q8_select_add(&select, Q8_USE, row->use, "--use", &s.mem, &s.err));
    if (!q8_plan_make(&plan, &s.model, &options, &s.mem, &s.err)) {
        assert_int_equal(s.err.code, Q8_EUNSUPPORTED);
        join(found, sizeof found, strstr(s.err.text, row->want) ? row->want : s.err.text);
    } else {
        for (uint64_t i = 0; i < plan.ignores && !plan.ignore_default; i++)
            join(found, sizeof found, plan.ignore[i]);
        for (uint64_t i = 0; plan.groups > 1 && i < plan.group[1].names; i++)
            join(group, sizeof group, plan.group[1].name[i]);
        if (plan.ignore_default)
            join(found, sizeof found, "null");
    }
    assert_string_equal(found, row->want);
    assert_string_equal(group, row->names ? row->names : "");
    scratch_close(&s);
}

#define CHECK(...) check(&(const struct row){__VA_ARGS__})

static void lists_are_null_where_the_default_says_the_same(void **state)
{
    (void)state;
    CHECK(LLAMA, "bnb-int8", "lm_head model.layers.0.mlp.up_proj", .want = "null");
    CHECK(LLAMA, "bnb-int8", "model.layers.0.mlp.up_proj", .want = "null"); /* a tied head */
    CHECK(OTHER, "bnb-int8", "lm_head model.layers.0.mlp.up_proj",
          .want = "classifier lm_head qa_outputs score");
    CHECK(LLAMA, "bnb-int8", "lm_head !model.layers.0.mlp.up_proj model.layers.1.mlp.up_proj",
          .want = "classifier lm_head model.layers.0.mlp.up_proj qa_outputs score");
    CHECK(LLAMA, "ct-w8a8", "lm_head model.layers.0.mlp.up_proj", .want = "lm_head");
    /* the last parameter of the class is a Linear, or not, with the number of layers */
    CHECK("{\"architectures\": [\"OlmoForCausalLM\"], \"model_type\": \"olmo\"}", "bnb-int8",
          "lm_head model.layers.0.mlp.up_proj", .want = "classifier lm_head qa_outputs score");
    CHECK("{\"architectures\": [\"T5ForConditionalGeneration\"], \"model_type\": \"t5\"}",
          "bnb-int8", "lm_head encoder.block.0.layer.1.DenseReluDense.wo encoder.block.0.q",
          .want = "null"); /* kept in fp32 by the class */
}

static void lists_have_one_entry_for_a_float_subtree(void **state)
{
    (void)state;
    /* a.1 starts a.10 */
    CHECK(OTHER, "bnb-int8", "model.a.0.x !model.a.1.x !model.a.1.y model.a.10.x !model.b.0.x",
          .want = "classifier lm_head model.a.1.x model.a.1.y model.b.0.x qa_outputs score");
    CHECK(OTHER, "bnb-int8", "model.a.0.x !model.a.1.x !model.a.1.y.z model.b.x",
          .want = "classifier lm_head model.a.1 qa_outputs score");
    CHECK(OTHER, "bnb-int8", "!tower.a.0.x !tower.a.1.x !tower.b model.b.x",
          .want = "classifier lm_head qa_outputs score tower");
    CHECK(OTHER, "ct-w8a8", "!tower.a.0.x !tower.a.1.x !tower.b model.b.x",
          .want = "lm_head tower.a.0.x tower.a.1.x tower.b");
    CHECK(LLAMA, "bnb-int8", "model.0.experts.0.x model.0.experts.1.x model.0.gate model.0.q",
          .want = "classifier lm_head model.0.experts model.0.gate qa_outputs score");
}

/* should_convert_module takes the tail of a name, check_equal_or_regex_match what follows a dot. */
static void lists_fence_what_would_match_an_int8_module(void **state)
{
    (void)state;
    CHECK(LLAMA, "bnb-int8", "lm_head model.my_lm_head model.up",
          .want = "^lm_head$ classifier qa_outputs score");
    CHECK(LLAMA, "ct-w8a8", "lm_head model.my_lm_head model.up", .want = "lm_head");
    CHECK(LLAMA, "ct-w8a8", "lm_head model.draft.down !down", .want = "lm_head re:^down$");
    CHECK(OTHER, "bnb-int8", "!mlp.up.a !mlp.up.b model.x.mlp.up.a model.mlp",
          .want = "^mlp classifier lm_head qa_outputs score");
    CHECK(OTHER, "ct-w8a16", "!a.b.c x.a.b.c x.d", .want = "lm_head re:^a\\.b\\.c$");
    CHECK(OTHER, "bnb-int8", "!a.b.c a_b.c x.d",
          .want = "^a\\.b\\.c$ classifier lm_head qa_outputs score"); /* a dot */
    CHECK(OTHER, "bnb-int8", "!a.b a.b.c x.d",
          .want = "^a\\.b$ classifier lm_head qa_outputs score");
    /* is_layer_skipped_bnb takes a part between dots */
    CHECK(OTHER, "bnb-int8", "!head a.head.b x.d",
          .want = "^head$ classifier lm_head qa_outputs score");
}

/* Names that are something else to the reader. */
static void lists_take_names_for_names(void **state)
{
    (void)state;
    CHECK(OTHER, "bnb-int8", "!a+b c", .want = "^a\\+b$ classifier lm_head qa_outputs score");
}

/* What the model has not, other classes put on it: not in the way of what it has. */
static void lists_have_heads_of_other_classes(void **state)
{
    (void)state;
    CHECK(OTHER, "bnb-int8", "score a.classifier x.0", .want = "lm_head qa_outputs score");
}

static void lists_have_fused_names_where_sglang_asks_for_them(void **state)
{
    (void)state;
    CHECK(OTHER, "bnb-int8", "!m.0.q_proj !m.0.k_proj !m.0.v_proj m.0.o_proj m.1.q_proj",
          .want =
              "classifier lm_head m.0.k_proj m.0.q_proj m.0.qkv_proj m.0.v_proj qa_outputs score");
    CHECK(OTHER, "bnb-int8", "!m.0.q_proj !m.0.k_proj m.0.v_proj m.0.o_proj",
          .want = "classifier lm_head m.0.k_proj m.0.q_proj qa_outputs score");
    CHECK(OTHER, "ct-w8a16", "m.0.q_proj m.0.k_proj m.0.v_proj m.1.q_proj", "ct-w8a16-g32=m.0.*",
          .want = "lm_head", .names = "m.0.k_proj m.0.q_proj m.0.qkv_proj m.0.v_proj");
    CHECK(OTHER, "ct-w8a16", "m.0.q_proj m.0.kv_a m.1.q_proj", "ct-w8a16-g32=m.0.*",
          .want = "lm_head", .names = "m.0.kv_a m.0.q_proj");
    CHECK(OTHER, "ct-w8a16", "m.0.gate_proj m.0.up_proj m.1.x", "ct-w8a16-g32=m.0.gate_proj",
          .want = "lm_head", .names = "m.0.gate_proj");
}

/* Their names in the file are none that a runtime asks for. */
static void lists_have_a_pattern_for_float_experts_in_one_tensor(void **state)
{
    (void)state;
    CHECK(OTHER, "ct-w8a8", "#m.0.experts.gate_up_proj #m.0.experts.down_proj m.0.up",
          .want = "lm_head re:.*\\.experts\\.[0-9]+\\..*");
    CHECK(OTHER, "bnb-int8", "#m.0.experts.gate_up_proj #m.0.experts.down_proj m.0.up",
          .want = "classifier lm_head qa_outputs score");
    CHECK(OTHER, "ct-w8a8", "#m.0.experts.down_proj m.1.experts.0.up", .want = "lm_head");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_null_where_the_default_says_the_same),
        cmocka_unit_test(lists_have_one_entry_for_a_float_subtree),
        cmocka_unit_test(lists_fence_what_would_match_an_int8_module),
        cmocka_unit_test(lists_take_names_for_names),
        cmocka_unit_test(lists_have_heads_of_other_classes),
        cmocka_unit_test(lists_have_fused_names_where_sglang_asks_for_them),
        cmocka_unit_test(lists_have_a_pattern_for_float_experts_in_one_tensor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
