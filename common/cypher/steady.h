/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_STEADY_H
#define CYPHERLOG_CYPHER_STEADY_H

/* cypher/steady.h: does a query give the same rows again as long as the graph does not change? In
 * another order perhaps, where it names none. Pure. */

#include "cypher/freeze.h"

/* Kept from text to text: its memory is used again. {0} is empty. */
struct steady {
    struct freeze freeze;
    struct view_list tokens;
};

void steady_fini(struct steady *s);

/* text[0..len-1] is a query that policy_judge_request lets pass; params is a JSON object or NULL.
 * False: it reads a clock, draws a number, calls a procedure or a function of a plugin, asks the
 * server about itself (SHOW, EXPLAIN, PROFILE), or that cannot be told. Nor is one steady whose
 * brackets do not match. */
bool steady_text(struct steady *s, const char *text, size_t len, const json_t *params);

#endif
