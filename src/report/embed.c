/*
 * embed.c - NAME FILE... [NAME FILE...]: what the files hold, one behind the other, as a C string
 * called NAME, which starts with "q8_"; runs while q8 is built
 */
#include <stdio.h>
#include <string.h>

/* The file as numbers of characters; of either sign. */
static int put(const char *path)
{
    FILE *in = fopen(path, "rb");
    int c, bad;

    if (!in) {
        perror(path);
        return 1;
    }
    for (unsigned n = 1; (c = getc(in)) != EOF; n++)
        printf("'\\%03o',%s", (unsigned)c, n % 12 ? "" : "\n");
    bad = ferror(in);
    return fclose(in) != 0 || bad;
}

int main(int argc, char **argv)
{
    puts("/* made by src/report/embed.c */\n"
         "extern const char q8_page_css[], q8_page_js[];");
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "q8_", 3) == 0)
            printf("%sconst char %s[] = {\n", i > 1 ? "0};\n" : "", argv[i]);
        else if (put(argv[i]) != 0)
            return 1;
    puts("0};");
    return fflush(stdout) != 0;
}
