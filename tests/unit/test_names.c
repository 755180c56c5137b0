/*
 * test_names.c - lists of module names; expected matches from the readers themselves, whose
 * functions src/model/names.h names: tests/oracle/judge_names.py asks them of many more
 */
#include "src/model/names_fused.h"

#include "src/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const char *const modules[] = {"model.layers.1.mlp.up_proj", "model.layers.12.mlp.up_proj",
                                      "lm_head", "model.layers.1.mlp.gate"};

/* A list that was read from JSON text. */
struct list {
    struct q8_arena mem;
    struct q8_err err;
    struct cJSON *json;
    struct q8_names names;
};

static void open_list(struct list *l, const char *text, enum q8_names_rule rule)
{
    *l = (struct list){0};
    q8_arena_init(&l->mem, 1 << 20);
    l->json = q8_json_parse(text, strlen(text), &l->err);
    if (!l->json || !q8_names_init(&l->names, l->json, rule, &l->mem, &l->err))
        fail_msg("%s", l->err.text);
}

static void close_list(struct list *l)
{
    q8_json_free(l->json);
    q8_arena_clear(&l->mem);
}

/* Lists of one entry. */
static const struct {
    enum q8_names_rule rule;
    const char *entry; /* as in JSON */
    bool want[COUNT(modules)];
} single[] = {
    {Q8_NAMES_TRANSFORMERS, "lm_head", {0, 0, 1, 0}},
    {Q8_NAMES_TRANSFORMERS, "head", {0, 0, 1, 0}},
    {Q8_NAMES_TRANSFORMERS, "model.layers.1", {1, 0, 0, 1}},
    {Q8_NAMES_TRANSFORMERS, "model.layers.1.", {1, 1, 0, 1}},
    {Q8_NAMES_TRANSFORMERS, "model.layers", {1, 1, 0, 1}},
    {Q8_NAMES_TRANSFORMERS, "up_proj", {1, 1, 0, 0}},
    {Q8_NAMES_TRANSFORMERS, "mlp.up_proj", {1, 1, 0, 0}},
    {Q8_NAMES_TRANSFORMERS, "model.layers.1.mlp.gat", {0, 0, 0, 0}},
    {Q8_NAMES_TRANSFORMERS, "", {1, 1, 1, 1}},
    {Q8_NAMES_TRANSFORMERS, "model.layers.1.*", {1, 1, 0, 1}},
    {Q8_NAMES_TRANSFORMERS, "model\\\\.layers\\\\.\\\\d+\\\\.mlp", {1, 1, 0, 1}},
    {Q8_NAMES_TRANSFORMERS, "model.layers.(1|3)", {1, 0, 0, 1}},
    {Q8_NAMES_TRANSFORMERS, "layers.*", {0, 0, 0, 0}},
    {Q8_NAMES_TRANSFORMERS, "lm|model.layers.12", {0, 1, 0, 0}},
    {Q8_NAMES_TRANSFORMERS, ".*gate$", {0, 0, 0, 1}},
    {Q8_NAMES_TRANSFORMERS, "[a-l]+_head", {0, 0, 0, 0}},
    {Q8_NAMES_TRANSFORMERS, ".*\\\\.mlp\\\\.\\\\w+_proj", {1, 1, 0, 0}},
    {Q8_NAMES_TRANSFORMERS, "(?:lm)_hea?d", {0, 0, 1, 0}},
    {Q8_NAMES_COMPRESSED, "lm_head", {0, 0, 1, 0}},
    {Q8_NAMES_COMPRESSED, "head", {0, 0, 0, 0}},
    {Q8_NAMES_COMPRESSED, "model.layers.1", {0, 0, 0, 0}},
    {Q8_NAMES_COMPRESSED, "re:lm", {0, 0, 1, 0}},
    {Q8_NAMES_COMPRESSED, "re:.*up_proj", {1, 1, 0, 0}},
    {Q8_NAMES_COMPRESSED, "re:layers", {0, 0, 0, 0}},
    {Q8_NAMES_COMPRESSED, "re:.*\\\\.gate$", {0, 0, 0, 1}},
    {Q8_NAMES_COMPRESSED, "re:.*[.]1[.].*", {1, 0, 0, 1}},
    {Q8_NAMES_COMPRESSED, "re:.+?_h", {0, 0, 1, 0}},
    {Q8_NAMES_COMPRESSED, "re:model.layers.[^1].*", {0, 0, 0, 0}},
    {Q8_NAMES_COMPRESSED, "re:(?:lm|gm)_head$", {0, 0, 1, 0}},
    {Q8_NAMES_COMPRESSED, "re:.*\\\\d\\\\d.*", {0, 1, 0, 0}},
    {Q8_NAMES_COMPRESSED, "re:.*[\\\\d]2", {0, 1, 0, 0}},
    {Q8_NAMES_COMPRESSED, "re:^model", {1, 1, 0, 1}},
    {Q8_NAMES_COMPRESSED, "re:\\\\w+$", {0, 0, 1, 0}},
    {Q8_NAMES_COMPRESSED, "re:.*\\\\.layers\\\\.1\\\\W", {1, 0, 0, 1}},
    {Q8_NAMES_COMPRESSED, "re:(?!lm).*proj", {1, 1, 0, 0}},
    {Q8_NAMES_COMPRESSED, "re:.*\\\\.(?P<n>\\\\d)(?P=n)?\\\\.", {1, 0, 0, 1}},
    {Q8_NAMES_COMPRESSED, "re:.{7}$", {0, 0, 1, 0}},
    {Q8_NAMES_COMPRESSED, "re:(?i)LM_HEAD", {0, 0, 1, 0}},
    {Q8_NAMES_TRANSFORMERS, "model.layers.[0-9]{2}", {0, 1, 0, 0}},
    {Q8_NAMES_TRANSFORMERS, "(?:model|lm)(?!_)", {1, 1, 0, 1}},
    {Q8_NAMES_TRANSFORMERS, "model_layers.1", {0, 0, 0, 0}},
    {Q8_NAMES_TRANSFORMERS, "lm.head", {0, 0, 1, 0}},
    {Q8_NAMES_TRANSFORMERS, ".layers.1.mlp", {0, 0, 0, 0}},
    {Q8_NAMES_TRANSFORMERS, "^lm_head", {0, 0, 1, 0}},
    {Q8_NAMES_TRANSFORMERS, "^model\\\\.layers\\\\.1", {1, 0, 0, 1}},
    {Q8_NAMES_TRANSFORMERS, "^model\\\\.layers\\\\.1$", {0, 0, 0, 0}},
    {Q8_NAMES_TRANSFORMERS, "^lm_head$|^model$", {0, 0, 1, 0}},
    {Q8_NAMES_COMPRESSED, "re:", {1, 1, 1, 1}},
    {Q8_NAMES_COMPRESSED, "re:^lm_head$", {0, 0, 1, 0}},
    {Q8_NAMES_VLLM, "mlp.up_proj", {0, 0, 0, 0}},
    {Q8_NAMES_VLLM, "lm_head", {0, 0, 1, 0}},
    {Q8_NAMES_VLLM, "re:.*[.]mlp", {1, 1, 0, 1}},
    {Q8_NAMES_SGLANG, "mlp.up_proj", {1, 1, 0, 0}},
    {Q8_NAMES_SGLANG, "up_proj", {1, 1, 0, 0}},
    {Q8_NAMES_SGLANG, "proj", {0, 0, 0, 0}},
    {Q8_NAMES_SGLANG, "head", {0, 0, 0, 0}},
    {Q8_NAMES_SGLANG, "1.mlp.gate", {0, 0, 0, 1}},
    {Q8_NAMES_SGLANG, "model.layers.1", {0, 0, 0, 0}},
    {Q8_NAMES_SGLANG, "re:model", {1, 1, 0, 1}},
    {Q8_NAMES_SGLANG, "re:^lm_head$", {0, 0, 1, 0}},
    {Q8_NAMES_SGLANG_BNB, "mlp", {1, 1, 0, 1}},
    {Q8_NAMES_SGLANG_BNB, "1", {1, 0, 0, 1}},
    {Q8_NAMES_SGLANG_BNB, "model.layers.1", {1, 0, 0, 1}},
    {Q8_NAMES_SGLANG_BNB, "layers.1", {0, 0, 0, 0}},
    {Q8_NAMES_SGLANG_BNB, "lm_head", {0, 0, 1, 0}},
    {Q8_NAMES_SGLANG_BNB, "re:.*", {0, 0, 0, 0}},
    {Q8_NAMES_SGLANG_BNB, "mlp.gate", {0, 0, 0, 0}},
};

