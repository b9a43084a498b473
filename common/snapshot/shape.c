/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/shape.h"

#include "base/hash.h"
#include "cypher/name.h"
#include "snapshot/instant.h"
#include "snapshot/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* How a value travels, and comes back. */
enum carriage {
    CARRY_PLAIN,     /* as JSON */
    CARRY_FLOAT,     /* a text for toFloat: NaN and the infinities are no JSON */
    CARRY_TEXT,      /* a text for date(), time() … */
    CARRY_CLOCK,     /* a text for localtime(), offset */
    CARRY_INSTANT,   /* seconds since 1970, nanoseconds, zone */
    CARRY_DURATION,  /* its four parts */
    CARRY_POINT,     /* its coordinates */
    CARRY_POINT_ODD, /* the same as texts for toFloat */
    CARRY_BYTES,     /* in typed JSON alone */
};

static enum carriage carriage_of(const struct value *v)
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
    case VALUE_DATE:
    case VALUE_LOCAL_TIME:
    case VALUE_TIME:
    case VALUE_LOCAL_DATETIME:
    case VALUE_OFFSET_DATETIME:
    case VALUE_ZONED_DATETIME:
        return !value_has_long_offset(v) ? CARRY_TEXT
               : v->kind == VALUE_TIME   ? CARRY_CLOCK
                                         : CARRY_INSTANT;
    default:
        return CARRY_PLAIN;
    }
}

/* The head of a value: the value itself, or the element of a list that needs the most: a list of
 * FLOAT with one NaN goes as texts. An empty list is plain. */
static enum carriage head_of(const struct entity *e, const struct entity_property *property,
                             struct value *head, bool *list)
{
    const char *p = entity_text(e, property->value);
    enum carriage most;
    struct value element;

    value_next(&p, head);
    *list = head->kind == VALUE_LIST;
    most = carriage_of(head);
    for (size_t i = 0, count = head->count; *list && i < count; i++) {
        value_next(&p, &element);
        enum carriage one = carriage_of(&element);
        if (i == 0 || one > most) {
            most = one;
            *head = element;
        }
    }
    return most;
}

static void add_point(struct buf *out, const struct value *head, const char *from, bool odd)
{
    static const char axes[] = "xyz";

    buf_adds(out, "point({");
    for (size_t i = 0; i < head->point.dimensions; i++)
        buf_addf(out, odd ? "%c: toFloat(%s[%zu]), " : "%c: %s[%zu], ", axes[i], from, i);
    buf_addf(out, "srid: %d})", head->point.srid);
}

/* The value from the expression `from`, which is r[3], or x in a list. */
static void add_expression(struct buf *out, enum carriage carriage, const struct value *head,
                           const char *from)
{
    switch (carriage) {
    case CARRY_FLOAT:
        buf_addf(out, "toFloat(%s)", from);
        break;
    case CARRY_TEXT:
        buf_addf(out, "%s(%s)", value_function(head->kind), from);
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
        add_point(out, head, from, carriage == CARRY_POINT_ODD);
        break;
    default:
        buf_adds(out, from);
        break;
    }
}

static void add_name(struct buf *out, const struct entity *e, struct entity_slice slice)
{
    name_add_quoted(out, entity_text(e, slice), slice.len);
}

size_t shape_bytes_count(const struct entity *e)
{
    size_t count = 0;

    for (size_t i = 0; i < e->property_count; i++) /* a list holds none */
        count += *entity_text(e, e->properties[i].value) == VALUE_BYTES;
    return count;
}

/* "{`a`: r[1], `b`: date(r[2])}" */
static void add_map(struct buf *out, const struct entity *e, size_t first, bool typed)
{
    bool any = false;

    for (size_t i = 0; i < e->property_count; i++) {
        struct value head;
        bool list;
        char from[32];
        enum carriage carriage = head_of(e, &e->properties[i], &head, &list);
        if (carriage == CARRY_BYTES && !typed)
            continue;
        buf_adds(out, any ? ", " : " {");
        any = true;
        add_name(out, e, e->properties[i].key);
        buf_adds(out, ": ");
        snprintf(from, sizeof from, "r[%zu]", first++);
        if (list && carriage != CARRY_PLAIN) {
            buf_addf(out, "[x IN %s | ", from);
            add_expression(out, carriage, &head, "x");
            buf_addc(out, ']');
        } else {
            add_expression(out, list ? CARRY_PLAIN : carriage, &head, from);
        }
    }
    if (any)
        buf_addc(out, '}');
}

void shape_add_text(struct buf *out, const struct entity *e, bool typed)
{
    buf_adds(out, "UNWIND $rows AS r ");
    if (e->relationship) {
        buf_adds(out, "MATCH (a) WHERE id(a) = r[0] MATCH (b) WHERE id(b) = r[1] CREATE (a)-[:");
        add_name(out, e, e->labels[0]);
        add_map(out, e, 2, typed);
        buf_adds(out, "]->(b) RETURN count(*)");
        return;
    }
    buf_adds(out, "CREATE (n");
    for (size_t i = 0; i < e->label_count; i++) {
        buf_addc(out, ':');
        add_name(out, e, e->labels[i]);
    }
    add_map(out, e, 1, typed);
    buf_adds(out, ") RETURN r[0], id(n)");
}

/* ---- rows ---- */

