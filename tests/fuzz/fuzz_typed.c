/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_typed.c: a text, a newline and parameters. What is sent is plain; the text differs in
 * the places of parameters alone; the same forms with other values give the same text. */
#include "cypher/lexer.h"
#include "cypher/policy.h"
#include "neo4j/param.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Behind a $ alone, which is a syntax error, a name of ours would be a parameter. */
static bool has_lone_dollar(const char *text, size_t len)
{
    struct lexer lexer;
    struct lexer_token t;

    lexer_init(&lexer, text, len);
    for (lexer_next(&lexer, &t); t.kind != LEXER_END; lexer_next(&lexer, &t))
        if (t.kind == LEXER_PUNCTUATION && t.op == '$')
            return true;
    return false;
}

/* But for names of columns and expressions that came in, each token of the text is there in order.
 */
static void check_tokens(const char *text, size_t len, const struct buf *sent)
{
    struct lexer a, b;
    struct lexer_token x, y;

    lexer_init(&a, text, len);
    lexer_init(&b, buf_str(sent), sent->len);
    for (lexer_next(&a, &x); x.kind != LEXER_END; lexer_next(&a, &x)) {
        if (x.kind == LEXER_PARAMETER)
            continue;
        do {
            lexer_next(&b, &y);
            assert(y.kind != LEXER_END);
        } while (y.kind != x.kind || y.len != x.len ||
                 memcmp(text + x.start, buf_str(sent) + y.start, x.len) != 0);
    }
}

static void check_again(const char *text, size_t len, json_t *params, const struct param_sent *sent)
{
    struct param_sent again;
    struct buf json = {0};
    struct err err = {0};

    assert(param_carry(text, len, params, &again, &err) == 0);
    assert(again.rewritten == sent->rewritten && again.text.len == sent->text.len);
    assert(memcmp(buf_str(&again.text), buf_str(&sent->text), sent->text.len) == 0);
    assert(json_equal(again.params, sent->params));
    json_add(&json, sent->params);
    json_t *parsed = json_parse(buf_str(&json), json.len, NULL);
    assert(parsed == NULL || json_object_size(parsed) == json_object_size(params));
    json_decref(parsed);
    buf_fini(&json);
    param_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *end = size > 0 ? memchr(text, '\n', size) : NULL;
    size_t len = end != NULL ? (size_t)(end - text) : 0;
    struct cypher_facts facts;
    struct param_sent sent;
    struct err err = {0};

    if (end == NULL || policy_judge_command(text, len, &facts, &err) < 0)
        return 0;
    json_t *params = json_parse(end + 1, size - len - 1, NULL);
    if (json_is_object(params)) {
        if (param_carry(text, len, params, &sent, &err) == 0) {
            if (sent.rewritten && !has_lone_dollar(text, len))
                check_tokens(text, len, &sent.text);
            check_again(text, len, params, &sent);
            param_fini(&sent);
        } else {
            assert(err.class == ERR_POISON && sent.params == NULL && sent.text.len == 0);
        }
    }
    json_decref(params);
    return 0;
}
