/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/freeze_order.h"

/* Whether it is refused, the end of the text tells. */
static void note(struct walk *w, enum chance chance, size_t at)
{
    if (w->rules->order_dependence == ORDER_DEPENDENCE_ALLOW ||
        (w->frames[0].returns && !w->chained))
        return;
    if (w->rules->order_dependence != ORDER_DEPENDENCE_REFUSE || chance_info(chance)->code == NULL)
        w->in_writes |= 1U << chance;
    else if (w->refused == WALK_NONE) {
        w->refused = at;
        w->refused_chance = chance;
    }
}

/* ---- clauses ---- */

enum {
    CLAUSE_SHUFFLES = 1, /* its rows come in any order */
    CLAUSE_PROJECTS = 2,
    CLAUSE_CUTS = 4,
    CLAUSE_STORES = 8,
    CLAUSE_WRITES = 16,
    CLAUSE_RETURNS = 32,
    CLAUSE_ORDERS = 64,
};

static const struct {
    const char *word;
    unsigned flags;
} clauses[] = {
    {"match", CLAUSE_SHUFFLES},
    {"optional", 0},
    {"unwind", 0},
    {"call", CLAUSE_SHUFFLES},
    {"load", CLAUSE_SHUFFLES},
    {"union", CLAUSE_SHUFFLES},
    {"with", CLAUSE_PROJECTS},
    {"return", CLAUSE_PROJECTS | CLAUSE_RETURNS},
    {"next", 0},
    {"order", CLAUSE_ORDERS},
    {"limit", CLAUSE_CUTS},
    {"skip", CLAUSE_CUTS},
    {"offset", CLAUSE_CUTS},
    {"set", CLAUSE_STORES | CLAUSE_WRITES},
    {"create", CLAUSE_STORES | CLAUSE_WRITES},
    {"insert", CLAUSE_STORES | CLAUSE_WRITES},
    {"merge", CLAUSE_SHUFFLES | CLAUSE_STORES | CLAUSE_WRITES},
    {"delete", CLAUSE_WRITES},
    {"detach", CLAUSE_WRITES},
    {"nodetach", CLAUSE_WRITES},
    {"remove", CLAUSE_WRITES},
    {"foreach", CLAUSE_WRITES},
};

/* A word that begins a clause, as far as its place tells: not `n.set`, `:SET`, `{set: 1}`, `AS
 * set`, `STARTS WITH`. */
static bool begins_clause(const struct walk *w, size_t at)
{
    return !walk_was_op(w, at, 1, '.') && !walk_was_op(w, at, 1, ':') &&
           !walk_was_word(w, at, 1, "as") && !walk_is_op(w, at + 1, ':') &&
           !walk_was_word(w, at, 1, "starts") && !walk_was_word(w, at, 1, "ends");
}

/* LIMIT and SKIP stand behind an operand and before one. */
static bool cuts(const struct walk *w, size_t at)
{
    const struct view_item *next = walk_item(w, at + 1);

    return at > 0 && (view_ends_operand(walk_item(w, at - 1)) || walk_is_op(w, at - 1, '*')) &&
           (next->token.kind == LEXER_INTEGER || next->token.kind == LEXER_PARAMETER ||
            view_is_name(next) || walk_is_op(w, at + 1, '('));
}

static void judge_clause(struct walk *w, size_t at, unsigned flags)
{
    struct walk_frame *f = walk_top(w);

    if (flags & CLAUSE_ORDERS) {
        f->ordered |= walk_is_word(w, at + 1, "by");
        return;
    }
    if (flags & CLAUSE_CUTS) {
        if (cuts(w, at) && !f->ordered && !f->rows_ordered)
            note(w, CHANCE_LIMIT, at);
        return;
    }
    w->writes |= (flags & CLAUSE_WRITES) != 0;
    f->clause_stores = (flags & CLAUSE_STORES) != 0;
    f->returns = (flags & CLAUSE_RETURNS) != 0;
    if (flags & CLAUSE_PROJECTS) {
        f->rows_ordered = f->ordered;
        f->ordered = false;
    }
    if (flags & CLAUSE_SHUFFLES)
        f->ordered = f->rows_ordered = false;
}

