/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_PARAM_H
#define CYPHERLOG_NEO4J_PARAM_H

/* neo4j/param.h: parameters from a message, as the transaction API can carry them, which takes
 * plain JSON only. What that cannot say is built in the text: `$d` becomes `date($d)`. Pure.
 *
 * A value may be plain JSON, or typed as in Neo4j's Query API, {"$type":…,"_value":…}, at any
 * depth:
 *
 * | $type                      | _value                           | carried as                   |
 * |----------------------------|----------------------------------|------------------------------|
 * | Null, Boolean, String      | the JSON value                   | itself                       |
 * | Integer                    | "12", or 12                      | a JSON integer               |
 * | Float                      | "1.5", "1.0E10", or a number     | a JSON number                |
 * | Float                      | "NaN", "Infinity", "-Infinity"   | toFloat($p)                  |
 * | List                       | array of values                  | a JSON array, or [x IN $p |…]|
 * | Map                        | object; itself no value, so that | a JSON object, or            |
 * |                            | a key "$type" can be there       | {a: date($p.a), b: $p.b}     |
 * | Date                       | "2020-01-31", "+12345-01-31"     | date($p)                     |
 * | LocalTime                  | "12:00", "12:00:00.5"            | localtime($p)                |
 * | Time                       | "12:00:00+01:00", "12:00:00Z"    | time($p)                     |
 * | LocalDateTime              | "2020-01-31T12:00:00"            | localdatetime($p)            |
 * | OffsetDateTime             | "2020-01-31T12:00:00+01:00"      | datetime($p)                 |
 * | ZonedDateTime              | "…+01:00[Europe/Paris]"          | datetime($p)                 |
 * | Duration                   | "P14M3DT4.5S"                    | duration({months: $p[0], …}) |
 * | Point                      | "SRID=7203;POINT (1.0 2.0)"      | point({x: $p[0], …})         |
 * | Base64                     |                                  | refused: param.bytes         |
 *
 * A value is what its type says (value.h) and in Neo4j's range (range.h), or it is refused with
 * its place: `params.rows[3].when: …`. Each value is the same on every server line, whatever
 * db.temporal.timezone is (carriage.h). A map that holds such has no empty key. BYTES have no
 * expression on any of them.
 *
 * Elements of a list that differ in form go as [[0, …], [1, …]] and are built by a CASE. The same
 * forms give the same text (form.h). A column of RETURN keeps the name that it has in the text. */

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/* What is sent. {0} is empty and ready; param_fini ends it. */
struct param_sent {
    json_t *params;  /* an object of plain JSON; NULL where none were given */
    struct buf text; /* when rewritten */
    bool rewritten;  /* something is built in the text; else it is sent as it is */
};
void param_fini(struct param_sent *sent);

/* Makes text[0..len-1], which policy lets pass, and params, a JSON object or NULL, into *out, which
 * is to be empty. A rewritten text is to be judged by policy again: it is nested deeper. -1 with
 * ERR_POISON and what to do: `param.type` an unknown type, `param.value` a wrong value,
 * `param.bytes`, `param.mixed` a list of too many forms, `param.place` it stands where Cypher takes
 * no expression, `param.too-long`; *out is empty then. */
MUST_CHECK int param_carry(const char *text, size_t len, json_t *params, struct param_sent *out,
                           struct err *err);

#endif
