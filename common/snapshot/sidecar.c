/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/sidecar.c: the older importer splices names into Cypher without backticks: what it
 * cannot splice is left out here, and stands in schema.json and in the rows' own field. */
#include "snapshot/sidecar.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

#define KEY_LETTERS 16

/* Takes value; json.dumps(indent=4) of Python, which the older tool uses. */
static void add_file(struct sidecar_file *out, size_t *count, const char *name, json_t *value)
{
    struct sidecar_file *file = &out[(*count)++];

    *file = (struct sidecar_file){.name = name};
    json_add_as(&file->text, value, JSON_INDENT(4) | JSON_ENSURE_ASCII);
    json_decref(value);
}

static bool holds(const json_t *texts, const char *text)
{
    size_t i;
    json_t *item;

    json_array_foreach (texts, i, item)
        if (strcmp(json_string_value(item), text) == 0)
            return true;
    return false;
}

static void add_once(json_t *texts, const char *text)
{
    if (!holds(texts, text))
        json_array_append_new(texts, json_string(text));
}

static bool is_plain(const char *name)
{
    return name != NULL && layout_is_plain_name(name, strlen(name));
}

/* Labels; in the literal layout also the sets as rows have them. Each needs an entry, or its nodes
 * are passed over. */
static json_t *node_labels(const struct sidecar_conf *conf)
{
    json_t *labels = json_array(), *item;
    const struct tally_set *set;
    size_t j;

    for (size_t i = 0; (set = tally_at(conf->label_sets, i)) != NULL; i++) {
        bool any = false;
        json_array_foreach (set->labels, j, item)
            if (is_plain(json_string_value(item))) {
                add_once(labels, json_string_value(item));
                any = true;
            }
        if (!any)
            add_once(labels, LAYOUT_STAND_IN);
        json_t *joined = set->plain != NULL ? json_loads(set->plain, JSON_DECODE_ANY, NULL) : NULL;
        if (conf->layout == LAYOUT_LITERAL && json_is_string(joined))
            add_once(labels, json_string_value(joined));
        json_decref(joined);
    }
    return labels;
}

/* As rows have them: in backticks where they need some. */
static json_t *rel_types(const struct sidecar_conf *conf)
{
    json_t *types = json_array();
    const struct tally_set *set;

    for (size_t i = 0; (set = tally_at(conf->types, i)) != NULL; i++) {
        struct buf name = {0};
        const char *type = json_string_value(json_array_get(set->labels, 0));
        layout_add_type_name(&name, type, strlen(type));
        json_array_append_new(types, json_stringn(buf_str(&name), name.len));
        buf_fini(&name);
    }
    return types;
}

/* Sixteen letters that are no property key. */
static json_t *unique_key(const struct sidecar_conf *conf)
{
    char key[KEY_LETTERS + 1] = "";

    do {
        for (size_t i = 0; i < KEY_LETTERS; i++)
            key[i] = (char)('a' + hash_random() % 26);
    } while (holds(conf->property_keys, key));
    return json_string(key);
}

/* Uniqueness of nodes, which is all that the older tool knows of a schema, with names it can
 * splice. */
static bool is_known_constraint(const json_t *c)
{
    const json_t *properties = json_object_get(c, "properties"), *property;
    size_t i;

    if (strstr(json_text(c, "type"), "UNIQUENESS") == NULL ||
        strcmp(json_text(c, "entity"), "NODE") != 0 || !is_plain(json_text(c, "name")) ||
        !is_plain(json_string_value(json_array_get(json_object_get(c, "labels"), 0))))
        return false;
    json_array_foreach (properties, i, property)
        if (!is_plain(json_string_value(property)))
            return false;
    return true;
}

/* CONSTRAINT ON ( b:B ) ASSERT (b.x, b.y) IS UNIQUE */
static json_t *constraint_text(const json_t *c)
{
    const char *label = json_string_value(json_array_get(json_object_get(c, "labels"), 0));
    const json_t *properties = json_object_get(c, "properties"), *property;
    struct buf text = {0};
    size_t i;

    buf_addf(&text, "CONSTRAINT ON ( e:%s ) ASSERT (", label);
    json_array_foreach (properties, i, property)
        buf_addf(&text, "%se.%s", i > 0 ? ", " : "", json_string_value(property));
    buf_adds(&text, ") IS UNIQUE");
    json_t *string = json_stringn(buf_str(&text), text.len);
    buf_fini(&text);
    return string;
}

static void add_typed_constraints(const struct sidecar_conf *conf, struct sidecar_file *out,
                                  size_t *count)
{
    json_t *texts = json_array(), *names = json_array();
    const json_t *c;
    size_t i;

    json_array_foreach (json_object_get(conf->schema, "constraints"), i, c)
        if (is_known_constraint(c)) {
            json_array_append_new(texts, constraint_text(c));
            json_array_append(names, json_object_get(c, "name"));
        }
    add_file(out, count, "constraints.json", texts);
    add_file(out, count, "constraints_names.json", names);
}

/* A constraint of several properties would make the importer fail at its end: it makes one each. */
static json_t *literal_constraints(const struct sidecar_conf *conf)
{
    json_t *list = json_array();
    const json_t *c;
    size_t i;

    json_array_foreach (json_object_get(conf->schema, "constraints"), i, c) {
        const json_t *properties = json_object_get(c, "properties");
        if (is_known_constraint(c) && json_array_size(properties) == 1)
            json_array_append_new(list, json_pack("{s:O,s:O,s:O}", "node_label",
                                                  json_array_get(json_object_get(c, "labels"), 0),
                                                  "node_prop", json_array_get(properties, 0),
                                                  "constraint_name", json_object_get(c, "name")));
    }
    return list;
}

size_t sidecar_make(const struct sidecar_conf *conf, struct sidecar_file out[static SIDECAR_MAX])
{
    size_t count = 0;

    add_file(out, &count, "compressed.json", json_boolean(conf->compressed));
    add_file(out, &count, "db_id.json", json_string(conf->database_id));
    add_file(out, &count, "node_labels.json", node_labels(conf));
    add_file(out, &count, "rel_types.json", rel_types(conf));
    add_file(out, &count, "property_keys.json",
             json_copy((json_t *)(uintptr_t)conf->property_keys));
    add_file(out, &count, "unique_prop_key.json", unique_key(conf));
    if (conf->layout == LAYOUT_TYPED)
        add_typed_constraints(conf, out, &count);
    else
        add_file(out, &count, "uniqueness_constraints.json", literal_constraints(conf));
    add_file(out, &count, SIDECAR_SCHEMA, json_copy((json_t *)(uintptr_t)conf->schema));
    return count;
}
