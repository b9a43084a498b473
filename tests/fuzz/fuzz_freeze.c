/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_freeze.c: any bytes as a command. A frozen text has tokens, no clock that is frozen
 * once more; a comment around the text
 * changes nothing; without NONDETERMINISM and ORDER_DEPENDENCE every text passes as it is. */
#include "cypher/freeze.h"
#include "cypher/policy.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct freeze_rules freezes = {0};
static const struct freeze_rules allows = {NONDETERMINISM_ALLOW, ORDER_DEPENDENCE_ALLOW};
static const struct freeze_rules strict = {NONDETERMINISM_FREEZE, ORDER_DEPENDENCE_REFUSE};

static void check_tokens(const struct buf *text)
{
    struct lexer lexer;
    struct lexer_token t;

    lexer_init(&lexer, buf_str(text), text->len);
    do {
        lexer_next(&lexer, &t);
        assert(t.kind != LEXER_INVALID);
    } while (t.kind != LEXER_END);
}

/* The frozen text passes again as it is. */
static void check_again(const struct buf *text)
{
    struct freeze f = {0};
    struct err err = {0};

    assert(freeze_text(&f, buf_str(text), text->len, NULL, &freezes, &err) == 0);
    assert(!f.frozen);
    freeze_fini(&f);
}

static void check_wrapped(const char *text, size_t len, const struct freeze *f, const char *code)
{
    static const char before[] = " /* a */ ", behind[] = "\n// b";
    struct freeze g = {0};
    struct err err = {0};
    struct buf wrapped = {0};

    buf_adds(&wrapped, before);
    buf_add(&wrapped, text, len);
    buf_adds(&wrapped, behind);
    int rc = freeze_text(&g, buf_str(&wrapped), wrapped.len, NULL, &freezes, &err);
    assert((rc < 0) == (code[0] != '\0') && strcmp(err.code, code) == 0);
    if (rc == 0) {
        assert(g.frozen == f->frozen && g.warnings == f->warnings);
        if (g.frozen)
            assert(g.text.len == f->text.len + strlen(before) + strlen(behind) &&
                   memcmp(g.text.data + strlen(before), f->text.data, f->text.len) == 0);
    }
    freeze_fini(&g);
    buf_fini(&wrapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct cypher_facts facts;
    struct err err = {0}, other = {0};
    struct freeze f = {0};

    if (policy_judge_command(text, size, &facts, &err) < 0 || facts.schema)
        return 0;
    assert(freeze_text(&f, text, size, NULL, &allows, &err) == 0);
    assert(!f.frozen && f.warnings == 0);
    int strictly = freeze_text(&f, text, size, NULL, &strict, &other);
    int rc = freeze_text(&f, text, size, NULL, &freezes, &err);
    assert((rc < 0) == err_is_set(&err) && (rc == 0 || strictly < 0));
    if (rc == 0 && f.frozen) {
        assert(strstr(buf_str(&f.text), "$__timestamp") != NULL ||
               memchr(buf_str(&f.text), '\0', f.text.len) != NULL);
        check_tokens(&f.text);
        check_again(&f.text);
    }
    check_wrapped(text, size, &f, err.code);
    freeze_fini(&f);
    return 0;
}
