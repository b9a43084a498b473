/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/columns.h"

#include "cypher/name.h"
#include "cypher/view.h"

#include <string.h>

/* The walk stands at `at`; what is before `done` was written. */
struct walk {
    const char *text;
    const struct view_item *items; /* the last one is LEXER_END */
    size_t at, done;
    size_t depth; /* of brackets */
    const json_t *names;
    size_t column;
    struct buf *out;
};

static bool is_op(const struct walk *w, size_t at, int op)
{
    return view_is_op(&w->items[at], op);
}

/* A word outside of brackets that is no property and no label. */
static bool is_outer(const struct walk *w)
{
    return w->depth == 0 && w->items[w->at].token.kind == LEXER_WORD &&
           !(w->at > 0 && (is_op(w, w->at - 1, '.') || is_op(w, w->at - 1, ':')));
}

static bool is_return(const struct walk *w)
{
    return is_outer(w) && view_reads(&w->items[w->at], w->text, "return");
}

/* Behind the items stands how they are ordered and which are left out. */
static bool ends_items(const struct walk *w)
{
    static const char *const words[] = {"order", "skip", "offset", "limit", NULL};

    return w->items[w->at].token.kind == LEXER_END ||
           (is_outer(w) && view_reads_one_of(&w->items[w->at], w->text, words));
}

/* One token on; false: a bracket closes that was not opened. */
static bool advance(struct walk *w)
{
    const struct lexer_token *t = &w->items[w->at].token;

    if (t->kind == LEXER_PUNCTUATION && (t->op == '(' || t->op == '[' || t->op == '{'))
        w->depth++;
    if (t->kind == LEXER_PUNCTUATION && (t->op == ')' || t->op == ']' || t->op == '}')) {
        if (w->depth == 0)
            return false;
        w->depth--;
    }
    w->at++;
    return true;
}

/* Writes all before the token at `at`, but for what stands between it and the token before. */
static void write_up_to(struct walk *w, size_t at)
{
    const struct lexer_token *before = &w->items[at - 1].token;
    size_t end = before->start + before->len;

    buf_add(w->out, w->text + w->done, end - w->done);
    w->done = end;
}

static bool take_item(struct walk *w)
{
    size_t first = w->at;
    bool named = false;

    while (!ends_items(w) && !(w->depth == 0 && is_op(w, w->at, ','))) {
        named |= is_outer(w) && w->items[w->at].word.keyword == KEYWORD_AS;
        if (is_return(w) || !advance(w))
            return false;
    }
    const char *name = json_string_value(json_array_get(w->names, w->column++));
    if (w->at == first || name == NULL || (w->at == first + 1 && is_op(w, first, '*')))
        return false;
    if (is_op(w, w->at - 1, '$')) /* with what is written behind it, it would be a parameter */
        return false;
    if (named || (w->at == first + 1 && view_is_name(&w->items[first])))
        return true;
    write_up_to(w, w->at);
    buf_adds(w->out, " AS ");
    name_add_quoted(w->out, name, strlen(name));
    return true;
}

static bool take_items(struct walk *w)
{
    while (take_item(w)) {
        if (ends_items(w))
            return w->column == json_array_size(w->names);
        w->at++; /* the comma */
    }
    return false;
}

static bool walk(struct walk *w)
{
    while (!is_return(w))
        if (w->items[w->at].token.kind == LEXER_END || !advance(w))
            return false;
    w->at++;
    if (view_reads(&w->items[w->at], w->text, "distinct"))
        w->at++;
    if (!take_items(w))
        return false;
    while (w->items[w->at].token.kind != LEXER_END)
        if (is_return(w) || !advance(w))
            return false;
    return w->depth == 0;
}

bool columns_add_named(const char *text, size_t len, const json_t *names, struct buf *out)
{
    struct view_list list = {0};
    size_t before = out->len;
    bool done = false;

    if (view_list_read(&list, text, len)->token.kind == LEXER_END) {
        struct walk w = {.text = text, .items = list.items, .names = names, .out = out};
        done = walk(&w);
        buf_add(out, text + w.done, len - w.done);
    }
    view_list_fini(&list);
    if (!done)
        buf_truncate(out, before);
    return done;
}
