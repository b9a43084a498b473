/* SPDX-License-Identifier: Apache-2.0 */
/* cypher/nesting.c: a bound for the height of the syntax tree, from brackets and operators alone.
 * Operators are of two kinds, boolean ones and all others that bind closer, and associate to the
 * left: `a OR b.c OR d` is 2 high for its ORs plus the highest operand. What brackets hold adds its
 * own height to the operand around it, so no mixture of brackets and chains can hide a tall tree.
 * A word that only looks like CASE opens a level that goes on counting from where it stood. */
#include "cypher/nesting.h"

static unsigned max(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static struct nesting_level *top(struct nesting *n)
{
    return &n->levels[n->depth];
}

static unsigned height(const struct nesting_level *level)
{
    return level->boolean + max(level->operand, level->operands);
}

static bool fits(const struct nesting_level *level)
{
    return level->base + height(level) <= NESTING_DEPTH_MAX;
}

bool nesting_open(struct nesting *n, char open, bool call)
{
    unsigned base = top(n)->base + height(top(n)) + 1;

    if (n->depth == NESTING_BRACKETS_MAX || base > NESTING_DEPTH_MAX)
        return false;
    n->depth++;
    *top(n) = (struct nesting_level){.open = open, .call = call, .base = base};
    return true;
}

static void pop(struct nesting *n)
{
    unsigned inner = max(top(n)->done, height(top(n))) + 1;

    n->depth--;
    top(n)->operand = max(top(n)->operand, inner);
}

bool nesting_close(struct nesting *n, char close)
{
    char open = close == ')' ? '(' : close == ']' ? '[' : close == '}' ? '{' : 'C';
    size_t at = n->depth;

    while (open != 'C' && n->levels[at].open == 'C')
        at--; /* a variable of the name CASE, or an error */
    if (at == 0 || n->levels[at].open != open)
        return false;
    bool call = n->levels[at].call;
    while (n->depth >= at)
        pop(n);
    return call;
}

bool nesting_operator(struct nesting *n, bool boolean)
{
    struct nesting_level *level = top(n);

    if (boolean) {
        level->operands = max(level->operands, level->operand);
        level->operand = 0;
        level->boolean++;
    } else {
        level->operand++;
    }
    return fits(level);
}

void nesting_restart(struct nesting *n, bool clause)
{
    while (clause && top(n)->open == 'C')
        pop(n);
    top(n)->done = max(top(n)->done, height(top(n)));
    top(n)->boolean = top(n)->operand = top(n)->operands = 0;
}

char nesting_inside(const struct nesting *n)
{
    return n->levels[n->depth].open;
}
