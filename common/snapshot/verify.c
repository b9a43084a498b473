/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/verify.h"

#include "cypher/name.h"
#include "neo4j/value.h"
#include "snapshot/census.h"

#include <inttypes.h>
#include <string.h>

#define SMALL_BYTES_MAX ((size_t)256 << 20)
#define NODES_HINT_MAX (1 << 20)

struct verify {
    const struct verify_conf *conf;
    struct verify_result *result;
    struct census *census;
    bool relationships; /* the kind in hand */
};

static void tell(const struct verify *v)
{
    const struct manifest *m = &v->conf->source->manifest;
    const struct census_sums *sums = census_sums(v->census);
    int64_t done = v->relationships ? sums->relationships : sums->nodes;

    phase_tell(&v->conf->sink, v->relationships ? "relationships" : "nodes", done,
               v->relationships ? m->relationships : m->nodes);
}

static int on_relationship(struct verify *v, const struct entity *e, struct err *err)
{
    struct census_ends ends;

    if (census_add_relationship(v->census, e, &ends))
        return 0;
    bool from = ends.start == NULL;
    return err_set(err, ERR_DAMAGED, "snapshot.dangling",
                   "a relationship %s node_id %" PRId64 ", which is no node of this snapshot",
                   from ? "from" : "to", from ? e->start : e->end);
}

/* A server may not take them. */
static void count_bytes(struct verify *v, const struct entity *e)
{
    struct verify_result *r = v->result;

    for (size_t i = 0; i < e->property_count; i++) {
        const struct entity_property *p = &e->properties[i];
        if (*entity_text(e, p->value) != VALUE_BYTES || r->bytes_properties++ > 0)
            continue;
        char who[64];
        struct buf text = {0};
        entity_name(e, who, sizeof who);
        name_add_quoted(&text, entity_text(e, p->key), p->key.len);
        buf_addf(&text, " of %s", who);
        err_copy_text(r->bytes_example, sizeof r->bytes_example, buf_str(&text));
        buf_fini(&text);
    }
}

static int on_entity(void *arg, const struct entity *e, struct err *err)
{
    struct verify *v = arg;

    tell(v);
    count_bytes(v, e);
    if (v->relationships)
        return on_relationship(v, e, err);
    int rc = census_add_node(v->census, e, NULL, err);
    return rc == 1 ? err_set(err, ERR_DAMAGED, "snapshot.twice",
                             "node_id %" PRId64 " is there twice", e->id)
                   : rc;
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
    struct rows_result got;

    if (source_read(s, f, on_entity, v, &got, err) < 0 || compare_file(s, f, &got, err) < 0)
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
    if (kind == MANIFEST_NODES)
        phase_end(&v->conf->sink, "nodes", census_sums(v->census)->nodes);
    if (kind == MANIFEST_RELATIONSHIPS)
        phase_end(&v->conf->sink, "relationships", census_sums(v->census)->relationships);
    return 0;
}

static int compare_sums(const struct census_sums *sums, const struct manifest *m, struct err *err)
{
    json_t *sets = tally_json(sums->label_sets, false), *types = tally_json(sums->types, true);
    bool same = json_equal(sets, m->label_sets) && json_equal(types, m->types);

    json_decref(sets);
    json_decref(types);
    if (m->nodes != sums->nodes || m->relationships != sums->relationships)
        return err_set(err, ERR_DAMAGED, "snapshot.counts",
                       "%" PRId64 " nodes and %" PRId64 " relationships; the manifest says %" PRId64
                       " and %" PRId64,
                       sums->nodes, sums->relationships, m->nodes, m->relationships);
    if (!same)
        return err_set(err, ERR_DAMAGED, "snapshot.counts",
                       "the counts of label sets or types are not what the manifest says");
    if (!digest_equal(&m->digest, &sums->digest))
        return err_set(err, ERR_DAMAGED, "snapshot.digest",
                       "the digest of the graph is not what the manifest says");
    return 0;
}

/* A foreign one names no files but those of the data. */
static int check_foreign_schema(const struct source *s, struct err *err)
{
    json_t *left_out = json_array(), *schema = s->foreign ? source_schema(s, left_out, err) : NULL;

    json_decref(left_out);
    json_decref(schema);
    return err_is_set(err) ? -1 : 0;
}

int verify_snapshot(const struct verify_conf *conf, struct verify_result *out, struct err *err)
{
    struct verify v = {.conf = conf, .result = out};
    int64_t nodes = conf->source->manifest.nodes;
    int rc = -1;

    *out = (struct verify_result){0};
    /* the manifest's number is a hint, and not to be trusted: the table grows */
    if (census_open(&v.census, conf->work, nodes < NODES_HINT_MAX ? (size_t)nodes : NODES_HINT_MAX,
                    err) < 0)
        return -1;
    if (check_kind(&v, MANIFEST_OTHER, err) == 0 && check_foreign_schema(conf->source, err) == 0 &&
        check_kind(&v, MANIFEST_NODES, err) == 0 &&
        check_kind(&v, MANIFEST_RELATIONSHIPS, err) == 0)
        rc = conf->source->foreign
                 ? 0
                 : compare_sums(census_sums(v.census), &conf->source->manifest, err);
    out->nodes = census_sums(v.census)->nodes;
    out->relationships = census_sums(v.census)->relationships;
    out->digest = census_sums(v.census)->digest;
    census_close(v.census);
    return rc;
}
