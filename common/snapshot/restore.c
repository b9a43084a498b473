/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/restore.c: the order: guard, the node that says "restoring", nodes, relationships,
 * schema, everything read back, position.
 *
 * What was interrupted goes on: the database says which batches it holds (track.h), a file beside
 * the snapshot's reader which node became which (idmap.h). Without that file, or when it lacks the
 * last batch, nodes are found again by what they hold: equal ones stand for each other as long as
 * they have no relationships, so these go first. */
#include "snapshot/restore.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "neo4j/schema.h"
#include "snapshot/lane.h"
#include "snapshot/loader.h"
#include "snapshot/rebuild.h"
#include "snapshot/scan.h"
#include "snapshot/shape.h"
#include "snapshot/survey.h"
#include "snapshot/target.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct restore {
    const struct restore_conf *conf;
    const struct manifest *manifest;
    struct restore_result *result;
    struct target target;
    struct position position; /* as it is in the database while this runs */
    struct track track;
    struct track_lane was[TRACK_LANES_MAX];
    struct loader *loader;
    struct idmap *ids;     /* tag: id() in the database */
    struct pool *pool;     /* nodes that are there and must be found again; NULL: ids has all */
    struct census *census; /* of what is loaded; NULL: the manifest tells it */
    json_t *schema;
    struct hash *hash;
    int64_t done;
};

bool restore_gives_position(const struct restore_conf *conf)
{
    const struct manifest *m = &conf->source->manifest;

    return m->has_position && !m->part && conf->labels == NULL && conf->types == NULL;
}

static bool is_part(const struct restore *r)
{
    return r->conf->labels != NULL || r->conf->types != NULL;
}

/* ---- beginning, or going on ---- */

static int check_topic(const struct restore *r, struct err *err)
{
    const struct manifest_position *p = &r->manifest->position;

    if (!restore_gives_position(r->conf) || strcmp(p->topic, r->conf->topic) == 0)
        return 0;
    return err_set(err, ERR_GUARD, "restore.topic",
                   "the snapshot is of topic %s, and COMMAND_TOPIC with B_TOPIC_PREFIX is %s: its "
                   "offset would mean another command there",
                   p->topic, r->conf->topic);
}

static void hash_list(struct hash *h, const char *const *list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        hash_add_field(h, list[i], strlen(list[i]));
    hash_add_field(h, "", 0);
}

/* What must be the same for a restore to be gone on with: all that decides which batch holds what.
 */
static void mark_of(const struct restore *r, char out[static HASH_HEX_SIZE])
{
    char digest[DIGEST_TEXT_SIZE];
    struct buf text = {0};

    digest_text(&r->manifest->digest, digest);
    buf_addf(&text, "%s %s %s %d %d %zu %d", CYPHERLOG_VERSION, r->manifest->id, digest,
             RESTORE_LANES, LOADER_ROWS, LOADER_BYTES, r->conf->server->query_api);
    hash_add_field(r->hash, buf_str(&text), text.len);
    hash_list(r->hash, r->conf->labels);
    hash_list(r->hash, r->conf->types);
    hash_finish(r->hash, out);
    buf_fini(&text);
}

/* The file of ids that goes with a token. */
static void ids_name(const char *token, char *out, size_t size)
{
    const char *slash = strrchr(token, '/');

    snprintf(out, size, ".cypherlog-restore-%s.ids", slash != NULL ? slash + 1 : token);
}

static int open_ids(struct restore *r, struct err *err)
{
    char name[128];

    ids_name(r->position.epoch, name, sizeof name);
    return idmap_open_named(&r->ids, r->conf->work, name, err);
}

static int begin_anew(struct restore *r, const struct target_state *there, const char *mark,
                      struct err *err)
{
    char token[sizeof r->position.epoch], id[HASH_ID_SIZE];
    struct position wiping;

    hash_random_id(id);
    snprintf(token, sizeof token, "restore/%s", id);
    r->track.token = token;
    /* a replica that is to be replaced says so from now on; nobody can go on with this yet */
    if (target_begin(&r->target, there->found ? &there->position : NULL, "", token, &wiping, err) <
            0 ||
        track_remove(r->conf->tx, &r->track, err) < 0 ||
        (!there->empty && target_wipe(&r->target, err) < 0) ||
        target_begin(&r->target, &wiping, mark, token, &r->position, err) < 0)
        return -1;
    r->track.token = r->position.epoch;
    memset(r->was, 0, sizeof r->was);
    return track_create(r->conf->tx, &r->track, err) < 0 ? -1 : open_ids(r, err);
}

