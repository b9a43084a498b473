/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_EXPORT_H
#define CYPHERLOG_SNAPSHOT_EXPORT_H

/* snapshot/export.h: a live database as a Cypher script that makes it again in an empty one, on
 * any of Neo4j's lines: for cypher-shell, and for `db_sync send --file`, where each statement is a
 * command. One statement a line, in ASCII, each a transaction; comments begin with "//". In order:
 * a constraint on the helper (cypher_text.h), nodes, relationships, the helper's removal in bounded
 * steps, the graph's own constraints and indexes. */

#include "neo4j/position.h"
#include "neo4j/tx.h"
#include "snapshot/digest.h"
#include "snapshot/phase.h"

#include <stdbool.h>
#include <stdint.h>

struct export_conf {
    /* Gets the script piece by piece; takes the text and leaves it empty. */
    int (*on_text)(void *arg, struct buf *text, struct err *err);
    void *arg;
    const char *topic; /* of commands, whose position the script names */
    const char *program, *program_version, *server_version;
    const char *work; /* folder for the working file */
    bool allow_loss;  /* leave out what cannot be carried */
    int64_t limit_ms; /* the server ends the scan, and the hold, then */
    struct phase_sink sink;
};

struct export_result {
    int64_t nodes, relationships, statements;
    int64_t lost;          /* properties that were left out */
    int64_t largest_bytes; /* of a statement */
    struct digest digest;
    bool has_position;
    struct position position;
};

/* Scans through `scan` while `hold` keeps the replica at its position (snapshot/hold.h). Blocks
 * until all is given. ERR_GUARD, "export.loss": there are BYTES, and the text names where;
 * "export.helper": the graph has the helper's label or property itself. After an error what was
 * given is no whole script. */
MUST_CHECK int export_script(const struct export_conf *conf, struct tx *hold, struct tx *scan,
                             struct export_result *out, struct err *err);

#endif
