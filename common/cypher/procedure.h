/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_PROCEDURE_H
#define CYPHERLOG_CYPHER_PROCEDURE_H

/* cypher/procedure.h: what a call of a procedure means for us, by its name. */

#include <stddef.h>

enum procedure {
    PROCEDURE_UNKNOWN, /* a user's, a plugin's or a later version's: it may do anything */
    PROCEDURE_READS,   /* built in, only reads: requests may call it */
    PROCEDURE_WRITES,  /* built in, deletes nothing: a command like any other */
    PROCEDURE_SCHEMA,  /* changes indexes or constraints */
    PROCEDURE_DENIED,  /* acts on the server, on other transactions or outside this transaction */
};

/* name[0..len-1] is the full name without backticks, blanks, comments. Compared in any case, which
 * is on the safe side: servers mind it (`CALL DB.LABELS()` is not found by 4.4, 5.26, 2026.08). */
enum procedure procedure_find(const char *name, size_t len);

#endif
