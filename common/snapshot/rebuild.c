/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/rebuild.h"

#include "cypher/literal.h"
#include "cypher/name.h"
#include "neo4j/schema.h"
#include "neo4j/value.h"

#include <string.h>

static int refuse(const json_t *item, const char *what, struct err *err)
{
    const char *name = json_text(item, "name");

    return err_set(err, ERR_DAMAGED, "snapshot.schema", "schema.json: %s: %s",
                   name != NULL ? name : "without a name", what);
}

static int check_texts(const json_t *item, const char *key, struct err *err)
{
    const json_t *list = json_object_get(item, key), *text;
    size_t i;

    if (json_array_size(list) == 0)
        return refuse(item, "labels or properties are missing", err);
    json_array_foreach (list, i, text)
        if (!json_is_string(text) || strlen(json_string_value(text)) != json_string_length(text))
            return refuse(item, "a label or property is no text", err);
    return 0;
}

static bool is_relationship(const json_t *item)
{
    const char *entity = json_text(item, "entity");

    return entity != NULL && strcmp(entity, "RELATIONSHIP") == 0;
}

static void add_name(struct buf *out, const json_t *item)
{
    const char *name = json_text(item, "name");

    name_add_quoted(out, name, strlen(name));
}

/* "FOR (e:`A`|`B`)" or "FOR ()-[e:`T`]-()" */
static void add_pattern(struct buf *out, const json_t *item)
{
    const json_t *labels = json_object_get(item, "labels"), *label;
    size_t i;

    buf_adds(out, is_relationship(item) ? " FOR ()-[e:" : " FOR (e:");
    json_array_foreach (labels, i, label) {
        if (i > 0)
            buf_addc(out, '|');
        name_add_quoted(out, json_string_value(label), json_string_length(label));
    }
    buf_adds(out, is_relationship(item) ? "]-()" : ")");
}

static void add_properties(struct buf *out, const json_t *item)
{
    const json_t *properties = json_object_get(item, "properties"), *property;
    size_t i;

    json_array_foreach (properties, i, property) {
        buf_adds(out, i > 0 ? ", e." : "e.");
        name_add_quoted(out, json_string_value(property), json_string_length(property));
    }
}

/* The kinds of index, and whether their configuration is kept. BTREE, of 4.4, is RANGE in 5. */
static const struct {
    const char *type, *word;
    bool configured;
} kinds[] = {{"RANGE", "", false},        {"BTREE", "", false},
             {"TEXT", "TEXT ", false},    {"POINT", "POINT ", true},
             {"VECTOR", "VECTOR ", true}, {"FULLTEXT", "FULLTEXT ", true}};

/* A setting of an index: a number, a text, true or false, or a list of them. */
static void add_setting(struct buf *out, const json_t *value)
{
    const json_t *element;
    size_t i;

    if (json_is_string(value)) {
        literal_add_string(out, json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        buf_addi(out, json_integer_value(value));
    } else if (json_is_real(value)) {
        value_write_float(out, json_real_value(value));
    } else if (json_is_array(value)) {
        buf_addc(out, '[');
        json_array_foreach (value, i, element) {
            buf_adds(out, i > 0 ? ", " : "");
            add_setting(out, element);
        }
        buf_addc(out, ']');
    } else {
        buf_adds(out, json_is_true(value) ? "true" : "false");
    }
}

/* " OPTIONS {indexConfig: {`fulltext.analyzer`: "english"}}" */
static void add_options(struct buf *out, const json_t *config)
{
    const char *key, *before = " OPTIONS {indexConfig: {";
    const json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)config, key, value) {
        buf_adds(out, before);
        before = ", ";
        name_add_quoted(out, key, strlen(key));
        buf_adds(out, ": ");
        add_setting(out, value);
    }
    buf_adds(out, "}}");
}

static int add_index(struct buf *out, const json_t *item, struct err *err)
{
    const char *type = json_text(item, "type");
    const json_t *config = json_object_get(json_object_get(item, "options"), "indexConfig");
    size_t k = 0;

    while (k < sizeof kinds / sizeof *kinds && (type == NULL || strcmp(kinds[k].type, type) != 0))
        k++;
    if (k == sizeof kinds / sizeof *kinds)
        return refuse(item, "an index of a type that this version does not know", err);
    bool fulltext = strcmp(kinds[k].type, "FULLTEXT") == 0;
    buf_addf(out, "CREATE %sINDEX ", kinds[k].word);
    add_name(out, item);
    buf_adds(out, " IF NOT EXISTS");
    add_pattern(out, item);
    buf_adds(out, fulltext ? " ON EACH [" : " ON (");
    add_properties(out, item);
    buf_addc(out, fulltext ? ']' : ')');
    if (kinds[k].configured && json_object_size(config) > 0)
        add_options(out, config);
    return 0;
}

static int add_constraint(struct buf *out, const json_t *item, struct err *err)
{
    const char *type = json_text(item, "type");

    if (type == NULL || strstr(type, "UNIQUENESS") == NULL) /* Community has no other */
        return refuse(item, "a constraint of a type that Neo4j Community does not have", err);
    buf_adds(out, "CREATE CONSTRAINT ");
    add_name(out, item);
    buf_adds(out, " IF NOT EXISTS");
    add_pattern(out, item);
    buf_adds(out, " REQUIRE (");
    add_properties(out, item);
    buf_adds(out, ") IS UNIQUE");
    return 0;
}

static int add_item(struct buf *out, const json_t *item, bool constraint, struct err *err)
{
    if (json_text(item, "name") == NULL)
        return refuse(item, "an index or constraint", err);
    if (check_texts(item, "labels", err) < 0 || check_texts(item, "properties", err) < 0)
        return -1;
    return constraint ? add_constraint(out, item, err) : add_index(out, item, err);
}

int rebuild_each(const json_t *schema,
                 int (*on_text)(void *arg, const json_t *item, const struct buf *text,
                                struct err *err),
                 void *arg, struct err *err)
{
    static const char *const lists[] = {"constraints", "indexes"};
    struct buf text = {0};
    const json_t *item;
    int rc = 0;
    size_t i;

    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        json_array_foreach (json_object_get(schema, lists[k]), i, item) {
            buf_reset(&text);
            if (rc == 0)
                rc = add_item(&text, item, k == 0, err);
            if (rc == 0)
                rc = on_text(arg, item, &text, err);
        }
    buf_fini(&text);
    return rc;
}

struct target {
    struct tx *tx;
    int64_t limit_ms;
};

static int make(void *arg, const json_t *item, const struct buf *text, struct err *err)
{
    const struct target *target = arg;
    struct tx_opts opts = {.server_limit_ms = target->limit_ms};
    json_t *row = NULL;
    int rc = tx_query_row(target->tx, buf_str(text), NULL, &opts, &row, err);

    json_decref(row);
    return rc < 0 ? err_wrap(err, "making %s", json_text(item, "name")) : 0;
}

int rebuild_schema(struct tx *tx, const json_t *schema, int64_t limit_ms, struct err *err)
{
    struct target target = {tx, limit_ms};

    if (rebuild_each(schema, make, &target, err) < 0)
        return -1;
    return schema_await(tx, limit_ms, err);
}