static void names_match_as_their_reader_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(single); i++) {
        char text[200];
        struct list l;

        (void)snprintf(text, sizeof text, "[\"zz\", \"%s\", \"aa\"]", single[i].entry);
        open_list(&l, text, single[i].rule);
        assert_null(q8_names_unclear(&l.names));
        for (size_t k = 0; k < COUNT(modules); k++)
            if ((q8_names_find(&l.names, modules[k]) != NULL) != single[i].want[k])
                fail_msg("'%s' and %s: expected %d", single[i].entry, modules[k],
                         single[i].want[k]);
        close_list(&l);
    }
}

static void names_that_q8_does_not_know_are_unclear(void **state)
{
    static const char *const entries[] = {
        "re:[[:alpha:]]", "re:\\\\N{DIGIT ONE}",
        "re:(",           "re:a\\\\",
        "re:[a",          "re:(?R)",
        "re:(?1)",        "re:\\\\K",
        "re:a**",         "re:(*COMMIT)a",
    };
    char text[40000];
    struct list l;

    (void)state;
    for (size_t i = 0; i < COUNT(entries); i++) {
        (void)snprintf(text, sizeof text, "[\"lm_head\", \"%s\"]", entries[i]);
        open_list(&l, text, Q8_NAMES_COMPRESSED);
        if (!q8_names_unclear(&l.names) || strncmp(q8_names_unclear(&l.names), "re:", 3) != 0)
            fail_msg("%s is not unclear", entries[i]);
        assert_string_equal(q8_names_find(&l.names, "lm_head"), "lm_head");
        assert_null(q8_names_find(&l.names, "x"));
        close_list(&l);
    }
    (void)snprintf(text, sizeof text, "[\"re:%0*d\"]", Q8_REGEX_BYTES + 1, 0); /* too long */
    open_list(&l, text, Q8_NAMES_COMPRESSED);
    assert_non_null(q8_names_unclear(&l.names));
    close_list(&l);
}

