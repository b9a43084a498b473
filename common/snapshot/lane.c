/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/lane.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define OUTAGE_MS 300000 /* how long a server that went away is waited for */
#define TELL_AFTER_MS 2000
#define LIMIT_TRIES 5 /* of a batch that meets a limit of the server, with nothing else there */

#define ANOTHER "another restore writes to this database: let one end, then run this again"

struct lane {
    struct lane_conf conf;
    struct queue *todo;
    pthread_t thread;
    bool started;
    struct backoff backoff;
    int64_t trouble_since; /* monotonic; 0: none */
    int limits_met;
    bool told;
};

static struct track_lane after(const struct lane *lane, const struct batch *b)
{
    struct track_lane now = lane->conf.was;

    now.batches++;
    if (batch_has_nodes(b)) {
        now.node_batches = now.batches;
        now.nodes += (int64_t)batch_rows(b);
    }
    return now;
}

/* ---- one try ---- */

/* Statement 0 is the lock, the last the advance. */
static int on_row(void *arg, size_t stmt, const json_t *row, struct err *err)
{
    struct batch *b = arg;

    if (stmt == 0 || stmt > batch_shapes(b))
        return 0;
    return batch_take_row(b, stmt - 1, row, err);
}

static int commit_plain(struct lane *lane, struct batch *b, const struct track_lane *now,
                        struct err *err)
{
    const struct lane_conf *c = &lane->conf;
    size_t n = batch_shapes(b) + 2;
    struct tx_failure failure = {.stmt = TX_UNKNOWN_STMT};
    struct tx_stmt *stmts = mem_alloc(n, sizeof *stmts);
    size_t *ends = mem_alloc(n, sizeof *ends);
    struct tx_reader reader = {.on_row = on_row, .arg = b};
    struct tx_opts opts = {.server_limit_ms = c->limit_ms, .reader = &reader};
    struct err why = {0};
    struct buf json = {0};

    for (size_t i = 0; i < n; i++) {
        if (i == 0)
            track_add_lock(&json, c->track, c->index, &c->was);
        else if (i < n - 1)
            batch_add_statement(&json, b, i - 1, c->prefix);
        else
            track_add_advance(&json, c->track, c->index, now);
        ends[i] = json.len;
    }
    int rc = buf_check(&json, "statements", err);
    for (size_t i = 0; i < n; i++) {
        size_t begin = i > 0 ? ends[i - 1] : 0;
        stmts[i] = (struct tx_stmt){buf_str(&json) + begin, ends[i] - begin};
    }
    if (rc == 0)
        rc = tx_commit(c->tx, stmts, n, &opts, &failure, &why);
    if (rc < 0 && why.class == ERR_POISON && failure.stmt == 0)
        err_set(err, ERR_GUARD, "restore.track", ANOTHER);
    else if (rc < 0 && err_is_set(&why))
        *err = why;
    buf_fini(&json);
    free(stmts);
    free(ends);
    return rc;
}

static int commit_typed(struct lane *lane, struct batch *b, const struct track_lane *now,
                        struct err *err)
{
    const struct lane_conf *c = &lane->conf;
    struct buf guard = {0}, params = {0}, json = {0};
    json_t *rows = NULL, *row;
    size_t i;

    track_add_typed(&guard, &params, c->track, c->index, &c->was, now);
    batch_add_typed_statement(&json, b, c->prefix, buf_str(&guard), buf_str(&params));
    int rc = buf_check(&json, "statement", err);
    if (rc == 0)
        rc = tx_query_typed(c->tx, buf_str(&json), json.len, &rows, err);
    json_array_foreach (rows, i, row)
        if (rc == 0)
            rc = batch_take_row(b, 0, row, err);
    json_decref(rows);
    buf_fini(&guard);
    buf_fini(&params);
    buf_fini(&json);
    return rc;
}

static int try_once(struct lane *lane, struct batch *b, const struct track_lane *now,
                    struct err *err)
{
    batch_forget(b);
    int rc = batch_is_typed(b) ? commit_typed(lane, b, now, err) : commit_plain(lane, b, now, err);
    return rc < 0 ? -1 : batch_check(b, err);
}

/* ---- until it is there ---- */

