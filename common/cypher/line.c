/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/line.h"

#include "base/json.h"
#include "cypher/view.h"

#include <string.h>

static const char byte_order_mark[] = "\xEF\xBB\xBF";

static bool is_blank(char c)
{
    return c != '\0' && strchr(" \t\r\n", c) != NULL;
}

static void trim(const char **text, size_t *len)
{
    size_t mark = sizeof byte_order_mark - 1;

    if (*len >= mark && memcmp(*text, byte_order_mark, mark) == 0) {
        *text += mark;
        *len -= mark;
    }
    for (; *len > 0 && is_blank(**text); ++*text)
        --*len;
    while (*len > 0 && is_blank((*text)[*len - 1]))
        --*len;
}

int line_read(const char **text, size_t *len, enum line_kind *kind, struct err *err)
{
    struct lexer lexer;
    struct lexer_token first;

    trim(text, len);
    lexer_init(&lexer, *text, *len);
    lexer_next(&lexer, &first);
    *kind = first.kind == LEXER_END                 ? LINE_NOTHING
            : first.start == 0 && (*text)[0] == '{' ? LINE_JSON
                                                    : LINE_CYPHER;
    if (*kind != LINE_CYPHER)
        return 0;
    json_t *value = json_parse(*text, *len, NULL);
    json_decref(value);
    if (value == NULL)
        return 0;
    return err_set(err, ERR_USAGE, "line.no-object",
                   "a JSON value that is no object: give Cypher, or an object such as "
                   "{\"command\":\"CREATE (:P {n: $n})\",\"params\":{\"n\":1}}");
}

static int refuse(struct err *err, const char *why)
{
    return err_set(err, ERR_USAGE, "line.part",
                   "no whole Cypher text: %s; in a file or on standard input a line is one "
                   "command: join its lines, or write it as JSON, {\"command\":\"…\\n…\"}",
                   why);
}

/* Whether the word is one of a list that ends with NULL. */
static bool is_one_of(const struct view *v, const char *const *words)
{
    return view_reads_one_of(&v->now, v->lexer.text, words);
}

/* `SET a.x = 1` of a variable that no clause before it made. */
static bool continues(const struct view *v)
{
    static const char *const words[] = {"set",   "remove", "delete", "detach", "nodetach",
                                        "order", "skip",   "limit",  "offset", NULL};
    unsigned flags = v->now.word.flags;

    if (v->now.token.kind != LEXER_WORD)
        return !view_is_op(&v->now, '{');
    return is_one_of(v, words) || (flags & (KEYWORD_BOOLEAN | KEYWORD_OPERATOR)) != 0 ||
           ((flags & KEYWORD_CLAUSE) != 0 && (flags & KEYWORD_START) == 0 &&
            v->now.word.keyword != KEYWORD_USE);
}

/* Whether a text may end here, as far as its newest clause tells. */
static bool is_open(const struct view *v, bool before)
{
    static const char *const opens[] = {"match", "with", "unwind", "union", NULL};
    static const char *const closes[] = {"create",  "insert", "merge",  "set",    "remove",
                                         "delete",  "detach", "return", "finish", "call",
                                         "foreach", "drop",   NULL};
    bool clause = v->last.token.kind == LEXER_END || view_ends_operand(&v->last);
    bool variable = view_is_op(&v->next, '=') || view_is_op(&v->next, '.');

    if (clause && !variable && is_one_of(v, opens))
        return true;
    return before && !is_one_of(v, closes);
}

static int count_bracket(const struct view *v, int depth[3], struct err *err)
{
    static const char pairs[3][3] = {"()", "[]", "{}"};

    for (int i = 0; i < 3; i++) {
        depth[i] += view_is_op(&v->now, pairs[i][0]) - view_is_op(&v->now, pairs[i][1]);
        if (depth[i] < 0)
            return refuse(err, "a bracket is closed that is not open");
    }
    return 0;
}

static bool may_end_with(const struct view_item *item)
{
    return item->token.kind != LEXER_PUNCTUATION || view_ends_operand(item) ||
           strchr("*%;", item->token.op) != NULL; /* RETURN *, RETURN n:% */
}

/* With \u the server sees another text. */
static bool is_escaped(const char *text, size_t len)
{
    struct buf decoded = {0};
    enum lexer_unicode unicode = lexer_decode_unicode(text, len, &decoded);

    buf_fini(&decoded);
    return unicode != LEXER_UNICODE_NONE;
}

int line_check_whole(const char *text, size_t len, struct err *err)
{
    int depth[3] = {0};
    bool open = false, schema = false;
    struct view v;

    if (is_escaped(text, len))
        return 0;
    view_init(&v, text, len);
    if (continues(&v))
        return refuse(err, "nothing begins like this");
    for (; v.now.token.kind != LEXER_END; view_advance(&v)) {
        if (v.now.token.kind == LEXER_INVALID && strchr("'\"`/", text[v.now.token.start]) != NULL)
            return refuse(err, v.now.token.why);
        if (count_bracket(&v, depth, err) < 0)
            return -1;
        if (depth[0] + depth[1] + depth[2] > 0)
            continue;
        open = is_open(&v, open);
        schema |= (v.now.word.flags & KEYWORD_SCHEMA_NOUN) != 0;
    }
    if (depth[0] + depth[1] + depth[2] > 0)
        return refuse(err, "a bracket is not closed");
    if (!may_end_with(&v.last))
        return refuse(err, "it breaks off at its end");
    return open && !schema ? refuse(err, "it ends in MATCH, WITH, UNWIND or UNION, which changes "
                                         "and returns nothing by itself")
                           : 0;
}
