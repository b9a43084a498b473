/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_columns.c: any bytes as a query, behind one that says how many columns it has. Without
 * the names that were put in it has the tokens that it had; where none can be, nothing is written.
 */
#include "cypher/columns.h"
#include "cypher/lexer.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME "`the column's name`"

/* Past AS and the name, if they stand there. */
static void skip_name(struct lexer *lexer, const char *text, struct lexer_token *token)
{
    struct lexer behind = *lexer;
    struct lexer_token name;

    lexer_next(&behind, &name);
    if (token->kind != LEXER_WORD || name.len != strlen(NAME) ||
        memcmp(text + name.start, NAME, name.len) != 0)
        return;
    *lexer = behind;
    lexer_next(lexer, token);
}

static void check_same_tokens(const char *text, size_t len, const struct buf *named)
{
    struct lexer a, b;
    struct lexer_token x, y;

    lexer_init(&a, text, len);
    lexer_init(&b, buf_str(named), named->len);
    do {
        lexer_next(&a, &x);
        lexer_next(&b, &y);
        skip_name(&b, buf_str(named), &y);
        assert(x.kind == y.kind && x.len == y.len);
        assert(memcmp(text + x.start, buf_str(named) + y.start, x.len) == 0);
    } while (x.kind != LEXER_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    json_t *names = json_array();
    struct buf out = {0};

    for (size_t i = 0; size > 0 && i < data[0] % 8; i++)
        json_array_append_new(names, json_string("the column's name"));
    if (size > 1 && columns_add_named(text, size - 1, names, &out))
        check_same_tokens(text, size - 1, &out);
    else
        assert(out.len == 0);
    buf_fini(&out);
    json_decref(names);
    return 0;
}
