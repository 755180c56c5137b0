/* test_header.c - q8-inspect --header: metadata of every type that a format has */
#include "src/inspect/report_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct q8_value words[] = {{Q8_META_TEXT, .text = "a"}, {Q8_META_TEXT, .text = "b"}};
static const struct q8_meta metas[] = {
    {"array", {Q8_META_ARRAY, .array = {words, 2}}},
    {"bool", {Q8_META_BOOL, .flag = true}},
    {"double", {Q8_META_F64, 8, .f64 = 0.1}},
    {"float", {Q8_META_F64, 4, .f64 = (double)1e-5f}},
    {"int", {Q8_META_I64, 8, .i64 = INT64_MIN}},
    {"none", {.type = Q8_META_ARRAY}},
    {"text", {Q8_META_TEXT, .text = "p\tt"}},
    {"uint", {Q8_META_U64, 8, .u64 = UINT64_MAX}},
};

/* What --header prints of a model without tensors, text or JSON; the caller frees it. */
static char *print(bool json)
{
    struct q8_shard shard = {
        .name = "m.gguf", .meta = metas, .metas = sizeof metas / sizeof *metas, .have_meta = true};
    const struct q8_model model = {.path = "m.gguf", .shard = &shard, .shards = 1};
    struct q8_err err = {0};
    struct q8_arena mem;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    q8_arena_init(&mem, 1 << 20);
    assert_true(json ? q8_header_json(&model, out, &err) : q8_header_text(&model, out, &mem, &err));
    assert_int_equal(fclose(out), 0);
    q8_arena_clear(&mem);
    return text;
}

static void header_text_shows_metadata_by_its_type(void **state)
{
    char *text = print(false);

    (void)state;
    assert_non_null(strstr(text, "  metadata array = [2 items]\n"
                                 "  metadata bool = true\n"
                                 "  metadata double = 0.10000000000000001\n"
                                 "  metadata float = 9.99999975e-06\n"
                                 "  metadata int = -9223372036854775808\n"
                                 "  metadata none = [0 items]\n"
                                 "  metadata text = p\\x09t\n"
                                 "  metadata uint = 18446744073709551615\n"));
    free(text);
}

static void header_json_keeps_the_types_of_metadata(void **state)
{
    static const char want[] = "\"metadata\": {\n"
                               "    \"array\": [\n"
                               "     \"a\",\n"
                               "     \"b\"\n"
                               "    ],\n"
                               "    \"bool\": true,\n"
                               "    \"double\": 0.1,\n"
                               "    \"float\": 9.999999747378752e-06,\n"
                               "    \"int\": -9223372036854775808,\n"
                               "    \"none\": [],\n"
                               "    \"text\": \"p\\u0009t\",\n"
                               "    \"uint\": 18446744073709551615\n";
    char *text = print(true);

    (void)state;
    assert_non_null(strstr(text, want));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_text_shows_metadata_by_its_type),
        cmocka_unit_test(header_json_keeps_the_types_of_metadata),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
