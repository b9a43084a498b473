/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/replica.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POSITION_TIMEOUT_MS 5000
#define MISSING_TRIES 5 /* on 4.4 a reader beside a commit may for a moment see no node */
#define MISSING_WAIT_MS 20

/* Beside a commit a reader may find the node with only some of its properties. */
static const char POSITION_TEXT[] = "MATCH (p:`__db_sync` {topic: $t, partition: 0}) "
                                    "WHERE p.offset IS NOT NULL AND p.replica IS NOT NULL AND "
                                    "p.state IS NOT NULL "
                                    "RETURN toString(p.offset), p.replica, p.state";

struct replica {
    const struct setup *setup;
    struct tx *tx;
    struct tx_server server;     /* as last seen */
    struct conf_secret password; /* own copy: it may be read again */
    char *topic;
};

int replica_open(struct replica **out, const struct setup *setup, const char *topic,
                 struct err *err)
{
    struct replica *r = mem_alloc(1, sizeof *r);

    if (setup_tx_open(setup, &r->tx, err) < 0) {
        free(r);
        return -1;
    }
    r->setup = setup;
    r->topic = mem_strdup(topic);
    r->password.value = mem_strdup(setup->neo4j_password.value);
    r->password.file = mem_strdup(setup->neo4j_password.file);
    *out = r;
    return 0;
}

void replica_close(struct replica *r)
{
    if (r == NULL)
        return;
    tx_close(r->tx);
    free(r->password.value);
    free(r->password.file);
    free(r->topic);
    free(r);
}

struct tx *replica_tx(struct replica *r)
{
    return r->tx;
}

const char *replica_server(const struct replica *r)
{
    return r->server.version;
}

void replica_refresh(struct replica *r)
{
    if (conf_secret_reload(&r->password))
        tx_set_password(r->tx, r->password.value);
}

void replica_await_password(struct replica *r)
{
    if (setup_await_password(&r->password))
        tx_set_password(r->tx, r->password.value);
}

void replica_add_position(struct buf *out, const char *topic)
{
    json_t *params = json_pack("{s:s}", "t", topic);

    tx_add_stmt(out, POSITION_TEXT, sizeof POSITION_TEXT - 1, params);
    json_decref(params);
}

static const char *text_at(const json_t *row, size_t i)
{
    const json_t *value = json_array_get(row, i);

    return json_is_string(value) ? json_string_value(value) : json_text(value, "U");
}

int replica_read_row(const json_t *row, char *name, int64_t *position, struct err *err)
{
    const char *digits = text_at(row, 0), *replica = text_at(row, 1), *state = text_at(row, 2);

    if (state != NULL && strcmp(state, "restoring") == 0)
        return err_set(err, ERR_GUARD, "replica.restoring",
                       "a snapshot is being restored into this database");
    if (digits == NULL || sscanf(digits, "%" SCNd64, position) != 1 || *position < 0)
        return err_set(err, ERR_GUARD, "replica.position",
                       "the node __db_sync has no offset; which program wrote it?");
    snprintf(name, REPLICA_SIZE, "%s", replica != NULL ? replica : "");
    return 0;
}

static int ask(struct replica *r, json_t **row, struct err *err)
{
    json_t *params = json_pack("{s:s}", "t", r->topic);
    int rc = -1;

    *row = NULL;
    for (int i = 0; i < MISSING_TRIES && *row == NULL; i++) {
        struct tx_opts opts = {.read = true,
                               .server_limit_ms = POSITION_TIMEOUT_MS,
                               .deadline_ms = clock_mono_ms() + POSITION_TIMEOUT_MS};
        if (i > 0 && stop_wait(MISSING_WAIT_MS)) {
            stop_check(err);
            goto out;
        }
        if (tx_query_row(r->tx, POSITION_TEXT, params, &opts, row, err) < 0)
            goto out;
    }
    rc = 0;
    if (*row == NULL)
        rc = err_set(err, ERR_GUARD, "replica.none",
                     "the database has no node __db_sync for topic %s: no db_sync has worked here "
                     "yet",
                     r->topic);
out:
    json_decref(params);
    return rc;
}

static int read_position(struct replica *r, char *name, int64_t *position, struct err *err)
{
    json_t *row = NULL;

    if (ask(r, &row, err) < 0)
        return -1;
    int rc = replica_read_row(row, name, position, err);
    json_decref(row);
    return rc;
}

int replica_position(struct replica *r, int64_t *position, struct err *err)
{
    char name[REPLICA_SIZE];
    struct err why = {0};

    if (read_position(r, name, position, &why) == 0)
        return 0;
    if (why.class == ERR_CONFIG && conf_secret_reload(&r->password)) {
        tx_set_password(r->tx, r->password.value);
        return read_position(r, name, position, err);
    }
    *err = why;
    return -1;
}

int replica_probe(struct replica *r, char *name, int64_t *position, struct err *err)
{
    struct tx_server seen;

    replica_refresh(r);
    if (setup_tx_probe(r->setup, r->tx, &seen, err) < 0)
        return -1;
    r->server = seen;
    return read_position(r, name, position, err);
}
