/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.limit = b->limit};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

/* Room for extra more bytes and the NUL; false, and the buffer failed, when there is none. */
static bool grow(struct buf *b, size_t extra)
{
    size_t need, size = b->size > 0 ? b->size : 64;

    if (b->failed)
        return false;
    if (!mem_add(b->len, extra, &need) || !mem_add(need, 1, &need) ||
        (b->limit > 0 && need - 1 > b->limit)) {
        b->failed = true;
        return false;
    }
    if (need <= b->size)
        return true;
    while (size < need)
        if (!mem_mul(size, 2, &size)) {
            b->failed = true;
            return false;
        }
    b->data = mem_realloc(b->data, size, 1);
    b->size = size;
    return true;
}

/* Millions of times a second in a snapshot: what there is room for already is seen at once. */
static inline bool make_room(struct buf *b, size_t extra)
{
    if (!b->failed && b->limit == 0 && b->size > b->len && extra < b->size - b->len)
        return true;
    return grow(b, extra);
}

void buf_add(struct buf *b, const void *p, size_t len)
{
    if (!make_room(b, len))
        return;
    if (len > 0)
        memcpy(b->data + b->len, p, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_addc(struct buf *b, char c)
{
    if (!make_room(b, 1))
        return;
    b->data[b->len++] = c;
    b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    size_t room = b->data != NULL ? b->size - b->len : 0;

    va_start(ap, fmt);
    int n = vsnprintf(room > 0 ? b->data + b->len : NULL, room, fmt, ap);
    va_end(ap);
    if (n < 0 || !make_room(b, (size_t)n)) {
        if (room > 0)
            b->data[b->len] = '\0';
        b->failed = true;
        return;
    }
    if ((size_t)n < room) { /* it fitted at once */
        b->len += (size_t)n;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void buf_addi(struct buf *b, int64_t n)
{
    char digits[24], *p = digits + sizeof digits;
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    do
        *--p = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (n < 0)
        *--p = '-';
    buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

/* \uXXXX: a code unit of UTF-16. */
static void add_unit(struct buf *b, uint32_t unit)
{
    static const char hex[] = "0123456789abcdef";
    const char text[] = {
        '\\', 'u', hex[unit >> 12], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15]};

    buf_add(b, text, sizeof text);
}

/* A character that may not stand in a JSON string as it is. */
static void add_escaped(struct buf *b, unsigned char c)
{
    static const char short_escapes[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

    if (c >= 0x20 || short_escapes[c] != '\0') {
        buf_addc(b, '\\');
        buf_addc(b, c >= 0x20 ? (char)c : short_escapes[c]);
    } else {
        add_unit(b, c);
    }
}

void buf_add_json(struct buf *b, const char *s, size_t len)
{
    size_t plain = 0; /* start of the run that needs no escape */

    buf_addc(b, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(b, s + plain, i - plain);
        plain = i + 1;
        add_escaped(b, c);
    }
    buf_add(b, s + plain, len - plain);
    buf_addc(b, '"');
}

/* A character beyond ASCII; returns how many bytes it has. */
static size_t add_beyond_ascii(struct buf *b, const char *s, size_t left)
{
    size_t n = utf8_size(s, left);
    uint32_t c = n > 0 ? utf8_code_point(s, n) : 0xfffd;

    if (c >= 0x10000) {
        c -= 0x10000;
        add_unit(b, 0xd800 + (c >> 10));
        c = 0xdc00 + (c & 0x3ff);
    }
    add_unit(b, c);
    return n > 0 ? n : 1;
}

void buf_add_json_ascii(struct buf *b, const char *s, size_t len)
{
    size_t plain = 0;

    buf_addc(b, '"');
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        buf_add(b, s + plain, i - plain);
        if (c < 0x80) {
            add_escaped(b, c);
            i++;
        } else {
            i += add_beyond_ascii(b, s + i, len - i);
        }
        plain = i;
    }
    buf_add(b, s + plain, len - plain);
    buf_addc(b, '"');
}

void buf_consume(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

void buf_truncate(struct buf *b, size_t len)
{
    b->len = len;
    if (b->data != NULL)
        b->data[len] = '\0';
}

const char *buf_str(const struct buf *b)
{
    return b->data != NULL ? b->data : "";
}

char *buf_take(struct buf *b)
{
    char *data = b->data != NULL ? b->data : mem_strndup("", 0);

    *b = (struct buf){.limit = b->limit};
    return data;
}

int buf_check(const struct buf *b, const char *what, struct err *err)
{
    if (!b->failed)
        return 0;
    if (b->limit > 0)
        return err_set(err, ERR_FATAL, "memory.limit", "%s: larger than %zu bytes", what, b->limit);
    return err_set(err, ERR_FATAL, "memory.limit", "%s: larger than memory can be", what);
}
