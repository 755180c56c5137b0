/* test_inspect.c - the numbers of small weights, worked out by hand from src/inspect/inspect.h */
#include "src/inspect/inspect.h"
#include "src/inspect/list.h"
#include "src/inspect/suggest.h"
#include "tests/unit/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define COLS 64
#define ROWS 40

/* A run over a scratch model. */
struct bench {
    struct scratch scratch;
    struct q8_select layers;
    struct q8_inspect in;
};

static bool run(struct bench *b, const struct scratch_tensor *t, size_t count, unsigned threads)
{
    struct q8_inspect_options options = {.target = q8_target_find("ct-w8a8"),
                                         .layers = &b->layers,
                                         .threshold = 6,
                                         .min_sqnr = 30,
                                         .threads = threads,
                                         .isa = q8_isa_detect(Q8_ISAS)};

    scratch_make(&b->scratch, NULL, t, count);
    assert_true(scratch_open(&b->scratch));
    return q8_inspect_run(&b->in, &b->scratch.model, &options, &b->scratch.mem, &b->scratch.err);
}

static void drop(struct bench *b)
{
    scratch_close(&b->scratch);
}

static const struct q8_subject *find(const struct bench *b, const char *name)
{
    for (uint64_t i = 0; i < b->in.subjects; i++)
        if (strcmp(b->in.subject[i].name, name) == 0)
            return &b->in.subject[i];
    fail_msg("no subject %s", name);
    return NULL;
}

static bool is_near(double a, double b, double bound)
{
    return fabs(a - b) <= bound * fabs(b);
}

static const float eight[8] = {1, -2, 0, 4, 0, 0, -0.0f, 0};

static void inspect_counts_and_moments(void **state)
{
    const struct scratch_tensor t[] = {SCRATCH("a.weight", "F32", "[2, 4]", eight)};
    const struct q8_numbers *n;
    struct bench b = {0};

    (void)state;
    assert_true(run(&b, t, 1, 1));
    n = &find(&b, "a")->numbers;
    assert_int_equal(n->elements, 8);
    assert_int_equal(n->zeros, 5);
    assert_int_equal(n->nans + n->infinities + n->denormals, 0);
    assert_true(n->least == -2 && n->most == 4 && n->absmax == 4 && n->sum2 == 21);
    assert_true(n->mean == 0.375);
    assert_true(is_near(n->deviation, sqrt(21.0 / 8 - 0.375 * 0.375), 1e-15));
    /* fourth powers of 0.625, -2.375, 3.625, and five of -0.375, over 8 */
    assert_true(is_near(n->kurtosis,
                        (0.152587890625 + 31.816650390625 + 172.676025390625 + 5 * 0.019775390625) /
                            8 / pow(21.0 / 8 - 0.140625, 2),
                        1e-14));
    assert_int_equal(n->first_exponent, 0); /* 1, 2 and 4 */
    assert_int_equal(n->exponents, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(n->histogram[i], 1);
    drop(&b);
}

static void inspect_rows_columns_and_costs(void **state)
{
    const struct scratch_tensor t[] = {SCRATCH("a.weight", "F32", "[2, 4]", eight)};
    const double step = (double)(4 / 127.5f), bnb = 4.0 / 127;
    const struct q8_matrix *m;
    struct bench b = {0};

    (void)state;
    assert_true(run(&b, t, 1, 1));
    m = find(&b, "a")->matrix;
    assert_int_equal(m->dead, 1);
    assert_true(m->absmax.least == 0 && m->absmax.median == 0 && m->absmax.most == 4);
    assert_true(is_near(m->crest.most, 4 / sqrt(21.0 / 4), 1e-15));
    assert_true(m->crest.least == m->crest.most); /* the row of zeros has none */
    assert_int_equal(m->worst[0].row, 0);
    assert_true(m->column_rms.most == sqrt(16.0 / 2) && m->column_rms.least == 0);
    /* codes of 1, -2, 4: bnb 32, -64 (63.5 to even), 127; step 32, -64 (63.75), 127 (clamped) */
    assert_true(is_near(m->cost[0].most, 64 * bnb - 2, 1e-6));
    assert_true(is_near(m->cost[1].most, 4 - 127 * step, 1e-4));
    assert_true(is_near(m->cost[0].mse * 8, pow(32 * bnb - 1, 2) + pow(64 * bnb - 2, 2), 1e-6));
    assert_true(m->cost[0].worst_share == 1);
    assert_string_equal(m->cost[2].obstacle, "its columns are not a multiple of the group size");
    drop(&b);
}

static void inspect_not_finite_is_counted_and_left_out(void **state)
{
    static const float x[8] = {1, 2, 3, 4, NAN, 5, INFINITY, -INFINITY};
    const struct scratch_tensor t[] = {SCRATCH("a.weight", "F32", "[2, 4]", x)};
    const struct q8_subject *s;
    struct bench b = {0};

    (void)state;
    assert_true(run(&b, t, 1, 1));
    s = find(&b, "a");
    assert_int_equal(s->numbers.nans, 1);
    assert_int_equal(s->numbers.infinities, 2);
    assert_true(s->numbers.most == 5 && s->numbers.mean == 3);
    assert_int_equal(s->matrix->unusable, 1);
    assert_true(s->matrix->column_rms.most == 4); /* of the first row alone */
    assert_string_equal(s->matrix->cost[1].obstacle, "it holds a NaN or an infinity");
    assert_int_equal(s->matrix->cost[1].row, 1);
    assert_int_equal(b.in.total.bad, 1);
    drop(&b);
}

/* A [ROWS, COLS] weight of noise with one column that is 50 times as large. */
static void fill_noise(float *x, uint64_t column)
{
    uint64_t seed = 7;

    for (uint64_t i = 0; i < (uint64_t)ROWS * COLS; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)((double)(seed >> 40) / (1 << 23) - 1) * (i % COLS == column ? 50 : 1);
    }
}

