/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/restore.c: the order: guard, the node that says "restoring", nodes, relationships,
 * schema, everything read back, position. A lost answer leaves a batch that may be there or not:
 * the restore ends, and the next one begins anew. */
#include "snapshot/restore.h"

#include "base/mem.h"
#include "base/stop.h"
#include "cypher/name.h"
#include "neo4j/position.h"
#include "neo4j/schema.h"
#include "snapshot/loader.h"
#include "snapshot/rebuild.h"
#include "snapshot/rows.h"
#include "snapshot/sidecar.h"
#include "snapshot/survey.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 5000
#define BATCH_BYTES ((size_t)4 << 20)
#define WIPE_ROWS 10000
#define SCHEMA_BYTES_MAX ((size_t)64 << 20)
#define EPOCH "restore/0"
#define RESTORING "restoring"

struct restore {
    const struct restore_conf *conf;
    const struct manifest *manifest;
    struct restore_result *result;
    struct loader *loader;
    struct idmap *ids; /* tag: id() in the database */
    struct hash *hash;
    int64_t done;
};

static void tell(struct restore *r, const char *phase, int64_t total)
{
    phase_tell(&r->conf->sink, phase, r->done, total);
}

/* ---- the target ---- */

static int run(struct restore *r, const char *text, int64_t *count, struct err *err)
{
    struct tx_opts opts = {.server_limit_ms = r->conf->limit_ms};
    json_t *params = json_pack("{s:i}", "n", WIPE_ROWS), *row = NULL;
    int rc = tx_query_row(r->conf->tx, text, params, &opts, &row, err);

    *count = json_integer_value(json_array_get(row, 0));
    json_decref(row);
    json_decref(params);
    return rc;
}

static int run_until_none(struct restore *r, const char *text, struct err *err)
{
    int64_t count;

    do {
        if (stop_check(err) < 0 || run(r, text, &count, err) < 0)
            return -1;
        r->done += count;
        tell(r, "removed", 0);
    } while (count > 0);
    r->done = 0;
    return 0;
}

static int drop_named(struct restore *r, const char *what, const json_t *list, struct err *err)
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
            rc = run(r, buf_str(&text), &ignored, err);
        buf_fini(&text);
    }
    return rc;
}

/* All but the position node, which says meanwhile what goes on. */
static int wipe(struct restore *r, struct err *err)
{
    json_t *schema = NULL;
    int rc = schema_read(r->conf->tx, &schema, err);

    if (rc == 0)
        rc = drop_named(r, "CONSTRAINT", json_object_get(schema, "constraints"), err);
    if (rc == 0)
        rc = drop_named(r, "INDEX", json_object_get(schema, "indexes"), err);
    json_decref(schema);
    if (rc == 0)
        rc = run_until_none(r, "MATCH ()-[e]->() WITH e LIMIT $n DELETE e RETURN count(*)", err);
    if (rc == 0)
        rc = run_until_none(
            r, "MATCH (e) WHERE NOT e:`__db_sync` WITH e LIMIT $n DELETE e RETURN count(*)", err);
    return rc;
}

/* The first and the last state of the position. */
static void restoring_position(const struct restore *r, struct position *p)
{
    position_init(p, 0, r->conf->replica);
    snprintf(p->epoch, sizeof p->epoch, EPOCH);
    snprintf(p->state, sizeof p->state, RESTORING);
}

static int restored_position(const struct restore *r, struct position *p, struct err *err)
{
    const struct manifest_position *m = &r->manifest->position;

    position_init(p, m->next_offset, r->conf->replica);
    snprintf(p->epoch, sizeof p->epoch, EPOCH);
    p->last_offset = m->last_offset;
    memcpy(p->fingerprint, m->fingerprint, sizeof p->fingerprint);
    p->since = m->since;
    if (!position_parse_outcome(m->outcome, p))
        return err_set(err, ERR_DAMAGED, "manifest.content", "%s: outcome is no hash",
                       MANIFEST_NAME);
    return 0;
}

static int check_topic(const struct restore *r, struct err *err)
{
    const struct manifest *m = r->manifest;

    if (!restore_gives_position(m) || strcmp(m->position.topic, r->conf->topic) == 0)
        return 0;
    return err_set(err, ERR_GUARD, "restore.topic",
                   "the snapshot is of topic %s, and COMMAND_TOPIC with B_TOPIC_PREFIX is %s: its "
                   "offset would mean another command there",
                   m->position.topic, r->conf->topic);
}

