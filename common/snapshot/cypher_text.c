/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/cypher_text.h"

#include "cypher/literal.h"
#include "cypher/name.h"
#include "neo4j/instant.h"
#include "neo4j/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ESCAPE = 0x1a, ELEMENT = 0x1d, ROW = 0x1e, FIELD = 0x1f };

/* What the fields of a property hold: all its elements, when it is a list, alike. */
struct shape {
    enum value_kind kind;
    bool list, empty;
    bool special; /* a STRING that needs ESCAPE; a TIME or DATETIME that is taken apart */
    int32_t srid;
    size_t dimensions;
};

static bool is_special(const struct value *v)
{
    if (v->kind != VALUE_STRING)
        return value_has_long_offset(v);
    for (size_t i = 0; i < v->len; i++)
        if (v->p[i] == ESCAPE || (v->p[i] >= ELEMENT && v->p[i] <= FIELD))
            return true;
    return false;
}

static struct shape shape_of(const struct entity *e, const struct entity_property *property)
{
    const char *p = entity_text(e, property->value);
    struct value v;

    value_next(&p, &v);
    struct shape s = {.kind = v.kind, .list = v.kind == VALUE_LIST};
    size_t count = s.list ? v.count : 1;
    s.empty = count == 0;
    for (size_t i = 0; i < count; i++) {
        if (s.list)
            value_next(&p, &v);
        s.kind = v.kind;
        s.srid = v.point.srid;
        s.dimensions = v.point.dimensions;
        s.special = s.special || is_special(&v);
    }
    return s;
}

bool cypher_text_carries(const struct entity *e, const struct entity_property *property)
{
    return shape_of(e, property).kind != VALUE_BYTES;
}

/* ---- rows ---- */

static void add_separator(struct buf *out, int c)
{
    buf_addf(out, "\\u%04x", (unsigned)c);
}

static void add_escaped(struct buf *out, const char *p, size_t len)
{
    static const char digits[] = "0..123"; /* of ESCAPE, ELEMENT, ROW, FIELD */
    size_t from = 0;

    for (size_t i = 0; i < len; i++) {
        if (p[i] != ESCAPE && (p[i] < ELEMENT || p[i] > FIELD))
            continue;
        literal_add_part(out, p + from, i - from);
        from = i + 1;
        add_separator(out, ESCAPE);
        buf_addc(out, digits[p[i] - ESCAPE]);
    }
    literal_add_part(out, p + from, len - from);
}

static void add_duration(struct buf *out, const struct value_duration *d)
{
    buf_addf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId32, d->months, d->days, d->seconds,
             d->nanoseconds);
}

static void add_point(struct buf *out, const struct value_point *p)
{
    for (size_t i = 0; i < p->dimensions; i++) {
        if (i > 0)
            buf_addc(out, ',');
        value_write_float(out, p->c[i]);
    }
}

static void add_instant(struct buf *out, const struct value *v)
{
    struct instant instant;

    instant_of(v, &instant);
    buf_addf(out, "%" PRId64 ",%" PRId64 ",", instant.seconds, instant.nanoseconds);
    literal_add_part(out, instant.zone, instant.zone_len);
}

/* Time of day, offset. */
static void add_clock(struct buf *out, const struct value *v)
{
    const char *end, *offset = instant_offset(v, &end);

    literal_add_part(out, v->p, (size_t)(offset - v->p));
    buf_addc(out, ',');
    literal_add_part(out, offset, (size_t)(end - offset));
}

static void add_value(struct buf *out, const struct shape *s, const struct value *v)
{
    switch (v->kind) {
    case VALUE_FALSE:
    case VALUE_TRUE:
        buf_adds(out, v->kind == VALUE_TRUE ? "true" : "false");
        break;
    case VALUE_INTEGER:
        buf_addi(out, v->integer);
        break;
    case VALUE_FLOAT:
        value_write_float(out, v->real);
        break;
    case VALUE_DURATION:
        add_duration(out, &v->duration);
        break;
    case VALUE_POINT:
        add_point(out, &v->point);
        break;
    case VALUE_STRING:
        if (s->special)
            add_escaped(out, v->p, v->len);
        else
            literal_add_part(out, v->p, v->len);
        break;
    default: /* temporal */
        if (s->special && v->kind == VALUE_TIME)
            add_clock(out, v);
        else if (s->special)
            add_instant(out, v);
        else
            literal_add_part(out, v->p, v->len);
        break;
    }
}

static void add_field(struct buf *out, const struct entity *e,
                      const struct entity_property *property, const struct shape *s)
{
    const char *p = entity_text(e, property->value);
    struct value v;

    value_next(&p, &v);
    add_separator(out, FIELD);
    if (!s->list)
        add_value(out, s, &v);
    for (size_t i = 0, count = s->list ? v.count : 0; i < count; i++) {
        value_next(&p, &v);
        add_separator(out, ELEMENT);
        add_value(out, s, &v);
    }
}

