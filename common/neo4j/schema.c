/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/schema.h"

#include "base/clock.h"
#include "neo4j/jolt.h"

#include <stdio.h>
#include <string.h>

#define READ_TIMEOUT_MS 60000

/* These columns exist from 4.4 to 2026; state and population change by themselves and stay out. An
 * empty database has two LOOKUP indexes, which can be dropped and made as well. */
static const char INDEXES_TEXT[] = "SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, "
                                   "properties WHERE name <> '__db_sync_position' "
                                   "RETURN name, type, entityType, labelsOrTypes, properties "
                                   "ORDER BY name";
static const char MADE_INDEXES_TEXT[] = "SHOW INDEXES YIELD name, type "
                                        "WHERE type <> 'LOOKUP' AND name <> '__db_sync_position' "
                                        "RETURN name";
static const char CONSTRAINTS_TEXT[] = "SHOW CONSTRAINTS YIELD name, type, entityType, "
                                       "labelsOrTypes, properties "
                                       "WHERE name <> '__db_sync_position' "
                                       "RETURN name, type, entityType, labelsOrTypes, properties "
                                       "ORDER BY name";
static const char INDEXES_WHOLE_TEXT[] =
    "SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, options "
    "WHERE type <> 'LOOKUP' AND name <> '__db_sync_position' "
    "RETURN name, type, entityType, labelsOrTypes, properties, options ORDER BY name";
static const char NODE_TEXT[] = "MATCH (n) WHERE NOT n:`__db_sync` RETURN labels(n) LIMIT 1";

struct found {
    struct hash *hash;
    size_t rows[3];
};

static int add_row(void *arg, size_t stmt, const json_t *row, struct err *err)
{
    struct found *f = arg;
    struct buf text = {0};

    json_add(&text, row);
    int rc = buf_check(&text, "schema", err);
    f->rows[stmt]++;
    if (rc == 0)
        hash_add_field(f->hash, buf_str(&text), text.len);
    buf_fini(&text);
    return rc;
}

/* Runs texts[0..n-1], n at most 3. */
static int run_texts(struct tx *tx, const char *const *texts, size_t n,
                     const struct tx_reader *reader, struct err *err)
{
    struct tx_opts opts = {.read = true,
                           .server_limit_ms = READ_TIMEOUT_MS,
                           .deadline_ms = clock_mono_ms() + READ_TIMEOUT_MS,
                           .reader = reader};
    struct buf json[3] = {{0}, {0}, {0}};
    struct tx_stmt stmts[3];

    for (size_t i = 0; i < n; i++) {
        tx_add_stmt(&json[i], texts[i], strlen(texts[i]), NULL);
        stmts[i] = (struct tx_stmt){buf_str(&json[i]), json[i].len};
    }
    int rc = tx_commit(tx, stmts, n, &opts, NULL, err);
    for (size_t i = 0; i < n; i++)
        buf_fini(&json[i]);
    return rc;
}

static int ask(struct tx *tx, const char *const *texts, size_t n, struct found *f, struct err *err)
{
    struct tx_reader reader = {.on_row = add_row, .arg = f};

    return run_texts(tx, texts, n, &reader, err);
}

int schema_hash(struct tx *tx, char out[static HASH_HEX_SIZE], struct err *err)
{
    static const char *const texts[] = {INDEXES_TEXT, CONSTRAINTS_TEXT};
    struct found f = {.hash = hash_new()};
    int rc = ask(tx, texts, 2, &f, err);

    hash_finish(f.hash, out);
    hash_free(f.hash);
    return rc;
}

/* The columns of the two texts, in order. */
static const char *const members[] = {"name", "type", "entity", "labels", "properties", "options"};

static int keep_object(void *arg, size_t stmt, const json_t *row, struct err *err)
{
    json_t **lists = arg, *object = json_object(), *value;
    struct buf text = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < json_array_size(row); i++) {
        buf_reset(&text);
        rc = jolt_add(&text, json_array_get(row, i), err);
        value = rc == 0 ? json_parse(buf_str(&text), text.len, err) : NULL;
        rc = value != NULL ? 0 : -1;
        json_object_set_new(object, members[i], value);
    }
    if (rc == 0)
        json_array_append(lists[stmt], object);
    json_decref(object);
    buf_fini(&text);
    return rc;
}

static bool is_named(const json_t *list, const char *name)
{
    size_t i;
    json_t *item;

    json_array_foreach (list, i, item)
        if (name != NULL && strcmp(json_text(item, "name"), name) == 0)
            return true;
    return false;
}

int schema_read(struct tx *tx, json_t **out, struct err *err)
{
    static const char *const texts[] = {INDEXES_WHOLE_TEXT, CONSTRAINTS_TEXT};
    json_t *lists[] = {json_array(), json_array()};
    struct tx_reader reader = {.on_row = keep_object, .arg = lists};
    int rc = run_texts(tx, texts, 2, &reader, err);

    for (size_t i = json_array_size(lists[0]); rc == 0 && i-- > 0;)
        if (is_named(lists[1], json_text(json_array_get(lists[0], i), "name")))
            json_array_remove(lists[0], i);
    *out = rc == 0 ? json_pack("{s:O,s:O}", "indexes", lists[0], "constraints", lists[1]) : NULL;
    json_decref(lists[0]);
    json_decref(lists[1]);
    return rc;
}

int schema_await(struct tx *tx, int64_t timeout_ms, struct err *err)
{
    struct tx_opts opts = {.server_limit_ms = timeout_ms + 5000};
    json_t *params = json_pack("{s:I}", "s", (json_int_t)(timeout_ms / 1000)), *row = NULL;
    int rc = tx_query_row(tx, "CALL db.awaitIndexes($s)", params, &opts, &row, err);

    json_decref(row);
    json_decref(params);
    return rc;
}

int schema_database_empty(struct tx *tx, bool *empty, char *what, size_t size, struct err *err)
{
    static const char *const texts[] = {MADE_INDEXES_TEXT, CONSTRAINTS_TEXT, NODE_TEXT};
    struct found f = {.hash = hash_new()};
    int rc = ask(tx, texts, 3, &f, err);

    *empty = f.rows[0] + f.rows[1] + f.rows[2] == 0;
    snprintf(what, size, "%s%zu indexes, %zu constraints", f.rows[2] > 0 ? "nodes, " : "",
             f.rows[0], f.rows[1]);
    hash_free(f.hash);
    return rc;
}