/* Waits before the next try; -1 with why when there is none. */
static int wait_out(struct lane *lane, const struct err *why, struct err *err)
{
    if (stop_check(err) < 0)
        return -1;
    if (lane->trouble_since == 0)
        lane->trouble_since = clock_mono_ms();
    int64_t lasts_ms = clock_mono_ms() - lane->trouble_since;
    if (why->class == ERR_SHRINK)
        lane->limits_met++;
    if (lasts_ms > OUTAGE_MS || lane->limits_met > LIMIT_TRIES) {
        *err = *why;
        return -1;
    }
    if (lasts_ms > TELL_AFTER_MS && !lane->told) { /* lanes that meet in a deadlock are no news */
        log_warn(log_event("restore-waits"), log_err(why));
        lane->told = true;
    }
    (void)stop_wait(backoff_next_ms(&lane->backoff, hash_random()));
    return stop_check(err);
}

/* 0: the batch is there; 1: it is not. */
static int settle(struct lane *lane, const struct track_lane *now, struct err *err)
{
    const struct lane_conf *c = &lane->conf;
    struct track_lane is = {0};
    struct err why = {0};
    bool found;

    while (track_read(c->tx, c->track, c->index, &is, &found, &why) < 0) {
        if (!err_heals(&why))
            *err = why;
        if (!err_heals(&why) || wait_out(lane, &why, err) < 0)
            return -1;
        err_clear(&why);
    }
    if (!found)
        return err_set(err, ERR_GUARD, "restore.track", ANOTHER);
    return is.batches == now->batches ? 0 : 1;
}

static int commit(struct lane *lane, struct batch *b, struct err *err)
{
    struct track_lane now = after(lane, b);
    int rc = 1;

    while (rc == 1) {
        struct err why = {0};
        rc = try_once(lane, b, &now, &why);
        if (rc == 0)
            break;
        switch (why.class) {
        case ERR_RETRY:
        case ERR_SHRINK:
            rc = wait_out(lane, &why, err) < 0 ? -1 : 1;
            break;
        case ERR_UNKNOWN:
            rc = wait_out(lane, &why, err) < 0 ? -1 : settle(lane, &now, err);
            if (rc == 0 && batch_has_nodes(b))
                err_set(err, ERR_RETRY, LANE_IDS_LOST, "Neo4j's answer with new ids was lost");
            break;
        default:
            *err = why;
            break;
        }
    }
    if (rc < 0)
        return -1;
    lane->conf.was = now;
    lane->trouble_since = lane->limits_met = 0;
    lane->told = false;
    backoff_reset(&lane->backoff);
    return err_is_set(err) ? -1 : 0;
}

static void *work(void *arg)
{
    struct lane *lane = arg;
    bool closed = false, good = true;

    while (good) {
        struct batch *batch = queue_pop(lane->todo, 1000, &closed);
        if (batch == NULL && closed)
            break;
        if (batch == NULL)
            continue;
        struct lane_result *result = mem_alloc(1, sizeof *result);
        struct err ignored = {0};
        result->batch = batch;
        good = commit(lane, batch, &result->err) == 0;
        if (queue_push_take(lane->conf.done, result, 1, &ignored) < 0)
            break;
    }
    queue_close(lane->todo);
    return NULL;
}

static void free_batch(void *item)
{
    batch_free(item);
}

int lane_open(struct lane **out, const struct lane_conf *conf, struct err *err)
{
    struct lane *lane = mem_alloc(1, sizeof *lane);

    lane->conf = *conf;
    lane->backoff = (struct backoff){.first_ms = 50, .cap_ms = 2000};
    lane->todo = queue_new(SIZE_MAX, 1, free_batch);
    int error = pthread_create(&lane->thread, NULL, work, lane);
    lane->started = error == 0;
    *out = lane;
    if (error == 0)
        return 0;
    lane_close(lane);
    *out = NULL;
    return err_set(err, ERR_FATAL, "thread", "a thread: %s", strerror(error));
}

void lane_close(struct lane *lane)
{
    if (lane == NULL)
        return;
    queue_close(lane->todo);
    if (lane->started)
        pthread_join(lane->thread, NULL);
    queue_free(lane->todo);
    free(lane);
}

bool lane_give_take(struct lane *lane, struct batch *batch)
{
    struct err ignored = {0};

    return queue_push_take(lane->todo, batch, batch_bytes(batch), &ignored) == 0;
}
