/* arch_rule.c - reads "model_type module" lines and prints the kind that the rule of arch.c gives */
#include "src/arch.h"

#include <stdio.h>

int main(void)
{
    static const char *const kinds[Q8_KINDS] = {"OTHER", "LINEAR",    "SUBLINEAR", "CONV1D", "HEAD",
                                                "KEEP",  "EMBEDDING", "ROUTER",    "EXPERT"};
    char type[256], module[700], name[800];

    while (scanf("%255s %699s", type, module) == 2) {
        struct q8_arch arch;

        q8_arch_init(&arch, type, NULL);        /* no class: the table says nothing */
        (void)snprintf(name, sizeof name, "%s.weight", module);
        puts(kinds[q8_arch_kind(&arch, name, 2)]);
    }
    return 0;
}
