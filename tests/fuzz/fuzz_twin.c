/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_twin.c: a text up to a newline that ends in a backslash, then bytes that choose other
 * literals for it. A command whose text is the twin of one before is decoded as if none had been
 * there. */
#include "base/utf8.h"
#include "db_sync/command.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS 8 /* texts made of one */

struct bytes {
    const uint8_t *p;
    size_t left;
};

static unsigned take(struct bytes *b)
{
    if (b->left == 0)
        return 0;
    b->left--;
    return *b->p++;
}

static struct command *decode(struct command_desk *desk, const struct buf *text)
{
    struct buf message = {0};
    struct record record = {.offset = 7, .timestamp_ms = 99};

    buf_adds(&message, "{\"command\":");
    buf_add_json(&message, buf_str(text), text->len);
    buf_addc(&message, '}');
    record.value = buf_str(&message);
    record.value_len = message.len;
    struct command *c = command_new_take(&record, SIZE_MAX, desk);
    buf_fini(&message);
    return c;
}

static void check_equal(const struct command *a, const struct command *b)
{
    size_t ends = a->lifted.count * sizeof *a->lifted.ends;

    assert((a->verdict == NULL) == (b->verdict == NULL));
    assert(a->verdict == NULL || strcmp(a->verdict->code, b->verdict->code) == 0);
    assert(a->json_len == b->json_len && a->stmt_count == b->stmt_count);
    assert(a->json_len == 0 || memcmp(a->json, b->json, a->json_len) == 0);
    assert(a->schema == b->schema && a->starts_tx == b->starts_tx && a->ends_tx == b->ends_tx &&
           a->alone == b->alone);
    assert(a->frozen == b->frozen && a->warnings == b->warnings);
    assert(a->lifted.key_len == b->lifted.key_len && a->lifted.count == b->lifted.count);
    if (a->lifted.key_len == 0)
        return;
    size_t len = a->lifted.count > 0 ? a->lifted.ends[a->lifted.count - 1] : a->lifted.key_len;
    assert(ends == 0 || memcmp(a->lifted.ends, b->lifted.ends, ends) == 0);
    assert(memcmp(a->lifted.bytes, b->lifted.bytes, len) == 0);
}

/* Some of these are plain, some are not. */
static void add_literal(struct bytes *b, struct buf *out)
{
    static const char *const words[] = {
        "1",
        "0",
        "7.25",
        "0.0",
        "10.0",
        "'x'",
        "''",
        "\"y\"",
        "' x'",
        "'-1'",
        "'a-b'",
        "'__db_sync'",
        "'__clr'",
        "'$__offset'",
        "'date()'",
        "'//'",
        "'/*'",
        "'*/'",
        "'`'",
        "'call'",
        "'\xc3\xb6'",
        "'\xe2\x80\xa8'",
        "999999999999999999",
        "9999999999999999999",
        "1.5e3",
        "0x1F",
        "017",
        "-3",
        "-2.5",
        "-0.0",
        "null",
        "'a\\u0041'",
        "'it\\'s'",
        "[1]",
    };
    unsigned choice = take(b) % (sizeof words / sizeof *words + 2);

    if (choice < sizeof words / sizeof *words) {
        buf_adds(out, words[choice]);
        return;
    }
    buf_addc(out, '\'');
    for (unsigned n = take(b) % 16; n > 0; n--)
        buf_addc(out, (char)take(b));
    buf_addc(out, '\'');
}

/* The text with other literals, where there are literals that can be lifted. */
static void add_variant(const struct lift *l, const struct buf *text, struct bytes *b,
                        struct buf *out)
{
    size_t done = 0;

    for (size_t i = 0; i < l->hole_count; i++) {
        const struct lift_hole *h = &l->holes[i];
        if (take(b) % 4 == 0)
            continue;
        buf_add(out, text->data + done, h->start - done);
        add_literal(b, out);
        done = h->start + h->len;
    }
    buf_add(out, text->data + done, text->len - done);
}

static void check(struct command_desk *known, const struct buf *text)
{
    struct command_desk fresh;

    if (!utf8_is(buf_str(text), text->len))
        return;
    command_desk_init(&fresh);
    struct command *a = decode(known, text), *b = decode(&fresh, text);
    check_equal(a, b);
    command_free(a);
    command_free(b);
    command_desk_fini(&fresh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 1 ? memchr(data, '\\', size - 1) : NULL;
    struct command_desk known;
    struct buf text = {0}, variant = {0};
    struct lift l = {0};

    while (end != NULL && end[1] != '\n')
        end = memchr(end + 1, '\\', size - 1 - (size_t)(end + 1 - data));
    size_t len = end != NULL ? (size_t)(end - data) : size;
    struct bytes rest = {data + len, size - len};
    buf_add(&text, data, len);
    command_desk_init(&known);
    check(&known, &text);
    check(&known, &text);
    for (int i = 0; i < TURNS && len > 0 && lift_text(&l, text.data, text.len); i++) {
        buf_reset(&variant);
        add_variant(&l, &text, &rest, &variant);
        check(&known, &variant);
    }
    command_desk_fini(&known);
    lift_fini(&l);
    buf_fini(&text);
    buf_fini(&variant);
    return 0;
}
