/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/pattern.h"

/* Behind the colon: names, with what joins them, and nothing that turns them into others. */
static bool has_names_only(struct view v)
{
    bool any = false;

    for (; view_is_name(&v.now) || view_is_op(&v.now, '|') || view_is_op(&v.now, ':') ||
           view_is_op(&v.now, '&');
         view_advance(&v)) {
        if (any && view_reads(&v.now, v.lexer.text, "where"))
            return true;
        any |= view_is_name(&v.now);
    }
    return any && (view_is_op(&v.now, ']') || view_is_op(&v.now, '{') || view_is_op(&v.now, '*') ||
                   v.now.token.kind == LEXER_PARAMETER);
}

bool pattern_is_untyped(const struct view *view)
{
    if (!view_is_dash(&view->now))
        return false;
    if (!view_is_op(&view->next, '['))
        return view_is_dash(&view->next);
    struct view v = *view;
    view_advance(&v);
    view_advance(&v);
    if (view_is_name(&v.now) &&
        (view_is_op(&v.next, ':') || view_reads(&v.next, v.lexer.text, "is")))
        view_advance(&v);
    if (!view_is_op(&v.now, ':') && !view_reads(&v.now, v.lexer.text, "is"))
        return true;
    view_advance(&v);
    return !has_names_only(v);
}
