/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_TRIAL_H
#define CYPHERLOG_DB_SYNC_TRIAL_H

/* db_sync/trial.h: may the commands of a template be sent rewritten? Neo4j is asked once, by
 * EXPLAIN of the first command's text and of its template as the only branch of a statement, and
 * only where that cannot be, of its template with parameters. Literals are checked as they are
 * compiled, a row's values never; so the first text, whose types all commands of the template
 * share, tells for all of them. */

#include "db_sync/branch.h"
#include "db_sync/command.h"
#include "neo4j/tx.h"

enum trial_verdict {
    TRIAL_UNLIFTED, /* the text has a part that is not understood, or a parameter is missing */
    TRIAL_UNKNOWN,  /* Neo4j cannot be asked now, or was not */
    TRIAL_FAILS,    /* the text itself is refused: why */
    TRIAL_REFUSED,  /* it goes as its text: why, or reason */
    TRIAL_ALONE,    /* with parameters, and never as a branch: why, or reason */
    TRIAL_BRANCH,
};

struct trial {
    enum trial_verdict verdict;
    const char *reason; /* why not more although Neo4j refuses nothing; else NULL */
    struct err why;     /* what Neo4j refuses */
    struct buf text, statement, with_parameters; /* what is asked about */
    struct buf branch;                           /* the template with the places of a row */
    struct buf values;                           /* JSON of the parameters */
};

/* Fills *out about c; desk->lift holds its template then. tx NULL: Neo4j is not asked. scoped: as
 * in branch.h. Blocks for limit_ms at most, and as long as an answer takes. */
void trial_run(struct trial *out, struct tx *tx, bool scoped, int64_t limit_ms,
               const struct command *c, struct command_desk *desk);
void trial_fini(struct trial *t);

/* Does Neo4j compile this statement for many? True where it cannot be asked. Blocks as above. */
bool trial_compiles(struct tx *tx, int64_t limit_ms, const struct buf *text);

#endif
