/* SPDX-License-Identifier: Apache-2.0 */
/* cypher/deletion.c: two walks over the tokens. The first collects the deleted variables, the
 * second looks at every place where one of their names stands: one -[name…] must be there, and
 * nothing that could bind the name to something else (a node pattern, AS, IN, =, YIELD, …). */
#include "cypher/deletion.h"

#include "cypher/view.h"

#include <string.h>

enum { NAMES_MAX = 8 };

struct names {
    struct {
        const char *text;
        size_t len;
        bool bound;
    } list[NAMES_MAX];
    size_t count;
};

static int find_name(const struct names *names, const char *text, size_t len)
{
    for (size_t i = 0; i < names->count; i++)
        if (len == names->list[i].len && memcmp(text, names->list[i].text, len) == 0)
            return (int)i;
    return -1;
}

/* What stands behind DELETE: names with commas between, then a clause or an end. */
static bool collect_list(struct view *v, struct names *names)
{
    for (;;) {
        const char *text = v->lexer.text + v->now.token.start;
        if (v->now.token.kind != LEXER_WORD)
            return false;
        if (find_name(names, text, v->now.token.len) < 0) {
            if (names->count == NAMES_MAX)
                return false;
            names->list[names->count].text = text;
            names->list[names->count++].len = v->now.token.len;
        }
        if (!view_is_op(&v->next, ','))
            break;
        view_advance(v);
        view_advance(v);
    }
    return v->next.token.kind == LEXER_END || (v->next.word.flags & KEYWORD_CLAUSE) != 0 ||
           view_is_op(&v->next, ')') || view_is_op(&v->next, '}') || view_is_op(&v->next, ';');
}

static bool collect(const char *text, size_t len, struct names *names)
{
    struct view v;

    for (view_init(&v, text, len); v.now.token.kind != LEXER_END; view_advance(&v)) {
        switch (v.now.word.keyword) {
        case KEYWORD_YIELD:
        case KEYWORD_FOR:
        case KEYWORD_LET:
        case KEYWORD_DEFINE:
            return false; /* they bind names in ways that are not worth following */
        default:
            break;
        }
        if (!view_is_word(&v, KEYWORD_DELETE))
            continue;
        view_advance(&v);
        if (!collect_list(&v, names))
            return false;
    }
    return true;
}

/* type(r) and its kin, where (r is no node pattern. */
static bool is_function(const struct view *v)
{
    static const char *const functions[] = {"type",    "id",         "elementId", "startNode",
                                            "endNode", "properties", "keys"};
    const struct lexer_token *t = &v->before.token;

    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (t->kind == LEXER_WORD && t->len == strlen(functions[i]) &&
            memcmp(v->lexer.text + t->start, functions[i], t->len) == 0)
            return true;
    return false;
}

/* Whether the name stands where nothing can bind it. */
static bool is_use(const struct view *v)
{
    if (view_is_op(&v->last, '.'))
        return true;
    if (v->now.token.kind != LEXER_WORD || v->last.word.keyword == KEYWORD_AS ||
        v->next.word.keyword == KEYWORD_IN)
        return false;
    if (view_is_op(&v->next, '='))
        return v->last.word.keyword == KEYWORD_SET;
    return !view_is_op(&v->last, '(') || is_function(v);
}

static bool is_binding(const struct view *v)
{
    return v->now.token.kind == LEXER_WORD && view_is_op(&v->last, '[') &&
           view_is_dash(&v->before) && v->next.word.keyword != KEYWORD_IN &&
           !view_is_op(&v->next, '=');
}

bool deletion_is_certain(const char *text, size_t len)
{
    struct names names = {0};
    struct view v;
    bool inside = false; /* in a -[name… that must not turn out to be a list: [name:T*1..3] */

    if (!collect(text, len, &names))
        return false;
    for (view_init(&v, text, len); v.now.token.kind != LEXER_END; view_advance(&v)) {
        if (inside && view_is_op(&v.now, '*'))
            return false;
        if (view_is_op(&v.now, ']') || view_is_op(&v.now, '{'))
            inside = false;
        if (!view_is_name(&v.now))
            continue;
        size_t name_len;
        const char *name = lexer_name(&v.lexer, &v.now.token, &name_len);
        int found = find_name(&names, name, name_len);
        if (found < 0)
            continue;
        if (is_binding(&v))
            inside = names.list[found].bound = true;
        else if (!is_use(&v))
            return false;
    }
    for (size_t i = 0; i < names.count; i++)
        if (!names.list[i].bound)
            return false;
    return true;
}
