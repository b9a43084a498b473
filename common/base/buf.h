/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_BUF_H
#define CYPHERLOG_BASE_BUF_H

/* base/buf.h: growing bytes with sticky failure: append freely, check once. After an append that
 * would go beyond the limit every append does nothing and buf_check says so. When memory is
 * exhausted the process ends (base/mem.h): half a message must never pass for a whole one.
 * `struct buf b = {0};` is empty and ready; buf_fini releases it. One thread at a time. */

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; /* always NUL-terminated once something was appended; NULL before */
    size_t len; /* without that NUL */
    size_t size;
    size_t limit; /* most bytes it may hold; 0: no limit */
    bool failed;
};

void buf_fini(struct buf *b);

/* Keeps the memory, forgets content and failure. */
void buf_reset(struct buf *b);

void buf_add(struct buf *b, const void *p, size_t len);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_addi(struct buf *b, int64_t n);

/* Appends s[0..len-1], which must be UTF-8, as a JSON string with its quotes. */
void buf_add_json(struct buf *b, const char *s, size_t len);

/* The same in ASCII alone: other characters as \u escapes, beyond U+FFFF as surrogate pairs. What
 * is not UTF-8 becomes U+FFFD. */
void buf_add_json_ascii(struct buf *b, const char *s, size_t len);

/* Drops the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);

/* Cuts the content to len bytes (len <= b->len). */
void buf_truncate(struct buf *b, size_t len);

/* The content as a string, "" when empty; valid until the next change. */
const char *buf_str(const struct buf *b);

/* Gives the content away as a string for free(); b is then empty. "" is allocated too. */
char *buf_take(struct buf *b);

/* 0, or -1 with ERR_FATAL when an append failed; what names the thing that was built. */
MUST_CHECK int buf_check(const struct buf *b, const char *what, struct err *err);

#endif
