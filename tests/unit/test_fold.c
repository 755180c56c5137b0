/* test_fold.c - lines folded at the width of a terminal */
#include "src/cli/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* What comes out when `text` is printed in pieces of `piece` bytes. */
static void expect_folded(unsigned width, const char *text, size_t piece, const char *wanted)
{
    char got[16384] = "";
    FILE *out = fmemopen(got, sizeof got, "w");
    struct q8_fold fold;
    struct q8_err err = {0};

    assert_non_null(out);
    assert_true(q8_fold_open(&fold, out, width, &err));
    for (size_t n = strlen(text), i = 0; i < n; i += piece) {
        fprintf(fold.in, "%.*s", (int)(n - i < piece ? n - i : piece), text + i);
        fflush(fold.in);
    }
    q8_fold_close(&fold);
    fclose(out);
    assert_string_equal(got, wanted);
}

static void fold_breaks_between_words(void **state)
{
    (void)state;
    expect_folded(20, "a line of text that is too wide\nshort\n", 1000,
                  "a line of text that\n  is too wide\nshort\n");
    expect_folded(20, "a line of text that is too wide\nshort\n", 1,
                  "a line of text that\n  is too wide\nshort\n");
    expect_folded(20, "exactly 20 columns..\n", 7, "exactly 20 columns..\n");
    expect_folded(20, "no end of the line at all", 3, "no end of the line\n  at all");
    expect_folded(20, "", 1, "");
}

static void fold_hangs_below_the_second_column(void **state)
{
    (void)state;
    expect_folded(24, "note    name: why it is so\n", 9, "note    name: why it is\n        so\n");
    expect_folded(24, "  indented, and then too wide\n", 9, "  indented, and then too\n    wide\n");
}

static void fold_keeps_wide_words_whole(void **state)
{
    (void)state;
    expect_folded(10, "model.layers.0.mlp and more of it\n", 4,
                  "model.layers.0.mlp\n  and more\n  of it\n");
}

static void fold_counts_characters_and_not_colours(void **state)
{
    (void)state;
    expect_folded(10, "\033[31m\342\226\201\342\226\201\342\226\201\342\226\201 12345\033[0m\n", 3,
                  "\033[31m\342\226\201\342\226\201\342\226\201\342\226\201 12345\033[0m\n");
}

static void fold_of_no_width_changes_nothing(void **state)
{
    (void)state;
    expect_folded(0, "a line of text that is too wide\n", 5, "a line of text that is too wide\n");
}

static void fold_takes_lines_of_any_length(void **state)
{
    char *text = malloc(9001), *wanted = malloc(9001);

    (void)state;
    memset(text, 'x', 9000);
    text[9000] = 0;
    strcpy(wanted, text);
    expect_folded(80, text, 4000, wanted);
    free(text);
    free(wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fold_breaks_between_words),
                                       cmocka_unit_test(fold_hangs_below_the_second_column),
                                       cmocka_unit_test(fold_keeps_wide_words_whole),
                                       cmocka_unit_test(fold_counts_characters_and_not_colours),
                                       cmocka_unit_test(fold_of_no_width_changes_nothing),
                                       cmocka_unit_test(fold_takes_lines_of_any_length)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
