/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_RESTORE_H
#define CYPHERLOG_SNAPSHOT_RESTORE_H

/* snapshot/restore.h: puts a snapshot into an empty database. From its first transaction to its
 * last the position node says "restoring", which db_sync and global_server refuse: half a graph can
 * never pass for a whole one. */

#include "neo4j/tx.h"
#include "snapshot/phase.h"
#include "snapshot/source.h"
#include "snapshot/verify.h"

#include <stdbool.h>
#include <stdint.h>

/* Connections that load side by side; more gain nothing on two processors. */
#define RESTORE_LANES 2

struct restore_conf {
    const struct source *source;
    struct tx *tx;
    struct tx *const *lanes; /* RESTORE_LANES connections */
    const struct tx_server *server;
    const char *topic;         /* of commands, whose position the replica gets */
    const char *replica;       /* its name */
    const char *work;          /* folder for the working files */
    const char *const *labels; /* nodes with one of them alone; NULL-terminated; NULL: all */
    const char *const *types;  /* relationships of one of them alone; the same */
    const struct verify_result *proved; /* of this source; NULL: it was not verified */
    bool wipe;                          /* what the database holds is removed first */
    bool allow_loss;                    /* leave out what cannot be carried */
    bool dry_run;                       /* look at the database, write nothing */
    int64_t limit_ms;                   /* of a transaction */
    struct phase_sink sink;
};

struct restore_result {
    int64_t nodes, relationships;
    int64_t lost;     /* properties that were left out */
    int64_t resumed;  /* nodes that an interrupted restore had left there */
    json_t *left_out; /* texts: constraints of a foreign snapshot that are not understood */
};

/* Whether a database restored so is a replica that follows the log. One of a part is none: later
 * commands mean the whole graph. */
bool restore_gives_position(const struct restore_conf *conf);

void restore_result_fini(struct restore_result *result);

/* Restores, rebuilds the schema, reads all back and compares it with the manifest, and writes the
 * position last. One that was interrupted is gone on with, if it was of the same snapshot, options
 * and program; another one's leavings are removed first. ERR_GUARD: the database is not empty, or
 * the snapshot is of another topic, or holds what this server does not take; ERR_DAMAGED: the
 * snapshot is; ERR_DIFFERS: what Neo4j holds now is not what the manifest says, and the next
 * restore begins anew. After an error the node stays "restoring". End *out with
 * restore_result_fini, also after an error. */
MUST_CHECK int restore_snapshot(const struct restore_conf *conf, struct restore_result *out,
                                struct err *err);

#endif
