/* files.c - what lies in folders, said in one number */
#include "tests/sweep/files.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define START UINT64_C(14695981039346656037) /* FNV-1a: an accident is all it has to find */

static uint64_t mix(uint64_t sum, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
    return sum;
}

static uint64_t mix_file(uint64_t sum, const char *path)
{
    char bytes[65536];
    FILE *in = fopen(path, "rb");
    size_t n;

    while (in && (n = fread(bytes, 1, sizeof bytes, in)) > 0)
        sum = mix(sum, bytes, n);
    if (in)
        (void)fclose(in);
    return mix(sum, "", 1);
}

static uint64_t mix_stamp(uint64_t sum, const struct stat *st)
{
    const uint64_t facts[] = {(uint64_t)st->st_ino,         (uint64_t)st->st_size,
                              (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
                              (uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec,
                              (uint64_t)st->st_mode};

    return mix(sum, facts, sizeof facts);
}

static uint64_t mix_tree(uint64_t sum, const char *path, bool stamp)
{
    struct dirent **entry = NULL;
    char inner[PATH_MAX];
    struct stat st;
    int count;

    if (lstat(path, &st) < 0)
        return sum;
    sum = mix(sum, S_ISDIR(st.st_mode) ? "d" : S_ISREG(st.st_mode) ? "f" : "o", 1);
    if (stamp)
        sum = mix_stamp(sum, &st);
    else if (S_ISREG(st.st_mode))
        return mix_file(sum, path);
    count = S_ISDIR(st.st_mode) ? scandir(path, &entry, NULL, alphasort) : 0;
    for (int i = 0; i < count; i++) {
        const char *name = entry[i]->d_name;

        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
            (size_t)snprintf(inner, sizeof inner, "%s/%s", path, name) < sizeof inner)
            sum = mix_tree(mix(sum, name, strlen(name) + 1), inner, stamp);
        free(entry[i]);
    }
    free(entry);
    return mix(sum, "e", 1);
}

bool files_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

uint64_t files_digest(const char *path)
{
    return files_there(path) ? mix_tree(START, path, false) : 0;
}

uint64_t files_stamp(const char *path)
{
    return files_there(path) ? mix_tree(START, path, true) : 0;
}

/* A line that says how long it took, how fast it was, or what the disk has. */
static bool differs(const char *line)
{
    static const char *const words[] = {
        "\"seconds\"", "_per_second\"", "free", "time: ", "resumed", " time=\"", "timestamp"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(line, words[i]))
            return true;
    return false;
}

uint64_t files_text_digest(const char *path)
{
    uint64_t sum = START;
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    FILE *in = fopen(path, "r");

    if (!in)
        return 0;
    while ((n = getline(&line, &room, in)) > 0)
        if (!differs(line))
            sum = mix(sum, line, (size_t)n);
    free(line);
    (void)fclose(in);
    return sum;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void files_remove(const char *path)
{
    if (files_there(path))
        (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void files_read(const char *path, char *ret, size_t size)
{
    FILE *in = fopen(path, "rb");
    const size_t n = in ? fread(ret, 1, size - 1, in) : 0;

    ret[n] = '\0';
    if (in)
        (void)fclose(in);
}
