/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/target.h"

#include "base/stop.h"
#include "cypher/name.h"
#include "neo4j/schema.h"
#include "snapshot/track.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIPE_ROWS 10000

/* ---- looking ---- */

static int judge(bool may_wipe, const struct target_state *s, const char *what, const char *other,
                 struct err *err)
{
    if (other != NULL)
        return err_set(err, ERR_GUARD, "restore.other-log",
                       "this database follows another log, topic %s: restore into an empty one",
                       other);
    if (may_wipe || s->restoring)
        return 0;
    if (s->found)
        return err_set(err, ERR_GUARD, "restore.not-empty",
                       "this database is a replica already, at offset %" PRId64
                       "; restore into an empty one, or replace what it holds with --force",
                       s->position.next_offset);
    if (!s->empty)
        return err_set(err, ERR_GUARD, "restore.not-empty",
                       "this database is not empty (%s); restore into an empty one, or replace "
                       "what it holds with --force",
                       what);
    return 0;
}

int target_look(const struct target *t, bool may_wipe, struct target_state *out, struct err *err)
{
    char what[64], *other = NULL;

    *out = (struct target_state){0};
    if (position_read(t->tx, t->topic, &out->position, &out->found, err) < 0 ||
        schema_database_empty(t->tx, &out->empty, what, sizeof what, err) < 0 ||
        position_other(t->tx, t->topic, &other, err) < 0)
        return -1;
    out->restoring = out->found && strcmp(out->position.state, TARGET_RESTORING) == 0;
    int rc = judge(may_wipe, out, what, other, err);
    free(other);
    return rc;
}

/* ---- emptying ---- */

static int run(const struct target *t, const char *text, int64_t *count, struct err *err)
{
    struct tx_opts opts = {.server_limit_ms = t->limit_ms};
    json_t *params = json_pack("{s:i}", "n", WIPE_ROWS), *row = NULL;
    int rc = tx_query_row(t->tx, text, params, &opts, &row, err);

    *count = json_integer_value(json_array_get(row, 0));
    json_decref(row);
    json_decref(params);
    return rc;
}

static int run_until_none(const struct target *t, const char *text, struct err *err)
{
    int64_t count, done = 0;

    do {
        if (stop_check(err) < 0 || run(t, text, &count, err) < 0)
            return -1;
        done += count;
        if (t->sink.on_progress != NULL && count > 0)
            t->sink.on_progress(t->sink.arg, "removed", done, 0);
    } while (count > 0);
    return 0;
}

static int drop_named(const struct target *t, const char *what, const json_t *list, struct err *err)
{
    size_t i;
    const json_t *item;
    int64_t ignored;
    int rc = 0;

    json_array_foreach (list, i, item) {
        struct buf text = {0};
        buf_addf(&text, "DROP %s ", what);
        name_add_quoted(&text, json_text(item, "name"), strlen(json_text(item, "name")));
        buf_adds(&text, " IF EXISTS");
        if (rc == 0)
            rc = run(t, buf_str(&text), &ignored, err);
        buf_fini(&text);
    }
    return rc;
}

int target_remove_relationships(const struct target *t, struct err *err)
{
    return run_until_none(t, "MATCH ()-[e]->() WITH e LIMIT $n DELETE e RETURN count(*)", err);
}

int target_wipe(const struct target *t, struct err *err)
{
    json_t *schema = NULL;
    int rc = schema_read(t->tx, &schema, err);

    if (rc == 0)
        rc = drop_named(t, "CONSTRAINT", json_object_get(schema, "constraints"), err);
    if (rc == 0)
        rc = drop_named(t, "INDEX", json_object_get(schema, "indexes"), err);
    json_decref(schema);
    if (rc == 0)
        rc = target_remove_relationships(t, err);
    return rc < 0 ? -1
                  : run_until_none(t,
                                   "MATCH (e) WHERE NOT e:`__db_sync` WITH e LIMIT $n DELETE e "
                                   "RETURN count(*)",
                                   err);
}

/* ---- the position ---- */

static int refuse_other(struct err *err)
{
    return err_set(err, ERR_GUARD, "restore.track",
                   "another restore, or a db_sync, writes to this database: let one end, then run "
                   "this again");
}

/* Puts now in the place of was; between them the statement, if there is one. */
static int write_position(const struct target *t, const struct position *was,
                          const struct buf *statement, const struct position *now, struct err *err)
{
    struct buf head = {0}, tail = {0};
    struct tx_opts opts = {.server_limit_ms = t->limit_ms};
    struct tx_stmt stmts[3];
    size_t n = 0;
    struct tx_failure failure;
    struct err why = {0};

    position_add_lock(&head, t->topic, was);
    stmts[n++] = (struct tx_stmt){buf_str(&head), head.len};
    if (statement != NULL)
        stmts[n++] = (struct tx_stmt){buf_str(statement), statement->len};
    if (now != NULL) {
        position_add_create(&tail, t->topic, now);
        stmts[n++] = (struct tx_stmt){buf_str(&tail), tail.len};
    }
    opts.which = true;
    int rc = tx_commit(t->tx, stmts, n, &opts, &failure, &why);
    buf_fini(&head);
    buf_fini(&tail);
    if (rc == 0)
        return 0;
    if (why.class == ERR_POISON && failure.stmt == 0)
        return refuse_other(err);
    *err = why;
    return err_wrap(err, "writing the position");
}

int target_begin(const struct target *t, const struct position *was, const char *mark,
                 const char *token, struct position *now, struct err *err)
{
    position_init(now, 0, t->replica);
    snprintf(now->state, sizeof now->state, TARGET_RESTORING);
    snprintf(now->fingerprint, sizeof now->fingerprint, "%s", mark);
    snprintf(now->epoch, sizeof now->epoch, "%s", token);
    if (was != NULL)
        return position_protect(t->tx, err) < 0 ? -1 : write_position(t, was, NULL, now, err);
    struct position made;
    bool found;
    if (position_create(t->tx, t->topic, now, err) < 0 ||
        position_read(t->tx, t->topic, &made, &found, err) < 0)
        return -1;
    return found && strcmp(made.epoch, now->epoch) == 0 ? 0 : refuse_other(err);
}

int target_end(const struct target *t, const struct position *was, const struct position *now,
               struct err *err)
{
    struct track track = {.topic = t->topic, .token = was->epoch};
    struct buf remove = {0};
    int64_t ignored;

    /* first: a restore that is cut short while the position says "restoring" is gone on with */
    if (now == NULL && run(t, "DROP CONSTRAINT `__db_sync_position` IF EXISTS", &ignored, err) < 0)
        return -1;
    track_add_remove(&remove, &track);
    int rc = write_position(t, was, &remove, now, err);
    buf_fini(&remove);
    return rc;
}