/* A row in the making: plain JSON, or typed JSON (Query API: each value {"$type", "_value"}). */
struct row {
    struct buf *out;
    bool typed;
};

static void add_string(struct row *r, const char *p, size_t len)
{
    if (r->typed)
        buf_adds(r->out, "{\"$type\":\"String\",\"_value\":");
    buf_add_json(r->out, p, len);
    if (r->typed)
        buf_addc(r->out, '}');
}

static void add_integer(struct row *r, int64_t n)
{
    buf_addf(r->out, r->typed ? "{\"$type\":\"Integer\",\"_value\":\"%" PRId64 "\"}" : "%" PRId64,
             n);
}

static void add_boolean(struct row *r, bool b)
{
    buf_addf(r->out, r->typed ? "{\"$type\":\"Boolean\",\"_value\":%s}" : "%s",
             b ? "true" : "false");
}

/* as_text: for toFloat() in the text. */
static void add_float(struct row *r, double x, bool as_text)
{
    if (r->typed)
        buf_addf(r->out, "{\"$type\":\"%s\",\"_value\":", as_text ? "String" : "Float");
    if (r->typed || as_text)
        buf_addc(r->out, '"');
    value_write_float(r->out, x);
    if (r->typed || as_text)
        buf_addc(r->out, '"');
    if (r->typed)
        buf_addc(r->out, '}');
}

static void add_bytes(struct row *r, const struct value *v)
{
    buf_adds(r->out, "{\"$type\":\"Base64\",\"_value\":\"");
    hash_add_base64(r->out, v->p, v->len);
    buf_adds(r->out, "\"}");
}

static void begin_list(struct row *r)
{
    buf_adds(r->out, r->typed ? "{\"$type\":\"List\",\"_value\":[" : "[");
}

static void end_list(struct row *r)
{
    buf_adds(r->out, r->typed ? "]}" : "]");
}

static void add_parts(struct row *r, const struct value_duration *d)
{
    const int64_t parts[] = {d->months, d->days, d->seconds, d->nanoseconds};

    begin_list(r);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (i > 0)
            buf_addc(r->out, ',');
        add_integer(r, parts[i]);
    }
    end_list(r);
}

static void add_coordinates(struct row *r, const struct value_point *p, bool odd)
{
    begin_list(r);
    for (size_t i = 0; i < p->dimensions; i++) {
        if (i > 0)
            buf_addc(r->out, ',');
        add_float(r, p->c[i], odd);
    }
    end_list(r);
}

/* [seconds since 1970, nanoseconds, zone] */
static void add_instant(struct row *r, const struct value *v)
{
    struct instant instant;

    instant_of(v, &instant);
    begin_list(r);
    add_integer(r, instant.seconds);
    buf_addc(r->out, ',');
    add_integer(r, instant.nanoseconds);
    buf_addc(r->out, ',');
    add_string(r, instant.zone, instant.zone_len);
    end_list(r);
}

/* [time of day, offset] */
static void add_clock(struct row *r, const struct value *v)
{
    const char *end, *offset = instant_offset(v, &end);

    begin_list(r);
    add_string(r, v->p, (size_t)(offset - v->p));
    buf_addc(r->out, ',');
    add_string(r, offset, (size_t)(end - offset));
    end_list(r);
}

static void add_value(struct row *r, enum carriage carriage, const struct value *v)
{
    switch (v->kind) {
    case VALUE_FALSE:
    case VALUE_TRUE:
        add_boolean(r, v->kind == VALUE_TRUE);
        break;
    case VALUE_INTEGER:
        add_integer(r, v->integer);
        break;
    case VALUE_FLOAT:
        add_float(r, v->real, carriage == CARRY_FLOAT);
        break;
    case VALUE_BYTES:
        add_bytes(r, v);
        break;
    case VALUE_DURATION:
        add_parts(r, &v->duration);
        break;
    case VALUE_POINT:
        add_coordinates(r, &v->point, carriage == CARRY_POINT_ODD);
        break;
    default: /* what is kept as text */
        if (carriage == CARRY_INSTANT)
            add_instant(r, v);
        else if (carriage == CARRY_CLOCK)
            add_clock(r, v);
        else
            add_string(r, v->p, v->len);
        break;
    }
}

static void add_property(struct row *r, const struct entity *e,
                         const struct entity_property *property, enum carriage carriage)
{
    const char *p = entity_text(e, property->value);
    struct value v, element;

    value_next(&p, &v);
    if (v.kind != VALUE_LIST) {
        add_value(r, carriage, &v);
        return;
    }
    begin_list(r);
    for (size_t i = 0; i < v.count; i++) {
        if (i > 0)
            buf_addc(r->out, ',');
        value_next(&p, &element);
        add_value(r, carriage, &element);
    }
    end_list(r);
}

void shape_add_row(struct buf *out, const struct entity *e, int64_t first, int64_t second,
                   bool typed)
{
    struct row r = {out, typed};

    begin_list(&r);
    add_integer(&r, first);
    if (e->relationship) {
        buf_addc(out, ',');
        add_integer(&r, second);
    }
    for (size_t i = 0; i < e->property_count; i++) {
        struct value head;
        bool list;
        enum carriage carriage = head_of(e, &e->properties[i], &head, &list);
        if (carriage == CARRY_BYTES && !typed)
            continue;
        buf_addc(out, ',');
        add_property(&r, e, &e->properties[i], carriage);
    }
    end_list(&r);
}
