/* test_suggest.c - which cure each weight gets; SQNR and bytes are from paper */
#include "src/inspect/list.h"
#include "src/inspect/suggest.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define WEIGHTS 4 /* at most; BF16 [8, 256] each */
#define BYTES (8 * 256 * 2)

/* A finished run, made by hand. */
struct bench {
    struct q8_arena mem;
    struct q8_err err;
    struct q8_model model;
    struct q8_tensor tensor[WEIGHTS];
    struct q8_matrix matrix[WEIGHTS];
    struct q8_subject subject[WEIGHTS];
    struct q8_inspect in;
    struct q8_suggestion suggestion;
};

static void make(struct bench *b)
{
    *b = (struct bench){.model.path = "model"};
    q8_arena_init(&b->mem, 1 << 20);
    b->in = (struct q8_inspect){.model = &b->model, .subject = b->subject};
    b->in.options.target = q8_target_find("ct-w8a8");
    b->in.options.min_sqnr = 30;
}

/* A weight of which each scheme keeps that many dB: rows, groups of 128, 64 and 32. */
static struct q8_subject *add(struct bench *b, const char *name, const double db[4])
{
    static const char *const target[] = {"ct-w8a8", "ct-w8a16-g128", "ct-w8a16-g64",
                                         "ct-w8a16-g32"};
    const uint64_t i = b->in.subjects++;
    struct q8_subject *s = &b->subject[i];

    b->tensor[i] = (struct q8_tensor){.name = name, .dtype = Q8_BF16, .rank = 2, .dim = {8, 256}};
    b->matrix[i] = (struct q8_matrix){.have_costs = true, .crest.most = 20};
    for (unsigned c = 0; c < Q8_COSTS; c++)
        b->matrix[i].cost[c] = (struct q8_cost){.obstacle = "not asked", .row = UINT64_MAX};
    for (unsigned t = 0; t < 4; t++)
        b->matrix[i].cost[q8_cost_of(q8_target_find(target[t]))] =
            (struct q8_cost){.row = UINT64_MAX, .sqnr = db[t], .worst_share = 0.5};
    *s = (struct q8_subject){.name = name,
                             .tensor = &b->tensor[i],
                             .int8 = true,
                             .shown = true,
                             .view = {.tensor = &b->tensor[i], .rows = 8, .cols = 256},
                             .numbers.elements = 8 * 256,
                             .matrix = &b->matrix[i]};
    return s;
}

static void run(struct bench *b)
{
    assert_true(q8_suggest_run(&b->suggestion, &b->in, &b->mem, &b->err));
}

static void suggest_leaves_what_is_well_or_not_asked_for(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    add(&b, "l.0.o_proj", (double[]){30, 40, 40, 40}); /* not below */
    add(&b, "l.1.o_proj", (double[]){20, 40, 40, 40})->shown = false;
    add(&b, "l.2.o_proj", (double[]){20, 40, 40, 40})->int8 = false;
    run(&b);
    assert_int_equal(b.suggestion.cures, 0);
    assert_int_equal(b.suggestion.bytes, 0);
    q8_arena_clear(&b.mem);
}

/* Scales are BF16: 8 rows of 1 in the target; of 2, 4 and 8 groups. */
static void suggest_takes_the_fewest_bytes_that_reach_the_sqnr(void **state)
{
    const struct q8_cure *c;
    struct bench b;

    (void)state;
    make(&b);
    add(&b, "l.0.o_proj", (double[]){20, 31, 35, 40});
    add(&b, "l.1.o_proj", (double[]){20, 25, 29.99, 30});
    add(&b, "l.2.o_proj", (double[]){20, 25, 26, 29});
    run(&b);
    assert_int_equal(b.suggestion.cures, 3);
    c = b.suggestion.cure;
    assert_string_equal(c[0].use->name, "ct-w8a16-g128");
    assert_true(c[0].before == 20 && c[0].after == 31);
    assert_string_equal(c[1].use->name, "ct-w8a16-g32");
    assert_null(c[2].use);
    assert_true(isinf(c[2].after));
    assert_int_equal(c[2].bytes, BYTES - (8 * 256 + 8 * 2)); /* codes and scales */
    assert_true(c[0].bytes < c[1].bytes && c[1].bytes < c[2].bytes);
    assert_int_equal(b.suggestion.bytes, c[0].bytes + c[1].bytes + c[2].bytes);
    q8_arena_clear(&b.mem);
}

