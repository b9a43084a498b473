/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_JOLT_H
#define CYPHERLOG_NEO4J_JOLT_H

/* neo4j/jolt.h: a value of Neo4j's answer, from Jolt into the notation of our replies. Pure.
 *
 * Takes Jolt v1 and v2, sparse and strict (Neo4j HTTP API, "Jolt"; shapes seen on 4.4, 5.26 and
 * 2026). Writes plain JSON where that loses nothing, else {"$type":…,"_value":…} as Neo4j's Query
 * API does (Query API, "Typed JSON"):
 *
 * | Cypher value                       | written as                                               |
 * |------------------------------------|----------------------------------------------------------|
 * | null, BOOLEAN, STRING              | JSON                                                     |
 * | INTEGER within -2^53 … 2^53        | JSON integer                                             |
 * | INTEGER beyond                     | {"$type":"Integer","_value":"9223372036854775807"}       |
 * | FLOAT, finite                      | JSON number with `.` or `E`: 1.0, -0.0, 1.0E10           |
 * | FLOAT NaN, Infinity, -Infinity     | {"$type":"Float","_value":"NaN"}                         |
 * | LIST                               | JSON array                                               |
 * | MAP                                | JSON object                                              |
 * | MAP with a key `$type`             | {"$type":"Map","_value":{…}}: each member of the inner   |
 * |                                    | object is a value, the inner object itself is none       |
 * | BYTES                              | {"$type":"Base64","_value":"Cv8="}                       |
 * | DATE, LOCAL TIME, TIME             | $type Date, LocalTime, Time, _value as ISO text          |
 * | LOCAL DATETIME                     | $type LocalDateTime                                      |
 * | DATETIME with offset               | $type OffsetDateTime                                     |
 * | DATETIME with zone name            | $type ZonedDateTime, "…+01:00[Europe/Paris]"             |
 * | DURATION                           | $type Duration, "P1Y2M-3DT-0.999999995S"                 |
 * | POINT                              | $type Point, "SRID=7203;POINT (1.0 2.0)"                 |
 * | NODE                               | $type Node, _value {"_element_id":"…","_labels":[…],     |
 * |                                    | "_properties":{…}}; labels are sorted, since their order |
 * |                                    | differs between databases that are equal                 |
 * | RELATIONSHIP                       | $type Relationship, _value {"_element_id",               |
 * |                                    | "_start_node_element_id", "_end_node_element_id",        |
 * |                                    | "_type", "_properties"}                                  |
 * | PATH                               | $type Path, _value [node, relationship, node, …]         |
 *
 * Stored lists of FLOAT arrive bare, [1.0,"NaN"] (seen): a text beside bare numbers with a fraction
 * is such a FLOAT. Of a list of nothing but such texts sparse Jolt does not tell whether it holds
 * FLOAT or STRING, strict Jolt does: there STRING is {"U":…} even in stored lists (seen
 * on 4.4, 5.26 and 2026). What stands inside _properties, lists and maps follows the same table;
 * _properties is, like the inner object of Map, no value itself. An element id of 4.4 is its id()
 * as text. */

#include "base/buf.h"
#include "base/json.h"

#define JOLT_AMBIGUOUS "jolt.ambiguous"

/* Appends value. 0, or -1 with ERR_FATAL; out then holds a part of it. "jolt.shape": it is not Jolt
 * as known here; JOLT_AMBIGUOUS: a list of nothing but "NaN" and "Infinity", ask again in strict
 * Jolt and through jolt_mark_floats. Recursion is as deep as value, which json_parse limits. */
MUST_CHECK int jolt_add(struct buf *out, const json_t *value, struct err *err);

/* A copy of a value, or row, of a strict answer, in which the bare texts of stored lists of FLOAT
 * are marked as such: never ambiguous. The caller owns it. Recursion as above. */
json_t *jolt_mark_floats(const json_t *strict);

/* An INTEGER in sparse Jolt: a bare number, beyond 31 bits {"Z":"…"}, at their end {"R":"…"} (all
 * seen). False: it is none, and *out is as it was. */
MUST_CHECK bool jolt_integer(const json_t *value, int64_t *out);

/* Appends a finite number as the shortest text that reads back equal, with `.` or `e`. */
void jolt_add_real(struct buf *out, double x);

#endif
