/* fake_result.h - a result of q8-verify without models, for what reports one */
#ifndef Q8_TESTS_FAKE_RESULT_H
#define Q8_TESTS_FAKE_RESULT_H

#include "src/verify/verify.h"

#include <stdio.h>

/* Int8 weights of a layer, all on the heat map; layer 0 has one more, of a hostile name. */
#define FAKE_RESULT_ROLES 7

/* Names that a terminal, a browser or an XML reader must show and not obey. */
#define FAKE_RESULT_HOSTILE "<img src=x onerror=alert(1)>"
#define FAKE_RESULT_WORSE                                                                          \
    "model.layers.0.\xff\xe2\x80\xae\"bytes\" & 'quotes' ]]></failure></script><!--"               \
    "\x1b[2J\n\xef\xbf\xbe"

/* What the pointers of a fake result point to. */
struct fake_result {
    struct q8_verify v;
    struct q8_model reference, quantized;
    struct q8_arena mem; /* q8_arena_clear when done */
};

/*
 * A LLaMA of so many layers, each of FAKE_RESULT_ROLES int8 weights; the two of hostile names
 * beside them; and a head, of which level 3 says nothing.  Weights have an SQNR of the role's in
 * fake_result.c plus (layer % 3) / 2 dB, products 6 dB less.  With `fails` things are wrong at
 * every level, in layers 0 to 2 (take 3 at least); without there are but notes.  Ends the program
 * when there is no memory.
 */
void fake_result_make(struct fake_result *f, uint64_t layers, enum q8_level level, bool fails);

/* q8_verify_json and its like. */
typedef bool fake_result_fn(const struct q8_verify *v, FILE *out, struct q8_err *err);

/* The report of f, to be freed.  Ends the program when it cannot be had, or holds a NUL. */
char *fake_result_print(const struct fake_result *f, fake_result_fn *report);

/* The same of what fake_result_make makes. */
char *fake_result_report(fake_result_fn *report, uint64_t layers, enum q8_level level, bool fails);

/* How often `what` stands in a text. */
unsigned fake_result_count(const char *text, const char *what);

#endif
