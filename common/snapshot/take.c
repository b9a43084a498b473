/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/take.c: the order: folder, lock, schema, nodes, relationships, the proof that the lock
 * was held all the while, small files, manifest, rename. Nodes come first: a relationship's row has
 * its ends' labels, and its hash their hashes. */
#include "snapshot/take.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "neo4j/schema.h"
#include "snapshot/census.h"
#include "snapshot/folder.h"
#include "snapshot/hold.h"
#include "snapshot/pack.h"
#include "snapshot/scan.h"
#include "snapshot/sidecar.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_PER_FILE 100000
#define FILE_BYTES ((int64_t)64 << 20)
#define LOOK_EVERY 256 /* entities between two looks at stop and lock */
#define KEYS_TIMEOUT_MS 60000

struct take {
    const struct take_conf *conf;
    struct tx *scan;
    struct folder *folder;
    struct hold *hold;
    struct pack *pack;
    struct census *census;
    struct manifest *manifest;
    /* the kind in hand */
    bool relationships;
    int64_t rows, file_rows, file_bytes, total;
    struct buf text;
};

/* ---- data files ---- */

/* A file is named, as the older tool does, after the number of rows at its end. */
static int begin_file(struct take *t, struct err *err)
{
    struct buf path = {0};

    buf_addf(&path, "%s/data/.writing", folder_path(t->folder));
    int rc = pack_begin(t->pack, buf_str(&path), err);
    buf_fini(&path);
    t->file_bytes = 0;
    buf_addc(&t->text, '[');
    return rc;
}

static int end_file(struct take *t, struct err *err)
{
    struct buf path = {0}, name = {0};

    if (t->file_rows == 0)
        return 0;
    buf_adds(&t->text, "\n]");
    buf_addf(&name, "data/%s_%" PRId64 ".json%s", t->relationships ? "relationships" : "nodes",
             t->rows, t->conf->level > 0 ? ".gz" : "");
    buf_addf(&path, "%s/%s", folder_path(t->folder), buf_str(&name));
    manifest_add_file(t->manifest, buf_str(&name),
                      t->relationships ? MANIFEST_RELATIONSHIPS : MANIFEST_NODES)
        ->rows = t->file_rows;
    t->file_rows = 0;
    int rc = pack_add_take(t->pack, &t->text, err);
    if (rc == 0)
        rc = pack_end(t->pack, buf_str(&path), buf_str(&name), err);
    buf_fini(&path);
    buf_fini(&name);
    return rc;
}

/* Before a row; and after it. */
static int begin_row(struct take *t, struct err *err)
{
    if ((t->file_rows == ROWS_PER_FILE || t->file_bytes >= FILE_BYTES) && end_file(t, err) < 0)
        return -1;
    if (t->file_rows == 0 && begin_file(t, err) < 0)
        return -1;
    buf_adds(&t->text, t->file_rows > 0 ? ",\n" : "\n");
    return 0;
}

static int end_row(struct take *t, size_t before, struct err *err)
{
    t->rows++;
    t->file_rows++;
    t->file_bytes += (int64_t)(t->text.len - before);
    return t->text.len >= PACK_PIECE_BYTES ? pack_add_take(t->pack, &t->text, err) : 0;
}

static int look_around(struct take *t, struct err *err)
{
    if (t->rows % LOOK_EVERY != 0)
        return 0;
    if (stop_check(err) < 0)
        return -1;
    if (hold_is_lost(t->hold))
        return hold_check(t->hold, err);
    phase_tell(&t->conf->sink, t->relationships ? "relationships" : "nodes", t->rows, t->total);
    return 0;
}

/* ---- entities ---- */

static int on_node(void *arg, const struct entity *e, struct err *err)
{
    struct take *t = arg;
    struct tally_set *set = NULL;
    int rc = look_around(t, err);

    if (rc == 0)
        rc = census_add_node(t->census, e, &set, err);
    if (rc == 1) /* Neo4j gave one node twice */
        return err_set(err, ERR_DAMAGED, "snapshot.twice",
                       "Neo4j answered with one node twice; is it being written to?");
    if (rc < 0 || begin_row(t, err) < 0)
        return -1;
    if (set->plain == NULL) {
        struct buf plain = {0};
        layout_add_labels(&plain, t->conf->layout, e);
        set->plain = buf_take(&plain);
    }
    size_t before = t->text.len;
    layout_write(&t->text, t->conf->layout, e, e->id, NULL);
    return end_row(t, before, err);
}