/* "aaa...b" makes it try every way to cut the a's. */
static void names_that_a_limit_stops_are_unclear(void **state)
{
    static const char many[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    struct list l;

    (void)state;
    open_list(&l, "[\"re:(a+)+$\", \"re:b\"]", Q8_NAMES_COMPRESSED);
    assert_string_equal(q8_names_find(&l.names, "aa"), "re:(a+)+$");
    assert_null(q8_names_unclear(&l.names));
    assert_null(q8_names_find(&l.names, many));
    assert_string_equal(q8_names_unclear(&l.names), "re:(a+)+$");
    assert_null(q8_names_find(&l.names, "aa")); /* not asked again */
    assert_string_equal(q8_names_find(&l.names, "b"), "re:b");
    l.names.steps->taken = Q8_REGEX_ALL_STEPS;
    assert_null(q8_names_find(&l.names, "b"));
    assert_int_equal(l.err.code, 0);
    close_list(&l);
}

static void names_that_are_no_list_are_none(void **state)
{
    static const char *const texts[] = {"null", "\"lm_head\"", "{\"lm_head\": 1}", "[]", "[1, []]"};
    struct list l;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        open_list(&l, texts[i], Q8_NAMES_TRANSFORMERS);
        assert_null(q8_names_find(&l.names, "lm_head"));
        close_list(&l);
    }
}

static void names_plain_entry_goes_before_regexes(void **state)
{
    struct list l;

    (void)state;
    open_list(&l, "[\"re:lm.*\", \"re:.*\", \"lm_head\", \"Linear\"]", Q8_NAMES_COMPRESSED);
    assert_string_equal(q8_names_find(&l.names, "lm_head"), "lm_head");
    assert_string_equal(q8_names_find(&l.names, "lm_tail"), "re:.*"); /* by text, not by place */
    assert_true(q8_names_has(&l.names, "Linear"));
    assert_false(q8_names_has(&l.names, "Line"));
    assert_false(q8_names_has(&l.names, "re:.*"));
    close_list(&l);
}

