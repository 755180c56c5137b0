/* fakereport.c - FORMAT (pass | fail) LAYERS: a report of a fake result, to standard output */
#include "src/verify/report.h"
#include "src/verify/report_text.h"
#include "src/verify/report_json.h"
#include "src/verify/report_junit.h"
#include "src/verify/page.h"
#include "tests/unit/fake_result.h"

#include <stdlib.h>
#include <string.h>

static bool print(const char *format, const struct q8_verify *v, struct q8_err *err)
{
    if (strcmp(format, "text") == 0)
        return q8_verify_text(v, stdout, 80, err);
    if (strcmp(format, "json") == 0)
        return q8_verify_json(v, stdout, err);
    if (strcmp(format, "junit") == 0)
        return q8_verify_junit(v, stdout, err);
    return q8_verify_page(v, stdout, err);
}

int main(int argc, char **argv)
{
    struct q8_err err = {0};
    struct fake_result f;
    bool ok;

    if (argc != 4)
        return 2;
    fake_result_make(&f, strtoul(argv[3], NULL, 10), Q8_LEVEL_MATMUL, strcmp(argv[2], "fail") == 0);
    ok = print(argv[1], &f.v, &err) && fflush(stdout) == 0;
    if (!ok)
        fprintf(stderr, "fakereport: %s\n", err.text);
    q8_arena_clear(&f.mem);
    return ok ? 0 : 1;
}