static int put_in_pool(void *arg, const struct entity *e, struct err *err)
{
    struct restore *r = arg;
    struct digest hash = digest_entity(r->hash, e, NULL, NULL);

    phase_tell(&r->conf->sink, "nodes found again", r->done++, r->manifest->nodes);
    return pool_put(r->pool, &hash, e->id, err);
}

/* Nobody knows which node became which. */
static int find_nodes_again(struct restore *r, bool relationships, struct err *err)
{
    struct scan_conf scan = {.tx = r->conf->tx,
                             .prefix = tx_cypher_5(r->conf->server->version),
                             .limit_ms = r->conf->limit_ms,
                             .on_entity = put_in_pool,
                             .arg = r};

    idmap_remove_name(r->ids);
    idmap_close(r->ids);
    r->ids = NULL;
    r->done = 0;
    if (relationships && (target_remove_relationships(&r->target, err) < 0 ||
                          track_forget_relationships(r->conf->tx, &r->track, err) < 0))
        return -1;
    for (size_t i = 0; i < r->track.lanes; i++)
        r->was[i].batches = r->was[i].node_batches;
    if (open_ids(r, err) < 0 || pool_open(&r->pool, r->conf->work, err) < 0)
        return -1;
    return scan_nodes(&scan, NULL, err);
}

/* *found: an interrupted restore that can be gone on with is there; else nothing was done. */
static int try_resume(struct restore *r, bool *found, struct err *err)
{
    bool relationships = false;
    int64_t nodes = 0;

    r->track.token = r->position.epoch;
    *found = true;
    for (size_t i = 0; *found && i < r->track.lanes; i++) {
        if (track_read(r->conf->tx, &r->track, i, &r->was[i], found, err) < 0)
            return -1;
        nodes += r->was[i].nodes;
        relationships = relationships || r->was[i].batches > r->was[i].node_batches;
    }
    if (!*found)
        return 0;
    r->result->resumed = nodes;
    log_info(log_event("restore-goes-on"), log_int("nodes", nodes));
    if (open_ids(r, err) < 0)
        return -1;
    return (int64_t)idmap_count(r->ids) == nodes ? 0 : find_nodes_again(r, relationships, err);
}

/* Better now than after a million nodes. */
static int check_loss(const struct restore *r, struct err *err)
{
    const struct verify_result *proved = r->conf->proved;

    if (proved == NULL || proved->bytes_properties == 0 || r->conf->server->query_api ||
        r->conf->allow_loss)
        return 0;
    return err_set(err, ERR_GUARD, "restore.loss",
                   "%" PRId64 " properties are BYTES (the first: %s), which Neo4j takes over HTTP "
                   "from 5.25 on, and this server is %s: restore without them with --allow-loss",
                   proved->bytes_properties, proved->bytes_example, r->conf->server->version);
}

static int begin(struct restore *r, struct err *err)
{
    struct target_state there;
    char mark[HASH_HEX_SIZE], name[128];
    bool found = false;

    if (check_topic(r, err) < 0 || check_loss(r, err) < 0 ||
        target_look(&r->target, r->conf->wipe, &there, err) < 0)
        return -1;
    if (r->conf->dry_run)
        return 0;
    mark_of(r, mark);
    r->position = there.position;
    if (there.restoring && !r->conf->source->foreign &&
        strcmp(there.position.fingerprint, mark) == 0 && try_resume(r, &found, err) < 0)
        return -1;
    if (found)
        return 0;
    if (there.restoring) { /* its file is of no use any more */
        ids_name(there.position.epoch, name, sizeof name);
        idmap_forget(r->conf->work, name);
    }
    return begin_anew(r, &there, mark, err);
}

/* ---- the data ---- */

static bool holds(const char *const *list, const char *text, size_t len)
{
    for (size_t i = 0; list[i] != NULL; i++)
        if (strlen(list[i]) == len && memcmp(list[i], text, len) == 0)
            return true;
    return false;
}

static bool is_wanted(const struct restore *r, const struct entity *e)
{
    const char *const *list = e->relationship ? r->conf->types : r->conf->labels;

    if (list == NULL)
        return true;
    for (size_t i = 0; i < e->label_count; i++)
        if (holds(list, entity_text(e, e->labels[i]), e->labels[i].len))
            return true;
    return false;
}

