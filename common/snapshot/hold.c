/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/hold.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "neo4j/code.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ASK_EVERY_MS 3000   /* Neo4j's own limit is 30 s, an operator's may be lower */
#define LOCK_WAIT_MS 600000 /* for a transaction of commands, or a schema command, that runs */
#define AGAIN_MS 200
#define ASK_TIMEOUT_MS 30000

struct hold {
    struct tx *tx;
    char *topic;
    struct position position;
    bool held; /* there is a position */
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool ending;      /* under mutex */
    atomic_bool lost; /* set by the thread, once */
    struct err why;   /* the thread's, read after it has ended */
};

static int check_held(struct hold *h, struct err *err)
{
    struct position now;
    bool found;

    if (position_held(h->tx, h->topic, &now, &found, err) < 0)
        return -1;
    if (found && position_equal(&now, &h->position) && strcmp(now.epoch, h->position.epoch) == 0)
        return 0;
    return err_set(err, ERR_GUARD, "snapshot.lock-lost",
                   "the position of the replica changed while it was held");
}

/* Waits for the next round; true: the end. */
static bool pause_until_next(struct hold *h)
{
    struct timespec until = clock_deadline(ASK_EVERY_MS);
    int rc = 0;

    pthread_mutex_lock(&h->mutex);
    while (!h->ending && rc == 0)
        rc = pthread_cond_timedwait(&h->wake, &h->mutex, &until);
    bool ending = h->ending;
    pthread_mutex_unlock(&h->mutex);
    return ending;
}

static void *keep_alive(void *arg)
{
    struct hold *h = arg;

    while (!pause_until_next(h))
        if (check_held(h, &h->why) < 0) {
            atomic_store(&h->lost, true);
            break;
        }
    return NULL;
}

static int start_thread(struct hold *h, struct err *err)
{
    int error = pthread_create(&h->thread, NULL, keep_alive, h);

    if (error != 0)
        return err_set(err, ERR_FATAL, "thread", "a thread: %s", strerror(error));
    h->started = true;
    return 0;
}

static void end_thread(struct hold *h)
{
    if (!h->started)
        return;
    pthread_mutex_lock(&h->mutex);
    h->ending = true;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->mutex);
    pthread_join(h->thread, NULL);
    h->started = false;
}

/* So that people who look at the server's transactions, and a db_sync whose transaction waits, see
 * what this one is. It goes with the transaction: nothing stale is left. Neo4j looks through all
 * transactions then, and fails when one of them ends meanwhile (seen on 5.26: ProcedureCallFailed
 * with NotInTransactionException, once in some hundred beside a busy db_sync): that heals. */
static int name_transaction(struct hold *h, struct err *err)
{
    json_t *row = NULL;
    int rc = tx_run_row(h->tx, "CALL tx.setMetaData({cypherlog: 'snapshot'})", NULL,
                        clock_mono_ms() + ASK_TIMEOUT_MS, &row, err);

    json_decref(row);
    if (rc < 0 && err->class == ERR_POISON)
        err->class = ERR_RETRY;
    return rc;
}

int hold_seen(struct tx *tx, bool *held, struct err *err)
{
    struct tx_opts opts = {.read = true,
                           .server_limit_ms = ASK_TIMEOUT_MS,
                           .deadline_ms = clock_mono_ms() + ASK_TIMEOUT_MS};
    json_t *row = NULL;
    int rc = tx_query_row(tx,
                          "SHOW TRANSACTIONS YIELD transactionId, metaData, status "
                          "WHERE metaData.cypherlog = 'snapshot' AND NOT status STARTS WITH "
                          "'Blocked' RETURN transactionId LIMIT 1",
                          NULL, &opts, &row, err);

    *held = row != NULL;
    json_decref(row);
    return rc;
}

int hold_explain(struct err *err)
{
    char setting[CODE_LIMIT_SIZE];

    if (!code_limit(err->code, err->text, "SNAPSHOT_TIMEOUT", setting))
        return -1;
    return err_wrap(err,
                    "%s ended a transaction of the snapshot: a limit must be longer than the "
                    "snapshot takes (0 at Neo4j: none)",
                    setting);
}