static int on_relationship(void *arg, const struct entity *e, struct err *err)
{
    struct take *t = arg;
    struct census_ends found;
    char who[64];

    if (!census_add_relationship(t->census, e, &found)) {
        if (t->conf->labels != NULL)
            return 0; /* it leads out of the part */
        entity_name(e, who, sizeof who);
        return err_set(err, ERR_DAMAGED, "snapshot.dangling",
                       "Neo4j answered with a relationship to a node that was not there a moment "
                       "before (%s): somebody writes to this database beside its db_sync",
                       who);
    }
    if (look_around(t, err) < 0 || begin_row(t, err) < 0)
        return -1;
    struct layout_ends ends = {found.start->plain, found.end->plain};
    size_t before = t->text.len;
    layout_write(&t->text, t->conf->layout, e, t->rows,
                 t->conf->layout == LAYOUT_TYPED ? &ends : NULL);
    return end_row(t, before, err);
}

static int scan_all(struct take *t, struct err *err)
{
    int64_t nodes, relationships;
    struct scan_conf conf = {.tx = t->scan,
                             .prefix = tx_cypher_5(t->conf->server_version),
                             .limit_ms = t->conf->limit_ms,
                             .on_entity = on_node,
                             .arg = t};

    if (scan_counts(t->scan, &nodes, &relationships, err) < 0 ||
        census_open(&t->census, folder_path(t->folder), (size_t)nodes, err) < 0)
        return -1;
    t->total = nodes;
    if (scan_nodes(&conf, t->conf->labels, err) < 0 || end_file(t, err) < 0)
        return hold_explain(err);
    phase_end(&t->conf->sink, "nodes", t->rows);
    t->relationships = true;
    t->rows = 0;
    t->total = relationships;
    conf.on_entity = on_relationship;
    if (scan_relationships(&conf, t->conf->types, err) < 0 || end_file(t, err) < 0)
        return hold_explain(err);
    phase_end(&t->conf->sink, "relationships", t->rows);
    t->manifest->nodes = census_sums(t->census)->nodes;
    t->manifest->relationships = census_sums(t->census)->relationships;
    t->manifest->digest = census_sums(t->census)->digest;
    return 0;
}

/* ---- what stands beside the data ---- */

static int keep_text(void *arg, size_t stmt, const json_t *row, struct err *err)
{
    (void)stmt, (void)err;
    json_array_append(arg, json_array_get(row, 0));
    return 0;
}

static int read_property_keys(struct take *t, json_t **out, struct err *err)
{
    static const char text[] = "CALL db.propertyKeys() YIELD propertyKey RETURN propertyKey";
    json_t *keys = json_array();
    struct tx_reader reader = {.on_row = keep_text, .arg = keys};
    struct tx_opts opts = {.read = true,
                           .server_limit_ms = KEYS_TIMEOUT_MS,
                           .deadline_ms = clock_mono_ms() + KEYS_TIMEOUT_MS,
                           .reader = &reader};
    struct buf json = {0};

    tx_add_stmt(&json, text, sizeof text - 1, NULL);
    struct tx_stmt stmt = {buf_str(&json), json.len};
    int rc = tx_commit(t->scan, &stmt, 1, &opts, NULL, err);
    buf_fini(&json);
    *out = keys;
    return rc;
}

static int read_database_id(struct take *t, struct err *err)
{
    struct tx_opts opts = {.read = true,
                           .server_limit_ms = KEYS_TIMEOUT_MS,
                           .deadline_ms = clock_mono_ms() + KEYS_TIMEOUT_MS};
    json_t *row = NULL;

    if (tx_query_row(t->scan, "CALL db.info() YIELD id RETURN id", NULL, &opts, &row, err) < 0)
        return -1;
    const char *id = json_string_value(json_array_get(row, 0));
    snprintf(t->manifest->database_id, sizeof t->manifest->database_id, "%s", id != NULL ? id : "");
    json_decref(row);
    return 0;
}

static void add_small_file(struct take *t, const struct sidecar_file *file)
{
    struct manifest_file *entry = manifest_add_file(t->manifest, file->name, MANIFEST_OTHER);

    entry->raw_bytes = entry->stored_bytes = (int64_t)file->text.len;
    hash_text(buf_str(&file->text), file->text.len, entry->raw_sha256);
    memcpy(entry->stored_sha256, entry->raw_sha256, sizeof entry->raw_sha256);
}

static int write_small_files(struct take *t, const json_t *schema, const json_t *keys,
                             struct err *err)
{
    struct sidecar_file files[SIDECAR_MAX];
    struct sidecar_conf conf = {.layout = t->conf->layout,
                                .compressed = t->conf->level > 0,
                                .database_id = t->manifest->database_id,
                                .label_sets = census_sums(t->census)->label_sets,
                                .types = census_sums(t->census)->types,
                                .property_keys = keys,
                                .schema = schema};
    size_t count = sidecar_make(&conf, files);
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        if (rc == 0)
            rc = buf_check(&files[i].text, files[i].name, err);
        if (rc == 0)
            rc = folder_write(t->folder, files[i].name, files[i].text.data, files[i].text.len, err);
        add_small_file(t, &files[i]);
        buf_fini(&files[i].text);
    }
    return rc;
}

