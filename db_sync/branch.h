/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_BRANCH_H
#define CYPHERLOG_DB_SYNC_BRANCH_H

/* db_sync/branch.h: one statement for the commands of several templates, in their order. Pure.
 *
 *   CYPHER runtime=slotted UNWIND $__clr.rows AS __clr WITH __clr, __clr[0] % 2 AS __clt
 *   CALL (__clt, __clr) {
 *     WITH __clt, __clr WHERE __clt = 0 <template 0> RETURN count(*) AS __clx
 *     UNION ALL
 *     WITH __clt, __clr WHERE __clt = 1 CALL (__clr) { <template 1> } RETURN count(*) AS __clx
 *     UNION ALL
 *     WITH __clr WHERE __clr[0] >= 2 RETURN -1 AS __clx
 *   } WITH __clx WHERE __clx < 0 RETURN __clx
 *
 * A row is the number of its template and its values. For each row, in order, all branches run, and
 * the guards let one of them do something; several CALLs in a row would run template by template,
 * which is another graph. A row whose number is greater by that of the branches is marked: when it
 * is done the statement yields a row, and since Neo4j writes rows as they come, the number of those
 * before an error tells how far it went. A template with WITH or RETURN has a CALL of its own: an
 * aggregation over no rows yields a row, so that it would run for every command. The runtime is
 * named because it keeps the order of rows on every edition. The rows are in a map because Neo4j
 * compiles a text anew for a list whose length has another power of ten, and for a map never (seen
 * on 5.26). */

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* The parameters, around rows with commas between them. */
#define BRANCH_PARAMS_BEGIN "{\"" BRANCH_ROW "\":{\"" BRANCH_ROWS "\":["
#define BRANCH_PARAMS_END "]}}"
#define BRANCH_ROWS "rows" /* in the map that the parameter is */
#define BRANCH_ROW "__clr" /* the parameter, and a row in a template's text */
#define BRANCH_FIRST 1     /* the place of its first value */

struct branch {
    const char *text; /* a template: lift_add_row_text with BRANCH_ROW and BRANCH_FIRST */
    size_t len;
    bool yields;
};

/* Appends the text. */
void branch_add_text(struct buf *out, const struct branch *branches, size_t n, bool scoped);

#endif
