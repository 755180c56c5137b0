/* test_magic.c - what first bytes and names say that a file is */
#include "src/model/folder/magic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Bytes and their number. */
#define BYTES(text) (const unsigned char *)(text), sizeof(text) - 1

static void magic_bytes_tell_what_it_is(void **state)
{
    /* what the formats define; those of zip files as torch.save and numpy.savez write them */
    static const struct {
        const unsigned char *bytes;
        size_t count;
        const char *what; /* NULL: nothing that is known */
    } rows[] = {
        {BYTES(""), "empty"},
        {BYTES("\0"), "all zeros at its start"},
        {BYTES("\0\0\0\0\0\0\0\0\0\0\0\0"), "all zeros at its start"},
        {BYTES("version https://git-lfs.github.com/spec/v1\noid"), "a Git LFS pointer"},
        {BYTES("version https://git-lfs.github.co"), NULL},
        {BYTES("/annex/objects/SHA256E-s1--0"), "a git-annex pointer"},
        {BYTES("# xet version 0\n"), "a Xet pointer"},
        {BYTES("GGUF\3\0\0\0"), "a GGUF file under another name"},
        {BYTES("GGU"), NULL},
        {BYTES("\x80\2}q\0"), "a checkpoint of PyTorch (pickle)"},
        {BYTES("\x80\1"), NULL},
        {BYTES("PK\3\4"), "a checkpoint of PyTorch (pickle)"},
        {BYTES("PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\16\0\0\0m/.format_version"),
         "an archive"}, /* cut by its length */
        {BYTES("PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\12\0\0\0m/data.pkl"),
         "a checkpoint of PyTorch (pickle)"},
        {BYTES("PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\377\377\0\0w.npy"),
         "an array file of numpy"}, /* says that it is longer */
        {BYTES("PK\5\6\0\0"), "an archive"},
        {BYTES("\x89HDF\r\n\x1a\n"), "an HDF5 file of Keras or TensorFlow"},
        {BYTES("\x1f\x8b\x08\0"), "an archive"},
        {BYTES("<!DOCTYPE html>"), "a page of a web site, saved in the place of a file"},
        {BYTES("\xef\xbb\xbf \r\n<HTML>"), "a page of a web site, saved in the place of a file"},
        {BYTES("<htm"), NULL},
        {BYTES(" {\"a\": 1}"), "JSON text"},
        {BYTES("[1]"), "JSON text"},
        {BYTES("   \n"), NULL},
        {BYTES("\x20\0\0\0\0\0\0\0{\"a\":{}}"), "a safetensors file under another name"},
        {BYTES("\x20\0\0\0\0\0\0\0"), NULL},
        {BYTES("\x20\0\0\0\0\0\0\x7f{\"a\":{}}"), NULL}, /* no header is as long */
        {BYTES("hello"), NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct q8_magic *magic = q8_magic_bytes(rows[i].bytes, rows[i].count);

        if (!magic != !rows[i].what || (magic && strcmp(magic->what, rows[i].what) != 0))
            fail_msg("row %zu: %s", i, magic ? magic->what : "nothing");
    }
}

static void magic_names_tell_where_bytes_do_not(void **state)
{
    (void)state;
    assert_string_equal(q8_magic_name("m.onnx")->what, "an ONNX graph");
    assert_string_equal(q8_magic_name("M.GGUF")->what, "a GGUF file under another name");
    assert_string_equal(q8_magic_name("x.tar.gz")->what, "an archive");
    assert_null(q8_magic_name("README.md"));
    assert_null(q8_magic_name("model.safetensors"));
    assert_null(q8_magic_name(""));
}

static void magic_failures_say_what_to_do(void **state)
{
    struct q8_err err = {0};

    (void)state;
    assert_false(q8_magic_fail(q8_magic_bytes(BYTES("GGUF")), "a\x1b", &err));
    assert_int_equal(err.code, Q8_EUNSUPPORTED);
    assert_string_equal(err.text, "a\\x1b is a GGUF file under another name: give it (by a "
                                  "link) a name that ends in .gguf");
    err = (struct q8_err){0};
    assert_false(q8_magic_fail(q8_magic_bytes(BYTES("")), "a", &err));
    assert_int_equal(err.code, Q8_EINPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(magic_bytes_tell_what_it_is),
        cmocka_unit_test(magic_names_tell_where_bytes_do_not),
        cmocka_unit_test(magic_failures_say_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
