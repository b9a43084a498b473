/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_AGAINST_H
#define CYPHERLOG_SNAPSHOT_AGAINST_H

/* snapshot/against.h: a live database held against a snapshot's manifest: its position, how many
 * entities it has of each label set and type, and the digest. */

#include "neo4j/position.h"
#include "neo4j/tx.h"
#include "snapshot/manifest.h"
#include "snapshot/phase.h"

struct against_conf {
    const struct manifest *manifest; /* of a whole graph */
    const char *topic;               /* of commands, whose position the database has */
    const char *server_version;
    const char *work; /* folder for the working file */
    int64_t limit_ms; /* the server ends the scan, and the hold, then */
    struct phase_sink sink;
};

/* What the database holds. */
struct against_result {
    bool has_position;
    struct position position;
    int64_t nodes, relationships;
    struct digest digest;
    json_t *differences; /* [{"labels": […] or "type": "T", "snapshot": n, "database": n}, …] */
    bool equal;
};

void against_fini(struct against_result *r);

/* Reads the database through `scan` while `hold` keeps it at its position (snapshot/hold.h).
 * Blocks. *out is filled; end it with against_fini also after an error. That it differs is no
 * error. */
MUST_CHECK int against_database(const struct against_conf *conf, struct tx *hold, struct tx *scan,
                                struct against_result *out, struct err *err);

/* Whether both have a position, and it is the same; also when neither has one. */
bool against_is_same_place(const struct manifest *m, const struct against_result *r);

#endif
