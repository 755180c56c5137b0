/*
 * npy.c - the header of a numpy array file
 *
 *     "\x93NUMPY" | u8 major, u8 minor | u16 length (u32 from 2.0) | Python dict | data
 *
 * Specification: numpy 2.4, numpy/lib/_format_impl.py.
 */
#include "formats/npz.h"

#include "formats/zip.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <string.h>

#define HEADER_MOST 10000 /* bytes of the dict: _format_impl.py, _MAX_HEADER_SIZE */

/* A Python literal that is being read. */
struct literal {
    const char *at, *end;
    struct q8_err *err;
};

/* What the dict says. */
struct header {
    struct q8_tensor *t;
    bool columns; /* the first dimension is innermost */
};

static bool fail_header(struct literal *l, const char *wanted)
{
    return q8_fail(l->err, Q8_EINPUT,
                   "its header is not a dict of descr, fortran_order and shape: %s", wanted);
}

static void skip_space(struct literal *l)
{
    while (l->at < l->end && (*l->at == ' ' || *l->at == '\n' || *l->at == '\t'))
        l->at++;
}

/* Takes the character c if it comes next, behind white space. */
static bool take(struct literal *l, char c)
{
    skip_space(l);
    if (l->at == l->end || *l->at != c)
        return false;
    l->at++;
    return true;
}

static bool take_word(struct literal *l, const char *word)
{
    size_t n = strlen(word);

    skip_space(l);
    if ((size_t)(l->end - l->at) < n || memcmp(l->at, word, n) != 0)
        return false;
    l->at += n;
    return true;
}

/* A string in quotes, cut to fit. */
static bool get_string(struct literal *l, char *text, size_t size)
{
    char quote = take(l, '\'') ? '\'' : '"';
    size_t n = 0;

    if (quote == '"' && !take(l, '"'))
        return fail_header(l, "a string in quotes was expected");
    for (; l->at < l->end && *l->at != quote; l->at++) {
        if (*l->at == '\\' || (unsigned char)*l->at < ' ')
            return fail_header(l, "an escape in a string");
        if (n + 1 < size)
            text[n++] = *l->at;
    }
    text[n] = '\0';
    return take(l, quote) || fail_header(l, "a string without an end");
}

static bool get_dtype(struct literal *l, struct q8_tensor *t)
{
    /* without the byte order: numpy's kind and bytes */
    static const struct {
        char code[3];
        enum q8_dtype dtype;
    } types[] = {
        {"f2", Q8_F16}, {"f4", Q8_F32}, {"f8", Q8_F64}, {"i1", Q8_I8},
        {"u1", Q8_U8},  {"i2", Q8_I16}, {"i4", Q8_I32}, {"i8", Q8_I64},
    };
    char descr[32], shown[64];
    const char *why;

    if (take(l, '['))
        return q8_fail(l->err, Q8_EUNSUPPORTED, "its elements are structures");
    if (!get_string(l, descr, sizeof descr))
        return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((*descr == '<' || (*descr == '|' && types[i].code[1] == '1')) &&
            strcmp(descr + 1, types[i].code) == 0) {
            t->dtype = types[i].dtype;
            return true;
        }
    why = *descr == '>'         ? "numbers are big-endian"
          : strchr(descr, 'O')  ? "elements are pickled objects, which q8 does not open"
          : strstr(descr, "V2") ? "elements are raw bytes, perhaps bfloat16; save float32"
                                : "type is not one that q8 reads; save float32";
    return q8_fail(l->err, Q8_EUNSUPPORTED, "'%s': its %s",
                   q8_text_escape(descr, shown, sizeof shown), why);
}

