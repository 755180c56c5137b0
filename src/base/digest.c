/* digest.c - checksums: XXH3-128 of everything, SHA-256 when asked for */
#include "src/base/digest.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

/* The plain functions of a packaged libxxhash are SSE2 only; these pick AVX2 or AVX-512. */
#ifdef Q8_XXH_DISPATCH
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

static void print_hex(const unsigned char *bytes, size_t n, char *ret)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        ret[2 * i] = digits[bytes[i] >> 4];
        ret[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret[2 * n] = '\0';
}

char *q8_digest_text(const struct q8_digest *d, char text[Q8_DIGEST_TEXT])
{
    print_hex(d->byte, sizeof d->byte, text);
    return text;
}

bool q8_digest_parse(const char *text, struct q8_digest *ret)
{
    char again[Q8_DIGEST_TEXT];
    struct q8_digest d;

    if (strlen(text) != Q8_DIGEST_TEXT - 1)
        return false;
    for (size_t i = 0; i < sizeof d.byte; i++)
        if (sscanf(text + 2 * i, "%2hhx", &d.byte[i]) != 1)
            return false;
    if (strcmp(q8_digest_text(&d, again), text) != 0) /* signs, spaces, upper case */
        return false;
    *ret = d;
    return true;
}

bool q8_digest_take(const char **at, struct q8_digest *ret)
{
    char hex[Q8_DIGEST_TEXT];

    if ((size_t)snprintf(hex, sizeof hex, "%s", *at) < sizeof hex || (*at)[sizeof hex - 1] != ' ' ||
        !q8_digest_parse(hex, ret))
        return false;
    *at += sizeof hex;
    return true;
}

bool q8_digest_same(const struct q8_digest *a, const struct q8_digest *b)
{
    return memcmp(a->byte, b->byte, sizeof a->byte) == 0;
}

static struct q8_digest from_hash(XXH128_hash_t hash)
{
    XXH128_canonical_t bytes; /* big-endian, as xxhsum prints it */
    struct q8_digest d;

    XXH128_canonicalFromHash(&bytes, hash);
    memcpy(d.byte, bytes.digest, sizeof d.byte);
    return d;
}

bool q8_xxh_open(struct q8_xxh *x, struct q8_err *err)
{
    x->state = XXH3_createState();
    if (!x->state)
        return q8_fail(err, Q8_ELIMIT, "out of memory for a checksum");
    q8_xxh_reset(x);
    return true;
}

void q8_xxh_close(struct q8_xxh *x)
{
    (void)XXH3_freeState(x->state);
    x->state = NULL;
}

void q8_xxh_reset(struct q8_xxh *x)
{
    (void)XXH3_128bits_reset(x->state);
}

void q8_xxh_add(struct q8_xxh *x, const void *bytes, uint64_t n)
{
    if (n) /* the library calls a NULL pointer an error */
        (void)XXH3_128bits_update(x->state, bytes, n);
}

struct q8_digest q8_xxh_sum(const struct q8_xxh *x)
{
    return from_hash(XXH3_128bits_digest(x->state));
}

struct q8_digest q8_xxh_once(const void *bytes, uint64_t n)
{
    return from_hash(XXH3_128bits(bytes, n));
}

/*
 * The functions that OpenSSL 3 calls old: they work in the caller's memory and cannot fail, while
 * the new ones load a provider first, in 4,000 allocations, and crash where one of these fails.
 */
_Static_assert(sizeof(SHA256_CTX) <= sizeof(((struct q8_sha *)0)->state), "the state has room");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(uint64_t), "and lies well");

void q8_sha_start(struct q8_sha *s)
{
    (void)SHA256_Init((SHA256_CTX *)s->state);
    s->started = true;
}

void q8_sha_add(struct q8_sha *s, const void *bytes, uint64_t n)
{
    (void)SHA256_Update((SHA256_CTX *)s->state, bytes, n);
}

void q8_sha_text(struct q8_sha *s, char ret[Q8_SHA_TEXT])
{
    unsigned char bytes[SHA256_DIGEST_LENGTH];

    (void)SHA256_Final(bytes, (SHA256_CTX *)s->state);
    print_hex(bytes, sizeof bytes, ret);
    s->started = false;
}