/* BYTES on a server that takes none. */
static int count_loss(struct restore *r, const struct entity *e, struct err *err)
{
    size_t lost = r->conf->server->query_api ? 0 : shape_bytes_count(e);
    char who[64];

    r->result->lost += (int64_t)lost;
    if (lost == 0 || r->conf->allow_loss)
        return 0;
    entity_name(e, who, sizeof who);
    return err_set(err, ERR_GUARD, "restore.loss",
                   "%s of the snapshot has properties that are BYTES, which Neo4j takes over HTTP "
                   "from 5.25 on and this server is %s: restore without them with --allow-loss",
                   who, r->conf->server->version);
}

static int make_node(void *arg, const struct entity *e, struct err *err)
{
    struct restore *r = arg;

    if (!is_wanted(r, e))
        return 0;
    struct digest hash = digest_entity(r->hash, e, NULL, NULL);
    phase_tell(&r->conf->sink, "nodes", r->done++, r->manifest->nodes);
    if (count_loss(r, e, err) < 0 ||
        (r->census != NULL && census_add_node(r->census, e, NULL, err) < 0))
        return -1;
    return loader_add_node(r->loader, e, &hash, err);
}

static int make_relationship(void *arg, const struct entity *e, struct err *err)
{
    struct restore *r = arg;
    const struct idmap_node *start = idmap_find(r->ids, e->start),
                            *end = idmap_find(r->ids, e->end);

    if (!is_wanted(r, e) || ((start == NULL || end == NULL) && r->conf->labels != NULL))
        return 0; /* or it leads out of the part */
    if (start == NULL || end == NULL)
        return err_set(err, ERR_DAMAGED, "snapshot.dangling",
                       "a relationship to node_id %" PRId64 ", which is no node of this snapshot",
                       start == NULL ? e->start : e->end);
    phase_tell(&r->conf->sink, "relationships", r->done++, r->manifest->relationships);
    if (count_loss(r, e, err) < 0)
        return -1;
    if (r->census != NULL && !census_add_relationship(r->census, e, NULL))
        return err_set(err, ERR_FATAL, "restore.census", "a node was made and not counted");
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
    struct loader_conf conf = {.txs = r->conf->lanes,
                               .track = &r->track,
                               .was = r->was,
                               .prefix = tx_cypher_5(r->conf->server->version),
                               .limit_ms = r->conf->limit_ms,
                               .typed = r->conf->server->query_api,
                               .ids = r->ids,
                               .pool = r->pool};

    if ((r->conf->source->foreign || is_part(r)) &&
        census_open(&r->census, r->conf->work, 0, err) < 0)
        return -1;
    if (loader_open(&r->loader, &conf, err) < 0 ||
        load_kind(r, MANIFEST_NODES, &r->result->nodes, err) < 0)
        return -1;
    return load_kind(r, MANIFEST_RELATIONSHIPS, &r->result->relationships, err);
}

static void close_load(struct restore *r)
{
    loader_close(r->loader);
    idmap_close(r->ids);
    pool_close(r->pool);
    census_close(r->census);
    r->loader = NULL;
    r->ids = NULL;
    r->pool = NULL;
    r->census = NULL;
}

/* Begins or goes on, and loads; once more where an answer with nodes' ids was lost. */
static int load_all(struct restore *r, struct err *err)
{
    for (;;) {
        struct err why = {0};
        r->result->lost = 0;
        if (begin(r, &why) == 0 && (r->conf->dry_run || load(r, &why) == 0))
            return 0;
        if (strcmp(why.code, LANE_IDS_LOST) != 0 || stop_requested()) {
            *err = why;
            return -1;
        }
        log_warn(log_event("restore-looks-again"), log_err(&why));
        close_load(r);
    }
}

/* ---- indexes and constraints ---- */

/* Whether it is of a label, or type, that is restored. */
static bool is_in_part(const struct restore *r, const json_t *item)
{
    const char *entity = json_text(item, "entity");
    bool relationship = entity != NULL && strcmp(entity, "RELATIONSHIP") == 0;
    const char *const *list = relationship ? r->conf->types : r->conf->labels;
    const json_t *labels = json_object_get(item, "labels"), *label;
    size_t i;

    if (list == NULL)
        return true;
    json_array_foreach (labels, i, label)
        if (json_is_string(label) &&
            holds(list, json_string_value(label), json_string_length(label)))
            return true;
    return false;
}

static void keep_part(const struct restore *r, json_t *list)
{
    for (size_t i = json_array_size(list); i-- > 0;)
        if (!is_in_part(r, json_array_get(list, i)))
            json_array_remove(list, i);
}

