/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/steady.h"

#include "cypher/nesting.h"

void steady_fini(struct steady *s)
{
    freeze_fini(&s->freeze);
    view_list_fini(&s->tokens);
}

/* Whose functions are a matter of their arguments alone, or known to freeze. */
static bool is_own_space(const struct view_item *item, const char *text)
{
    static const char *const spaces[] = {"point",     "duration",      "date",   "datetime", "time",
                                         "localtime", "localdatetime", "vector", NULL};

    return view_reads_one_of(item, text, spaces);
}

/* A procedure, or a function of a plugin: nobody knows what they read. */
static bool calls_outside(const struct view_list *tokens, const char *text)
{
    for (size_t i = 0; i < tokens->count; i++) {
        const struct view_item *now = &tokens->items[i], *next = now + 1;
        if (view_reads(now, text, "call") && view_is_name(next))
            return true;
        if (!view_is_name(now) || !view_is_op(next, '.') || (i > 0 && view_is_op(now - 1, '.')))
            continue;
        size_t last = i;
        while (last + 2 < tokens->count && view_is_op(&tokens->items[last + 1], '.') &&
               view_is_name(&tokens->items[last + 2]))
            last += 2;
        if (view_is_op(&tokens->items[last + 1], '(') && !is_own_space(now, text))
            return true;
    }
    return false;
}

static bool asks_server(const struct view_list *tokens, const char *text)
{
    static const char *const words[] = {"show", "explain", "profile", "terminate", "use", NULL};

    for (size_t i = 0; i < tokens->count; i++)
        if (view_reads_one_of(&tokens->items[i], text, words))
            return true;
    return false;
}

/* What the server reads is then not what stands there. */
static bool has_escapes(const char *text, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++)
        if (text[i] == '\\' && text[i + 1] == 'u')
            return true;
    return false;
}

/* Else a bracket that stays open may hide what follows it from those that look for it. */
static bool is_balanced(const struct view_list *tokens)
{
    char open[NESTING_BRACKETS_MAX] = {0};
    size_t depth = 0;

    for (size_t i = 0; i < tokens->count; i++) {
        const struct view_item *now = &tokens->items[i];
        bool round = view_is_op(now, ')'), square = view_is_op(now, ']');
        if (view_is_op(now, '(') || view_is_op(now, '[') || view_is_op(now, '{')) {
            if (depth == NESTING_BRACKETS_MAX)
                return false;
            open[depth++] = view_is_op(now, '(') ? '(' : view_is_op(now, '[') ? '[' : '{';
        } else if (round || square || view_is_op(now, '}')) {
            if (depth == 0 || open[--depth] != (round ? '(' : square ? '[' : '{'))
                return false;
        }
    }
    return depth == 0;
}

bool steady_text(struct steady *s, const char *text, size_t len, const json_t *params)
{
    const unsigned outside = 1U << CHANCE_CLOCK | 1U << CHANCE_RANDOM | 1U << CHANCE_OUTSIDE |
                             1U << CHANCE_STORED_ID | 1U << CHANCE_HIDDEN;
    const struct freeze_rules rules = {0};
    struct err err = {0};

    if (has_escapes(text, len) || view_list_read(&s->tokens, text, len)->token.kind != LEXER_END)
        return false;
    if (!is_balanced(&s->tokens) || asks_server(&s->tokens, text) ||
        calls_outside(&s->tokens, text))
        return false;
    return freeze_text(&s->freeze, text, len, params, &rules, &err) == 0 && !s->freeze.frozen &&
           (s->freeze.warnings & outside) == 0;
}
