/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_VALUE_H
#define CYPHERLOG_NEO4J_VALUE_H

/* neo4j/value.h: a property value of Neo4j in one canonical form, bytes in a buf. All that is
 * read (Jolt, both backup layouts) becomes this, all that is written (layouts, Cypher, digest) is
 * made of it. Equal values have equal bytes, whatever they were read from. Pure.
 *
 * | Cypher value       | bytes: a tag, then little-endian                                       |
 * |--------------------|------------------------------------------------------------------------|
 * | BOOLEAN            | 'F' or 'T'                                                             |
 * | INTEGER            | 'I' i64                                                                |
 * | FLOAT              | 'R' its 64 bits (IEEE 754); every NaN is 0x7ff8000000000000            |
 * | STRING             | 'S' u32 length, UTF-8                                                  |
 * | BYTES              | 'B' u32 length, bytes                                                  |
 * | DATE               | 'd' u32 length, text "2020-01-31", "-0044-03-15", "+20200-01-31"       |
 * | LOCAL TIME, TIME   | 't', 'o' the same; "12:00:00.5": seconds always, the fraction without  |
 * |                    | zeros at its end; offset "Z" or "+01:00"                               |
 * | LOCAL DATETIME     | 'l' "2020-01-31T12:00:00"                                              |
 * | DATETIME           | 'z' with an offset, 'Z' with a zone name: "…T…+01:00[Europe/Paris]"    |
 * | DURATION           | 'D' i64 months, i64 days, i64 seconds, i32 nanoseconds 0 … 999999999   |
 * | POINT              | 'P' i32 SRID, then 2 or 3 f64, as the SRID has dimensions              |
 * | LIST               | 'L' u32 count, then that many values, none of them a list              |
 */

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind {
    VALUE_FALSE = 'F',
    VALUE_TRUE = 'T',
    VALUE_INTEGER = 'I',
    VALUE_FLOAT = 'R',
    VALUE_STRING = 'S',
    VALUE_BYTES = 'B',
    VALUE_DATE = 'd',
    VALUE_LOCAL_TIME = 't',
    VALUE_TIME = 'o',
    VALUE_LOCAL_DATETIME = 'l',
    VALUE_OFFSET_DATETIME = 'z',
    VALUE_ZONED_DATETIME = 'Z',
    VALUE_DURATION = 'D',
    VALUE_POINT = 'P',
    VALUE_LIST = 'L',
};

enum { /* EPSG, and Neo4j's own for the plane; the only ones that Neo4j has */
       VALUE_SRID_CARTESIAN = 7203,
       VALUE_SRID_CARTESIAN_3D = 9157,
       VALUE_SRID_WGS_84 = 4326,
       VALUE_SRID_WGS_84_3D = 4979,
};

struct value_duration {
    int64_t months, days, seconds;
    int32_t nanoseconds;
};

struct value_point {
    int32_t srid;
    size_t dimensions; /* 2 or 3 */
    double c[3];       /* x, y, z; or longitude, latitude, height */
};

/* A value as value_next gives it. */
struct value {
    enum value_kind kind;
    int64_t integer;
    double real;
    const char *p; /* STRING, BYTES and all that is kept as text; in the bytes that were read */
    size_t len;
    struct value_duration duration;
    struct value_point point;
    size_t count; /* elements of a LIST; they come next */
};

/* Each appends one value. */
void value_add_boolean(struct buf *out, bool b);
void value_add_integer(struct buf *out, int64_t n);
void value_add_float(struct buf *out, double x);
void value_add_string(struct buf *out, const char *p, size_t len);
void value_add_bytes(struct buf *out, const void *p, size_t len);
void value_add_list(struct buf *out, size_t count); /* its elements are to follow */
void value_add_duration(struct buf *out, const struct value_duration *d);
void value_add_point(struct buf *out, const struct value_point *p);

/* Appends the temporal value that text tells in ISO 8601, as Neo4j and its drivers write it: its
 * form says which kind it is. False: it is none, and nothing was appended. A time of day may lack
 * its seconds; "+00:00" becomes "Z". Whether the day exists is for the database to say. */
MUST_CHECK bool value_add_temporal(struct buf *out, const char *p, size_t len);

/* The same for a point such as "SRID=7203;POINT(1.0 2.0)" or "SRID=4979;POINT Z (2.0 1.0 3.0)". */
MUST_CHECK bool value_add_wkt(struct buf *out, const char *p, size_t len);

/* Whether it is a TIME or DATETIME whose offset has seconds, as zones had before there were
 * standard times: Neo4j cannot parse what it writes itself then (seen: "00:00:00+00:17:30"). */
bool value_has_long_offset(const struct value *v);

/* Takes the value at *p, which is advanced, from bytes that the functions above made. Of a list its
 * head: the elements are taken by the next calls. */
void value_next(const char **p, struct value *out);

/* A DATE, TIME or DATETIME of any kind, not a DURATION: p[0..len-1] is its text. */
bool value_is_temporal(enum value_kind kind);

/* The Cypher function that makes a value of its text: toBoolean, toInteger, toFloat,
 * date, localtime, time, localdatetime, datetime. NULL: none does. */
const char *value_function(enum value_kind kind);

/* The number of dimensions that an SRID has; 0: Neo4j has no such SRID. */
size_t value_dimensions(int64_t srid);

/* Appends x as the shortest text that reads back equal, with "." or "e"; or NaN, Infinity,
 * -Infinity. */
void value_write_float(struct buf *out, double x);

/* Appends a duration in ISO 8601, as P14M3DT4.000000005S: exact for every value. */
void value_write_duration(struct buf *out, const struct value_duration *d);

#endif
