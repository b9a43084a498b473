/* SPDX-License-Identifier: Apache-2.0 */

/* db_sync/writer.c: a lost answer is never guessed at. The request may still be running, or wait
 * in a socket, so the position is read under its lock, which waits for it, and gets a new epoch,
 * which shuts it out if it arrives later still. */
#include "db_sync/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "neo4j/code.h"
#include "snapshot/hold.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_TRIES 3        /* commits that Neo4j refused, and the position confirms it */
#define AGAIN_MS 200          /* before what did not take effect is sent again */
#define ANSWER_GRACE_MS 60000 /* beyond the server's own limit */

void writer_init(struct writer *w, const struct options *options, struct setup *setup,
                 struct tx *tx, struct report *report)
{
    *w = (struct writer){.tx = tx,
                         .topic = setup_topic(&options->setup, options->command_topic),
                         .timeout_ms = options->transaction_timeout_ms,
                         .report = report};
    hash_random_id(w->owner);
    outage_init(&w->outage, setup, tx, report);
}

void writer_fini(struct writer *w)
{
    free(w->topic);
    free(w->stmts);
    buf_fini(&w->head);
    buf_fini(&w->tail);
    *w = (struct writer){0};
}

static int seize(struct writer *w, bool only_mine, struct err *err)
{
    struct err why = {0};
    struct position position;

    for (;;) {
        report_busy(w->report, true);
        int rc = position_seize(w->tx, w->topic, w->owner, w->serial++, only_mine, w->timeout_ms,
                                &position, &why);
        report_busy(w->report, false);
        if (rc == 0)
            break;
        if (outage_again(&w->outage, &why, err) < 0)
            return -1;
    }
    outage_over(&w->outage);
    w->position = position;
    return 0;
}

int writer_seize(struct writer *w, struct err *err)
{
    return seize(w, false, err);
}

int writer_settle(struct writer *w, struct err *err)
{
    return seize(w, true, err);
}

static int refuse_changed(const struct writer *w, const struct position *before, struct err *err)
{
    return err_set(err, ERR_GUARD, "position.changed",
                   "the position of this replica went from %" PRId64 " to %" PRId64
                   " and not by this db_sync: somebody changed the node __db_sync; wipe this "
                   "replica and start it anew",
                   before->next_offset, w->position.next_offset);
}

int writer_check(struct writer *w, struct err *err)
{
    struct err why = {0};
    struct position position = {0};
    bool found;

    while (position_read(w->tx, w->topic, &position, &found, &why) < 0)
        if (outage_again(&w->outage, &why, err) < 0)
            return -1;
    outage_over(&w->outage);
    if (found && strcmp(position.epoch, w->position.epoch) == 0)
        return 0;
    struct position before = w->position;
    if (writer_settle(w, err) < 0)
        return -1;
    return position_equal(&before, &w->position) ? 0 : refuse_changed(w, &before, err);
}

/* Fills w->stmts; returns their number. */
static size_t gather(struct writer *w, const struct rewrite_batch *batch,
                     const struct position *target)
{
    size_t n = batch != NULL ? batch->count : 0, count = n + 2;

    if (count > w->stmt_room) {
        w->stmts = mem_realloc(w->stmts, count, sizeof *w->stmts);
        w->stmt_room = count;
    }
    struct position next = *target;
    memcpy(next.epoch, w->position.epoch, sizeof next.epoch);
    buf_reset(&w->head);
    buf_reset(&w->tail);
    position_add_lock(&w->head, w->topic, &w->position);
    position_add_create(&w->tail, w->topic, &next);
    w->stmts[0] = (struct tx_stmt){buf_str(&w->head), w->head.len};
    for (size_t i = 0; i < n; i++)
        w->stmts[i + 1] = batch->stmts[i];
    w->stmts[count - 1] = (struct tx_stmt){buf_str(&w->tail), w->tail.len};
    return count;
}

static struct writer_fault fault_of(const struct rewrite_batch *batch,
                                    const struct tx_failure *failure)
{
    size_t stmt = failure->stmt;

    if (stmt == TX_UNKNOWN_STMT)
        return (struct writer_fault){.what = WRITER_UNKNOWN};
    if (stmt == 0 || stmt > batch->count)
        return (struct writer_fault){.what = WRITER_COMMIT};
    return (struct writer_fault){WRITER_COMMANDS, rewrite_fault(batch, stmt - 1, failure->rows)};
}

enum settled { SETTLED_COMMITTED, SETTLED_NOT, SETTLED_FAILED };

static enum settled settle(struct writer *w, const struct position *target, struct err *err)
{
    const struct position before = w->position;

    if (writer_settle(w, err) < 0)
        return SETTLED_FAILED;
    if (position_equal(&w->position, target))
        return SETTLED_COMMITTED;
    if (position_equal(&w->position, &before))
        return SETTLED_NOT;
    refuse_changed(w, &before, err);
    return SETTLED_FAILED;
}