static void suggest_gives_a_fused_group_one_cure(void **state)
{
    char text[256];
    struct bench b;

    (void)state;
    make(&b);
    add(&b, "l.0.k_proj", (double[]){45, 45, 45, 45});
    add(&b, "l.0.o_proj", (double[]){45, 45, 45, 45}); /* of no group with it */
    add(&b, "l.0.q_proj", (double[]){20, 25, 31, 40});
    add(&b, "l.1.k_proj", (double[]){45, 45, 45, 45}); /* another layer */
    run(&b);
    assert_int_equal(b.suggestion.cures, 2);
    assert_string_equal(b.suggestion.cure[0].subject->name, "l.0.k_proj");
    assert_string_equal(b.suggestion.cure[0].use->name, "ct-w8a16-g64");
    assert_string_equal(q8_cure_reason(&b.in, &b.suggestion.cure[0], text, sizeof text),
                        "goes with the rest of its qkv_proj");
    assert_ptr_equal(b.suggestion.cure[1].use, b.suggestion.cure[0].use);
    assert_null(b.suggestion.cure[1].with);
    q8_arena_clear(&b.mem);
}

/* A weight that the target cannot take has no SQNR before, and its reason is the obstacle. */
static void suggest_says_why(void **state)
{
    const unsigned own = q8_cost_of(q8_target_find("ct-w8a8"));
    char text[256];
    struct bench b;

    (void)state;
    make(&b);
    add(&b, "l.0.o_proj", (double[]){20, 40, 40, 40});
    add(&b, "l.1.o_proj", (double[]){20, 40, 40, 40});
    add(&b, "l.2.o_proj", (double[]){20, 40, 40, 40});
    b.matrix[1].outliers = 1;
    b.matrix[1].column[0] = (struct q8_column_mark){.column = 7, .share = 0.25};
    b.matrix[2].cost[own] = (struct q8_cost){.obstacle = "it has a NaN", .row = 3};
    run(&b);
    assert_int_equal(b.suggestion.cures, 3);
    assert_string_equal(q8_cure_reason(&b.in, &b.suggestion.cure[0], text, sizeof text),
                        "row absmax up to 20 times the RMS, 50 % of the error in 1 % of rows");
    assert_string_equal(q8_cure_reason(&b.in, &b.suggestion.cure[1], text, sizeof text),
                        "column 7 holds the absmax of 25 % of the rows");
    assert_string_equal(q8_cure_reason(&b.in, &b.suggestion.cure[2], text, sizeof text),
                        "it has a NaN (row 3)");
    assert_true(isnan(b.suggestion.cure[2].before));
    q8_arena_clear(&b.mem);
}

/* In a pattern of --overrides '*' and '#' would mean something, and "re:" would begin a regex. */
static void suggest_prints_names_as_patterns_of_themselves(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct bench b;

    (void)state;
    assert_non_null(out);
    make(&b);
    add(&b, "l.0.a*#", (double[]){20, 40, 40, 40});
    add(&b, "re:b", (double[]){20, 20, 20, 20});
    run(&b);
    q8_suggest_print(&b.suggestion, out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "brings every weight to 30 dB or more: 2 lines"));
    assert_non_null(strstr(text, "\nuse ct-w8a16-g128 l.0.a??  # 20.00 dB -> 40.00 dB, "));
    assert_non_null(strstr(text, "\nskip re?b  # 20.00 dB -> float, "));
    free(text);
    q8_arena_clear(&b.mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suggest_leaves_what_is_well_or_not_asked_for),
        cmocka_unit_test(suggest_takes_the_fewest_bytes_that_reach_the_sqnr),
        cmocka_unit_test(suggest_gives_a_fused_group_one_cure),
        cmocka_unit_test(suggest_says_why),
        cmocka_unit_test(suggest_prints_names_as_patterns_of_themselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