/* What is there and may go: an interrupted restore's, or anything with wipe. */
static int check_target(struct restore *r, bool *remove, struct err *err)
{
    struct position position = {0};
    bool found, empty;
    char what[64], *other = NULL;

    if (position_read(r->conf->tx, r->conf->topic, &position, &found, err) < 0 ||
        schema_database_empty(r->conf->tx, &empty, what, sizeof what, err) < 0 ||
        position_other(r->conf->tx, r->conf->topic, &other, err) < 0)
        return -1;
    bool interrupted = found && strcmp(position.state, RESTORING) == 0;
    *remove = !empty;
    if (other != NULL)
        err_set(err, ERR_GUARD, "restore.other-log",
                "this database follows another log, topic %s: restore into an empty one", other);
    else if (!interrupted && found && !r->conf->wipe)
        err_set(err, ERR_GUARD, "restore.not-empty",
                "this database is a replica already, at offset %" PRId64
                "; restore into an empty one, or replace what it holds with --force",
                position.next_offset);
    else if (!interrupted && !empty && !r->conf->wipe)
        err_set(err, ERR_GUARD, "restore.not-empty",
                "this database is not empty (%s); restore into an empty one, or replace what it "
                "holds with --force",
                what);
    free(other);
    return err_is_set(err) ? -1 : 0;
}

/* Puts the position in the place of the one that is there. */
static int write_position(struct restore *r, const struct position *was, const struct position *now,
                          struct err *err)
{
    struct buf head = {0}, tail = {0};
    struct tx_opts opts = {.server_limit_ms = r->conf->limit_ms};
    size_t failed;

    position_add_lock(&head, r->conf->topic, was);
    position_add_create(&tail, r->conf->topic, now);
    struct tx_stmt stmts[] = {{buf_str(&head), head.len}, {buf_str(&tail), tail.len}};
    int rc = tx_commit(r->conf->tx, stmts, now->next_offset >= 0 ? 2 : 1, &opts, &failed, err);
    buf_fini(&head);
    buf_fini(&tail);
    return rc < 0 ? err_wrap(err, "writing the position") : 0;
}

static int begin(struct restore *r, struct err *err)
{
    struct position position, there = {0};
    bool remove, found;

    if (check_topic(r, err) < 0 || check_target(r, &remove, err) < 0)
        return -1;
    if (r->conf->dry_run)
        return 0;
    restoring_position(r, &position);
    if (position_create(r->conf->tx, r->conf->topic, &position, err) < 0 ||
        position_read(r->conf->tx, r->conf->topic, &there, &found, err) < 0)
        return -1;
    /* a replica that is to be replaced says so from now on */
    if (found && strcmp(there.state, RESTORING) != 0 &&
        write_position(r, &there, &position, err) < 0)
        return -1;
    return remove ? wipe(r, err) : 0;
}

/* ---- the data ---- */

static int make_node(void *arg, const struct entity *e, struct err *err)
{
    struct restore *r = arg;
    struct digest hash = digest_entity(r->hash, e, NULL, NULL);

    tell(r, "nodes", r->manifest->nodes);
    r->done++;
    return loader_add_node(r->loader, e, &hash, err);
}

static int make_relationship(void *arg, const struct entity *e, struct err *err)
{
    struct restore *r = arg;
    const struct idmap_node *start = idmap_find(r->ids, e->start),
                            *end = idmap_find(r->ids, e->end);

    if (start == NULL || end == NULL)
        return err_set(err, ERR_DAMAGED, "snapshot.dangling",
                       "a relationship to node_id %" PRId64 ", which is no node of this snapshot",
                       start == NULL ? e->start : e->end);
    tell(r, "relationships", r->manifest->relationships);
    r->done++;
    return loader_add_relationship(r->loader, e, (int64_t)start->tag, (int64_t)end->tag, err);
}

static int load_kind(struct restore *r, enum manifest_kind kind, int64_t *count, struct err *err)
{
    source_entity_fn make = kind == MANIFEST_RELATIONSHIPS ? make_relationship : make_node;
    struct rows_result got;

    r->done = 0;
    for (size_t i = 0; i < r->manifest->file_count; i++)
        if (r->manifest->files[i].kind == kind &&
            source_read(r->conf->source, &r->manifest->files[i], make, r, &got, err) < 0)
            return -1;
    *count = r->done;
    return loader_flush(r->loader, err);
}

