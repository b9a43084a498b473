/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_NESTING_H
#define CYPHERLOG_CYPHER_NESTING_H

/* cypher/nesting.h: how deep a server's parser and planner would recurse into a text. Over-deep
 * texts make it answer 500 and leak the transaction with its locks, so they must never be sent. */

#include <stdbool.h>
#include <stddef.h>

/* Stack that a step down the syntax tree takes, in parts of what is safe. 1 MB stacks of the first
 * of 4.4.48, 5.26.30 and 2026.08.1 to do so overflowed at 120 nested function calls, at 150 to 160
 * CASEs, lists and maps, at 170 + NOT ! [0] in a chain; 5.26 at 80 relationships in a MATCH and 200
 * dots, 4.4 at 500 ORs. None did at 500 relationships in a CREATE, labels or types. */
enum {
    NESTING_LIMIT = 400,
    NESTING_ARROW = 1,    /* a dash in a pattern of CREATE: 200 relationships */
    NESTING_BOOLEAN = 2,  /* AND OR: 200 */
    NESTING_LABEL = 3,    /* : | of labels and types: 133 */
    NESTING_OPERATOR = 4, /* 100; a dash of other patterns: 50 relationships */
    NESTING_POSTFIX = 6,  /* closer than all others: . [0] & ! (66) */
    NESTING_ROUND = 4,    /* ( of an expression or pattern: 100 */
    NESTING_BRACKET = 5,  /* [ { : 80 */
    NESTING_CALL = 8,     /* ( of a function, and CASE: 50 */
    NESTING_BRACKETS_MAX = 100,
};

struct nesting_level {
    char open;         /* ( [ { or C for CASE; 0 for the text itself */
    int mark;          /* the caller's */
    unsigned cost;     /* of the step into it */
    unsigned base;     /* stack that is used around it */
    unsigned boolean;  /* by AND and OR since its expression began */
    unsigned operands; /* by the greatest operand of those */
    unsigned operator; /* by other operators since the operand began */
    unsigned terms;    /* by the greatest term of those */
    unsigned term;     /* by the term in the making */
    unsigned done;     /* by the greatest of the expressions before */
};

struct nesting {
    struct nesting_level levels[NESTING_BRACKETS_MAX + 1];
    size_t depth; /* index of the level we are in */
};

/* Outside of all brackets; touches the first level only, as texts are short. */
void nesting_init(struct nesting *n);

/* A bracket ( [ { or a CASE (C) opens, cost is NESTING_ROUND, _BRACKET or _CALL; nesting_close
 * gives mark back. False: too deep. */
bool nesting_open(struct nesting *n, char open, unsigned cost, int mark);

/* A bracket closes: ) ] } or E for END. The mark of what it closes; 0 when it matches nothing,
 * which is an error to the server. */
int nesting_close(struct nesting *n, char close);

/* An operator, cost is NESTING_BOOLEAN, _OPERATOR or one of those that bind closer. False: too
 * deep.
 */
bool nesting_operator(struct nesting *n, unsigned cost);

/* A comma, or a word that may begin a clause: another expression starts. clause: CASE, which
 * contains no clause, cannot have been one. */
void nesting_restart(struct nesting *n, bool clause);

/* The level we are in; its open is 0 outside of all brackets. */
struct nesting_level *nesting_top(struct nesting *n);

#endif
