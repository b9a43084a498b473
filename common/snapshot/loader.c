/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/loader.h"

#include "base/mem.h"
#include "snapshot/lane.h"
#include "snapshot/shape.h"

#include <inttypes.h>
#include <stdlib.h>

#define TYPED_ROWS 1000

struct loader {
    struct loader_conf conf;
    struct lane *lanes[TRACK_LANES_MAX];
    struct queue *done;
    struct batch *plain, *typed; /* that are being filled; NULL: none */
    int64_t batches;             /* cut so far */
    size_t outstanding;          /* given to lanes, result not taken */
};

static void free_result(void *item)
{
    struct lane_result *result = item;

    batch_free(result->batch);
    free(result);
}

int loader_open(struct loader **out, const struct loader_conf *conf, struct err *err)
{
    struct loader *l = mem_alloc(1, sizeof *l);

    l->conf = *conf;
    l->done = queue_new(SIZE_MAX, SIZE_MAX, free_result);
    for (size_t i = 0; i < conf->track->lanes; i++) {
        struct lane_conf lane = {.tx = conf->txs[i],
                                 .track = conf->track,
                                 .index = i,
                                 .was = conf->was[i],
                                 .prefix = conf->prefix,
                                 .limit_ms = conf->limit_ms,
                                 .done = l->done};
        if (lane_open(&l->lanes[i], &lane, err) < 0) {
            loader_close(l);
            return -1;
        }
    }
    *out = l;
    return 0;
}

void loader_close(struct loader *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->conf.track->lanes; i++)
        lane_close(l->lanes[i]);
    batch_free(l->plain);
    batch_free(l->typed);
    queue_free(l->done);
    free(l);
}

/* ---- what became of batches ---- */

static int keep_ids(struct loader *l, struct batch *b, struct err *err)
{
    struct batch_node *nodes = batch_nodes(b);

    for (size_t i = 0; batch_has_nodes(b) && i < batch_rows(b); i++) {
        struct idmap_node node = {.hash = nodes[i].hash, .tag = (uint64_t)nodes[i].made_id};
        int rc = idmap_add(l->conf.ids, nodes[i].id, &node, err);
        if (rc != 0)
            return rc < 0 ? -1
                          : err_set(err, ERR_DAMAGED, "snapshot.twice",
                                    "node_id %" PRId64 " is there twice", nodes[i].id);
    }
    return 0;
}

/* Takes results, and waits for all if wait is set. */
static int collect(struct loader *l, bool wait, struct err *err)
{
    while (l->outstanding > 0) {
        bool closed;
        struct lane_result *result = queue_pop(l->done, wait ? 1000 : 0, &closed);
        if (result == NULL && !wait)
            return 0;
        if (result == NULL)
            continue;
        l->outstanding--;
        int rc = err_is_set(&result->err) ? -1 : keep_ids(l, result->batch, err);
        if (err_is_set(&result->err))
            *err = result->err;
        free_result(result);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* The batch is in the database: of nodes, which ones they are. */
static int recall(struct loader *l, struct batch *b, struct err *err)
{
    struct batch_node *nodes = batch_nodes(b);

    for (size_t i = 0; batch_has_nodes(b) && i < batch_rows(b); i++)
        if (l->conf.pool == NULL ? idmap_find(l->conf.ids, nodes[i].id) == NULL
                                 : !pool_take(l->conf.pool, &nodes[i].hash, &nodes[i].made_id))
            return err_set(err, ERR_GUARD, "restore.mismatch",
                           "the database does not hold what an interrupted restore left in it: "
                           "somebody else wrote to it; the next restore begins anew");
    return l->conf.pool != NULL ? keep_ids(l, b, err) : 0;
}

/* ---- batches ---- */

/* Numbers the batch and hands it on. */
static int send_take(struct loader *l, struct batch **batch, struct err *err)
{
    struct batch *b = *batch;
    size_t lanes = l->conf.track->lanes, lane = (size_t)l->batches % lanes;
    bool there = l->batches / (int64_t)lanes < l->conf.was[lane].batches;

    *batch = NULL;
    l->batches++;
    if (there) {
        int rc = recall(l, b, err);
        batch_free(b);
        return rc;
    }
    l->outstanding++;
    if (lane_give_take(l->lanes[lane], b))
        return collect(l, false, err);
    l->outstanding--; /* its lane has ended: the result of an earlier batch says why */
    if (collect(l, true, err) == 0)
        err_set(err, ERR_FATAL, "restore.lane", "a connection ended without a reason");
    return -1;
}

static int send_full(struct loader *l, struct batch **batch, size_t rows, struct err *err)
{
    return batch_rows(*batch) >= rows || batch_bytes(*batch) >= LOADER_BYTES
               ? send_take(l, batch, err)
               : 0;
}

/* The batch for an entity. Those with BYTES, few as they are, have one of their own. */
static struct batch **batch_for(struct loader *l, const struct entity *e, struct err *err)
{
    bool typed = l->conf.typed && shape_bytes_count(e) > 0;
    struct batch **batch = typed ? &l->typed : &l->plain;

    if (*batch != NULL && !batch_takes(*batch, e) && send_take(l, batch, err) < 0)
        return NULL;
    if (*batch == NULL)
        *batch = batch_new(!e->relationship, typed);
    return batch;
}

static int added(struct loader *l, struct batch **batch, struct err *err)
{
    return send_full(l, batch, batch == &l->typed ? TYPED_ROWS : LOADER_ROWS, err);
}

int loader_add_node(struct loader *l, const struct entity *e, const struct digest *hash,
                    struct err *err)
{
    struct batch **batch = batch_for(l, e, err);

    if (batch == NULL)
        return -1;
    batch_add_node(*batch, e, hash);
    return added(l, batch, err);
}

int loader_add_relationship(struct loader *l, const struct entity *e, int64_t start, int64_t end,
                            struct err *err)
{
    struct batch **batch = batch_for(l, e, err);

    if (batch == NULL)
        return -1;
    batch_add_relationship(*batch, e, start, end);
    return added(l, batch, err);
}

int loader_flush(struct loader *l, struct err *err)
{
    if (l->plain != NULL && send_take(l, &l->plain, err) < 0)
        return -1;
    if (l->typed != NULL && send_take(l, &l->typed, err) < 0)
        return -1;
    return collect(l, true, err);
}
