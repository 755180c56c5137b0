/* embed.c - NAME FILE...: each file as a C string called NAME; runs while q8 is built */
#include <stdio.h>

int main(int argc, char **argv)
{
    puts("/* made by src/report/embed.c */\n"
         "extern const char q8_page_css[], q8_page_js[];");
    for (int i = 1; i + 1 < argc; i += 2) {
        FILE *in = fopen(argv[i + 1], "rb");
        int c;

        if (!in) {
            perror(argv[i + 1]);
            return 1;
        }
        printf("const char %s[] = {\n", argv[i]);
        for (unsigned n = 1; (c = getc(in)) != EOF; n++)
            printf("'\\%03o',%s", (unsigned)c, n % 12 ? "" : "\n"); /* of either sign */
        puts("0};");
        if (ferror(in) || fclose(in) != 0)
            return 1;
    }
    return fflush(stdout) != 0;
}
