/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/track.c: properties have the names of the position's, so that no name is left behind in
 * the database that a replica does not have: offset is batches, since node batches, last nodes,
 * epoch the token. */
#include "snapshot/track.h"

#include "neo4j/jolt.h"

#include <inttypes.h>
#include <string.h>

#define TIMEOUT_MS 60000

#define LANE "(p:`__db_sync` {topic: $t, partition: $l})"

static const char REMOVE_TEXT[] =
    "MATCH (p:`__db_sync` {topic: $t}) WHERE p.partition < 0 DELETE p";

static const char CREATE_TEXT[] =
    "UNWIND $lanes AS l CREATE (:`__db_sync` {topic: $t, partition: l, offset: 0, since: 0, "
    "last: 0, epoch: $e, state: 'restoring'})";

/* The lock first, or what is compared was read before it was held (position.c). */
static const char LOCK_TEXT[] = "OPTIONAL MATCH " LANE " SET p.lock = 1 WITH p "
                                "WITH count(CASE WHEN p.offset = $o AND p.epoch = $e THEN 1 END) "
                                "AS c RETURN 1/c";

static const char READ_TEXT[] = "MATCH " LANE " SET p.lock = 1 WITH p WHERE p.epoch = $e "
                                "REMOVE p.lock RETURN p.offset, p.since, p.last";

#define ADVANCE "SET p.offset = $n, p.since = $since, p.last = $last REMOVE p.lock"

static const char ADVANCE_TEXT[] = "MATCH " LANE " " ADVANCE;

static const char TYPED_TEXT[] = "MATCH " LANE " SET p.lock = 1 WITH p "
                                 "WHERE p.offset = $o AND p.epoch = $e " ADVANCE " WITH p ";

static const char FORGET_TEXT[] = "MATCH (p:`__db_sync` {topic: $t}) "
                                  "WHERE p.partition < 0 AND p.epoch = $e SET p.offset = p.since";

static json_int_t partition_of(size_t lane)
{
    return -1 - (json_int_t)lane;
}

static json_t *params_of(const struct track *t, size_t lane)
{
    return json_pack("{s:s,s:s,s:I}", "t", t->topic, "e", t->token, "l", partition_of(lane));
}

static int run(struct tx *tx, const char *text, json_t *params, json_t **row, struct err *err)
{
    struct tx_opts opts = {.server_limit_ms = TIMEOUT_MS};
    int rc = tx_query_row(tx, text, params, &opts, row, err);

    json_decref(params);
    return rc;
}

static int run_alone(struct tx *tx, const char *text, json_t *params, struct err *err)
{
    json_t *row;
    int rc = run(tx, text, params, &row, err);

    json_decref(row);
    return rc;
}

int track_create(struct tx *tx, const struct track *t, struct err *err)
{
    json_t *params = params_of(t, 0), *lanes = json_array();

    for (size_t i = 0; i < t->lanes; i++)
        json_array_append_new(lanes, json_integer(partition_of(i)));
    json_object_set_new(params, "lanes", lanes);
    return run_alone(tx, CREATE_TEXT, params, err);
}

int track_remove(struct tx *tx, const struct track *t, struct err *err)
{
    return run_alone(tx, REMOVE_TEXT, params_of(t, 0), err);
}

int track_read(struct tx *tx, const struct track *t, size_t lane, struct track_lane *out,
               bool *found, struct err *err)
{
    json_t *row;

    if (run(tx, READ_TEXT, params_of(t, lane), &row, err) < 0)
        return -1;
    *found = jolt_integer(json_array_get(row, 0), &out->batches) &&
             jolt_integer(json_array_get(row, 1), &out->node_batches) &&
             jolt_integer(json_array_get(row, 2), &out->nodes);
    json_decref(row);
    return 0;
}

int track_forget_relationships(struct tx *tx, const struct track *t, struct err *err)
{
    return run_alone(tx, FORGET_TEXT, params_of(t, 0), err);
}

static void set_steps(json_t *params, const struct track_lane *was, const struct track_lane *now)
{
    if (was != NULL)
        json_object_set_new(params, "o", json_integer(was->batches));
    if (now == NULL)
        return;
    json_object_set_new(params, "n", json_integer(now->batches));
    json_object_set_new(params, "since", json_integer(now->node_batches));
    json_object_set_new(params, "last", json_integer(now->nodes));
}

static void add(struct buf *out, const char *text, const struct track *t, size_t lane,
                const struct track_lane *was, const struct track_lane *now)
{
    json_t *params = params_of(t, lane);

    set_steps(params, was, now);
    tx_add_stmt(out, text, strlen(text), params);
    json_decref(params);
}

void track_add_lock(struct buf *out, const struct track *t, size_t lane,
                    const struct track_lane *was)
{
    add(out, LOCK_TEXT, t, lane, was, NULL);
}

void track_add_advance(struct buf *out, const struct track *t, size_t lane,
                       const struct track_lane *now)
{
    add(out, ADVANCE_TEXT, t, lane, NULL, now);
}

void track_add_typed(struct buf *text, struct buf *params, const struct track *t, size_t lane,
                     const struct track_lane *was, const struct track_lane *now)
{
    json_t *plain = params_of(t, lane), *value;
    const char *key;

    set_steps(plain, was, now);
    buf_adds(text, TYPED_TEXT);
    json_object_foreach (plain, key, value) {
        buf_addf(params, params->len > 0 ? ",\"%s\":" : "\"%s\":", key);
        if (json_is_integer(value)) {
            buf_addf(params, "{\"$type\":\"Integer\",\"_value\":\"%" PRId64 "\"}",
                     (int64_t)json_integer_value(value));
        } else {
            buf_adds(params, "{\"$type\":\"String\",\"_value\":");
            buf_add_json(params, json_string_value(value), json_string_length(value));
            buf_addc(params, '}');
        }
    }
    json_decref(plain);
}

void track_add_remove(struct buf *out, const struct track *t)
{
    add(out, REMOVE_TEXT, t, 0, NULL, NULL);
}