/* (), (3,) or (3, 4); Python 2 wrote 3L. */
static bool get_shape(struct literal *l, struct q8_tensor *t)
{
    if (!take(l, '('))
        return fail_header(l, "a shape in parentheses was expected");
    while (!take(l, ')')) {
        uint64_t n = 0;
        const char *start = l->at;

        if (t->rank == Q8_MAX_RANK)
            return q8_fail(l->err, Q8_EINPUT, "a shape of more than %d dimensions", Q8_MAX_RANK);
        for (; l->at < l->end && *l->at >= '0' && *l->at <= '9'; l->at++)
            if (!q8_mul(n, 10, &n) || !q8_add(n, (uint64_t)(*l->at - '0'), &n))
                return q8_fail(l->err, Q8_EINPUT, "a dimension of 2^64 and more");
        if (l->at == start)
            return fail_header(l, "a dimension was expected");
        t->dim[t->rank++] = n;
        (void)take(l, 'L');
        if (!take(l, ',') && (t->rank == 1 || l->at == l->end || *l->at != ')'))
            return fail_header(l, "a comma in the shape was expected");
    }
    return true;
}

static bool get_order(struct literal *l, struct header *h)
{
    h->columns = take_word(l, "True");
    return h->columns || take_word(l, "False") || fail_header(l, "True or False was expected");
}

static bool get_dict(struct literal *l, struct header *h)
{
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    unsigned seen = 0, now;
    char key[32];

    if (!take(l, '{'))
        return fail_header(l, "a '{' was expected");
    while (!take(l, '}')) {
        if (!get_string(l, key, sizeof key))
            return false;
        now = strcmp(key, "descr") == 0           ? DESCR
              : strcmp(key, "fortran_order") == 0 ? ORDER
              : strcmp(key, "shape") == 0         ? SHAPE
                                                  : 0;
        if (!now || seen & now)
            return fail_header(l, "another key, or the same twice");
        seen |= now;
        if (!take(l, ':'))
            return fail_header(l, "a colon was expected");
        if (now == DESCR   ? !get_dtype(l, h->t)
            : now == ORDER ? !get_order(l, h)
                           : !get_shape(l, h->t))
            return false;
        if (!take(l, ',') && (l->at == l->end || *l->at != '}'))
            return fail_header(l, "a comma was expected");
    }
    skip_space(l);
    if (seen != (DESCR | ORDER | SHAPE))
        return fail_header(l, "a key is missing");
    return l->at == l->end || fail_header(l, "bytes behind it");
}

bool q8_npy_parse(struct q8_tensor *ret, const unsigned char *bytes, uint64_t size,
                  struct q8_err *err)
{
    struct q8_tensor t = {0};
    struct header h = {.t = &t};
    struct literal l = {.err = err};
    uint64_t length, start;

    if (size < 8 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return q8_fail(err, Q8_EINPUT, "not a .npy array: it does not begin with \\x93NUMPY");
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
        return q8_fail(err, Q8_EUNSUPPORTED, "version %u.%u of .npy; q8 reads 1.0, 2.0 and 3.0",
                       bytes[6], bytes[7]);
    start = bytes[6] == 1 ? 10 : 12;
    length = size < start ? UINT64_MAX : q8_zip_number(bytes + 8, bytes[6] == 1 ? 2 : 4);
    if (!q8_within(start, length, size) || length > HEADER_MOST)
        return q8_fail(err, Q8_EINPUT, "its header is cut short, or longer than %d bytes",
                       HEADER_MOST);
    l.at = (const char *)bytes + start;
    l.end = l.at + length;
    if (!get_dict(&l, &h) || !q8_tensor_bytes(&t, &t.nbytes, err))
        return false;
    if (h.columns && t.rank > 1)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "is stored by columns (fortran_order); save numpy.ascontiguousarray of it");
    t.offset = start + length;
    if (t.nbytes != size - t.offset) {
        char shape[200];

        q8_tensor_shape(&t, shape, sizeof shape);
        return q8_fail(err, Q8_EINPUT,
                       "%s of shape %s needs %" PRIu64 " bytes, %" PRIu64 " are there",
                       q8_dtypes[t.dtype].name, shape, t.nbytes, size - t.offset);
    }
    *ret = t;
    return true;
}
