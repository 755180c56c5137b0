/* replay.c - runs a fuzz target over the files of the command line, once: what `meson test` does */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MOST 4096
#define BYTES_MOST (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The bytes of a file, at most BYTES_MOST; ends the program where there is none. */
static uint8_t *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(BYTES_MOST);

    if (!file || !bytes) {
        perror(path);
        exit(1);
    }
    *ret_size = fread(bytes, 1, BYTES_MOST, file);
    (void)fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    static uint8_t *bytes[FILES_MOST];
    static size_t size[FILES_MOST];
    const int files = argc - 1 < FILES_MOST ? argc - 1 : FILES_MOST;

    for (int i = 0; i < files; i++) /* before a target goes to another folder */
        bytes[i] = read_file(argv[i + 1], &size[i]);
    for (int i = 0; i < files; i++) {
        if (getenv("REPLAY_NAMES"))
            (void)fprintf(stderr, "%s\n", argv[i + 1]);
        (void)LLVMFuzzerTestOneInput(bytes[i], size[i]);
        free(bytes[i]);
    }
    (void)printf("%d files\n", files);
    return files > 0 ? 0 : 1;
}
