/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_TAKE_H
#define CYPHERLOG_SNAPSHOT_TAKE_H

/* snapshot/take.h: makes a snapshot of a live database. */

#include "neo4j/tx.h"
#include "snapshot/layout.h"
#include "snapshot/manifest.h"
#include "snapshot/phase.h"

#include <stdbool.h>
#include <stdint.h>

struct take_conf {
    const char *dest; /* the folder to make */
    bool replace;     /* one that is there already */
    enum layout layout;
    int level;                 /* of gzip; 0: files are not compressed */
    size_t workers;            /* threads that compress */
    const char *const *labels; /* nodes with one of them alone; NULL-terminated; NULL: all */
    const char *const *types;  /* relationships of one of them alone; the same */
    const char *topic;         /* of commands, whose position the snapshot names */
    const char *program, *program_version, *server_version, *database;
    int64_t limit_ms; /* the server ends the scan, and the hold, then */
    /* With the position of the snapshot in hand and commands going on again: fills in what Kafka
     * knows of it. NULL: nobody is asked. */
    void (*describe_position)(const void *arg, struct manifest_position *position);
    const void *describe_arg;
    struct phase_sink sink;
};

/* Scans through `scan` while `hold` keeps the replica at its position (snapshot/hold.h), or, where
 * the database has no position, just scans. Blocks until all is on disk. *out is filled; the caller
 * ends it with manifest_fini. On failure no DEST is there, or the one that was. */
MUST_CHECK int take_snapshot(const struct take_conf *conf, struct tx *hold, struct tx *scan,
                             struct manifest *out, struct err *err);

#endif