/* True when the error says nothing about the commands: the first statement failed, which is ours.
 * ArithmeticError there is the fence; a time-out there waited for somebody else's lock. A request
 * that could not be read is another matter: any of its statements may be the reason. */
static bool failed_at_lock(const struct err *why, size_t stmt)
{
    return stmt == 0 && strncmp(why->code, "Neo.", 4) == 0 &&
           strncmp(why->code, "Neo.ClientError.Request.", 24) != 0;
}

/* A trigger, a full disk, a constraint that somebody made: nothing that the commands did. */
static int refuse_position(const struct err *why, struct err *err)
{
    *err = *why;
    err->class = ERR_GUARD;
    return err_wrap(err, "Neo4j does not take the position, the node __db_sync; see to the cause, "
                         "then start again");
}

/* What a commit waits for while a snapshot holds the replica is its own last statement, and a limit
 * that ends the wait says nothing about the commands before it. */
static bool was_held(struct writer *w, const struct err *why)
{
    char setting[CODE_LIMIT_SIZE];
    struct err ignored = {0};
    bool held = report_was_held(w->report);

    if (!code_limit(why->code, why->text, "", setting))
        return false;
    if (!held && hold_seen(w->tx, &held, &ignored) < 0)
        return false;
    if (held)
        report_held(w->report, true);
    return held;
}

/* Who ended the wait, and what a person may do. */
static void name_limit(struct err *why, bool held)
{
    char setting[CODE_LIMIT_SIZE];

    if (!code_limit(why->code, why->text, "TRANSACTION_TIMEOUT", setting))
        return;
    if (held)
        err_wrap(why,
                 "%s ends the wait for a snapshot, which goes on; it is tried again until the "
                 "snapshot has ended, a higher limit saves that",
                 setting);
    else
        err_wrap(why, "%s ended a transaction", setting);
}

/* 4.4 says so when the data forbids the commit, such as a deleted node that has relationships; any
 * version may, when a commit went wrong half way. The position tells which; what is refused again
 * and again is refused by the data. */
static bool is_commit_failure(const struct err *why)
{
    return strcmp(why->code, "Neo.DatabaseError.Transaction.TransactionCommitFailed") == 0;
}

int writer_commit(struct writer *w, const struct rewrite_batch *batch,
                  const struct position *target, struct writer_fault *fault, struct err *err)
{
    bool none = batch == NULL || batch->count == 0; /* the position alone */

    for (int refused = 0;;) {
        struct err why = {0};
        struct tx_failure failure = {0};
        size_t count = gather(w, batch, target);
        struct tx_opts opts = {.which = w->which,
                               .server_limit_ms = w->timeout_ms,
                               .deadline_ms = clock_mono_ms() + w->timeout_ms + ANSWER_GRACE_MS};

        report_busy(w->report, true);
        int rc = tx_commit(w->tx, w->stmts, count, &opts, &failure, &why);
        report_busy(w->report, false);
        if (rc == 0) {
            char epoch[sizeof w->position.epoch];
            w->held = report_was_held(w->report);
            outage_over(&w->outage);
            memcpy(epoch, w->position.epoch, sizeof epoch);
            w->position = *target;
            memcpy(w->position.epoch, epoch, sizeof epoch);
            return 0;
        }
        size_t stmt = failure.stmt;
        w->held = was_held(w, &why);
        bool lock = w->held || failed_at_lock(&why, stmt);
        name_limit(&why, w->held);
        if (why.class == ERR_UNKNOWN || (lock && why.class == ERR_POISON)) {
            if (why.class == ERR_UNKNOWN)
                log_info(log_event("commit_unknown"), log_int("offset", w->position.next_offset),
                         log_err(&why));
            enum settled settled = settle(w, target, err);
            if (settled != SETTLED_NOT)
                return settled == SETTLED_COMMITTED ? 0 : -1;
            if (is_commit_failure(&why) && ++refused == COMMIT_TRIES) {
                fault->what = WRITER_COMMIT;
                return err_set(err, ERR_POISON, why.code, "%s", why.text);
            }
            if (stop_wait(AGAIN_MS << (refused < 5 ? refused : 5))) /* never a busy loop */
                return stop_check(err);
        } else if (why.class == ERR_RETRY || why.class == ERR_CONFIG || lock) {
            if (outage_wait(&w->outage, &why, err) < 0)
                return -1;
        } else if (none && !w->which) { /* is it the fence? */
            w->which = true;
        } else if (!none && stmt == count - 1 && why.class == ERR_SHRINK) { /* of all together */
            fault->what = WRITER_COMMIT;
            *err = why;
            return -1;
        } else if (none || stmt == count - 1) { /* our own statement: no verdict on a command */
            return refuse_position(&why, err);
        } else {
            *fault = fault_of(batch, &failure);
            *err = why;
            return -1;
        }
    }
}
