/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_HASH_H
#define CYPHERLOG_BASE_HASH_H

/* base/hash.h: SHA-256 (FIPS 180-4, by libcrypto), base64 and random identifiers. */

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define HASH_HEX_SIZE 65 /* 64 digits and the NUL */
#define HASH_SIZE 32     /* bytes */
#define HASH_ID_SIZE 33  /* 32 digits and the NUL */

struct hash; /* opaque: a hash in the making */

struct hash *hash_new(void);
void hash_free(struct hash *h);
void hash_add(struct hash *h, const void *p, size_t len);

/* Adds the length first, so that ("ab","c") and ("a","bc") differ. */
void hash_add_field(struct hash *h, const void *p, size_t len);

/* Writes the hash as lower-case hex and starts anew. */
void hash_finish(struct hash *h, char out[static HASH_HEX_SIZE]);

/* The same of p[0..len-1] alone. */
void hash_text(const void *p, size_t len, char out[static HASH_HEX_SIZE]);

/* The same as bytes. */
void hash_finish_bytes(struct hash *h, unsigned char out[static HASH_SIZE]);

/* 128 random bits as lower-case hex, from the system's generator. */
void hash_random_id(char out[static HASH_ID_SIZE]);

/* 32 random bits, for jitter. */
unsigned hash_random(void);

/* A hash for tables, which a person can make collide (FNV-1a, 64 bits; RFC 9923). before: what the
 * part before gave, 0 at first. */
uint64_t hash_quick(uint64_t before, const void *p, size_t len);

/* Appends p[0..len-1] as base64 (RFC 4648, with padding). */
void hash_add_base64(struct buf *out, const void *p, size_t len);

#endif
