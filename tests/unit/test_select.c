/* test_select.c - patterns; expected matches from Python's fnmatch.fnmatchcase and re.fullmatch */
#include "src/model/select.h"

#include "src/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const char *const names[] = {"model.layers.0.self_attn.q_proj",
                                    "model.layers.10.mlp.up_proj", "lm_head"};
static const char *const more[] = {"model.layers.0.self_attn.q_proj",
                                   "model.layers.0.self_attn.k_proj",
                                   "model.layers.1.mlp.q_proj",
                                   "model.layers.10.mlp.up_proj",
                                   "model.embed_tokens",
                                   "lm_head"};

static const char *get_name(void *self, uint64_t i)
{
    return ((const char *const *)self)[i];
}

static struct q8_arena mem;

static int open_arena(void **state)
{
    (void)state;
    q8_arena_init(&mem, 8 << 20);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    q8_arena_clear(&mem);
    return 0;
}

/* What the patterns say of a name; they are asked without a failure. */
static struct q8_choice ask(struct q8_select *s, const char *module)
{
    struct q8_choice choice;
    struct q8_err err = {0};

    if (!q8_select_ask(s, module, &choice, &err))
        fail_msg("%s", err.text);
    return choice;
}

static void select_pattern_matches_whole_names(void **state)
{
    static const struct {
        const char *pattern;
        bool want[3];
    } rows[] = {
        {"lm_head", {0, 0, 1}},
        {"head", {0, 0, 0}},
        {"model.layers.*", {1, 1, 0}}, /* a star crosses dots */
        {"*q_proj", {1, 0, 0}},
        {"model.layers.?.*", {1, 0, 0}},
        {"model.layers.[0-4].*", {1, 0, 0}},
        {"*", {1, 1, 1}},
        {"re:lm_head", {0, 0, 1}},
        {"re:head", {0, 0, 0}},
        {"re:lm_head|model", {0, 0, 1}}, /* not "starts with model" */
        {"re:a|lm_head|b", {0, 0, 1}},
        {"re:lm|lm_head", {0, 0, 1}}, /* the shorter branch first */
        {"re:.*\\.(q|k|v)_proj", {1, 0, 0}},
        {"re:model\\.layers\\.[0-9]{1,2}\\..*", {1, 1, 0}},
        {"re:.*\\.\\d\\d\\..*", {0, 1, 0}},
        {"re:(?!lm).*", {1, 1, 0}},
        {"re:model\\.layers\\.(?:0|1)\\..*", {1, 0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct q8_select s = {0};
        struct q8_err err = {0};

        assert_true(q8_select_add(&s, Q8_SKIP, rows[i].pattern, "--skip", &mem, &err));
        for (size_t n = 0; n < 3; n++)
            assert_int_equal(ask(&s, names[n]).skip != NULL, rows[i].want[n]);
    }
}

static void select_ask_gives_the_first_of_each_verb_and_counts_all(void **state)
{
    struct q8_select s = {0};
    struct q8_err err = {0};
    struct q8_choice c;

    (void)state;
    assert_true(q8_select_add(&s, Q8_ALSO, "lm_head", "--also", &mem, &err));
    assert_false(s.have_only);
    assert_true(q8_select_add(&s, Q8_ONLY, "model.*", "--only", &mem, &err));
    assert_true(q8_select_add(&s, Q8_SKIP, "*proj", "--skip", &mem, &err));
    assert_true(q8_select_add(&s, Q8_SKIP, "*up_proj", "--skip", &mem, &err));
    assert_true(s.have_only);
    c = ask(&s, names[1]);
    assert_ptr_equal(c.only, &s.pattern[1]);
    assert_ptr_equal(c.skip, &s.pattern[2]);
    assert_null(c.also);
    assert_int_equal(s.pattern[3].matches, 1);
    c = ask(&s, names[2]);
    assert_ptr_equal(c.also, &s.pattern[0]);
    assert_null(c.only);
    assert_null(c.skip);
    assert_true(q8_select_check(&s, 3, get_name, (void *)names, &err));
}

static void select_use_has_a_target_before_its_pattern(void **state)
{
    static const struct {
        const char *text, *target, *pattern; /* NULL: refused */
    } rows[] = {
        {"ct-w8a16=lm_head", "ct-w8a16", "lm_head"},
        {"ct-w8a16 \t lm_head", "ct-w8a16", "lm_head"},
        {"x=re:.*=y", "x", "re:.*=y"},
        {"ct-w8a16", NULL, NULL},
        {"ct-w8a16=", NULL, NULL},
        {"=lm_head", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct q8_select s = {0};
        struct q8_err err = {0};

        assert_int_equal(q8_select_add(&s, Q8_USE, rows[i].text, "--use", &mem, &err),
                         rows[i].target != NULL);
        if (rows[i].target) {
            assert_string_equal(s.pattern[0].target, rows[i].target);
            assert_string_equal(s.pattern[0].text, rows[i].pattern);
        } else {
            assert_int_equal(err.code, Q8_EUSAGE);
            assert_non_null(strstr(err.text, "use wants a target and a pattern"));
        }
    }
}

static void select_use_that_comes_first_wins(void **state)
{
    struct q8_select s = {0};
    struct q8_err err = {0};

    (void)state;
    assert_true(q8_select_add(&s, Q8_USE, "a=lm_head", "--use", &mem, &err));
    assert_true(q8_select_add(&s, Q8_SKIP, "lm_*", "--skip", &mem, &err));
    assert_true(q8_select_add(&s, Q8_USE, "b=*", "--use", &mem, &err));
    assert_ptr_equal(ask(&s, names[2]).use, &s.pattern[0]);
    assert_ptr_equal(ask(&s, names[0]).use, &s.pattern[2]);
    assert_null(ask(&s, names[0]).skip);
    assert_null(s.pattern[1].target);
    assert_int_equal(s.pattern[2].matches, 3);
    assert_int_equal(s.pattern[2].taken, 0);
}

static void select_add_gives_the_reason_of_a_bad_regex(void **state)
{
    static const char *const bad[] = {"re:model.(layers", "re:a)|(b", "re:[z-a]",
                                      "re:[[:digit:]]",   "re:\\K",   "re:(*ACCEPT)"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct q8_select s = {0};
        struct q8_err err = {0};

        assert_false(q8_select_add(&s, Q8_SKIP, bad[i], "--skip", &mem, &err));
        assert_int_equal(err.code, Q8_EUSAGE);
        assert_non_null(strstr(err.text, "is not a regular expression: "));
        assert_int_equal(s.count, 0);
    }
}

static void select_check_names_the_three_nearest(void **state)
{
    /* Edits from "model.layer.0.q", by hand: many, 3, 1, 2. */
    static const char *const modules[] = {"lm_head.with.a.long.name.far.away", "model.layers.01.q2",
                                          "model.layers.0.q", "model.layers.1.q"};
    struct q8_select s = {0}, none = {0};
    struct q8_err err = {0}, err2 = {0};

    (void)state;
    assert_true(q8_select_add(&s, Q8_SKIP, "model.layer.0.q", "--skip", &mem, &err));
    (void)ask(&s, modules[0]);
    assert_false(q8_select_check(&s, 4, get_name, (void *)modules, &err));
    assert_int_equal(err.code, Q8_EUSAGE);
    assert_string_equal(err.text,
                        "--skip 'model.layer.0.q' matches no module; nearest: model.layers.0.q, "
                        "model.layers.1.q, model.layers.01.q2");
    assert_false(q8_select_check(&s, 0, get_name, NULL, &err2));
    assert_string_equal(err2.text, "--skip 'model.layer.0.q' matches no module; nearest: none");
    assert_true(q8_select_check(&none, 0, get_name, NULL, &err2));
}

static void select_check_offers_the_pattern_that_would_match(void **state)
{
    static const struct {
        const char *pattern, *offer; /* NULL: nothing but the nearest names */
    } rows[] = {
        {"model.layers.0", "model.layers.0.*"},
        {"model.layers.*.self_attn", "model.layers.*.self_attn.*"},
        {"q_proj", "*.q_proj"},
        {"mlp", "*.mlp.*"},
        {"layers.1?", "model.layers.10.mlp.up_proj"},
        {"embed_tokens", "model.embed_tokens"},
        {"layers.[01]", "*.layers.[01].*"},
        {"re:model\\.layers\\.0", "re:model\\.layers\\.0.*"},
        {"re:q_proj", "re:.*q_proj"},
        {"re:layers\\.\\d", "re:.*layers\\.\\d.*"},
        {"model.layers.9", NULL},
        {"re:q_proj|up_proj", NULL},
        {"re:x", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct q8_select s = {0};
        struct q8_err err = {0};
        char want[200];

        assert_true(q8_select_add(&s, Q8_SKIP, rows[i].pattern, "--skip", &mem, &err));
        assert_false(q8_select_check(&s, 6, get_name, (void *)more, &err));
        assert_int_equal(err.code, Q8_EUSAGE);
        if (rows[i].offer) {
            char shown[200];

            (void)snprintf(want, sizeof want, "did you mean '%s'?",
                           q8_text_escape(rows[i].offer, shown, sizeof shown));
            if (!strstr(err.text, want))
                fail_msg("%s, without %s", err.text, want);
        } else {
            assert_non_null(strstr(err.text, "nearest: "));
        }
    }
}

/* A limit is neither a match nor none. */
static void select_pattern_beyond_a_limit_fails(void **state)
{
    static const char many[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    struct q8_select s = {0};
    struct q8_choice choice;
    struct q8_err err = {0}, tired = {0};

    (void)state;
    assert_true(q8_select_add(&s, Q8_SKIP, "re:(a+)+", "--skip", &mem, &err));
    assert_false(q8_select_ask(&s, many, &choice, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_non_null(strstr(err.text, "--skip 're:(a+)+' takes too many steps"));
    s.steps->taken = Q8_REGEX_ALL_STEPS;
    assert_false(q8_select_ask(&s, "a", &choice, &tired));
    assert_int_equal(tired.code, Q8_ELIMIT);
}

static void select_check_shows_hostile_names_escaped(void **state)
{
    static const char *const modules[] = {"a\x1b[2J"};
    struct q8_select s = {0};
    struct q8_err err = {0};

    (void)state;
    assert_true(q8_select_add(&s, Q8_ONLY, "re:b", "o.txt:3", &mem, &err));
    assert_false(q8_select_check(&s, 1, get_name, (void *)modules, &err));
    assert_string_equal(err.text, "o.txt:3 're:b' matches no module; nearest: a\\x1b[2J");
}

/* Reads `text` as a file of patterns. */
static bool read_patterns(struct q8_select *s, const char *text, size_t len, struct q8_err *err)
{
    char path[] = "/tmp/q8-test-select-XXXXXX";
    int fd = mkstemp(path);
    bool ok;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(close(fd), 0);
    ok = q8_select_file(s, path, &mem, err);
    assert_int_equal(unlink(path), 0);
    return ok;
}

static void select_file_reads_words_comments_and_line_numbers(void **state)
{
    static const char text[] = "# heads\n"
                               "\n"
                               "skip lm_head   # the big one\r\n"
                               "  only\tmodel.*\n"
                               "also a#b\n"
                               "   # indented\n"
                               "use ct-w8a16-g128\tmodel.*  # by q8-inspect\n"
                               "skip re:x y"; /* no newline at the end */
    struct q8_select s = {0};
    struct q8_err err = {0};

    (void)state;
    assert_true(read_patterns(&s, text, strlen(text), &err));
    assert_int_equal(s.count, 5);
    assert_int_equal(s.pattern[0].verb, Q8_SKIP);
    assert_string_equal(s.pattern[0].text, "lm_head");
    assert_string_equal(strrchr(s.pattern[0].origin, ':'), ":3");
    assert_int_equal(s.pattern[1].verb, Q8_ONLY);
    assert_string_equal(s.pattern[1].text, "model.*");
    assert_int_equal(s.pattern[2].verb, Q8_ALSO);
    assert_string_equal(s.pattern[2].text, "a#b");
    assert_int_equal(s.pattern[3].verb, Q8_USE);
    assert_string_equal(s.pattern[3].target, "ct-w8a16-g128");
    assert_string_equal(s.pattern[3].text, "model.*");
    assert_string_equal(s.pattern[4].text, "re:x y");
    assert_string_equal(strrchr(s.pattern[4].origin, ':'), ":8");
}

static void select_file_refuses_other_words(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"skip a\nskp lm_head\n", ":2: a line starts with skip, only, also or use, not 'skp'"},
        {"skip\n", ":1: 'skip' wants a pattern behind it"},
        {"only   # all\n", ":1: 'only' wants a pattern behind it"},
        {"use\n", ":1: 'use' wants a pattern behind it"},
        {"use ct-w8a16\n", ":1 'ct-w8a16': use wants a target and a pattern"},
        {"skip *[[:digit:]]\n",
         ":1 '*[[:digit:]]': a glob has no [:classes:]; write [0-9] or [a-z]"},
        {"skip re:(\n",
         ":1 're:(' is not a regular expression: missing ), unterminated subpattern at position 0"},
        {"\x1b[2J x\n", ":1: a line starts with skip, only, also or use, not '\\x1b[2J'"},
    };
    struct q8_err nul = {0};
    struct q8_select none = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct q8_select s = {0};
        struct q8_err err = {0};

        assert_false(read_patterns(&s, rows[i].text, strlen(rows[i].text), &err));
        assert_int_equal(err.code, Q8_EUSAGE);
        assert_string_equal(strchr(err.text, ':'), rows[i].want);
    }
    assert_false(read_patterns(&none, "skip a\0b\n", 9, &nul));
    assert_int_equal(nul.code, Q8_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(select_pattern_matches_whole_names),
        cmocka_unit_test(select_ask_gives_the_first_of_each_verb_and_counts_all),
        cmocka_unit_test(select_use_has_a_target_before_its_pattern),
        cmocka_unit_test(select_use_that_comes_first_wins),
        cmocka_unit_test(select_add_gives_the_reason_of_a_bad_regex),
        cmocka_unit_test(select_check_names_the_three_nearest),
        cmocka_unit_test(select_check_offers_the_pattern_that_would_match),
        cmocka_unit_test(select_pattern_beyond_a_limit_fails),
        cmocka_unit_test(select_check_shows_hostile_names_escaped),
        cmocka_unit_test(select_file_reads_words_comments_and_line_numbers),
        cmocka_unit_test(select_file_refuses_other_words),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
