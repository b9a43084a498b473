/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/growth.h"

#include "cypher/word.h"

#include <stddef.h>
#include <string.h>

enum { LEVELS_MAX = 128 }; /* brackets; what has more is refused as a text */

struct walk {
    struct view view;
    char open[LEVELS_MAX]; /* '(' '[' '{', or 'f': what is inside is no element of the result */
    size_t depth;
    size_t calls; /* how many of them are 'f' */
};

static bool opens(const struct view_item *item)
{
    return view_is_op(item, '(') || view_is_op(item, '[') || view_is_op(item, '{');
}

static bool closes(const struct view_item *item)
{
    return view_is_op(item, ')') || view_is_op(item, ']') || view_is_op(item, '}');
}

/* One token on; false at the end of the text and of the brackets that the walk began in. */
static bool step(struct walk *w)
{
    const struct view *v = &w->view;

    view_advance(&w->view);
    if (opens(&v->now)) {
        if (w->depth == LEVELS_MAX)
            return false;
        bool argument = v->last.word.keyword == KEYWORD_IN || view_ends_operand(&v->last);
        w->open[w->depth++] = argument ? 'f' : (char)v->now.token.op;
        w->calls += argument;
    } else if (closes(&v->now)) {
        w->depth--;
        w->calls -= w->open[w->depth] == 'f';
    }
    return w->depth > 0 && v->now.token.kind != LEXER_END && v->now.token.kind != LEXER_INVALID;
}

static bool is_same(const struct walk *w, const char *name, size_t len)
{
    size_t n;
    const char *p = lexer_name(&w->view.lexer, &w->view.now.token, &n);

    return n == len && memcmp(p, name, n) == 0;
}

/* The name stands alone between commas, or behind a key, of a list or map. */
static bool is_element(const struct walk *w)
{
    const struct view *v = &w->view;
    char open = w->open[w->depth - 1];
    bool begins = open == '[' ? view_is_op(&v->last, '[') || view_is_op(&v->last, ',')
                              : open == '{' && view_is_op(&v->last, ':');

    return begins && w->calls == 0 &&
           (view_is_op(&v->next, ',') || view_is_op(&v->next, ']') || view_is_op(&v->next, '}'));
}

/* At the name of a call of reduce. */
static bool is_reduce(const struct view *view)
{
    size_t len;

    if (!view_is_name(&view->now) || !view_is_op(&view->next, '('))
        return false;
    const char *name = lexer_name(&view->lexer, &view->now.token, &len);
    return word_is(name, len, "reduce");
}

static bool nests_accumulator(const struct view *view)
{
    struct walk w = {.view = *view, .open = "(", .depth = 1};
    bool body = false;
    size_t len;

    view_advance(&w.view); /* at its bracket */
    if (!view_is_name(&w.view.next))
        return false;
    const char *name = lexer_name(&w.view.lexer, &w.view.next.token, &len);
    while (step(&w)) {
        if (w.depth == 1 && view_is_op(&w.view.now, '|'))
            body = true;
        if (body && view_is_name(&w.view.now) && is_same(&w, name, len) && is_element(&w))
            return true;
    }
    return false;
}

bool growth_is_nested(const struct view *view)
{
    return is_reduce(view) && nests_accumulator(view);
}
