/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/loader.c: a group for each shape that waits: its text, its rows, and of nodes what goes
 * into the map of ids. A transaction has a statement a group. */
#include "snapshot/loader.h"

#include "base/mem.h"
#include "neo4j/jolt.h"
#include "snapshot/shape.h"

#define uthash_malloc(size) mem_alloc(1, size)
#include <uthash.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Texts that are kept when nothing of them waits any more: a graph has few shapes, or too many. */
#define GROUPS_KEPT 1000

struct member {
    int64_t id;
    struct digest hash;
};

struct group {
    char *text;
    size_t text_len;
    struct buf rows; /* without brackets */
    size_t count;
    struct member *members; /* of nodes */
    size_t member_size;
    bool nodes;
    UT_hash_handle hh;
};

struct loader {
    struct loader_conf conf;
    struct idmap *ids;
    struct group *table;
    struct group **waiting; /* those with rows, in the order of their first */
    size_t waiting_count, waiting_size;
    size_t rows, bytes;
    int64_t lost;
    struct buf text;
};

struct loader *loader_new(const struct loader_conf *conf, struct idmap *ids)
{
    struct loader *l = mem_alloc(1, sizeof *l);

    l->conf = *conf;
    l->ids = ids;
    return l;
}

static void free_groups(struct loader *l)
{
    struct group *g, *next;

    HASH_ITER(hh, l->table, g, next)
    {
        HASH_DEL(l->table, g);
        free(g->text);
        free(g->members);
        buf_fini(&g->rows);
        free(g);
    }
}

void loader_free(struct loader *l)
{
    if (l == NULL)
        return;
    free_groups(l);
    free(l->waiting);
    buf_fini(&l->text);
    free(l);
}

static struct group *group_of(struct loader *l, const struct entity *e)
{
    struct group *g;

    buf_reset(&l->text);
    shape_add_text(&l->text, e, l->conf.prefix);
    HASH_FIND(hh, l->table, buf_str(&l->text), l->text.len, g);
    if (g == NULL) {
        g = mem_alloc(1, sizeof *g);
        g->text_len = l->text.len;
        g->text = mem_strndup(buf_str(&l->text), l->text.len);
        g->nodes = !e->relationship;
        HASH_ADD_KEYPTR(hh, l->table, g->text, g->text_len, g);
    }
    if (g->count == 0) {
        if (l->waiting_count == l->waiting_size) {
            l->waiting_size = l->waiting_size > 0 ? l->waiting_size * 2 : 16;
            l->waiting = mem_realloc(l->waiting, l->waiting_size, sizeof *l->waiting);
        }
        l->waiting[l->waiting_count++] = g;
    }
    return g;
}

static int refuse_answer(struct err *err)
{
    return err_set(err, ERR_FATAL, "restore.answer",
                   "Neo4j made other entities than it was asked to");
}

/* Of nodes [row, id()], of relationships [how many]. */
static int on_row(void *arg, size_t stmt, const json_t *row, struct err *err)
{
    struct loader *l = arg;
    struct group *g = stmt < l->waiting_count ? l->waiting[stmt] : NULL;
    int64_t n, id;

    if (g == NULL || !jolt_integer(json_array_get(row, 0), &n))
        return refuse_answer(err);
    if (!g->nodes)
        return n == (int64_t)g->count ? 0 : refuse_answer(err);
    if (n < 0 || (size_t)n >= g->count || !jolt_integer(json_array_get(row, 1), &id))
        return refuse_answer(err);
    struct idmap_node node = {.hash = g->members[n].hash, .tag = (uint64_t)id};
    int rc = idmap_add(l->ids, g->members[n].id, &node, err);
    return rc == 1 ? err_set(err, ERR_DAMAGED, "snapshot.twice",
                             "node_id %" PRId64 " is there twice", g->members[n].id)
                   : rc;
}

static void add_statement(struct buf *out, const struct group *g)
{
    buf_adds(out, "{\"statement\":");
    buf_add_json(out, g->text, g->text_len);
    buf_adds(out, ",\"parameters\":{\"rows\":[");
    buf_add(out, buf_str(&g->rows), g->rows.len);
    buf_adds(out, "]}}");
}

static int commit(struct loader *l, struct err *err)
{
    struct tx_reader reader = {.on_row = on_row, .arg = l};
    struct tx_opts opts = {.server_limit_ms = l->conf.limit_ms, .reader = &reader};
    struct tx_stmt *stmts = mem_alloc(l->waiting_count, sizeof *stmts);
    size_t *ends = mem_alloc(l->waiting_count, sizeof *ends), failed;
    struct buf json = {0};

    for (size_t i = 0; i < l->waiting_count; i++) {
        add_statement(&json, l->waiting[i]);
        ends[i] = json.len;
    }
    int rc = buf_check(&json, "statements", err);
    for (size_t i = 0; i < l->waiting_count; i++) {
        size_t begin = i > 0 ? ends[i - 1] : 0;
        stmts[i] = (struct tx_stmt){buf_str(&json) + begin, ends[i] - begin};
    }
    if (rc == 0)
        rc = tx_commit(l->conf.tx, stmts, l->waiting_count, &opts, &failed, err);
    buf_fini(&json);
    free(stmts);
    free(ends);
    return rc;
}

int loader_flush(struct loader *l, struct err *err)
{
    int rc = l->waiting_count > 0 ? commit(l, err) : 0;

    for (size_t i = 0; i < l->waiting_count; i++) {
        buf_reset(&l->waiting[i]->rows);
        l->waiting[i]->count = 0;
    }
    l->waiting_count = l->rows = l->bytes = 0;
    if (HASH_COUNT(l->table) > GROUPS_KEPT)
        free_groups(l);
    return rc;
}

static int added(struct loader *l, struct group *g, size_t before, struct err *err)
{
    g->count++;
    l->rows++;
    l->bytes += g->rows.len - before + (g->count == 1 ? g->text_len : 0);
    return l->rows >= l->conf.batch_rows || l->bytes >= l->conf.batch_bytes ? loader_flush(l, err)
                                                                            : 0;
}

int loader_add_node(struct loader *l, const struct entity *e, const struct digest *hash,
                    struct err *err)
{
    struct group *g = group_of(l, e);
    size_t before = g->rows.len;

    if (g->count == g->member_size) {
        g->member_size = g->member_size > 0 ? g->member_size * 2 : 64;
        g->members = mem_realloc(g->members, g->member_size, sizeof *g->members);
    }
    g->members[g->count] = (struct member){e->id, *hash};
    if (g->count > 0)
        buf_addc(&g->rows, ',');
    shape_add_row(&g->rows, e, (int64_t)g->count, 0, &l->lost);
    return added(l, g, before, err);
}

int loader_add_relationship(struct loader *l, const struct entity *e, int64_t start, int64_t end,
                            struct err *err)
{
    struct group *g = group_of(l, e);
    size_t before = g->rows.len;

    if (g->count > 0)
        buf_addc(&g->rows, ',');
    shape_add_row(&g->rows, e, start, end, &l->lost);
    return added(l, g, before, err);
}

int64_t loader_lost(const struct loader *l)
{
    return l->lost;
}