static int load(struct restore *r, struct err *err)
{
    struct loader_conf conf = {.tx = r->conf->tx,
                               .prefix = tx_cypher_5(r->conf->server_version),
                               .limit_ms = r->conf->limit_ms,
                               .batch_rows = BATCH_ROWS,
                               .batch_bytes = BATCH_BYTES};

    if (idmap_open(&r->ids, r->conf->work, 0, err) < 0)
        return -1;
    r->loader = loader_new(&conf, r->ids);
    if (load_kind(r, MANIFEST_NODES, &r->result->nodes, err) < 0 ||
        load_kind(r, MANIFEST_RELATIONSHIPS, &r->result->relationships, err) < 0)
        return -1;
    r->result->lost = loader_lost(r->loader);
    if (r->result->lost == 0 || r->conf->allow_loss)
        return 0;
    return err_set(err, ERR_GUARD, "restore.loss",
                   "%" PRId64 " properties hold BYTES, which Cypher cannot express: they would be "
                   "missing; restore without them with --allow-loss",
                   r->result->lost);
}

static int load_schema(struct restore *r, struct err *err)
{
    struct buf text = {0};
    struct rows_result ignored;
    json_t *schema = NULL;
    int rc;

    if (r->conf->source->foreign)
        return 0;
    rc =
        rows_read_text(r->conf->source->fd, SIDECAR_SCHEMA, SCHEMA_BYTES_MAX, &text, &ignored, err);
    if (rc == 0)
        schema = json_parse(buf_str(&text), text.len, err);
    if (rc == 0)
        rc = schema != NULL ? rebuild_schema(r->conf->tx, schema, r->conf->limit_ms, err)
                            : err_wrap(err, SIDECAR_SCHEMA);
    json_decref(schema);
    buf_fini(&text);
    return rc;
}

/* ---- the proof ---- */

static int read_back(struct restore *r, struct err *err)
{
    struct survey_conf conf = {.tx = r->conf->tx,
                               .server_version = r->conf->server_version,
                               .work = r->conf->work,
                               .nodes = r->result->nodes,
                               .relationships = r->result->relationships,
                               .limit_ms = r->conf->limit_ms,
                               .sink = r->conf->sink};
    struct census *census;

    if (r->conf->source->foreign || r->result->lost > 0)
        return 0; /* nothing to compare with */
    if (survey_database(&conf, &census, err) < 0)
        return -1;
    const struct census_sums *sums = census_sums(census);
    if (sums->nodes != r->manifest->nodes || sums->relationships != r->manifest->relationships ||
        !digest_equal(&sums->digest, &r->manifest->digest))
        err_set(err, ERR_DIFFERS, "restore.differs",
                "the database now holds %" PRId64 " nodes and %" PRId64
                " relationships, the snapshot %" PRId64 " and %" PRId64
                ", or values differ: is somebody else writing to it?",
                sums->nodes, sums->relationships, r->manifest->nodes, r->manifest->relationships);
    census_close(census);
    return err_is_set(err) ? -1 : 0;
}

static int end(struct restore *r, struct err *err)
{
    struct position was, now = {.next_offset = -1};
    int64_t ignored;

    restoring_position(r, &was);
    if (restore_gives_position(r->manifest) && restored_position(r, &now, err) < 0)
        return -1;
    if (write_position(r, &was, &now, err) < 0)
        return -1;
    /* without a position the node went, and its constraint is to go too */
    return restore_gives_position(r->manifest)
               ? 0
               : run(r, "DROP CONSTRAINT `__db_sync_position` IF EXISTS", &ignored, err);
}

bool restore_gives_position(const struct manifest *m)
{
    return m->has_position && !m->part;
}

int restore_snapshot(const struct restore_conf *conf, struct restore_result *out, struct err *err)
{
    struct restore r = {
        .conf = conf, .manifest = &conf->source->manifest, .result = out, .hash = hash_new()};
    int rc = -1;

    *out = (struct restore_result){0};
    if (begin(&r, err) == 0 && conf->dry_run)
        rc = 0;
    else if (!err_is_set(err) && load(&r, err) == 0 && load_schema(&r, err) == 0 &&
             read_back(&r, err) == 0)
        rc = end(&r, err);
    loader_free(r.loader);
    idmap_close(r.ids);
    hash_free(r.hash);
    return rc;
}
