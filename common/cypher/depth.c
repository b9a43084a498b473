/* SPDX-License-Identifier: Apache-2.0 */
/* cypher/depth.c: tells nesting what the tokens open, close and chain. Words are the difficulty: a
 * variable may be called match, case or end, and none of them may make the count start anew in the
 * midst of an expression (tests/unit/test_policy.c, table deep). */
#include "cypher/depth.h"

enum mark { MARK_NONE, MARK_CALL, MARK_FOREACH_HEAD, MARK_FOREACH_BODY };

void depth_init(struct depth *d)
{
    nesting_init(&d->nesting);
    d->call_scope = false;
    d->create = SIZE_MAX;
    d->foreach_body = SIZE_MAX;
}

static enum depth_verdict open_bracket(struct depth *d, const struct view *v)
{
    int op = v->now.token.op, mark = MARK_NONE;
    unsigned cost = op == '(' ? NESTING_ROUND : NESTING_BRACKET;

    if (view_is_word(&(struct view){.last = v->before, .now = v->last}, KEYWORD_CALL) ||
        (op == '{' && d->call_scope))
        mark = MARK_CALL;
    else if (op == '(' && v->last.word.keyword == KEYWORD_FOREACH)
        mark = MARK_FOREACH_HEAD;
    if (op == '(' && view_is_name(&v->last) && view_ends_operand(&v->last))
        cost = NESTING_CALL;
    if (op == '[' && view_ends_operand(&v->last) && !nesting_operator(&d->nesting, NESTING_POSTFIX))
        return DEPTH_TOO_DEEP; /* x[0][0]: each is as tall as a dot */
    if (!nesting_open(&d->nesting, (char)op, cost, mark))
        return DEPTH_TOO_DEEP;
    if (d->create == d->nesting.depth)
        d->create = SIZE_MAX;
    d->call_scope = false;
    return DEPTH_FITS;
}

static enum depth_verdict pass_bracket(struct depth *d, const struct view *v)
{
    int op = v->now.token.op;

    if (op == '(' || op == '[' || op == '{')
        return open_bracket(d, v);
    bool call = nesting_close(&d->nesting, (char)op) == MARK_CALL;
    d->call_scope = call && op == ')';
    if (call && op == '}' && v->next.word.keyword == KEYWORD_IN)
        return DEPTH_IN_TRANSACTIONS;
    return DEPTH_FITS;
}

/* The line of a relationship in CREATE, where each is a step of its own and not one down. */
static bool is_created_line(const struct depth *d, const struct view *v)
{
    return d->create == d->nesting.depth && view_is_op(&v->now, '-') &&
           (view_is_op(&v->next, '[') || view_is_op(&v->next, '-') || view_is_op(&v->next, '>') ||
            view_is_op(&v->last, ']') || view_is_op(&v->last, '-'));
}

/* `{key: value}`: the colon is no operator. */
static bool is_key_colon(struct depth *d, const struct view *v)
{
    return nesting_top(&d->nesting)->open == '{' && view_is_name(&v->last) &&
           (view_is_op(&v->before, '{') || view_is_op(&v->before, ','));
}

/* What the operator adds to the height of the syntax tree; 0: nothing. */
static unsigned operator_cost(struct depth *d, const struct view *v)
{
    if (is_created_line(d, v))
        return NESTING_ARROW;
    switch (v->now.token.op) {
    case ';':
    case '?':
    case '$':
        return 0;
    case '<':
    case '>': /* an arrow's head: its line counts */
        return view_is_op(&v->last, '-') || view_is_op(&v->next, '-') ? 0 : NESTING_OPERATOR;
    case ':':
        return is_key_colon(d, v) ? 0 : NESTING_LABEL;
    case '|':
        return NESTING_LABEL;
    case '.':
    case '&':
    case '!':
        return NESTING_POSTFIX;
    default:
        return NESTING_OPERATOR;
    }
}

