/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/carriage.h"

#include "base/hash.h"
#include "neo4j/instant.h"

#include <inttypes.h>
#include <math.h>

enum carriage carriage_of(const struct value *v)
{
    switch (v->kind) {
    case VALUE_FLOAT:
        return isfinite(v->real) ? CARRY_PLAIN : CARRY_FLOAT;
    case VALUE_BYTES:
        return CARRY_BYTES;
    case VALUE_DURATION:
        return CARRY_DURATION;
    case VALUE_POINT:
        for (size_t i = 0; i < v->point.dimensions; i++)
            if (!isfinite(v->point.c[i]))
                return CARRY_POINT_ODD;
        return CARRY_POINT;
    default:
        break;
    }
    if (!value_is_temporal(v->kind))
        return CARRY_PLAIN;
    return !value_has_long_offset(v) ? CARRY_TEXT
           : v->kind == VALUE_TIME   ? CARRY_CLOCK
                                     : CARRY_INSTANT;
}

static void add_point(struct buf *out, const struct value *v, const char *from, bool odd)
{
    static const char axes[] = "xyz";

    buf_adds(out, "point({");
    for (size_t i = 0; i < v->point.dimensions; i++)
        buf_addf(out, odd ? "%c: toFloat(%s[%zu]), " : "%c: %s[%zu], ", axes[i], from, i);
    buf_addf(out, "srid: %d})", v->point.srid);
}

void carriage_add_expression(struct buf *out, enum carriage carriage, const struct value *v,
                             const char *from)
{
    switch (carriage) {
    case CARRY_FLOAT:
        buf_addf(out, "toFloat(%s)", from);
        break;
    case CARRY_TEXT:
        buf_addf(out, "%s(%s)", value_function(v->kind), from);
        break;
    case CARRY_CLOCK:
        buf_addf(out, "time({time: localtime(%s[0]), timezone: %s[1]})", from, from);
        break;
    case CARRY_INSTANT:
        buf_addf(out, "datetime({epochSeconds: %s[0], nanosecond: %s[1], timezone: %s[2]})", from,
                 from, from);
        break;
    case CARRY_DURATION:
        buf_addf(out, "duration({months: %s[0], days: %s[1], seconds: %s[2], nanoseconds: %s[3]})",
                 from, from, from, from);
        break;
    case CARRY_POINT:
    case CARRY_POINT_ODD:
        add_point(out, v, from, carriage == CARRY_POINT_ODD);
        break;
    default:
        buf_adds(out, from);
        break;
    }
}

static void add_string(struct buf *out, bool typed, const char *p, size_t len)
{
    if (typed)
        buf_adds(out, "{\"$type\":\"String\",\"_value\":");
    buf_add_json(out, p, len);
    if (typed)
        buf_addc(out, '}');
}

void carriage_add_integer(struct buf *out, bool typed, int64_t n)
{
    buf_addf(out, typed ? "{\"$type\":\"Integer\",\"_value\":\"%" PRId64 "\"}" : "%" PRId64, n);
}

static void add_boolean(struct buf *out, bool typed, bool b)
{
    buf_addf(out, typed ? "{\"$type\":\"Boolean\",\"_value\":%s}" : "%s", b ? "true" : "false");
}

/* as_text: for toFloat() in the text. */
static void add_float(struct buf *out, bool typed, double x, bool as_text)
{
    if (typed)
        buf_addf(out, "{\"$type\":\"%s\",\"_value\":", as_text ? "String" : "Float");
    if (typed || as_text)
        buf_addc(out, '"');
    value_write_float(out, x);
    if (typed || as_text)
        buf_addc(out, '"');
    if (typed)
        buf_addc(out, '}');
}

static void add_bytes(struct buf *out, const struct value *v)
{
    buf_adds(out, "{\"$type\":\"Base64\",\"_value\":\"");
    hash_add_base64(out, v->p, v->len);
    buf_adds(out, "\"}");
}

void carriage_begin_list(struct buf *out, bool typed)
{
    buf_adds(out, typed ? "{\"$type\":\"List\",\"_value\":[" : "[");
}

void carriage_end_list(struct buf *out, bool typed)
{
    buf_adds(out, typed ? "]}" : "]");
}

static void add_parts(struct buf *out, bool typed, const struct value_duration *d)
{
    const int64_t parts[] = {d->months, d->days, d->seconds, d->nanoseconds};

    carriage_begin_list(out, typed);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (i > 0)
            buf_addc(out, ',');
        carriage_add_integer(out, typed, parts[i]);
    }
    carriage_end_list(out, typed);
}

static void add_coordinates(struct buf *out, bool typed, const struct value_point *p, bool odd)
{
    carriage_begin_list(out, typed);
    for (size_t i = 0; i < p->dimensions; i++) {
        if (i > 0)
            buf_addc(out, ',');
        add_float(out, typed, p->c[i], odd);
    }
    carriage_end_list(out, typed);
}

/* [seconds since 1970, nanoseconds, zone] */
static void add_instant(struct buf *out, bool typed, const struct value *v)
{
    struct instant instant;

    instant_of(v, &instant);
    carriage_begin_list(out, typed);
    carriage_add_integer(out, typed, instant.seconds);
    buf_addc(out, ',');
    carriage_add_integer(out, typed, instant.nanoseconds);
    buf_addc(out, ',');
    add_string(out, typed, instant.zone, instant.zone_len);
    carriage_end_list(out, typed);
}

/* [time of day, offset] */
static void add_clock(struct buf *out, bool typed, const struct value *v)
{
    const char *end, *offset = instant_offset(v, &end);

    carriage_begin_list(out, typed);
    add_string(out, typed, v->p, (size_t)(offset - v->p));
    buf_addc(out, ',');
    add_string(out, typed, offset, (size_t)(end - offset));
    carriage_end_list(out, typed);
}

void carriage_add_json(struct buf *out, bool typed, enum carriage carriage, const struct value *v)
{
    switch (v->kind) {
    case VALUE_FALSE:
    case VALUE_TRUE:
        add_boolean(out, typed, v->kind == VALUE_TRUE);
        break;
    case VALUE_INTEGER:
        carriage_add_integer(out, typed, v->integer);
        break;
    case VALUE_FLOAT:
        add_float(out, typed, v->real, carriage == CARRY_FLOAT);
        break;
    case VALUE_BYTES:
        add_bytes(out, v);
        break;
    case VALUE_DURATION:
        add_parts(out, typed, &v->duration);
        break;
    case VALUE_POINT:
        add_coordinates(out, typed, &v->point, carriage == CARRY_POINT_ODD);
        break;
    default: /* what is kept as text */
        if (carriage == CARRY_INSTANT)
            add_instant(out, typed, v);
        else if (carriage == CARRY_CLOCK)
            add_clock(out, typed, v);
        else
            add_string(out, typed, v->p, v->len);
        break;
    }
}