static int load_schema(struct restore *r, struct err *err)
{
    keep_part(r, json_object_get(r->schema, "constraints"));
    keep_part(r, json_object_get(r->schema, "indexes"));
    return rebuild_schema(r->conf->tx, r->schema, r->conf->limit_ms, err);
}

/* ---- the proof ---- */

static int read_back(struct restore *r, struct err *err)
{
    struct survey_conf conf = {.tx = r->conf->tx,
                               .server_version = r->conf->server->version,
                               .work = r->conf->work,
                               .nodes = r->result->nodes,
                               .relationships = r->result->relationships,
                               .limit_ms = r->conf->limit_ms,
                               .sink = r->conf->sink};
    bool counted = r->census != NULL;
    int64_t nodes = counted ? r->result->nodes : r->manifest->nodes;
    int64_t relationships = counted ? r->result->relationships : r->manifest->relationships;
    const struct digest *want = counted ? &census_sums(r->census)->digest : &r->manifest->digest;
    struct census *census;

    if (survey_database(&conf, &census, err) < 0)
        return -1;
    const struct census_sums *sums = census_sums(census);
    bool same = sums->nodes == nodes && sums->relationships == relationships;
    if (!same || (r->result->lost == 0 && !digest_equal(&sums->digest, want)))
        err_set(err, ERR_DIFFERS, "restore.differs",
                "the database now holds %" PRId64 " nodes and %" PRId64
                " relationships, the snapshot %" PRId64 " and %" PRId64
                ", or values differ: is somebody else writing to it? The next restore begins anew",
                sums->nodes, sums->relationships, nodes, relationships);
    census_close(census);
    return err_is_set(err) ? -1 : 0;
}

static int restored_position(const struct restore *r, struct position *p, struct err *err)
{
    const struct manifest_position *m = &r->manifest->position;

    position_init(p, m->next_offset, r->conf->replica);
    snprintf(p->epoch, sizeof p->epoch, "%s", r->position.epoch);
    p->last_offset = m->last_offset;
    memcpy(p->fingerprint, m->fingerprint, sizeof p->fingerprint);
    p->since = m->since;
    return position_parse_outcome(m->outcome, p) ? 0
                                                 : err_set(err, ERR_DAMAGED, "manifest.content",
                                                           "%s: outcome is no hash", MANIFEST_NAME);
}

static int end(struct restore *r, struct err *err)
{
    struct position now;
    bool gives = restore_gives_position(r->conf);

    if (gives && restored_position(r, &now, err) < 0)
        return -1;
    if (target_end(&r->target, &r->position, gives ? &now : NULL, err) < 0)
        return -1;
    idmap_remove_name(r->ids);
    return 0;
}

/* What is there is not what was loaded: to go on with it would come to the same end. */
static void forget_mark(struct restore *r, const struct err *why)
{
    static const char *const codes[] = {"restore.differs", "restore.mismatch", "survey.changed"};
    struct err ignored = {0};
    struct position now;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(why->code, codes[i]) == 0)
            (void)!target_begin(&r->target, &r->position, "", r->position.epoch, &now, &ignored);
}

void restore_result_fini(struct restore_result *result)
{
    json_decref(result->left_out);
    *result = (struct restore_result){0};
}

int restore_snapshot(const struct restore_conf *conf, struct restore_result *out, struct err *err)
{
    struct restore r = {.conf = conf,
                        .manifest = &conf->source->manifest,
                        .result = out,
                        .target = {.tx = conf->tx,
                                   .topic = conf->topic,
                                   .replica = conf->replica,
                                   .limit_ms = conf->limit_ms,
                                   .sink = conf->sink},
                        .track = {.topic = conf->topic, .lanes = RESTORE_LANES},
                        .hash = hash_new()};
    int rc;

    *out = (struct restore_result){.left_out = json_array()};
    r.schema = source_schema(conf->source, out->left_out, err);
    rc = r.schema != NULL ? load_all(&r, err) : -1;
    if (rc == 0 && !conf->dry_run) {
        loader_close(r.loader); /* what it held is wanted no more */
        r.loader = NULL;
        rc = load_schema(&r, err) == 0 && read_back(&r, err) == 0 ? end(&r, err) : -1;
    }
    if (rc < 0)
        forget_mark(&r, err);
    close_load(&r);
    json_decref(r.schema);
    hash_free(r.hash);
    return rc;
}