static void names_of_fused_modules_are_all_there_or_torn(void **state)
{
    static const char *const qkv[] = {"q_proj", "k_proj", "v_proj"};
    static const struct q8_names_fused fused = {"qkv_proj", qkv, COUNT(qkv)};
    static const struct {
        const char *list, *module;
        enum q8_names_verdict vllm, sglang;
    } rows[] = {
        {"[\"m.q_proj\", \"m.v_proj\"]", "m.qkv_proj", Q8_NAMES_TORN, Q8_NAMES_TORN},
        {"[\"m.q_proj\", \"m.k_proj\", \"m.v_proj\"]", "m.qkv_proj", Q8_NAMES_ALL, Q8_NAMES_ALL},
        {"[\"m.o_proj\"]", "m.qkv_proj", Q8_NAMES_NONE, Q8_NAMES_NONE},
        {"[\"m.qkv_proj\"]", "m.qkv_proj", Q8_NAMES_ALL, Q8_NAMES_ALL},
        {"[\"re:.*qkv_proj\"]", "m.qkv_proj", Q8_NAMES_ALL, Q8_NAMES_NONE},
        {"[\"re:.*[kqv]_proj\"]", "m.qkv_proj", Q8_NAMES_ALL, Q8_NAMES_ALL},
        {"[\"q_proj\", \"k_proj\", \"v_proj\"]", "m.qkv_proj", Q8_NAMES_NONE, Q8_NAMES_ALL},
        {"[\"qkv_proj\"]", "m.qkv_proj", Q8_NAMES_NONE, Q8_NAMES_NONE},
        {"[\"m.o_proj\"]", "m.o_proj", Q8_NAMES_ALL, Q8_NAMES_ALL},
        {"[\"q_proj.q_proj\", \"k_proj.k_proj\", \"v_proj.v_proj\"]", "qkv_proj.qkv_proj",
         Q8_NAMES_ALL, Q8_NAMES_ALL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int sglang = 0; sglang < 2; sglang++) {
            struct list l;

            open_list(&l, rows[i].list, sglang ? Q8_NAMES_SGLANG : Q8_NAMES_VLLM);
            assert_int_equal(q8_names_ask(&l.names, rows[i].module, &fused),
                             sglang ? rows[i].sglang : rows[i].vllm);
            close_list(&l);
        }
}

static void names_of_shards_need_room(void **state)
{
    static const char *const gate[] = {"gate_proj", ""};
    static const struct q8_names_fused fused = {"gate_up_proj", gate, COUNT(gate)};
    char text[12];

    (void)state;
    assert_string_equal(q8_names_shard("m.gate_up_proj", &fused, 0, text, 12), "m.gate_proj");
    assert_null(q8_names_shard("m.gate_up_proj", &fused, 0, text, 11));
    assert_string_equal(q8_names_shard("m.gate_up_proj", &fused, 1, text, 3), "m.");
}

/* find_matched_target(name, module, targets) of both wheels: "is contained in the class's name" */
static void names_of_classes_are_found_inside(void **state)
{
    struct list l;

    (void)state;
    open_list(&l, "[\"linear\", \"re:Vocab\", \"m.q_proj\"]", Q8_NAMES_VLLM);
    assert_string_equal(q8_names_find_class(&l.names, "QKVParallelLinear"), "linear");
    assert_string_equal(q8_names_find_class(&l.names, "VocabParallelEmbedding"), "re:Vocab");
    assert_null(q8_names_find_class(&l.names, "ParallelLMHead"));
    close_list(&l);
}

static void names_are_found_in_long_lists(void **state)
{
    enum { NAMES = 20000 };
    struct q8_arena mem;
    struct q8_err err = {0};
    struct q8_names names;
    const char **list;
    char text[64];

    (void)state;
    q8_arena_init(&mem, 1 << 24);
    list = q8_alloc(&mem, NAMES, sizeof *list, &err);
    assert_non_null(list);
    for (int i = 0; i < NAMES; i++)
        assert_non_null(list[i] = q8_sprintf(&mem, &err, "layers.%d.mlp.up%d", i * 3, i));
    assert_true(q8_names_of(&names, list, NAMES, Q8_NAMES_TRANSFORMERS, &mem, &err));
    for (int i = 0; i < NAMES; i++) {
        (void)snprintf(text, sizeof text, "model.%s", list[i]);
        assert_string_equal(q8_names_find(&names, text), list[i]);
        (void)snprintf(text, sizeof text, "%s.a", list[i]);
        assert_string_equal(q8_names_find(&names, text), list[i]);
        (void)snprintf(text, sizeof text, "model.%s.a", list[i]);
        assert_null(q8_names_find(&names, text));
    }
    q8_arena_clear(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_as_their_reader_does),
        cmocka_unit_test(names_that_q8_does_not_know_are_unclear),
        cmocka_unit_test(names_that_a_limit_stops_are_unclear),
        cmocka_unit_test(names_that_are_no_list_are_none),
        cmocka_unit_test(names_plain_entry_goes_before_regexes),
        cmocka_unit_test(names_of_fused_modules_are_all_there_or_torn),
        cmocka_unit_test(names_of_shards_need_room),
        cmocka_unit_test(names_of_classes_are_found_inside),
        cmocka_unit_test(names_are_found_in_long_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