/* SHORTEST 2 PATH GROUPS: a group is taken whole. */
static bool takes_groups(const struct walk *w, size_t at)
{
    at++;
    at += walk_item(w, at)->token.kind == LEXER_INTEGER ||
          walk_item(w, at)->token.kind == LEXER_PARAMETER;
    at += walk_is_word(w, at, "path") || walk_is_word(w, at, "paths");
    return walk_is_word(w, at, "group") || walk_is_word(w, at, "groups");
}

/* `ANY SHORTEST (…)`, `SHORTEST 2 (…)`, `ANY 2 PATHS (…)`; not `ALL SHORTEST`, `any(x IN …)`. */
static bool takes_any_path(const struct walk *w, size_t at)
{
    if (walk_is_word(w, at, "shortest"))
        return !walk_was_word(w, at, 1, "all") && begins_clause(w, at) && !takes_groups(w, at) &&
               (walk_is_op(w, at + 1, '(') || !walk_is_op(w, at + 1, ')')) &&
               !walk_is_op(w, at + 1, ',') && !walk_is_op(w, at + 1, '=');
    if (!walk_is_word(w, at, "any") || !begins_clause(w, at))
        return false;
    if (walk_item(w, at + 1)->token.kind == LEXER_INTEGER)
        return true;
    return walk_is_op(w, at + 1, '(') &&
           (walk_was_word(w, at, 1, "match") || walk_was_op(w, at, 1, '=')) &&
           !(view_is_name(walk_item(w, at + 2)) && walk_is_word(w, at + 3, "in"));
}

void freeze_order_word(struct walk *w, size_t at)
{
    if (takes_any_path(w, at))
        note(w, CHANCE_PATH, at);
    if ((walk_item(w, at)->word.flags & (KEYWORD_CLAUSE | KEYWORD_START)) == 0 ||
        !begins_clause(w, at))
        return;
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++)
        if (walk_is_word(w, at, clauses[i].word)) {
            judge_clause(w, at, clauses[i].flags);
            return;
        }
}

/* ---- lists, paths, sums ---- */

/* Only whether something is in the list counts, or how many: size(keys(n)), 'a' IN labels(n). */
static bool is_order_blind(const struct walk *w, size_t at)
{
    if (walk_was_word(w, at, 1, "in"))
        return !walk_was_op(w, at, 3, '['); /* [x IN keys(n) | …] is a list again */
    return walk_was_op(w, at, 1, '(') &&
           (walk_was_word(w, at, 2, "size") || walk_was_word(w, at, 2, "isEmpty"));
}

void freeze_order_call(struct walk *w, size_t at, enum chance_call call)
{
    bool ordered = walk_top(w)->rows_ordered;

    if (call == CHANCE_CALL_COLLECT && !ordered && !is_order_blind(w, at))
        note(w, CHANCE_COLLECT, at);
    else if (call == CHANCE_CALL_SUM && !ordered)
        note(w, CHANCE_SUM, at);
    else if (call == CHANCE_CALL_LIST && !is_order_blind(w, at))
        note(w, CHANCE_LIST, at);
    else if (call == CHANCE_CALL_PATH)
        note(w, CHANCE_PATH, at);
}

/* COLLECT { MATCH … }; not a variable or label before its map. */
static bool is_collect(const struct walk *w, size_t at)
{
    return walk_was_word(w, at, 1, "collect") && !walk_was_op(w, at, 2, ':') &&
           !walk_is_op(w, at + 1, '}') &&
           !(view_is_name(walk_item(w, at + 1)) && walk_is_op(w, at + 2, ':'));
}

/* [(a)-->(b) | …] and [p = (a)-->(b) | …], as far as its begin tells. */
static bool is_pattern(const struct walk *w, size_t at)
{
    return walk_is_op(w, at + 1, '(') || (view_is_name(walk_item(w, at + 1)) &&
                                          walk_is_op(w, at + 2, '=') && walk_is_op(w, at + 3, '('));
}

void freeze_order_open(const struct walk *w, struct walk_frame *f)
{
    f->pattern = f->open == '[' && is_pattern(w, f->at);
    f->collects = f->open == '{' && is_collect(w, f->at);
}

void freeze_order_close(struct walk *w, const struct walk_frame *f)
{
    if (f->collects && !f->ordered)
        note(w, CHANCE_COLLECT, f->at - 1);
}

void freeze_order_bar(struct walk *w, const struct walk_frame *f)
{
    if (f->pattern && !is_order_blind(w, f->at))
        note(w, CHANCE_LIST, f->at);
}
