/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/verify.h"

#include "snapshot/idmap.h"
#include "snapshot/layout_read.h"
#include "snapshot/rows.h"
#include "snapshot/tally.h"

#include <inttypes.h>
#include <string.h>

#define SMALL_BYTES_MAX ((size_t)256 << 20)
#define LOOK_EVERY 1024
#define NODES_HINT_MAX (1 << 20)

struct verify {
    const struct verify_conf *conf;
    struct verify_result *result;
    struct idmap *ids;
    struct hash *hash;
    struct entity entity;
    struct tally *label_sets, *types;
    bool relationships; /* the kind in hand */
};

static int64_t *count_of(struct verify *v)
{
    return v->relationships ? &v->result->relationships : &v->result->nodes;
}

static void tell(struct verify *v)
{
    const struct manifest *m = &v->conf->source->manifest;

    if (v->conf->on_progress != NULL && *count_of(v) % LOOK_EVERY == 0)
        v->conf->on_progress(v->conf->arg, v->relationships ? "relationships" : "nodes",
                             *count_of(v), v->relationships ? m->relationships : m->nodes);
}

static int check_node(struct verify *v, struct err *err)
{
    struct idmap_node node = {.hash = digest_entity(v->hash, &v->entity, NULL, NULL)};
    int rc = idmap_add(v->ids, v->entity.id, &node, err);

    if (rc == 1)
        return err_set(err, ERR_DAMAGED, "snapshot.twice", "node_id %" PRId64 " is there twice",
                       v->entity.id);
    tally_add(v->label_sets, &v->entity);
    digest_add(&v->result->digest, &node.hash);
    return rc;
}

static int check_relationship(struct verify *v, struct err *err)
{
    const struct entity *e = &v->entity;
    const struct idmap_node *start = idmap_find(v->ids, e->start),
                            *end = idmap_find(v->ids, e->end);

    if (start == NULL || end == NULL)
        return err_set(err, ERR_DAMAGED, "snapshot.dangling",
                       "a relationship %s node_id %" PRId64 ", which is no node of this snapshot",
                       start == NULL ? "from" : "to", start == NULL ? e->start : e->end);
    struct digest hash = digest_entity(v->hash, e, &start->hash, &end->hash);
    tally_add(v->types, e);
    digest_add(&v->result->digest, &hash);
    return 0;
}

static int on_row(void *arg, const struct tape *row, struct err *err)
{
    struct verify *v = arg;
    const struct source *source = v->conf->source;
    enum layout layout;

    tell(v);
    if (layout_read(row, 0, &v->entity, &layout, err) < 0)
        return -1;
    if (v->entity.relationship != v->relationships)
        return err_set(err, ERR_DAMAGED, "snapshot.kind", "a %s among %s",
                       v->relationships ? "node" : "relationship",
                       v->relationships ? "relationships" : "nodes");
    /* a row without properties to tell them apart is of either layout */
    if (layout != source->manifest.layout)
        return err_set(err, ERR_DAMAGED, "snapshot.layout", "a row in the %s layout, not the %s",
                       layout_name(layout), layout_name(source->manifest.layout));
    ++*count_of(v);
    return v->relationships ? check_relationship(v, err) : check_node(v, err);
}

static int refuse_file(const struct manifest_file *f, const char *what, struct err *err)
{
    return err_set(err, ERR_DAMAGED, "snapshot.file", "%s: %s", f->name, what);
}

/* A foreign file has nothing to be compared with. */
static int compare_file(const struct source *s, const struct manifest_file *f,
                        const struct rows_result *got, struct err *err)
{
    if (s->foreign)
        return 0;
    if (got->stored_bytes != f->stored_bytes)
        return refuse_file(f, "its size is not what the manifest says", err);
    if (strcmp(got->stored_sha256, f->stored_sha256) != 0)
        return refuse_file(f, "its SHA-256 is not what the manifest says", err);
    if (got->raw_bytes != f->raw_bytes || strcmp(got->raw_sha256, f->raw_sha256) != 0)
        return refuse_file(f, "its text is not what the manifest says", err);
    if (f->kind != MANIFEST_OTHER && got->rows != f->rows)
        return refuse_file(f, "it has more or fewer rows than the manifest says", err);
    return 0;
}

