/*
 * test_names.c - lists of module names; expected matches from the readers themselves:
 * should_convert_module of transformers 5.23.0 and match_name of compressed-tensors 0.20.0
 */
#include "src/model/names.h"

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
    q8_names_close(&l->names);
    q8_json_free(l->json);
    q8_arena_clear(&l->mem);
}

static void names_match_as_their_reader_does(void **state)
{
    static const struct {
        enum q8_names_rule rule;
        const char *entry; /* as in JSON */
        bool want[COUNT(modules)];
    } rows[] = {
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
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];
        struct list l;

        (void)snprintf(text, sizeof text, "[\"zz\", \"%s\", \"aa\"]", rows[i].entry);
        open_list(&l, text, rows[i].rule);
        assert_null(l.names.unclear);
        for (size_t k = 0; k < COUNT(modules); k++)
            if ((q8_names_find(&l.names, modules[k]) != NULL) != rows[i].want[k])
                fail_msg("'%s' and %s: expected %d", rows[i].entry, modules[k], rows[i].want[k]);
        close_list(&l);
    }
}

static void names_without_posix_twin_are_unclear(void **state)
{
    static const char *const entries[] = {
        "re:(?!x)lm", "re:(?P<a>x)",   "re:x{2}",  "re:(a)\\\\1", "re:\\\\bx", "re:a*+",
        "re:[\\\\]]", "re:[[:alpha:]", "re:\\\\Z", "re:(",        "re:a\\\\",  "re:[a",
    };
    char text[1200];
    struct list l;

    (void)state;
    for (size_t i = 0; i < COUNT(entries); i++) {
        (void)snprintf(text, sizeof text, "[\"lm_head\", \"%s\"]", entries[i]);
        open_list(&l, text, Q8_NAMES_COMPRESSED);
        if (!l.names.unclear || strncmp(l.names.unclear, "re:", 3) != 0)
            fail_msg("%s is not unclear", entries[i]);
        assert_string_equal(q8_names_find(&l.names, "lm_head"), "lm_head");
        assert_null(q8_names_find(&l.names, "x"));
        close_list(&l);
    }
    (void)snprintf(text, sizeof text, "[\"re:%0501d\"]", 0); /* one byte too long */
    open_list(&l, text, Q8_NAMES_COMPRESSED);
    assert_non_null(l.names.unclear);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_as_their_reader_does),
        cmocka_unit_test(names_without_posix_twin_are_unclear),
        cmocka_unit_test(names_that_are_no_list_are_none),
        cmocka_unit_test(names_plain_entry_goes_before_regexes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
