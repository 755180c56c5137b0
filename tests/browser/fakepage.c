/* fakepage.c - [int8] LAYERS: the page of a fake model, to standard output */
#include "src/inspect/page.h"
#include "tests/browser/fake.h"

#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    bool int8 = argc == 3 && strcmp(argv[1], "int8") == 0;
    struct q8_err err = {0};
    struct fake f;
    bool ok;

    if (argc != 2 && !int8)
        return 2;
    fake_make(&f, strtoul(argv[argc - 1], NULL, 10), int8);
    ok = q8_inspect_page(&f.in, int8 ? NULL : &f.suggestion, stdout, &err) && fflush(stdout) == 0;
    if (!ok)
        fprintf(stderr, "fakepage: %s\n", err.text);
    q8_arena_clear(&f.mem);
    return ok ? 0 : 1;
}