static void inspect_finds_the_outlier_column(void **state)
{
    static float x[ROWS * COLS];
    const struct scratch_tensor t[] = {SCRATCH("a.weight", "F32", "[40, 64]", x)};
    const struct q8_matrix *m;
    struct bench b = {0};

    (void)state;
    fill_noise(x, 11);
    assert_true(run(&b, t, 1, 1));
    m = find(&b, "a")->matrix;
    assert_int_equal(m->outliers, 1);
    assert_int_equal(m->column[0].column, 11);
    assert_true(m->column[0].z > 4 && m->column[0].share > 0.9);
    assert_true(m->cost[2].sqnr > m->cost[1].sqnr); /* groups keep it to itself */
    drop(&b);
}

/* Equal numbers have no deviation, whatever rounding leaves of their sums. */
static void inspect_equal_rows_have_no_outlier_columns(void **state)
{
    static float x[ROWS * COLS];
    const struct scratch_tensor t[] = {SCRATCH("a.weight", "F32", "[40, 64]", x)};
    struct bench b = {0};

    (void)state;
    for (int i = 0; i < ROWS * COLS; i++)
        x[i] = 0.1f + (float)(i % COLS) / 7;
    assert_true(run(&b, t, 1, 1));
    assert_int_equal(find(&b, "a")->matrix->outliers, 0);
    drop(&b);
}

static void inspect_threads_change_nothing(void **state)
{
    static float x[3][ROWS * COLS];
    const struct scratch_tensor t[] = {SCRATCH("a.weight", "F32", "[40, 64]", x[0]),
                                       SCRATCH("b.weight", "F32", "[40, 64]", x[1]),
                                       SCRATCH("c.weight", "F32", "[2560]", x[2])};
    struct bench one = {0}, four = {0};

    (void)state;
    for (int i = 0; i < 3; i++)
        fill_noise(x[i], (uint64_t)i);
    assert_true(run(&one, t, COUNT(t), 1) && run(&four, t, COUNT(t), 4));
    for (uint64_t i = 0; i < one.in.subjects; i++) {
        struct q8_numbers a = one.in.subject[i].numbers, b = four.in.subject[i].numbers;

        assert_memory_equal(a.histogram, b.histogram, (size_t)a.exponents * sizeof *a.histogram);
        a.histogram = b.histogram = NULL;
        assert_memory_equal(&a, &b, sizeof a);
        if (one.in.subject[i].matrix)
            assert_memory_equal(one.in.subject[i].matrix->cost, four.in.subject[i].matrix->cost,
                                sizeof one.in.subject[i].matrix->cost);
    }
    drop(&one);
    drop(&four);
}

/* Slices come in the order of their rows, 9 before 10; statistics in that of names. */
static void inspect_finds_the_statistics_of_every_expert(void **state)
{
    static const char config[] = "{\"model_type\": \"qwen3_vl_moe\", \"architectures\": "
                                 "[\"Qwen3VLMoeForConditionalGeneration\"]}";
    static const float zeros[11 * 4 * 3];
    static float absmax[3] = {1, 2, 8};
    const struct scratch_tensor t[] = {
        {"l.0.mlp.experts.down_proj", "F32", "[11, 3, 2]", zeros, 264},
        {"l.0.mlp.experts.gate_up_proj", "F32", "[11, 4, 3]", zeros, 528}};
    char name[11][64];
    const int by_name[11] = {0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9};
    struct q8_statistic entry[11];
    const struct q8_statistics acts = {.path = "acts", .entry = entry, .count = 11};
    struct bench b = {0};
    struct q8_inspect_options options = {.target = q8_target_find("ct-w8a8"),
                                         .layers = &b.layers,
                                         .acts = &acts,
                                         .threshold = 6,
                                         .threads = 1};

    (void)state;
    for (int i = 0; i < 11; i++) {
        (void)snprintf(name[i], sizeof name[i], "l.0.mlp.experts.%d.up_proj", by_name[i]);
        entry[i] = (struct q8_statistic){.module = name[i], .absmax = absmax, .features = 3};
    }
    scratch_make(&b.scratch, config, t, COUNT(t));
    assert_true(scratch_open(&b.scratch));
    if (!q8_inspect_run(&b.in, &b.scratch.model, &options, &b.scratch.mem, &b.scratch.err))
        fail_msg("%s", b.scratch.err.text);
    assert_int_equal(b.in.outliers.sources, 11);
    assert_int_equal(b.in.outliers.missings, 22); /* the gates and the downs */
    drop(&b);
}

