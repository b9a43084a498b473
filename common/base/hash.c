/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/mem.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdlib.h>

struct hash {
    EVP_MD_CTX *ctx;
};

/* libcrypto fails here only without memory or entropy: nothing to go on with. */
static void must(int ok)
{
    if (ok != 1)
        abort();
}

struct hash *hash_new(void)
{
    struct hash *h = mem_alloc(1, sizeof *h);

    h->ctx = EVP_MD_CTX_new();
    must(h->ctx != NULL);
    must(EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
    return h;
}

void hash_free(struct hash *h)
{
    if (h == NULL)
        return;
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

void hash_add(struct hash *h, const void *p, size_t len)
{
    must(EVP_DigestUpdate(h->ctx, p, len));
}

void hash_add_field(struct hash *h, const void *p, size_t len)
{
    unsigned char size[8];

    for (size_t i = 0; i < sizeof size; i++)
        size[i] = (unsigned char)((uint64_t)len >> (8 * i));
    hash_add(h, size, sizeof size);
    if (len > 0)
        hash_add(h, p, len);
}

static void to_hex(const unsigned char *p, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * len] = '\0';
}

void hash_text(const void *p, size_t len, char out[static HASH_HEX_SIZE])
{
    struct hash *h = hash_new();

    hash_add(h, p, len);
    hash_finish(h, out);
    hash_free(h);
}

void hash_finish_bytes(struct hash *h, unsigned char out[static HASH_SIZE])
{
    must(EVP_DigestFinal_ex(h->ctx, out, NULL));
    must(EVP_DigestInit_ex(h->ctx, NULL, NULL)); /* the same digest again, found already */
}

void hash_finish(struct hash *h, char out[static HASH_HEX_SIZE])
{
    unsigned char bytes[HASH_SIZE];

    hash_finish_bytes(h, bytes);
    to_hex(bytes, sizeof bytes, out);
}

void hash_random_id(char out[static HASH_ID_SIZE])
{
    unsigned char bytes[16];

    must(RAND_bytes(bytes, sizeof bytes));
    to_hex(bytes, sizeof bytes, out);
}

unsigned hash_random(void)
{
    unsigned n;

    must(RAND_bytes((unsigned char *)&n, sizeof n));
    return n;
}

uint64_t hash_quick(uint64_t before, const void *p, size_t len)
{
    const unsigned char *bytes = p;
    uint64_t hash = before ^ 14695981039346656037u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

void hash_add_base64(struct buf *out, const void *p, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *s = p;

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)s[i] << 16;
        group |= left > 1 ? (uint32_t)s[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)s[i + 2] : 0;
        buf_addc(out, digits[group >> 18]);
        buf_addc(out, digits[group >> 12 & 63]);
        buf_addc(out, left > 1 ? digits[group >> 6 & 63] : '=');
        buf_addc(out, left > 2 ? digits[group & 63] : '=');
    }
}
