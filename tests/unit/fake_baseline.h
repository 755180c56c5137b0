/* fake_baseline.h - baselines as text, for a verification made by hand */
#ifndef Q8_TESTS_FAKE_BASELINE_H
#define Q8_TESTS_FAKE_BASELINE_H

#include "src/verify/baseline.h"
#include "tests/unit/fake_layers.h"

#define FAKE_SETTINGS "mode=runtime threshold=config tokens=128 seed=1 activations=none"
#define FAKE_DIGEST_Q "000102030405060708090a0b0c0d0e0f"
#define FAKE_DIGEST_UP "ff00000000000000000000000000007f"

/* A layer of a file. */
#define FAKE_LAYER(module, reference, weights, matmul)                                             \
    "{\"module\":\"" module "\",\"reference\":" reference ",\"weights_sqnr_db\":" weights          \
    ",\"matmul_sqnr_db\":" matmul "}"

/* A file of that level, with those layers. */
#define FAKE_BASELINE(level, layers)                                                               \
    "{\"schema\":\"q8-verify-baseline/1\",\"version\":\"0.1.0\",\"level\":\"" level                \
    "\",\"settings\":\"" FAKE_SETTINGS "\",\"layers\":[" layers "]}"

#define FAKE_LAYER_Q FAKE_LAYER(FAKE_Q, "\"" FAKE_DIGEST_Q "\"", "40", "34")
#define FAKE_LAYER_UP FAKE_LAYER(FAKE_UP, "\"" FAKE_DIGEST_UP "\"", "40", "34")

/* The two layers of the fake, which the two above are of. */
static inline int fake_baseline_setup(void **state)
{
    struct fake_verify *f;

    if (fake_setup(state) != 0)
        return -1;
    f = *state;
    return q8_digest_parse(FAKE_DIGEST_Q, &f->layer[0].reference) &&
                   q8_digest_parse(FAKE_DIGEST_UP, &f->layer[1].reference)
               ? 0
               : -1;
}

/* Reads a text as the baseline of the run. */
static inline bool fake_baseline(struct fake_verify *f, const char *text)
{
    struct q8_baseline *b = q8_alloc(&f->mem, 1, sizeof *b, &f->err);

    f->v.options.baseline = b;
    return b && q8_baseline_read(b, fake_file(f, text, strlen(text)), &f->mem, &f->err);
}

/* Compares with that text, which must be a baseline. */
static inline bool fake_compare(struct fake_verify *f, const char *text)
{
    if (!fake_baseline(f, text))
        abort();
    return q8_baseline_compare(&f->v, &f->err);
}

/* The text of a finding or an error with the path of the file as "base.json"; the arena's. */
static inline const char *fake_text(struct fake_verify *f, const char *text)
{
    const char *path = f->path[0], *at = strstr(text, path);

    return at ? q8_sprintf(&f->mem, &f->err, "%.*sbase.json%s", (int)(at - text), text,
                           at + strlen(path))
              : text;
}

/* A row of a list of tests. */
#define FAKE_BASELINE_TEST(test)                                                                   \
    cmocka_unit_test_setup_teardown(test, fake_baseline_setup, fake_teardown)

#endif
