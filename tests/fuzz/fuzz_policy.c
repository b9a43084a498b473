/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_policy.c: any bytes as a text. Tokens lie in order inside it and never overlap; a
 * verdict is reached, twice the same; a blank or comment around the text changes none. */
#include "cypher/lexer.h"
#include "cypher/policy.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tokens(const char *text, size_t len)
{
    struct lexer lexer;
    struct lexer_token t;
    size_t end = 0;

    lexer_init(&lexer, text, len);
    for (lexer_next(&lexer, &t); t.kind != LEXER_END; lexer_next(&lexer, &t)) {
        assert(t.start >= end && t.len > 0 && t.len <= len - t.start);
        assert((t.kind == LEXER_INVALID) == (t.why != NULL));
        end = t.start + t.len;
        if (t.kind == LEXER_INVALID)
            continue;
        size_t name_len;
        const char *name = lexer_name(&lexer, &t, &name_len);
        assert(name >= text + t.start && name + name_len <= text + end);

        /* alone it is the same token */
        struct lexer single;
        struct lexer_token again;
        lexer_init(&single, text + t.start, t.len);
        lexer_next(&single, &again);
        assert(again.kind == t.kind && again.len == t.len && again.op == t.op);
    }
    assert(t.start <= len);
}

static void check_command(const char *text, size_t len)
{
    struct cypher_facts facts, again;
    struct err err = {0}, second = {0};
    struct buf wrapped = {0};
    int rc = policy_judge_command(text, len, &facts, &err);

    assert((rc < 0) == err_is_set(&err));
    buf_adds(&wrapped, " /* a */ ");
    buf_add(&wrapped, text, len);
    buf_adds(&wrapped, "\n// b");
    int rc2 = policy_judge_command(wrapped.data, wrapped.len, &again, &second);
    /* An open comment or string may swallow or close with what was put behind. */
    if (strcmp(err.code, "cypher.unreadable") != 0 &&
        strcmp(second.code, "cypher.unreadable") != 0) {
        assert(rc == rc2 && strcmp(err.code, second.code) == 0);
        if (rc == 0)
            assert(facts.schema == again.schema && facts.ends_tx == again.ends_tx &&
                   facts.starts_tx == again.starts_tx && facts.alone == again.alone);
    }
    buf_fini(&wrapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct err err = {0};
    struct buf decoded = {0};

    check_tokens(text, size);
    check_command(text, size);
    int rc = policy_judge_request(text, size, &err);
    assert((rc < 0) == err_is_set(&err));
    if (lexer_decode_unicode(text, size, &decoded) == LEXER_UNICODE_DECODED)
        check_tokens(decoded.data, decoded.len);
    buf_fini(&decoded);
    return 0;
}
