/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_POLICY_H
#define CYPHERLOG_CYPHER_POLICY_H

/* cypher/policy.h: may this text be sent, and what must be beside it in its transaction. Judges the
 * text alone, in one pass; the same text always gets the same verdict. Any thread. */

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct cypher_facts {
    bool schema;    /* indexes or constraints: a transaction of its own kind */
    bool starts_tx; /* it may look at all relationships while it makes or takes some: nothing may
                       precede it, policy.c says why */
    bool ends_tx;   /* its outcome is only known at the commit: nothing may follow it */
    bool alone;     /* nothing before and nothing after it in its transaction */
};

/* Judges a command (UTF-8). 0: it may be sent, *facts is filled. -1 with ERR_POISON, a code
 * "cypher.…" (README lists them) and a text for a person; or with ERR_FATAL when memory for
 * decoding \u is exhausted. A text with a syntax error may pass: the server refuses it. */
MUST_CHECK int policy_judge_command(const char *text, size_t len, struct cypher_facts *facts,
                                    struct err *err);

/* Judges a read request: also refuses what READ mode lets through but is no read (LOAD CSV,
 * procedures off a list), and schema commands. Writing clauses are left to READ mode. */
MUST_CHECK int policy_judge_request(const char *text, size_t len, struct err *err);

#endif
