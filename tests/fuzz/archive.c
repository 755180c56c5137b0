/* archive.c - a folder of files in one text, as the fuzzer can change it */
#include "tests/fuzz/archive.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MOST 100
#define DATA_MOST (256 << 10) /* bytes of tensors */

/* One entry of the text. */
struct entry {
    char kind; /* ' ' '>' '/' '|' */
    char name[NAME_MOST + 1];
    const char *body;
    size_t size;
};

bool archive_leaves(const char *path)
{
    return *path == '/' || strstr(path, "..");
}

/* The folders on the way to a name. */
static void make_folders(const char *name)
{
    char path[NAME_MOST + 1];

    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        (void)snprintf(path, sizeof path, "%.*s", (int)(slash - name), name);
        (void)mkdir(path, 0777);
    }
}

/* The largest number behind "data_offsets": how many bytes a header wants. */
static size_t wanted_bytes(const char *header, size_t size)
{
    const char *end = header + size, *at = header;
    size_t most = 0;

    while ((at = memmem(at, (size_t)(end - at), "data_offsets", 12))) {
        size_t value = 0;

        for (at += 12; at < end && *at != ']' && *at != '}'; at++) {
            value = *at >= '0' && *at <= '9' ? value * 10 + (size_t)(*at - '0') : 0;
            if (value > DATA_MOST)
                value = DATA_MOST;
            most = value > most ? value : most;
        }
    }
    return most;
}

/* "OFFSET HEX": bytes that the data must have there. */
static void patch(const char *line, const char *end, unsigned char *data, size_t wanted)
{
    char text[64], *hex;
    size_t at;

    (void)snprintf(text, sizeof text, "%.*s", (int)(end - line), line);
    at = strtoul(text, &hex, 10);
    for (hex += *hex == ' '; hex[0] && hex[1] && at < wanted; hex += 2)
        (void)sscanf(hex, "%2hhx", &data[at++]);
}

/* A weight file: numbers that are finite in every type, but for what lines with "@" say. */
static void print_weights(const char *text, size_t size, FILE *out)
{
    const char *more = memmem(text, size, "\n@", 2), *end = text + size;
    const size_t header = more ? (size_t)(more - text) : size;
    const size_t wanted = wanted_bytes(text, header);
    unsigned char *data = malloc(wanted + 1);

    for (size_t i = 0; data && i < wanted; i++)
        data[i] = (unsigned char)((i * 73 + 11 + i / 64) & 0x3f);
    for (; data && more && end - more > 2;
         more = memmem(more + 2, (size_t)(end - more - 2), "\n@", 2))
        patch(more + 2, end, data, wanted);
    for (int i = 0; i < 8; i++)
        (void)putc(i < 3 ? (int)(header >> 8 * i & 255) : 0, out);
    (void)fwrite(text, 1, header, out);
    if (data)
        (void)fwrite(data, 1, wanted, out);
    free(data);
}

static void make_file(const struct entry *e)
{
    const size_t length = strlen(e->name);
    const char suffix[] = ".safetensors";
    FILE *out = fopen(e->name, "wb");

    if (!out)
        return;
    if (e->size && *e->body == '{' && length >= strlen(suffix) &&
        strcmp(e->name + length - strlen(suffix), suffix) == 0)
        print_weights(e->body, e->size, out);
    else
        (void)fwrite(e->body, 1, e->size, out);
    (void)fclose(out);
}

static void make_link(const struct entry *e)
{
    char target[NAME_MOST + 1];

    (void)snprintf(target, sizeof target, "%.*s", (int)e->size, e->body);
    if (!archive_leaves(target))
        (void)!symlink(target, e->name);
}

static void make(const struct entry *e)
{
    if (archive_leaves(e->name))
        return;
    make_folders(e->name);
    switch (e->kind) {
    case '>': make_link(e); break;
    case '/': (void)mkdir(e->name, 0777); break;
    case '|': (void)mkfifo(e->name, 0666); break;
    default: make_file(e);
    }
}

void archive_unpack(const char *text, size_t size)
{
    const char *end = text + size, *at = memmem(text, size, "\n%%", 3);

    while (at && end - at >= 5) {
        const char *next = memmem(at + 1, (size_t)(end - at - 1), "\n%%", 3);
        const char *stop = next ? next : end, *line = at + 4 + (at[3] != ' ');
        const char *body = memchr(line, '\n', (size_t)(stop > line ? stop - line : 0));
        struct entry e = {.kind = at[3]};
        const size_t length = (size_t)((body ? body : stop > line ? stop : line) - line);

        if (length && length <= NAME_MOST && !memchr(line, '\0', length)) {
            memcpy(e.name, line, length);
            e.body = body ? body + 1 : stop;
            e.size = (size_t)(stop - e.body);
            make(&e);
        }
        at = next;
    }
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    return at->level ? remove(path) : 0;
}

void archive_clear(void)
{
    (void)nftw(".", remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