/* One try for the lock: 0 when it is held and no schema command is under way. ERR_RETRY, ERR_SHRINK
 * and ERR_UNKNOWN may heal: a deadlock, a limit that an operator set. */
static int try_lock(struct hold *h, int64_t limit_ms, struct err *err)
{
    bool found;

    if (tx_begin(h->tx, limit_ms, err) < 0 || name_transaction(h, err) < 0 ||
        position_hold(h->tx, h->topic, &h->position, &found, err) < 0)
        err_wrap(err, "waiting for the lock of the replica's position");
    else if (!found)
        err_set(err, ERR_GUARD, "position.missing", "the node __db_sync of topic %s is gone",
                h->topic);
    else if (h->position.intent_offset >= 0) /* what it did is known when it has ended */
        err_set(err, ERR_RETRY, "snapshot.schema-command",
                "a schema command is under way on this replica");
    else
        return 0;
    tx_rollback(h->tx);
    return -1;
}

static int lock(struct hold *h, int64_t limit_ms, struct err *err)
{
    int64_t deadline = clock_mono_ms() + LOCK_WAIT_MS;
    struct err why = {0};

    while (try_lock(h, limit_ms, &why) < 0) {
        if (stop_check(err) < 0)
            return -1;
        if (!err_heals(&why) || clock_mono_ms() > deadline) {
            *err = why;
            return hold_explain(err);
        }
        (void)stop_wait(AGAIN_MS);
        err_clear(&why);
    }
    return 0;
}

/* A wrong COMMAND_TOPIC or B_TOPIC_PREFIX must not pass for a database that follows no log: nothing
 * would keep it still. */
static int refuse_other(struct hold *h, struct err *err)
{
    char *other;

    if (h->held)
        return 0;
    if (position_other(h->tx, h->topic, &other, err) < 0)
        return -1;
    if (other != NULL)
        err_set(err, ERR_GUARD, "snapshot.other-log",
                "this database follows the log of topic %s, and COMMAND_TOPIC with B_TOPIC_PREFIX "
                "is %s: set them as its db_sync has them",
                other, h->topic);
    free(other);
    return err_is_set(err) ? -1 : 0;
}

int hold_open(struct hold **out, struct tx *tx, const char *topic, int64_t limit_ms,
              struct position *position, bool *found, struct err *err)
{
    struct hold *h = mem_alloc(1, sizeof *h);
    pthread_condattr_t monotonic;

    h->tx = tx;
    h->topic = mem_strdup(topic);
    pthread_mutex_init(&h->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (position_read(tx, topic, &h->position, &h->held, err) < 0 || refuse_other(h, err) < 0)
        goto fail;
    if (h->held && strcmp(h->position.state, "restoring") == 0) {
        err_set(err, ERR_GUARD, "snapshot.restoring",
                "this replica is being restored; a snapshot of it would be of a part");
        goto fail;
    }
    if (h->held &&
        (position_protect(tx, err) < 0 || lock(h, limit_ms, err) < 0 || start_thread(h, err) < 0))
        goto fail;
    *position = h->position;
    *found = h->held;
    *out = h;
    return 0;
fail:
    hold_close(h);
    return -1;
}

void hold_close(struct hold *h)
{
    if (h == NULL)
        return;
    end_thread(h);
    tx_rollback(h->tx);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->mutex);
    free(h->topic);
    free(h);
}

bool hold_is_lost(const struct hold *h)
{
    return atomic_load(&h->lost);
}

int hold_check(struct hold *h, struct err *err)
{
    struct err why = {0};

    if (!h->held)
        return 0;
    end_thread(h);
    if (atomic_load(&h->lost))
        why = h->why;
    else if (check_held(h, &why) == 0)
        return 0;
    hold_explain(&why);
    return err_set(err, ERR_GUARD, "snapshot.lock-lost",
                   "the lock that kept the replica still was lost: what was read is not one "
                   "moment; take the snapshot again, and look whether somebody ended the "
                   "transaction or set a limit for transactions (%s)",
                   why.text);
}
