/* test_plan_layout.c - the weight files of an output are the target's, whatever the input's are */
#include "src/convert/plan_make.h"
#include "src/convert/plan_parts.h"

#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define UP "model.layers.0.mlp.up_proj"

/* A container that only its name and its files' suffix are asked of. */
static const struct q8_format other = {.name = "other", .suffix = ".other", .stem = "others"};

static const float floats[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const struct scratch_tensor tensors[] = {SCRATCH(UP ".weight", "F32", "[2,4]", floats),
                                                SCRATCH("model.norm.weight", "F32", "[8]", floats)};
static const char *index_name; /* of the input; NULL: none */
static const struct q8_meta note[] = {{"note", {Q8_META_TEXT, .text = "mine"}}};

/* A header on its way to memory. */
struct output {
    unsigned char bytes[4096];
    uint64_t used;
};

static bool take(void *self, uint64_t off, const void *buf, uint64_t n, struct q8_err *err)
{
    struct output *out = self;

    (void)err;
    assert_true(off == out->used && n <= sizeof out->bytes - off);
    memcpy(out->bytes + off, buf, n);
    out->used += n;
    return true;
}

/*
 * A bare model of two files of that format, whose names are given: all tensors are of the second.
 * Its plan for ct-w8a8.
 */
static bool make_plan(struct scratch *s, struct q8_plan *plan, const struct q8_format *format,
                      const char *first, const char *second)
{
    static struct q8_select select;
    const struct q8_plan_options options = {.target = q8_target_find("ct-w8a8"), .select = &select};
    struct q8_shard *shard;

    scratch_make(s, NULL, tensors, 2);
    assert_true(scratch_open(s));
    shard = q8_alloc(&s->mem, 2, sizeof *shard, &s->err);
    assert_non_null(shard);
    shard[0] = (struct q8_shard){.format = format,
                                 .name = first,
                                 .file.fd = -1,
                                 .meta = note,
                                 .metas = 1,
                                 .have_meta = true};
    shard[1] = s->model.shard[0];
    shard[1].format = format;
    shard[1].name = second;
    shard[1].meta = note;
    shard[1].metas = 1;
    shard[1].have_meta = true;
    s->model.shard = shard;
    s->model.shards = 2;
    s->model.index_name = index_name;
    for (uint64_t i = 0; i < s->model.index.count; i++)
        s->model.index.tensor[i].shard = 1;
    return q8_plan_make(plan, &s->model, &options, &s->mem, &s->err);
}

/* The metadata that output file `number` gets, by the reader of its format. */
static struct q8_index read_header(struct scratch *s, struct q8_plan *plan, uint32_t number)
{
    struct output out = {.used = 0};
    struct q8_sink sink = {take, &out};
    struct q8_index ix = {0};
    struct q8_source source;

    assert_true(q8_plan_header(plan, number, &sink, &s->err));
    assert_true(plan->shard[number].bytes <= sizeof out.bytes);
    source = q8_source_memory(out.bytes, plan->shard[number].bytes);
    assert_true(q8_format_parse(plan->shard[number].format, &source, &ix, &s->mem, &s->err));
    return ix;
}

static void plan_layout_of_another_format_is_in_that_of_the_target(void **state)
{
    struct q8_plan plan;
    struct q8_index ix;
    struct scratch s;

    (void)state;
    assert_true(make_plan(&s, &plan, &other, "a.other.other", "others-2.other"));
    assert_int_equal(plan.shards, 2);
    assert_string_equal(plan.shard[0].name, "a.other.safetensors");
    assert_string_equal(plan.shard[1].name, "model-2.safetensors");
    assert_ptr_equal(plan.shard[1].format, q8_format_find("safetensors"));
    ix = read_header(&s, &plan, 1);
    assert_int_equal(ix.count, 3);
    q8_index_sort(&ix);
    assert_non_null(q8_index_find(&ix, UP ".weight_scale"));
    assert_int_equal(ix.metas, 1); /* the other format's note is not for this one */
    assert_string_equal(ix.meta[0].key, "format");
    assert_string_equal(ix.meta[0].value.text, "pt");
    assert_int_equal(read_header(&s, &plan, 0).count, 0);
    scratch_close(&s);
}

static void plan_layout_of_the_same_format_keeps_names_and_metadata(void **state)
{
    struct q8_plan plan;
    struct q8_index ix;
    struct scratch s;

    (void)state;
    assert_true(make_plan(&s, &plan, q8_format_find("safetensors"), "a.safetensors.safetensors",
                          "b.safetensors"));
    assert_string_equal(plan.shard[0].name, "a.safetensors.safetensors");
    assert_string_equal(plan.shard[1].name, "b.safetensors");
    assert_null(plan.index_name);
    ix = read_header(&s, &plan, 1);
    assert_int_equal(ix.metas, 1);
    assert_string_equal(ix.meta[0].value.text, "mine");
    scratch_close(&s);
}

/* What is in which file is by the job: here the norm goes to the first, which was empty. */
static void plan_layout_jobs_say_which_file_they_are_in(void **state)
{
    struct q8_plan plan;
    struct scratch s;

    (void)state;
    assert_true(make_plan(&s, &plan, &other, "a.other", "b.other"));
    assert_null(plan.index_name);
    assert_int_equal(q8_plan_parts(&plan, 0), 0);
    assert_int_equal(plan.jobs, 2);
    for (uint64_t j = 0; j < 2; j++)
        assert_int_equal(plan.job[j].shard, 1);
    plan.job[1].shard = 0;
    assert_string_equal(plan.job[1].tensor->name, "model.norm.weight");
    assert_int_equal(read_header(&s, &plan, 0).count, 1);
    assert_int_equal(read_header(&s, &plan, 1).count, 2);
    scratch_close(&s);
}

static void plan_layout_index_is_named_after_the_target_s_files(void **state)
{
    static const struct {
        const struct q8_format *format;
        const char *input, *output;
    } rows[] = {{&other, "others.other.index.json", "model.safetensors.index.json"},
                {NULL, "model.safetensors.index.json", "model.safetensors.index.json"}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct q8_format *format = rows[i].format;
        struct q8_plan plan;
        struct scratch s;

        index_name = rows[i].input;
        assert_true(make_plan(&s, &plan, format ? format : q8_format_find("safetensors"),
                              format ? "a.other" : "a.safetensors",
                              format ? "b.other" : "b.safetensors"));
        assert_string_equal(plan.index_name, rows[i].output);
        scratch_close(&s);
    }
    index_name = NULL;
}

static void plan_layout_refuses_two_files_of_one_name(void **state)
{
    struct q8_plan plan;
    struct scratch s;

    (void)state;
    assert_false(make_plan(&s, &plan, &other, "a.other", "a.other"));
    assert_int_equal(s.err.code, Q8_EUNSUPPORTED);
    assert_non_null(strstr(s.err.text, "two output files would be named 'a.safetensors'"));
    scratch_close(&s);
}

static void plan_layout_every_target_has_a_container(void **state)
{
    (void)state;
    for (const struct q8_target *t = q8_targets; t->name; t++)
        assert_non_null(q8_format_find(t->container)->print);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_layout_of_another_format_is_in_that_of_the_target),
        cmocka_unit_test(plan_layout_of_the_same_format_keeps_names_and_metadata),
        cmocka_unit_test(plan_layout_jobs_say_which_file_they_are_in),
        cmocka_unit_test(plan_layout_index_is_named_after_the_target_s_files),
        cmocka_unit_test(plan_layout_refuses_two_files_of_one_name),
        cmocka_unit_test(plan_layout_every_target_has_a_container),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
