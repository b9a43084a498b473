/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_CARRIAGE_H
#define CYPHERLOG_NEO4J_CARRIAGE_H

/* neo4j/carriage.h: how a value gets into a database when parameters are plain JSON: as JSON that
 * says all of it, and a Cypher expression that builds it of that. Each value comes back exactly, on
 * every server line and whatever db.temporal.timezone is. BYTES have no such expression; only the
 * typed JSON of the Query API carries them. Pure.
 *
 * | carriage  | JSON                               | expression of p                           |
 * |-----------|------------------------------------|-------------------------------------------|
 * | FLOAT     | "NaN", "Infinity", …, any number   | toFloat(p)                                |
 * | TEXT      | "2020-01-31", …                    | date(p), localtime(p), time(p), …         |
 * | CLOCK     | ["00:00:00", "+00:17:30"]          | time({time: localtime(p[0]), timezone: …})|
 * | INSTANT   | [s since 1970, nanoseconds, zone]  | datetime({epochSeconds: p[0], …})         |
 * | DURATION  | [months, days, seconds, ns]        | duration({months: p[0], days: p[1], …})   |
 * | POINT     | [x, y], [x, y, z]                  | point({x: p[0], y: p[1], srid: 7203})     |
 * | POINT_ODD | the same as texts                  | point({x: toFloat(p[0]), …})              |
 *
 * CLOCK and INSTANT are for offsets with seconds (value_has_long_offset); a duration goes in parts
 * since fractions of its text are read in several ways. */

#include "neo4j/value.h"

enum carriage {
    CARRY_PLAIN, /* as JSON */
    CARRY_FLOAT,
    CARRY_TEXT,
    CARRY_CLOCK,
    CARRY_INSTANT,
    CARRY_DURATION,
    CARRY_POINT,
    CARRY_POINT_ODD, /* for coordinates that are no JSON; what needs it comes after what does not */
    CARRY_BYTES,     /* in typed JSON alone */
};

/* Of a value that is no list. */
enum carriage carriage_of(const struct value *v);

/* Appends the expression; of v the kind and, of a point, the SRID and dimensions are looked at.
 * from: an expression that needs no brackets, such as r[3] or x. */
void carriage_add_expression(struct buf *out, enum carriage carriage, const struct value *v,
                             const char *from);

/* Appends the JSON of a value that is no list. typed: as the Query API has it, {"$type", "_value"}
 * at every depth. */
void carriage_add_json(struct buf *out, bool typed, enum carriage carriage, const struct value *v);

/* For lists around such: what begins and ends one, and an integer beside them. */
void carriage_begin_list(struct buf *out, bool typed);
void carriage_end_list(struct buf *out, bool typed);
void carriage_add_integer(struct buf *out, bool typed, int64_t n);

#endif
