/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/literal.h"

#include "base/utf8.h"

static void add_control(struct buf *out, unsigned char c)
{
    switch (c) {
    case '\n':
        buf_adds(out, "\\n");
        break;
    case '\r':
        buf_adds(out, "\\r");
        break;
    case '\t':
        buf_adds(out, "\\t");
        break;
    default:
        buf_addf(out, "\\u%04x", c);
        break;
    }
}

void literal_add_part(struct buf *out, const char *p, size_t len)
{
    size_t from = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c >= ' ' && c != 0x7f && c != '"' && c != '\\')
            continue;
        buf_add(out, p + from, i - from);
        from = i + 1;
        if (c == '"' || c == '\\') {
            buf_addc(out, '\\');
            buf_addc(out, (char)c);
        } else {
            add_control(out, c);
        }
    }
    buf_add(out, p + from, len - from);
}

void literal_add_string(struct buf *out, const char *p, size_t len)
{
    buf_addc(out, '"');
    literal_add_part(out, p, len);
    buf_addc(out, '"');
}

static void add_escape(struct buf *out, uint32_t c)
{
    if (c < 0x10000) {
        buf_addf(out, "\\u%04x", (unsigned)c);
        return;
    }
    c -= 0x10000;
    buf_addf(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + (c >> 10)),
             (unsigned)(0xdc00 + (c & 0x3ff)));
}

void literal_add_ascii(struct buf *out, const char *text, size_t len)
{
    size_t from = 0;

    for (size_t i = 0; i < len;) {
        if ((unsigned char)text[i] < 0x80) {
            i++;
            continue;
        }
        size_t size = utf8_size(text + i, len - i);
        buf_add(out, text + from, i - from);
        add_escape(out, size > 0 ? utf8_code_point(text + i, size) : 0xfffd);
        i += size > 0 ? size : 1;
        from = i;
    }
    buf_add(out, text + from, len - from);
}
