/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_NESTING_H
#define CYPHERLOG_CYPHER_NESTING_H

/* cypher/nesting.h: how deep a server's parser and planner would recurse into a text. Over-deep
 * texts make it answer 500 and leak the transaction with its locks, so they must never be sent. */

#include <stdbool.h>
#include <stddef.h>

enum {
    NESTING_BRACKETS_MAX = 100, /* ( [ { and CASE inside each other */
    NESTING_DEPTH_MAX = 200,    /* those plus the operators that build a tree of that height */
};

struct nesting_level {
    char open;         /* ( [ { or C for CASE; 0 for the text itself */
    bool call;         /* opened by CALL: the scope ( or the subquery { */
    unsigned base;     /* height of the tree around it */
    unsigned boolean;  /* AND OR XOR NOT since its expression began */
    unsigned operand;  /* height of the operand in the making */
    unsigned operands; /* the greatest of those before */
    unsigned done;     /* the greatest height of the expressions before */
};

/* `struct nesting n = {0};` is ready. */
struct nesting {
    struct nesting_level levels[NESTING_BRACKETS_MAX + 1];
    size_t depth; /* index of the level we are in */
};

/* A bracket opens; call marks it for nesting_close. False: too deep. */
bool nesting_open(struct nesting *n, char open, bool call);

/* A bracket closes: ) ] } or E for END. True when what it closes was marked. What does not match is
 * an error to the server, and leaves the level as it is. */
bool nesting_close(struct nesting *n, char close);

/* An operator. False: too deep. */
bool nesting_operator(struct nesting *n, bool boolean);

/* A comma, or a word that may begin a clause: another expression starts. clause: CASE, which
 * contains no clause, cannot have been one. */
void nesting_restart(struct nesting *n, bool clause);

/* The bracket we are in, 0 for none, C inside CASE. */
char nesting_inside(const struct nesting *n);

#endif