static int check_data_file(struct verify *v, const struct manifest_file *f, struct err *err)
{
    const struct source *s = v->conf->source;
    struct rows_conf conf = {.folder = s->fd,
                             .name = f->name,
                             .compressed = s->manifest.compressed,
                             .raw_limit = s->foreign ? -1 : f->raw_bytes,
                             .stored_limit = s->foreign ? -1 : f->stored_bytes,
                             .on_row = on_row,
                             .arg = v};
    struct rows_result got;

    if (rows_read(&conf, &got, err) < 0 || compare_file(s, f, &got, err) < 0)
        return -1;
    v->result->files++;
    v->result->bytes += got.stored_bytes;
    return 0;
}

static int check_small_file(struct verify *v, const struct manifest_file *f, struct err *err)
{
    struct rows_result got;
    struct buf text = {0};
    struct err why = {0};
    int rc = rows_read_text(v->conf->source->fd, f->name, SMALL_BYTES_MAX, &text, &got, err);

    if (rc == 0)
        rc = compare_file(v->conf->source, f, &got, err);
    json_t *value = rc == 0 ? json_parse(buf_str(&text), text.len, &why) : NULL;
    if (rc == 0 && value == NULL)
        rc = refuse_file(f, why.text, err);
    json_decref(value);
    buf_fini(&text);
    v->result->files++;
    v->result->bytes += got.stored_bytes;
    return rc;
}

static int check_kind(struct verify *v, enum manifest_kind kind, struct err *err)
{
    const struct manifest *m = &v->conf->source->manifest;

    v->relationships = kind == MANIFEST_RELATIONSHIPS;
    for (size_t i = 0; i < m->file_count; i++)
        if (m->files[i].kind == kind &&
            (kind == MANIFEST_OTHER ? check_small_file(v, &m->files[i], err)
                                    : check_data_file(v, &m->files[i], err)) < 0)
            return -1;
    return 0;
}

static int compare_tallies(struct verify *v, struct err *err)
{
    const struct manifest *m = &v->conf->source->manifest;
    json_t *sets = tally_json(v->label_sets, false), *types = tally_json(v->types, true);
    bool same = json_equal(sets, m->label_sets) && json_equal(types, m->types);

    json_decref(sets);
    json_decref(types);
    if (m->nodes != v->result->nodes || m->relationships != v->result->relationships)
        return err_set(err, ERR_DAMAGED, "snapshot.counts",
                       "%" PRId64 " nodes and %" PRId64 " relationships; the manifest says %" PRId64
                       " and %" PRId64,
                       v->result->nodes, v->result->relationships, m->nodes, m->relationships);
    if (!same)
        return err_set(err, ERR_DAMAGED, "snapshot.counts",
                       "the counts of label sets or types are not what the manifest says");
    if (!digest_equal(&m->digest, &v->result->digest))
        return err_set(err, ERR_DAMAGED, "snapshot.digest",
                       "the digest of the graph is not what the manifest says");
    return 0;
}

int verify_snapshot(const struct verify_conf *conf, struct verify_result *out, struct err *err)
{
    struct verify v = {.conf = conf,
                       .result = out,
                       .hash = hash_new(),
                       .label_sets = tally_new(),
                       .types = tally_new()};
    int rc = -1;

    /* a hint, and not to be trusted: the table grows */
    int64_t nodes = conf->source->manifest.nodes;
    *out = (struct verify_result){0};
    if (idmap_open(&v.ids, conf->work, nodes < NODES_HINT_MAX ? (size_t)nodes : NODES_HINT_MAX,
                   err) == 0 &&
        check_kind(&v, MANIFEST_OTHER, err) == 0 && check_kind(&v, MANIFEST_NODES, err) == 0 &&
        check_kind(&v, MANIFEST_RELATIONSHIPS, err) == 0)
        rc = conf->source->foreign ? 0 : compare_tallies(&v, err);
    idmap_close(v.ids);
    hash_free(v.hash);
    entity_fini(&v.entity);
    tally_free(v.label_sets);
    tally_free(v.types);
    return rc;
}
