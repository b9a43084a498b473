/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_OUTCOME_H
#define CYPHERLOG_NEO4J_OUTCOME_H

/* neo4j/outcome.h: how a transaction ended, from Neo4j's plain JSON answer
 * {"results":[{…},…],"errors":[…],…}, read as it comes: rows are passed over, whatever their size.
 * Pure. */

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Zeroed it is ready for an answer; outcome_fini releases it. */
struct outcome {
    size_t results;    /* objects in "results" so far */
    struct buf errors; /* the text of "errors", "[]" when all went well; cut at 64 KiB */
    bool complete;     /* the answer's last bracket came */
    /* where in the answer it is */
    size_t depth;
    bool in_string, escaped, has_colon;
    char key[8]; /* of the answer's own members; longer ones are cut and match nothing */
    size_t key_len;
};

void outcome_fini(struct outcome *o);

/* Takes any slice of the answer, one byte included. What is no JSON is not refused: it never
 * becomes complete, or has no errors and too few results. */
void outcome_feed(struct outcome *o, const char *p, size_t len);

#endif
