/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/rebuild.h"

#include "cypher/name.h"
#include "neo4j/schema.h"

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

static int make(struct tx *tx, const struct buf *text, const json_t *config, const json_t *item,
                int64_t limit_ms, struct err *err)
{
    struct tx_opts opts = {.server_limit_ms = limit_ms};
    json_t *params = config != NULL
                         ? json_pack("{s:{s:O}}", "o", "indexConfig", (json_t *)(uintptr_t)config)
                         : NULL;
    json_t *row = NULL;
    int rc = tx_query_row(tx, buf_str(text), params, &opts, &row, err);

    json_decref(row);
    json_decref(params);
    return rc < 0 ? err_wrap(err, "making %s", json_text(item, "name")) : 0;
}

static int make_index(struct tx *tx, const json_t *item, int64_t limit_ms, struct err *err)
{
    const char *type = json_text(item, "type");
    const json_t *config = json_object_get(json_object_get(item, "options"), "indexConfig");
    struct buf text = {0};
    size_t k = 0;

    while (k < sizeof kinds / sizeof *kinds && (type == NULL || strcmp(kinds[k].type, type) != 0))
        k++;
    if (k == sizeof kinds / sizeof *kinds)
        return refuse(item, "an index of a type that this version does not know", err);
    bool fulltext = strcmp(kinds[k].type, "FULLTEXT") == 0;
    bool configured = kinds[k].configured && json_object_size(config) > 0;
    buf_addf(&text, "CREATE %sINDEX ", kinds[k].word);
    add_name(&text, item);
    buf_adds(&text, " IF NOT EXISTS");
    add_pattern(&text, item);
    buf_adds(&text, fulltext ? " ON EACH [" : " ON (");
    add_properties(&text, item);
    buf_addc(&text, fulltext ? ']' : ')');
    if (configured)
        buf_adds(&text, " OPTIONS $o");
    int rc = make(tx, &text, configured ? config : NULL, item, limit_ms, err);
    buf_fini(&text);
    return rc;
}

static int make_constraint(struct tx *tx, const json_t *item, int64_t limit_ms, struct err *err)
{
    const char *type = json_text(item, "type");
    struct buf text = {0};

    if (type == NULL || strstr(type, "UNIQUENESS") == NULL) /* Community has no other */
        return refuse(item, "a constraint of a type that Neo4j Community does not have", err);
    buf_adds(&text, "CREATE CONSTRAINT ");
    add_name(&text, item);
    buf_adds(&text, " IF NOT EXISTS");
    add_pattern(&text, item);
    buf_adds(&text, " REQUIRE (");
    add_properties(&text, item);
    buf_adds(&text, ") IS UNIQUE");
    int rc = make(tx, &text, NULL, item, limit_ms, err);
    buf_fini(&text);
    return rc;
}

static int make_all(struct tx *tx, const json_t *list,
                    int (*make_one)(struct tx *, const json_t *, int64_t, struct err *),
                    int64_t limit_ms, struct err *err)
{
    size_t i;
    const json_t *item;

    json_array_foreach (list, i, item) {
        if (json_text(item, "name") == NULL)
            return refuse(item, "an index or constraint", err);
        if (check_texts(item, "labels", err) < 0 || check_texts(item, "properties", err) < 0 ||
            make_one(tx, item, limit_ms, err) < 0)
            return -1;
    }
    return 0;
}

int rebuild_schema(struct tx *tx, const json_t *schema, int64_t limit_ms, struct err *err)
{
    if (make_all(tx, json_object_get(schema, "constraints"), make_constraint, limit_ms, err) < 0 ||
        make_all(tx, json_object_get(schema, "indexes"), make_index, limit_ms, err) < 0)
        return -1;
    return schema_await(tx, limit_ms, err);
}
