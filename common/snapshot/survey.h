/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_SURVEY_H
#define CYPHERLOG_SNAPSHOT_SURVEY_H

/* snapshot/survey.h: the census of a live database, to hold it against a snapshot's. */

#include "neo4j/tx.h"
#include "snapshot/census.h"
#include "snapshot/phase.h"

struct survey_conf {
    struct tx *tx;
    const char *server_version;
    const char *work;             /* folder for the working file */
    int64_t nodes, relationships; /* how many are expected, for progress */
    int64_t limit_ms;             /* of a transaction */
    struct phase_sink sink;
};

/* Reads all but the position node. Blocks. *out is the caller's; NULL after an error. ERR_DIFFERS,
 * "survey.changed": somebody writes to the database meanwhile; else the errors of scan.h. */
MUST_CHECK int survey_database(const struct survey_conf *conf, struct census **out,
                               struct err *err);

#endif
