/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_VERIFY_H
#define CYPHERLOG_SNAPSHOT_VERIFY_H

/* snapshot/verify.h: proves a snapshot without a database: every file there and as the manifest
 * says, every row readable, counts, no relationship without its nodes, no id twice, the digest. */

#include "snapshot/manifest.h"
#include "snapshot/phase.h"
#include "snapshot/source.h"

struct verify_conf {
    const struct source *source;
    const char *work; /* folder for the working file */
    struct phase_sink sink;
};

/* What was found. */
struct verify_result {
    int64_t nodes, relationships, files, bytes;
    int64_t bytes_properties; /* properties that are BYTES */
    char bytes_example[160];  /* the first of them: "`photo` of node 12"; "": none */
    struct digest digest;
};

/* Blocks until all is read. ERR_DAMAGED: the first thing that is wrong, and where. */
MUST_CHECK int verify_snapshot(const struct verify_conf *conf, struct verify_result *out,
                               struct err *err);

#endif
