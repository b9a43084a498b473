/* SPDX-License-Identifier: Apache-2.0 */
/* cypher/nesting.c: a bound for the height of the syntax tree, from brackets and operators alone.
 * Operators are of three kinds, each binding closer than the one before and associating to the
 * left: AND and OR, others, postfix. `a OR b.c OR d` is as high as its two ORs plus the highest
 * operand. What brackets hold adds its own height to the term around it, so no mixture of brackets
 * and chains can hide a tall tree. A word that only looks like CASE opens a level that goes on
 * counting from where it stood. */
#include "cypher/nesting.h"

static unsigned max(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

void nesting_init(struct nesting *n)
{
    n->depth = 0;
    n->levels[0] = (struct nesting_level){0};
}

struct nesting_level *nesting_top(struct nesting *n)
{
    return &n->levels[n->depth];
}

static unsigned operand(const struct nesting_level *level)
{
    return level->operator+ max(level->terms, level->term);
}

static unsigned used(const struct nesting_level *level)
{
    return level->boolean + max(level->operands, operand(level));
}

bool nesting_open(struct nesting *n, char open, unsigned cost, int mark)
{
    unsigned base = nesting_top(n)->base + used(nesting_top(n)) + cost;

    if (n->depth == NESTING_BRACKETS_MAX || base > NESTING_LIMIT)
        return false;
    n->depth++;
    *nesting_top(n) =
        (struct nesting_level){.open = open, .mark = mark, .cost = cost, .base = base};
    return true;
}

static void pop(struct nesting *n)
{
    const struct nesting_level *level = nesting_top(n);
    unsigned inner = level->cost + max(level->done, used(level));

    n->depth--;
    nesting_top(n)->term = max(nesting_top(n)->term, inner);
}

int nesting_close(struct nesting *n, char close)
{
    char open = close == ')' ? '(' : close == ']' ? '[' : close == '}' ? '{' : 'C';
    size_t at = n->depth;

    while (open != 'C' && n->levels[at].open == 'C')
        at--; /* a variable of the name CASE, or an error */
    if (at == 0 || n->levels[at].open != open)
        return 0;
    int mark = n->levels[at].mark;
    while (n->depth >= at)
        pop(n);
    return mark;
}

bool nesting_operator(struct nesting *n, unsigned cost)
{
    struct nesting_level *level = nesting_top(n);

    if (cost == NESTING_BOOLEAN) {
        level->operands = max(level->operands, operand(level));
        level->operator= level->terms = level->term = 0;
        level->boolean += cost;
    } else if (cost == NESTING_OPERATOR) {
        level->terms = max(level->terms, level->term);
        level->term = 0;
        level->operator+= cost;
    } else {
        level->term += cost;
    }
    return level->base + used(level) <= NESTING_LIMIT;
}

void nesting_restart(struct nesting *n, bool clause)
{
    while (clause && nesting_top(n)->open == 'C')
        pop(n);
    struct nesting_level *level = nesting_top(n);
    level->done = max(level->done, used(level));
    level->boolean = level->operands = 0;
    level->operator= level->terms = level->term = 0;
}
