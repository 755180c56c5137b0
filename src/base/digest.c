/* digest.c - checksums: XXH3-128 of everything, SHA-256 when asked for */
#include "src/base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

/* The plain functions of a packaged libxxhash are SSE2 only; these pick AVX2 or AVX-512. */
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
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

static void print_xxh(XXH128_hash_t hash, char ret[Q8_XXH_TEXT])
{
    XXH128_canonical_t bytes; /* big-endian, as xxhsum prints it */

    XXH128_canonicalFromHash(&bytes, hash);
    print_hex(bytes.digest, sizeof bytes.digest, ret);
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

void q8_xxh_text(const struct q8_xxh *x, char ret[Q8_XXH_TEXT])
{
    print_xxh(XXH3_128bits_digest(x->state), ret);
}

void q8_xxh_once(const void *bytes, uint64_t n, char ret[Q8_XXH_TEXT])
{
    print_xxh(XXH3_128bits(bytes, n), ret);
}

bool q8_sha_open(struct q8_sha *s, struct q8_err *err)
{
    s->state = EVP_MD_CTX_new();
    if (!s->state)
        return q8_fail(err, Q8_ELIMIT, "out of memory for a SHA-256");
    if (EVP_DigestInit_ex(s->state, EVP_sha256(), NULL) == 1)
        return true;
    q8_sha_close(s);
    return q8_fail(err, Q8_EUNSUPPORTED, "libcrypto has no SHA-256 here");
}

void q8_sha_close(struct q8_sha *s)
{
    EVP_MD_CTX_free(s->state);
    s->state = NULL;
}

bool q8_sha_add(struct q8_sha *s, const void *bytes, uint64_t n, struct q8_err *err)
{
    if (EVP_DigestUpdate(s->state, bytes, n) == 1)
        return true;
    return q8_fail(err, Q8_EUNSUPPORTED, "libcrypto cannot compute a SHA-256 here");
}

bool q8_sha_text(struct q8_sha *s, char ret[Q8_SHA_TEXT], struct q8_err *err)
{
    unsigned char bytes[32];

    if (EVP_DigestFinal_ex(s->state, bytes, NULL) != 1)
        return q8_fail(err, Q8_EUNSUPPORTED, "libcrypto cannot compute a SHA-256 here");
    print_hex(bytes, sizeof bytes, ret);
    return true;
}
