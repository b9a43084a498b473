/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_PLAN_H
#define CYPHERLOG_NEO4J_PLAN_H

/* neo4j/plan.h: what Neo4j would do for a text, by EXPLAIN, which compiles it and runs nothing. */

#include "neo4j/tx.h"

#define PLAN_QUESTIONS 2 /* at most in a request */

/* {0} holds nothing. */
struct plan {
    json_t *columns; /* array of their names; NULL: none were told */
    json_t *root;    /* {"operatorType","children",…}; NULL: a text without a plan */
};

void plan_fini(struct plan *plan);

/* Borrowed. params: an object, or NULL; their values matter no more than their types. */
struct plan_question {
    const char *text;
    size_t len;
    const json_t *params;
};

struct plan_limits {
    bool read;           /* as in struct tx_opts */
    int64_t server_ms;   /* Neo4j ends it then, when it looks */
    int64_t deadline_ms; /* monotonic */
};

/* Asks for questions[0..n-1] in turn and fills plans[0..n-1], which the caller ends with plan_fini.
 * Returns how many pass: n, or fewer, and *err is why the next one is refused; n + 1: that cannot
 * be told now. Blocks until the deadline at most. */
size_t plan_ask(struct tx *tx, const struct plan_limits *limits,
                const struct plan_question *questions, size_t n, struct plan *plans,
                struct err *err);

/* Operators that look at all there is of something. */
size_t plan_scans(const struct plan *plan);

/* Appends its operators but those in without, which end with NULL: from the result to what they
 * read, each in a line of its own. */
void plan_add_operators(const struct plan *plan, const char *const *without, struct buf *out);

#endif
