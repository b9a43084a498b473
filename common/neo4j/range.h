/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_RANGE_H
#define CYPHERLOG_NEO4J_RANGE_H

/* neo4j/range.h: whether Neo4j has a value that is well-formed. Pure. */

#include "neo4j/value.h"

/* Of a value that is no list. False for a day that does not exist; an hour over 23, a minute or
 * second over 59, a year -0000; an offset beyond 18:00, and one with seconds in the first or last
 * year (4.4 and 5.26 make another day of it); a zone that is no region's name (that it exists, and
 * that the offset is one of its own then, is for the server's list of zones to say); a duration
 * whose average length in seconds (a month is 2629746) is beyond 64 bits, as the servers add it up;
 * a point with a coordinate that is no number, or a longitude beyond 180 (of which the servers make
 * another one) or latitude beyond 90. Tried on 4.4, 5.26 and 2026. */
bool range_holds(const struct value *v);

#endif
