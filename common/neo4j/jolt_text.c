/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/jolt_text.h"

#include "neo4j/jolt.h"

#include <string.h>

static void add_value(struct buf *out, const json_t *value, bool quoted);

static void add_name(struct buf *out, const char *prefix, const json_t *name)
{
    buf_adds(out, prefix);
    buf_add(out, json_string_value(name), json_string_length(name));
}

static void add_map(struct buf *out, const json_t *map)
{
    json_t *object = (json_t *)(uintptr_t)map; /* jansson iterates over non-const ones only */
    const char *between = "{";

    for (void *i = json_object_iter(object); i != NULL; i = json_object_iter_next(object, i)) {
        buf_adds(out, between);
        buf_add(out, json_object_iter_key(i), json_object_iter_key_len(i));
        buf_adds(out, ": ");
        add_value(out, json_object_iter_value(i), true);
        between = ", ";
    }
    buf_adds(out, *between == '{' ? "{}" : "}");
}

static void add_properties(struct buf *out, const json_t *entity)
{
    const json_t *properties = json_object_get(entity, "_properties");

    if (json_object_size(properties) == 0)
        return;
    buf_addc(out, ' ');
    add_map(out, properties);
}

static void add_node(struct buf *out, const json_t *node)
{
    size_t i;
    json_t *label;

    buf_addc(out, '(');
    json_array_foreach (json_object_get(node, "_labels"), i, label)
        add_name(out, ":", label);
    add_properties(out, node);
    buf_addc(out, ')');
}

static void add_relationship(struct buf *out, const json_t *relationship)
{
    add_name(out, "[:", json_object_get(relationship, "_type"));
    add_properties(out, relationship);
    buf_addc(out, ']');
}

static void add_list(struct buf *out, const json_t *list, const char *between)
{
    size_t i;
    json_t *item;

    json_array_foreach (list, i, item) {
        if (i > 0)
            buf_adds(out, between);
        add_value(out, item, true);
    }
}

/* Items take turns: node, relationship, node; the arrow is drawn from the start's element id. */
static void add_path(struct buf *out, const json_t *path)
{
    size_t i;
    json_t *item;
    const char *here = NULL;

    json_array_foreach (path, i, item) {
        const json_t *entity = json_object_get(item, "_value");
        if (i % 2 == 0) {
            here = json_text(entity, "_element_id");
            add_node(out, entity);
            continue;
        }
        const char *start = json_text(entity, "_start_node_element_id");
        bool forwards = here != NULL && start != NULL && strcmp(here, start) == 0;
        buf_adds(out, forwards ? "-" : "<-");
        add_relationship(out, entity);
        buf_adds(out, forwards ? "->" : "-");
    }
}

static void add_typed(struct buf *out, const char *type, const json_t *value)
{
    if (strcmp(type, "Node") == 0)
        add_node(out, value);
    else if (strcmp(type, "Relationship") == 0)
        add_relationship(out, value);
    else if (strcmp(type, "Path") == 0)
        add_path(out, value);
    else if (strcmp(type, "Map") == 0)
        add_map(out, value);
    else if (json_is_string(value))
        buf_add(out, json_string_value(value), json_string_length(value));
    else
        json_add(out, value);
}

static void add_value(struct buf *out, const json_t *value, bool quoted)
{
    const char *type = json_text(value, "$type");

    if (json_is_string(value) && !quoted) {
        buf_add(out, json_string_value(value), json_string_length(value));
    } else if (json_is_array(value)) {
        buf_addc(out, '[');
        add_list(out, value, ", ");
        buf_addc(out, ']');
    } else if (type != NULL) {
        add_typed(out, type, json_object_get(value, "_value"));
    } else if (json_is_object(value)) {
        add_map(out, value);
    } else if (json_is_real(value)) {
        jolt_add_real(out, json_real_value(value));
    } else if (value != NULL) {
        json_add(out, value);
    }
}

void jolt_text_add(struct buf *out, const json_t *value)
{
    add_value(out, value, false);
}
