/*
 * hashtensors.c - one line per tensor of .safetensors files: name, dtype, shape, SHA-256 of its
 * bytes
 *
 * Reads the format by itself, with none of q8's code, so that a mistake in our reader cannot hide
 * one in our writer.  Layout: the safetensors README.  Trusts its input: it is a test's helper.
 *
 *     hashtensors FILE...
 */
#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole file; exits when it cannot be read. */
static uint8_t *read_file(const char *path, size_t *ret_size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    long size;

    if (f && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 8) {
        rewind(f);
        data = malloc((size_t)size);
        if (data && fread(data, 1, (size_t)size, f) == (size_t)size) {
            *ret_size = (size_t)size;
            (void)fclose(f);
            return data;
        }
    }
    fprintf(stderr, "hashtensors: cannot read %s\n", path);
    exit(1);
}

static void print_shape(const cJSON *shape)
{
    const cJSON *dim;
    const char *between = "";

    if (!shape->child)
        printf("scalar");
    cJSON_ArrayForEach (dim, shape) {
        printf("%s%.0f", between, dim->valuedouble);
        between = "x";
    }
}

static void print_tensor(const cJSON *entry, const uint8_t *data, size_t size)
{
    const cJSON *range = cJSON_GetObjectItem(entry, "data_offsets");
    size_t begin = (size_t)cJSON_GetArrayItem(range, 0)->valuedouble;
    size_t end = (size_t)cJSON_GetArrayItem(range, 1)->valuedouble;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (end > size || begin > end ||
        !EVP_Digest(data + begin, end - begin, digest, &length, EVP_sha256(), NULL)) {
        fprintf(stderr, "hashtensors: %s lies outside of the file\n", entry->string);
        exit(1);
    }
    printf("%s %s ", entry->string, cJSON_GetObjectItem(entry, "dtype")->valuestring);
    print_shape(cJSON_GetObjectItem(entry, "shape"));
    printf(" ");
    for (unsigned i = 0; i < length; i++)
        printf("%02x", digest[i]);
    printf("\n");
}

static void print_file(const char *path)
{
    size_t size = 0, header = 0;
    uint8_t *data = read_file(path, &size);
    const cJSON *entry;
    cJSON *root;

    for (int i = 0; i < 8; i++)
        header |= (size_t)data[i] << (8 * i);
    root = header <= size - 8 ? cJSON_ParseWithLength((char *)data + 8, header) : NULL;
    if (!root) {
        fprintf(stderr, "hashtensors: %s has no header\n", path);
        exit(1);
    }
    cJSON_ArrayForEach (entry, root)
        if (strcmp(entry->string, "__metadata__") != 0)
            print_tensor(entry, data + 8 + header, size - 8 - header);
    cJSON_Delete(root);
    free(data);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        print_file(argv[i]);
    return 0;
}