static void inspect_layers_that_match_nothing_are_refused(void **state)
{
    const struct scratch_tensor t[] = {SCRATCH("a.weight", "F32", "[2, 4]", eight)};
    struct q8_arena own;
    struct q8_err err = {0};
    struct bench b = {0};

    (void)state;
    q8_arena_init(&own, 1 << 20);
    assert_true(q8_select_add(&b.layers, Q8_ONLY, "b*", "--layers", &own, &err));
    assert_false(run(&b, t, 1, 1));
    assert_int_equal(b.scratch.err.code, Q8_EUSAGE);
    assert_non_null(strstr(b.scratch.err.text, "nearest: a"));
    drop(&b);
    q8_arena_clear(&own);
}

/* Every target has a place among the costs, and there are no more places than that. */
static void inspect_costs_are_the_arithmetics_of_the_targets(void **state)
{
    bool used[Q8_COSTS] = {false};

    (void)state;
    for (const struct q8_target *t = q8_targets; t->name; t++) {
        const unsigned c = q8_cost_of(t);

        assert_true(c < Q8_COSTS);
        assert_true(q8_costs(c)->scheme->group == t->scheme->group && t->title);
        used[c] = true;
    }
    for (unsigned c = 0; c < Q8_COSTS; c++)
        assert_true(used[c]);
    assert_int_equal(q8_cost_of(q8_target_find("ct-w8a8")), q8_cost_of(q8_target_find("ct-w8a16")));
}

/* What the suggestion writes about the weight with the bad column. */
static void doctor_gives_groups_where_they_cure(void **state)
{
    static float x[ROWS * COLS], y[ROWS * COLS];
    const struct scratch_tensor t[] = {SCRATCH("l.0.q_proj.weight", "F32", "[40, 64]", x),
                                       SCRATCH("l.0.v_proj.weight", "F32", "[40, 64]", y),
                                       SCRATCH("l.1.v_proj.weight", "F32", "[40, 64]", y)};
    struct q8_suggestion suggestion;
    struct bench b = {0};

    (void)state;
    fill_noise(x, 3);
    fill_noise(y, COLS);
    assert_true(run(&b, t, COUNT(t), 1));
    b.in.options.min_sqnr = find(&b, "l.0.q_proj")->matrix->cost[2].sqnr - 0.01; /* groups of 32 */
    assert_true(q8_suggest_run(&suggestion, &b.in, &b.scratch.mem, &b.scratch.err));
    assert_int_equal(suggestion.cures, 2); /* q and, with it, v of that layer */
    assert_string_equal(suggestion.cure[0].subject->name, "l.0.q_proj");
    assert_string_equal(suggestion.cure[0].use->name, "ct-w8a16-g32");
    assert_null(suggestion.cure[0].with);
    assert_string_equal(suggestion.cure[1].with, "qkv_proj");
    /* one scale more per row, and weight_shape */
    assert_int_equal(suggestion.cure[0].bytes, ROWS * sizeof(float) + 16);

    b.in.options.min_sqnr = 200;
    assert_true(q8_suggest_run(&suggestion, &b.in, &b.scratch.mem, &b.scratch.err));
    assert_int_equal(suggestion.cures, 3);
    assert_null(suggestion.cure[2].use); /* float */
    drop(&b);
}

static void doctor_lines_name_patterns_that_match(void **state)
{
    static float x[ROWS * COLS];
    const struct scratch_tensor t[] = {SCRATCH("re:a *#b.weight", "F32", "[40, 64]", x)};
    struct q8_suggestion suggestion;
    struct bench b = {0};
    char *text = NULL;
    size_t size;
    FILE *out;

    (void)state;
    fill_noise(x, 3);
    assert_true(run(&b, t, 1, 1));
    b.in.options.min_sqnr = 200;
    assert_true(q8_suggest_run(&suggestion, &b.in, &b.scratch.mem, &b.scratch.err));
    out = open_memstream(&text, &size);
    q8_suggest_print(&suggestion, out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "\nskip re?a???b  # "));
    free(text);
    drop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inspect_counts_and_moments),
        cmocka_unit_test(inspect_rows_columns_and_costs),
        cmocka_unit_test(inspect_not_finite_is_counted_and_left_out),
        cmocka_unit_test(inspect_finds_the_outlier_column),
        cmocka_unit_test(inspect_equal_rows_have_no_outlier_columns),
        cmocka_unit_test(inspect_threads_change_nothing),
        cmocka_unit_test(inspect_finds_the_statistics_of_every_expert),
        cmocka_unit_test(inspect_layers_that_match_nothing_are_refused),
        cmocka_unit_test(inspect_costs_are_the_arithmetics_of_the_targets),
        cmocka_unit_test(doctor_gives_groups_where_they_cure),
        cmocka_unit_test(doctor_lines_name_patterns_that_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
