/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_LANE_H
#define CYPHERLOG_SNAPSHOT_LANE_H

/* snapshot/lane.h: a thread that commits batches, one after another, each once: an outage is waited
 * out, and after a lost answer the database is asked whether it has the batch (track.h). */

#include "base/queue.h"
#include "snapshot/batch.h"
#include "snapshot/track.h"

struct lane; /* opaque */

struct lane_conf {
    struct tx *tx; /* the thread's own until lane_close */
    const struct track *track;
    size_t index;
    struct track_lane was; /* how far it is */
    const char *prefix;    /* of texts: tx_cypher_5; borrowed */
    int64_t limit_ms;      /* of a transaction */
    struct queue *done;    /* gets a struct lane_result for each batch */
};

/* free() it; its batch is the taker's. */
struct lane_result {
    struct batch *batch;
    /* Not set: committed. ERR_RETRY, LANE_IDS_LOST: committed, but the answer with the nodes' ids
     * was lost. Else it is not there, and the lane has ended. */
    struct err err;
};

#define LANE_IDS_LOST "restore.ids-lost"

MUST_CHECK int lane_open(struct lane **out, const struct lane_conf *conf, struct err *err);

/* Ends the thread; batches that wait are freed. */
void lane_close(struct lane *lane);

/* Gives it a batch; waits while another one waits. False: the lane has ended, the batch is freed.
 */
MUST_CHECK bool lane_give_take(struct lane *lane, struct batch *batch);

#endif