static int list_data_files(struct take *t, struct err *err)
{
    struct pack_file *files;
    size_t count;

    if (pack_finish(t->pack, &files, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) { /* in the order in which end_file listed them */
        struct manifest_file *f = &t->manifest->files[i];
        f->raw_bytes = files[i].raw_bytes;
        f->stored_bytes = files[i].stored_bytes;
        memcpy(f->raw_sha256, files[i].raw_sha256, sizeof f->raw_sha256);
        memcpy(f->stored_sha256, files[i].stored_sha256, sizeof f->stored_sha256);
    }
    pack_free_files(files, count);
    return 0;
}

static void describe(struct take *t, const struct position *position, bool found)
{
    const struct take_conf *c = t->conf;
    struct manifest *m = t->manifest;

    hash_random_id(m->id);
    m->layout = c->layout;
    m->compressed = c->level > 0;
    m->part = c->labels != NULL || c->types != NULL;
    snprintf(m->program, sizeof m->program, "%s", c->program);
    snprintf(m->program_version, sizeof m->program_version, "%s", c->program_version);
    snprintf(m->server_version, sizeof m->server_version, "%s", c->server_version);
    snprintf(m->database, sizeof m->database, "%s", c->database);
    clock_text(clock_wall_ms(), m->started, sizeof m->started);
    m->has_position = found;
    if (!found)
        return;
    struct manifest_position *p = &m->position;
    snprintf(p->topic, sizeof p->topic, "%s", c->topic);
    p->next_offset = position->next_offset;
    p->last_offset = position->last_offset;
    memcpy(p->fingerprint, position->fingerprint, sizeof p->fingerprint);
    p->timestamp_ms = -1;
    position_outcome_text(position, p->outcome);
    p->since = position->since;
    snprintf(p->replica, sizeof p->replica, "%s", position->replica);
}

static int write_manifest(struct take *t, struct err *err)
{
    struct buf text = {0};

    t->manifest->label_sets = tally_json(census_sums(t->census)->label_sets, false);
    t->manifest->types = tally_json(census_sums(t->census)->types, true);
    clock_text(clock_wall_ms(), t->manifest->ended, sizeof t->manifest->ended);
    manifest_write(&text, t->manifest);
    int rc = buf_check(&text, MANIFEST_NAME, err);
    if (rc == 0)
        rc = folder_write(t->folder, MANIFEST_NAME, text.data, text.len, err);
    buf_fini(&text);
    return rc;
}

static int take(struct take *t, struct tx *hold, struct err *err)
{
    struct pack_conf pack = {.level = t->conf->level, .workers = t->conf->workers};
    struct position position = {0};
    json_t *schema = NULL, *keys = NULL;
    bool found;
    int rc = -1;

    if (folder_open(&t->folder, t->conf->dest, t->conf->replace, err) < 0 ||
        pack_open(&t->pack, &pack, err) < 0 ||
        hold_open(&t->hold, hold, t->conf->topic, t->conf->limit_ms, &position, &found, err) < 0)
        goto out;
    describe(t, &position, found);
    if (read_database_id(t, err) < 0 || schema_read(t->scan, &schema, err) < 0 ||
        scan_all(t, err) < 0 || read_property_keys(t, &keys, err) < 0 ||
        hold_check(t->hold, err) < 0)
        goto out;
    hold_close(t->hold); /* commands go on while files are finished */
    t->hold = NULL;
    if (found && t->conf->describe_position != NULL)
        t->conf->describe_position(t->conf->describe_arg, &t->manifest->position);
    if (list_data_files(t, err) < 0 || write_small_files(t, schema, keys, err) < 0 ||
        write_manifest(t, err) < 0)
        goto out;
    rc = folder_publish(t->folder, err);
out:
    json_decref(schema);
    json_decref(keys);
    return rc;
}

int take_snapshot(const struct take_conf *conf, struct tx *hold, struct tx *scan,
                  struct manifest *out, struct err *err)
{
    struct take t = {.conf = conf, .scan = scan, .manifest = out};

    *out = (struct manifest){0};
    int rc = take(&t, hold, err);
    pack_close(t.pack);
    hold_close(t.hold);
    census_close(t.census);
    folder_close(t.folder);
    buf_fini(&t.text);
    return rc;
}
