/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/shape.h"

#include "cypher/name.h"
#include "neo4j/carriage.h"

#include <stdio.h>
#include <string.h>

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
            carriage_add_expression(out, carriage, &head, "x");
            buf_addc(out, ']');
        } else {
            carriage_add_expression(out, list ? CARRY_PLAIN : carriage, &head, from);
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

static void add_property(struct buf *out, bool typed, const struct entity *e,
                         const struct entity_property *property, enum carriage carriage)
{
    const char *p = entity_text(e, property->value);
    struct value v, element;

    value_next(&p, &v);
    if (v.kind != VALUE_LIST) {
        carriage_add_json(out, typed, carriage, &v);
        return;
    }
    carriage_begin_list(out, typed);
    for (size_t i = 0; i < v.count; i++) {
        if (i > 0)
            buf_addc(out, ',');
        value_next(&p, &element);
        carriage_add_json(out, typed, carriage, &element);
    }
    carriage_end_list(out, typed);
}

void shape_add_row(struct buf *out, const struct entity *e, int64_t first, int64_t second,
                   bool typed)
{
    carriage_begin_list(out, typed);
    carriage_add_integer(out, typed, first);
    if (e->relationship) {
        buf_addc(out, ',');
        carriage_add_integer(out, typed, second);
    }
    for (size_t i = 0; i < e->property_count; i++) {
        struct value head;
        bool list;
        enum carriage carriage = head_of(e, &e->properties[i], &head, &list);
        if (carriage == CARRY_BYTES && !typed)
            continue;
        buf_addc(out, ',');
        add_property(out, typed, e, &e->properties[i], carriage);
    }
    carriage_end_list(out, typed);
}