static bool is_bracket(int op)
{
    return op == '(' || op == ')' || op == '[' || op == ']' || op == '{' || op == '}';
}

static bool is_operator(const struct view_item *item)
{
    int op = item->token.op;

    if (item->token.kind == LEXER_WORD)
        return (item->word.flags & (KEYWORD_BOOLEAN | KEYWORD_OPERATOR)) != 0;
    return item->token.kind == LEXER_PUNCTUATION && !is_bracket(op) && op != ',' && op != ';';
}

/* CASE, and not a variable of that name by what follows; one that passes for CASE does no harm, as
 * its level goes on counting. */
static bool is_case(const struct view *v)
{
    int op = v->next.token.kind == LEXER_PUNCTUATION ? v->next.token.op : 0;
    bool sign = op == '-' || op == '+';

    if (v->now.word.keyword != KEYWORD_CASE || view_is_op(&v->last, '.') ||
        v->last.word.keyword == KEYWORD_AS || v->next.token.kind == LEXER_END)
        return false;
    return sign || (!is_operator(&v->next) && op != ')' && op != ']' && op != '}' && op != ',') ||
           v->next.word.keyword == KEYWORD_NOT;
}

/* Where an operand must stand, a word is one, whatever its name: `1 + match`, `THEN match`. Only
 * outside of CASE a clause can follow THEN and ELSE (Cypher 25). */
static bool is_operand(const struct view *v, bool in_case)
{
    unsigned last = v->last.word.flags;

    return is_operator(&v->last) ||
           ((last & KEYWORD_OPERAND) != 0 && (in_case || (last & KEYWORD_BRANCH) == 0));
}

static enum depth_verdict pass_word(struct depth *d, const struct view *v)
{
    const struct keyword_info word = v->now.word;
    bool in_case = nesting_top(&d->nesting)->open == 'C', fits = true;

    if (is_operator(&v->now))
        fits = nesting_operator(
            &d->nesting, (word.flags & KEYWORD_BOOLEAN) != 0 ? NESTING_BOOLEAN : NESTING_OPERATOR);
    else if (is_case(v))
        fits = nesting_open(&d->nesting, 'C', NESTING_CALL, MARK_NONE);
    else if (word.keyword == KEYWORD_END && in_case && view_ends_operand(&v->last))
        (void)nesting_close(&d->nesting, 'E');
    else if ((word.flags & KEYWORD_CLAUSE) != 0 && !is_operand(v, in_case) &&
             (in_case || (word.flags & KEYWORD_BRANCH) == 0)) {
        nesting_restart(&d->nesting, (word.flags & KEYWORD_BRANCH) == 0);
        bool create = word.keyword == KEYWORD_CREATE && !view_is_op(&v->last, ',');
        d->create = create ? d->nesting.depth : SIZE_MAX;
    }
    return fits ? DEPTH_FITS : DEPTH_TOO_DEEP;
}

enum depth_verdict depth_pass(struct depth *d, const struct view *v)
{
    struct nesting_level *level = nesting_top(&d->nesting);

    if (v->now.token.kind == LEXER_PUNCTUATION && is_bracket(v->now.token.op))
        return pass_bracket(d, v);
    d->call_scope = false;
    if (v->now.token.kind == LEXER_WORD)
        return pass_word(d, v);
    if (v->now.token.kind != LEXER_PUNCTUATION)
        return DEPTH_FITS;
    if (view_is_op(&v->now, '|') && level->mark == MARK_FOREACH_HEAD) {
        level->mark = MARK_FOREACH_BODY;
        d->foreach_body = v->now.token.start;
        nesting_restart(&d->nesting, false);
        return DEPTH_FITS;
    }
    unsigned cost = operator_cost(d, v);
    if (view_is_op(&v->now, ','))
        nesting_restart(&d->nesting, false);
    else if (cost > 0 && !nesting_operator(&d->nesting, cost))
        return DEPTH_TOO_DEEP;
    return DEPTH_FITS;
}