void cypher_text_add_row(struct buf *out, const struct entity *e)
{
    buf_addi(out, e->relationship ? e->start : e->id);
    if (e->relationship) {
        add_separator(out, FIELD);
        buf_addi(out, e->end);
    }
    for (size_t i = 0; i < e->property_count; i++) {
        struct shape s = shape_of(e, &e->properties[i]);
        if (!s.empty && s.kind != VALUE_BYTES)
            add_field(out, e, &e->properties[i], &s);
    }
}

/* ---- what makes values of the fields ---- */

/* "part: toInteger(split(x, ",")[i])" for each part. */
static void add_parts(struct buf *out, const char *const *parts, size_t count, const char *function,
                      const char *from)
{
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "%s%s: %s(split(%s, \",\")[%zu])", i > 0 ? ", " : "", parts[i], function,
                 from, i);
}

static void add_structure(struct buf *out, const struct shape *s, const char *from)
{
    static const char *const axes[] = {"x", "y", "z"};
    static const char *const amounts[] = {"months", "days", "seconds", "nanoseconds"};
    static const char *const moments[] = {"epochSeconds", "nanosecond"};

    if (s->kind == VALUE_POINT) {
        buf_adds(out, "point({");
        add_parts(out, axes, s->dimensions, "toFloat", from);
        buf_addf(out, ", srid: %" PRId32 "})", s->srid);
    } else if (s->kind == VALUE_DURATION) {
        buf_adds(out, "duration({");
        add_parts(out, amounts, 4, "toInteger", from);
        buf_adds(out, "})");
    } else if (s->kind == VALUE_TIME) {
        buf_addf(out, "time({time: localtime(split(%s, \",\")[0]), timezone: split(%s, \",\")[1]})",
                 from, from);
    } else {
        buf_adds(out, "datetime({");
        add_parts(out, moments, 2, "toInteger", from);
        buf_addf(out, ", timezone: split(%s, \",\")[2]})", from);
    }
}

/* The escape itself comes last: it must not make a new one. */
static void add_unescaped(struct buf *out, const char *from)
{
    buf_addf(out,
             "replace(replace(replace(replace(%s, \"\\u001a1\", \"\\u001d\"), \"\\u001a2\", "
             "\"\\u001e\"), \"\\u001a3\", \"\\u001f\"), \"\\u001a0\", \"\\u001a\")",
             from);
}

static void add_expression(struct buf *out, const struct shape *s, const char *from)
{
    if (s->kind == VALUE_POINT || s->kind == VALUE_DURATION ||
        (s->special && s->kind != VALUE_STRING))
        add_structure(out, s, from);
    else if (s->kind != VALUE_STRING)
        buf_addf(out, "%s(%s)", value_function(s->kind), from);
    else if (s->special)
        add_unescaped(out, from);
    else
        buf_adds(out, from);
}

static void add_property(struct buf *out, const struct shape *s, size_t *field)
{
    char from[48];

    if (s->empty) {
        buf_adds(out, "[]");
        return;
    }
    snprintf(from, sizeof from, s->list ? "split(r[%zu], \"\\u001d\")[1..]" : "r[%zu]", *field);
    ++*field;
    if (!s->list || (s->kind == VALUE_STRING && !s->special)) {
        add_expression(out, s, from);
        return;
    }
    buf_addf(out, "[x IN %s | ", from);
    add_expression(out, s, "x");
    buf_addc(out, ']');
}

static void add_name(struct buf *out, const struct entity *e, struct entity_slice slice)
{
    name_add_quoted(out, entity_text(e, slice), slice.len);
}

/* "`a`: r[1], `b`: date(r[2])"; each begins with before, the first with first. */
static void add_properties(struct buf *out, const struct entity *e, size_t field, const char *first)
{
    const char *before = first;

    for (size_t i = 0; i < e->property_count; i++) {
        struct shape s = shape_of(e, &e->properties[i]);
        if (s.kind == VALUE_BYTES)
            continue;
        buf_adds(out, before);
        before = ", ";
        add_name(out, e, e->properties[i].key);
        buf_adds(out, ": ");
        add_property(out, &s, &field);
    }
    if (before != first && e->relationship)
        buf_addc(out, '}');
}

void cypher_text_add_tail(struct buf *out, const struct entity *e)
{
    static const char helper[] = ":`" CYPHER_TEXT_LABEL "` {`" CYPHER_TEXT_ID "`: toInteger(r[";

    buf_adds(out, "\", \"\\u001e\") AS l WITH split(l, \"\\u001f\") AS r ");
    if (e->relationship) {
        buf_addf(out, "MATCH (a%s0])}) MATCH (b%s1])}) CREATE (a)-[:", helper, helper);
        add_name(out, e, e->labels[0]);
        add_properties(out, e, 2, " {");
        buf_adds(out, "]->(b)");
        return;
    }
    buf_adds(out, "CREATE (");
    for (size_t i = 0; i < e->label_count; i++) {
        buf_addc(out, ':');
        add_name(out, e, e->labels[i]);
    }
    buf_addf(out, "%s0])", helper);
    add_properties(out, e, 1, ", ");
    buf_adds(out, "})");
}
