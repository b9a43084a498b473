/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

size_t utf8_size(const char *p, size_t left)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t n = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
    unsigned char low = u[0] == 0xe0 ? 0xa0 : u[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = u[0] == 0xed ? 0x9f : u[0] == 0xf4 ? 0x8f : 0xbf;

    if (u[0] < 0x80)
        return 1;
    if (u[0] < 0xc2 || u[0] > 0xf4 || left < n || u[1] < low || u[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool utf8_is(const char *p, size_t len)
{
    for (size_t at = 0, n; at < len; at += n)
        if ((n = utf8_size(p + at, len - at)) == 0)
            return false;
    return true;
}

uint32_t utf8_code_point(const char *p, size_t size)
{
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)p[0] & lead[size];

    for (size_t i = 1; i < size; i++)
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    return c;
}

void utf8_add(struct buf *out, uint32_t c)
{
    char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = n; i-- > 1; c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    bytes[0] = (char)(n == 1 ? c : ((0xf00u >> n) & 0xff) | c);
    buf_add(out, bytes, n);
}

void utf8_clean(char *s)
{
    for (char *end = s + strlen(s); s < end;) {
        size_t n = utf8_size(s, (size_t)(end - s));
        if (n == 0)
            *s = '?';
        s += n > 0 ? n : 1;
    }
}
