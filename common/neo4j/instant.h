/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_INSTANT_H
#define CYPHERLOG_NEO4J_INSTANT_H

/* neo4j/instant.h: a TIME or DATETIME taken apart, for those that Neo4j cannot read from its own
 * text (value_has_long_offset). Pure. */

#include "neo4j/value.h"

struct instant {
    int64_t seconds, nanoseconds; /* since 1970 */
    const char *zone;             /* its name, else the offset; in the value's bytes */
    size_t zone_len;
};

/* Where the offset of a TIME or DATETIME begins, and ends: before a zone name, or with the text. */
const char *instant_offset(const struct value *v, const char **end);

/* Takes a DATETIME in canonical form (value.h) apart. */
void instant_of(const struct value *v, struct instant *out);

#endif
