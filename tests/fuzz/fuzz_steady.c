/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_steady.c: any bytes as a query. One that is steady is no more so with a random number
 * behind it, before it or in place of one of its literals; a verdict is reached, twice the same; a
 * comment between two tokens changes none. */
#include "base/utf8.h"
#include "cypher/policy.h"
#include "cypher/steady.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NUMBER " rand() "

static struct steady kept; /* its memory serves all texts, as a worker's does */

static bool is_steady(const char *text, size_t len)
{
    bool found = steady_text(&kept, text, len, NULL);
    struct steady fresh = {0};

    assert(steady_text(&fresh, text, len, NULL) == found);
    steady_fini(&fresh);
    return found;
}

/* The text with `instead` for its bytes from start on. */
static bool is_steady_with(const char *text, size_t len, size_t start, size_t count,
                           const char *instead)
{
    struct buf other = {0};

    buf_add(&other, text, start);
    buf_adds(&other, instead);
    buf_add(&other, text + start + count, len - start - count);
    bool found = is_steady(buf_str(&other), other.len);
    buf_fini(&other);
    return found;
}

static bool is_literal(const struct lexer_token *t)
{
    return t->kind == LEXER_STRING || t->kind == LEXER_INTEGER || t->kind == LEXER_FLOAT;
}

static void check(const char *text, size_t len)
{
    bool steady = is_steady(text, len);
    bool named = false; /* a name is expected, no value: of a property, function or parameter */
    struct lexer lexer;
    struct lexer_token t;

    lexer_init(&lexer, text, len);
    for (lexer_next(&lexer, &t); t.kind != LEXER_END && t.kind != LEXER_INVALID;
         lexer_next(&lexer, &t)) {
        if (steady && is_literal(&t) && !named)
            assert(!is_steady_with(text, len, t.start, t.len, NUMBER));
        assert(is_steady_with(text, len, t.start, 0, " /* rand() */ ") == steady);
        named = t.kind == LEXER_PUNCTUATION && (t.op == '.' || t.op == '$');
    }
    if (!steady)
        return;
    assert(t.kind == LEXER_END);
    assert(!is_steady_with(text, len, len, 0, "\nRETURN" NUMBER "AS r"));
    assert(!is_steady_with(text, len, 0, 0, "WITH" NUMBER "AS r "));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};

    if (size <= 4096 && utf8_is((const char *)data, size) &&
        policy_judge_request((const char *)data, size, &err) == 0)
        check((const char *)data, size);
    return 0;
}
