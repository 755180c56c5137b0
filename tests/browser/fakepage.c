/* fakepage.c - [int8] LAYERS | experts LAYERS EXPERTS: prints the page of a fake model */
#include "src/inspect/page.h"
#include "tests/browser/fake.h"

#include <stdlib.h>
#include <string.h>

static uint64_t whole(const char *text)
{
    return strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
    const bool experts = argc == 4 && strcmp(argv[1], "experts") == 0;
    const bool int8 = argc == 3 && strcmp(argv[1], "int8") == 0;
    struct q8_err err = {0};
    struct fake f;
    bool ok;

    if (argc != 2 && !int8 && !experts)
        return 2;
    if (experts)
        fake_make_experts(&f, whole(argv[2]), whole(argv[3]));
    else
        fake_make(&f, whole(argv[argc - 1]), int8);
    ok = q8_inspect_page(&f.in, int8 || experts ? NULL : &f.suggestion, stdout, &err) &&
         fflush(stdout) == 0;
    if (!ok)
        fprintf(stderr, "fakepage: %s\n", err.text);
    q8_arena_clear(&f.mem);
    return ok ? 0 : 1;
}
