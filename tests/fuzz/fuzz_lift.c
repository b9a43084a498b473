/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_lift.c: any bytes as a command. With what was taken out put back, a template has the
 * tokens of the text; what was taken out is JSON; in the form with parameters each of them is one
 * token and nothing else is lifted there; a comment around the text changes nothing. */
#include "cypher/lift.h"
#include "cypher/policy.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_undone(const struct lift *l, const char *text, struct buf *out)
{
    size_t done = 0;

    for (size_t i = 0; i < l->hole_count; i++) {
        const struct lift_hole *h = &l->holes[i];
        assert(h->at >= done && h->at <= l->template.len);
        buf_add(out, buf_str(&l->template) + done, h->at - done);
        buf_add(out, text + h->start, h->len);
        done = h->at;
    }
    buf_add(out, buf_str(&l->template) + done, l->template.len - done);
}

static void check_same_tokens(const char *text, size_t len, const struct buf *undone)
{
    struct lexer a, b;
    struct lexer_token x, y;

    lexer_init(&a, text, len);
    lexer_init(&b, buf_str(undone), undone->len);
    for (;;) {
        lexer_next(&a, &x);
        lexer_next(&b, &y);
        if (y.kind == LEXER_END)
            break;
        assert(x.kind == y.kind && x.len == y.len);
        assert(memcmp(text + x.start, buf_str(undone) + y.start, x.len) == 0);
    }
    assert(x.kind == LEXER_END || (x.kind == LEXER_PUNCTUATION && x.op == ';'));
}

static void check_values(const struct lift *l)
{
    for (size_t i = 0; i < l->hole_count; i++) {
        const struct lift_hole *h = &l->holes[i];
        json_t *value;
        if (h->name_len > 0)
            continue;
        value = json_loadb(buf_str(&l->values) + h->json, h->json_len,
                           JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        /* bytes that are not UTF-8 and a key that is there twice are what only a fuzzer sends */
        if (value != NULL && h->type_len == 1 && buf_str(&l->types)[h->type] == 'S')
            assert(json_is_string(value));
        json_decref(value);
        assert(h->json_len > 0 && h->type_len > 0);
    }
}

static void check_text(const struct lift *l, const char *text)
{
    struct buf with = {0};
    struct lift again = {0};
    struct lexer lexer;
    struct lexer_token t;
    size_t parameters = 0;

    lift_add_text(l, text, &with);
    lexer_init(&lexer, buf_str(&with), with.len);
    for (lexer_next(&lexer, &t); t.kind != LEXER_END; lexer_next(&lexer, &t))
        parameters += t.kind == LEXER_PARAMETER;
    assert(parameters == l->hole_count);
    /* $__cl is a name that no command may have: shown as another one */
    for (char *p = with.data; p != NULL && (p = strstr(p, "$__cl")) != NULL; p += 5)
        memcpy(p, "$__xx", 5);
    if (lift_text(&again, buf_str(&with), with.len))
        assert(again.hole_count == l->hole_count);
    lift_fini(&again);
    buf_fini(&with);
}

static void check_wrapped(struct lift *l, const char *text, size_t len)
{
    struct buf wrapped = {0}, key = {0};
    size_t key_len;
    const char *p = lift_key(l, text, &key_len);

    buf_add(&key, p, key_len);
    buf_adds(&wrapped, " /* a */ ");
    buf_add(&wrapped, text, len);
    buf_adds(&wrapped, "\n// b");
    assert(lift_text(l, buf_str(&wrapped), wrapped.len));
    p = lift_key(l, buf_str(&wrapped), &key_len);
    assert(key_len == key.len && memcmp(p, buf_str(&key), key_len) == 0);
    buf_fini(&wrapped);
    buf_fini(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct cypher_facts facts;
    struct err err = {0};
    struct buf undone = {0};
    struct lift l = {0};

    if (policy_judge_command(text, size, &facts, &err) == 0 && !facts.schema && !facts.alone &&
        lift_text(&l, text, size)) {
        add_undone(&l, text, &undone);
        check_same_tokens(text, size, &undone);
        check_values(&l);
        check_text(&l, text);
        check_wrapped(&l, text, size);
    }
    buf_fini(&undone);
    lift_fini(&l);
    return 0;
}
