/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_SURROUNDINGS_H
#define CYPHERLOG_NEO4J_SURROUNDINGS_H

/* neo4j/surroundings.h: what of a server may make two equal logs give two graphs. */

#include "neo4j/tx.h"

struct surroundings {
    char version[32];   /* "5.26.30" */
    char jvm[64];       /* "17.0.15+6"; toString of numbers differs between versions */
    char language[32];  /* "CYPHER_5": of texts that name none */
    char time_zone[64]; /* "Z": of temporal values that name none */
};

/* Asks the server; what it does not tell stays "". version is copied. Blocks for a few short
 * queries; never fails. */
void surroundings_read(struct surroundings *s, struct tx *tx, const char *version);

#endif
