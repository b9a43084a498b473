/* SPDX-License-Identifier: Apache-2.0 */

/* kafka/txn.c: every call of librdkafka's transaction API is judged in one place (judge), by the
 * order that its INTRODUCTION.md gives under "Transactional Producer": fatal, abort, retriable. */
#include "kafka/txn.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLD_TRIES 8                  /* of one call; the wait between two is 200 ms */
#define TOPICS_MAX 256                /* names that are remembered */
#define DEFAULT_MESSAGE_BYTES 1048588 /* Kafka's message.max.bytes */

#define SOCKET_TIMEOUT_MS 10000 /* as of every handle */
#define ABORT_MS 2000           /* until an abort that did not end is looked at */

struct txn {
    struct kafka_health health; /* first: librdkafka's opaque points to it and so to all of this */
    rd_kafka_t *rk;
    const char *id_setting;
    char *id;
    int64_t timeout_ms;
    int64_t begun_ms;   /* monotonic; 0: no transaction */
    struct err failure; /* of the first record of this transaction that was not delivered */
    bool (*give_up)(void *arg);
    void *give_up_arg;
    struct lookup *lookup; /* of topics */
};

/* Runs inside our polls. */
static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *arg)
{
    struct txn *txn = arg;

    (void)rk;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
        message->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        client_err(&txn->failure, message->err, rd_kafka_topic_name(message->rkt));
}

int txn_open(struct txn **out, const struct txn_conf *conf, struct err *err)
{
    char timeout[24], max_bytes[24], kbytes[24], socket[24];
    const struct kafka_setting owned[] = {{"transactional.id", conf->transactional_id},
                                          {"transaction.timeout.ms", timeout},
                                          {"enable.idempotence", "true"},
                                          {"message.max.bytes", max_bytes},
                                          {"batch.size", "1000000"}, /* TXN_BATCH_BYTES */
                                          {"queue.buffering.max.kbytes", kbytes},
                                          {"partitioner", "murmur2_random"},
                                          {NULL, NULL}};
    const struct kafka_preset presets[] = {
        /* A transaction right after another is told to wait; 100 ms is librdkafka's default. */
        {"retry.backoff.ms", "10", 0},
        /* librdkafka wants it to be no longer than the transaction's time-out. */
        {"socket.timeout.ms", socket, 0},
        {NULL, NULL, 0}};
    struct txn *txn = mem_alloc(1, sizeof *txn);

    snprintf(timeout, sizeof timeout, "%" PRId64, conf->timeout_ms);
    snprintf(max_bytes, sizeof max_bytes, "%" PRId64, conf->message_max_bytes);
    /* A record larger than the queue would never find room in it. */
    int64_t least = 2 * conf->message_max_bytes, queue = conf->queue_bytes;
    snprintf(kbytes, sizeof kbytes, "%" PRId64, (queue > least ? queue : least) / 1024);
    snprintf(socket, sizeof socket, "%" PRId64,
             conf->timeout_ms < SOCKET_TIMEOUT_MS ? conf->timeout_ms : SOCKET_TIMEOUT_MS);
    txn->id_setting = conf->id_setting;
    txn->id = mem_strdup(conf->transactional_id);
    txn->timeout_ms = conf->timeout_ms;
    rd_kafka_conf_t *rk_conf = client_conf(conf->kafka, owned, presets, &txn->health, err);
    if (rk_conf != NULL) {
        rd_kafka_conf_set_dr_msg_cb(rk_conf, on_report);
        txn->rk = client_new_take(RD_KAFKA_PRODUCER, rk_conf, err);
    }
    if (txn->rk == NULL) {
        txn_close(txn);
        return -1;
    }
    txn->lookup = lookup_new(txn->rk);
    *out = txn;
    return 0;
}

void txn_close(struct txn *txn)
{
    if (txn == NULL)
        return;
    lookup_free(txn->lookup);
    if (txn->rk != NULL) {
        rd_kafka_purge(txn->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_poll(txn->rk, 0);
        rd_kafka_destroy(txn->rk);
    }
    free(txn->id);
    free(txn);
}

void txn_set_give_up(struct txn *txn, bool (*give_up)(void *arg), void *arg)
{
    txn->give_up = give_up;
    txn->give_up_arg = arg;
}

/* A newer user of the id, or the broker, which aborts a transaction that is older than its
 * time-out and shuts its producer out by the same code: the age tells them apart. */
static enum txn_step fenced(const struct txn *txn, struct err *err)
{
    int64_t age_ms = txn->begun_ms > 0 ? clock_mono_ms() - txn->begun_ms : 0;

    if (age_ms >= txn->timeout_ms) {
        err_set(err, ERR_RETRY, "kafka.transaction-timeout",
                "a transaction of %" PRId64 " ms was ended by Kafka (limit %" PRId64 " ms)", age_ms,
                txn->timeout_ms);
        return TXN_REBUILD;
    }
    err_set(err, ERR_FENCED, "kafka.fenced",
            "another process uses the transactional id %s, and the newest wins: give each "
            "instance its own %s",
            txn->id, txn->id_setting);
    return TXN_FENCED;
}

static bool claim_ended(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
           code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

/* What error asks for; frees it. *again: the same call with the same arguments. */
static enum txn_step judge(struct txn *txn, rd_kafka_error_t *error, const char *what, bool *again,
                           struct err *err)
{
    enum txn_step step = TXN_REBUILD;
    rd_kafka_resp_err_t code;

    *again = false;
    if (error == NULL)
        return TXN_OK;
    code = rd_kafka_error_code(error);
    if (code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        what = txn->id; /* which an ACL must name */
    if (rd_kafka_error_is_fatal(error)) {
        char why[256];
        rd_kafka_resp_err_t cause = rd_kafka_fatal_error(txn->rk, why, sizeof why);
        if (client_class(code) == ERR_FENCED || client_class(cause) == ERR_FENCED)
            step = fenced(txn, err);
        else
            client_err_text(err, code, what, rd_kafka_error_string(error));
    } else if (rd_kafka_error_txn_requires_abort(error)) {
        step = claim_ended(code) ? TXN_LOST : TXN_ABORT;
        if (err_is_set(&txn->failure) && step == TXN_ABORT)
            err_set(err, txn->failure.class, txn->failure.code, "%s", txn->failure.text);
        client_err_text(err, code, what, rd_kafka_error_string(error));
    } else if (rd_kafka_error_is_retriable(error)) {
        *again = true;
        step = TXN_OK;
        client_err_text(err, code, what, rd_kafka_error_string(error));
    } else {
        client_err_text(err, code, what, rd_kafka_error_string(error));
    }
    rd_kafka_error_destroy(error);
    return step;
}

/* Between two tries of one call. Polls, for the callbacks that say why Kafka does not answer. */
static enum txn_step pause_for_retry(struct txn *txn, unsigned *tries, struct err *err)
{
    if (client_class(txn->health.code) == ERR_CONFIG)
        client_err_text(err, txn->health.code, "transaction", txn->health.text);
    if (++*tries == TOLD_TRIES) /* a broker that has just started says "not yet" a few times */
        log_warn(log_event("kafka_transaction_waits"), log_err(err));
    txn->health = (struct kafka_health){0};
    rd_kafka_poll(txn->rk, 200);
    if (txn->give_up != NULL && txn->give_up(txn->give_up_arg))
        return TXN_STOPPED;
    err_clear(err);
    return TXN_OK;
}

enum txn_step txn_init(struct txn *txn, struct err *err)
{
    enum txn_step step;
    unsigned tries = 0;
    bool again;

    do {
        /* A finite wait, so that a stop is seen; the call resumes what it began. */
        step =
            judge(txn, rd_kafka_init_transactions(txn->rk, 1000), "init_transactions", &again, err);
        if (again)
            step = pause_for_retry(txn, &tries, err);
    } while (again && step == TXN_OK);
    return step;
}

enum txn_step txn_begin(struct txn *txn, struct err *err)
{
    bool again;

    err_clear(&txn->failure);
    txn->begun_ms = 0;
    enum txn_step step =
        judge(txn, rd_kafka_begin_transaction(txn->rk), "begin_transaction", &again, err);
    txn->begun_ms = clock_mono_ms();
    return again ? TXN_REBUILD : step; /* begin does no I/O: there is nothing to wait for */
}

/* librdkafka may wait for ever for records of a transaction that has failed, or whose partition
 * went away: a report, or the transaction's own time-out, ends the wait. */
static enum txn_step check_waiting(struct txn *txn, struct err *err)
{
    if (err_is_set(&txn->failure)) {
        *err = txn->failure;
        return TXN_ABORT;
    }
    if (txn->give_up != NULL && txn->give_up(txn->give_up_arg))
        return TXN_STOPPED;
    if (clock_mono_ms() - txn->begun_ms > txn->timeout_ms) {
        err_set(err, ERR_RETRY, "kafka.transaction-timeout",
                "records did not reach Kafka within %" PRId64 " ms", txn->timeout_ms);
        return TXN_ABORT;
    }
    return TXN_OK;
}

enum txn_step txn_flush(struct txn *txn, struct err *err)
{
    enum txn_step step = TXN_OK;

    while (step == TXN_OK && rd_kafka_outq_len(txn->rk) > 0) {
        rd_kafka_flush(txn->rk, 50); /* runs the reports */
        step = check_waiting(txn, err);
    }
    return step;
}

/* Trap: a refused record (MSG_SIZE_TOO_LARGE here and now) does not fail the transaction, which
 * would then commit without it. So the result of each is checked. */
enum txn_step txn_send(struct txn *txn, const struct txn_record *r, struct err *err)
{
    enum txn_step step = TXN_OK;

    while (step == TXN_OK) {
        rd_kafka_resp_err_t rc = rd_kafka_producev(
            txn->rk, RD_KAFKA_V_TOPIC(r->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY((void *)(uintptr_t)r->key, r->key_len),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)r->value, r->value_len), RD_KAFKA_V_END);
        if (rc == RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        if (rc != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            client_err(err, rc, r->topic);
            return TXN_ABORT;
        }
        rd_kafka_poll(txn->rk, 50);
        step = check_waiting(txn, err);
    }
    if (step == TXN_OK && r->alone)
        step = txn_flush(txn, err);
    rd_kafka_poll(txn->rk, 0);
    return step;
}

enum txn_step txn_send_offsets(struct txn *txn, const struct group_claim *claim,
                               const struct group_partition *parts, size_t n, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    enum txn_step step;
    unsigned tries = 0;
    bool again;

    for (size_t i = 0; i < n; i++) {
        rd_kafka_topic_partition_t *part =
            rd_kafka_topic_partition_list_add(list, claim->topic, parts[i].partition);
        part->offset = parts[i].offset;
        part->metadata = mem_strdup(parts[i].metadata); /* librdkafka frees it with the list */
        part->metadata_size = strlen(parts[i].metadata);
    }
    do {
        step = judge(txn, rd_kafka_send_offsets_to_transaction(txn->rk, list, claim->member, -1),
                     "send_offsets_to_transaction", &again, err);
        if (again)
            step = pause_for_retry(txn, &tries, err);
    } while (again && step == TXN_OK);
    rd_kafka_topic_partition_list_destroy(list);
    return step;
}

/* Trap: a commit that times out is neither committed nor aborted, and the next begin would answer
 * _CONFLICT. The same call goes on with it, and waits as long as librdkafka allows (-1).
 * Trap: librdkafka 2.0.2 forgets the records of a partition that goes away (its topic was deleted),
 * and would wait for them without end: so what is sent arrives before. */
enum txn_step txn_commit(struct txn *txn, struct err *err)
{
    enum txn_step step = txn_flush(txn, err);
    unsigned tries = 0;
    bool again;

    if (step != TXN_OK)
        return step;
    do {
        step =
            judge(txn, rd_kafka_commit_transaction(txn->rk, -1), "commit_transaction", &again, err);
        if (again)
            step = pause_for_retry(txn, &tries, err);
    } while (again && step == TXN_OK);
    if (step == TXN_OK)
        txn->begun_ms = 0;
    return step;
}

/* Trap: the transaction after an abort may fail once more (OUT_OF_ORDER_SEQUENCE_NUMBER seen after
 * MSG_SIZE_TOO_LARGE): who replays must not blame a record for its first failure.
 * Trap: records that librdkafka has forgotten (txn_commit) hold up an abort too. Whatever else
 * there was went when it began, so a producer that still has some is of no use. */
enum txn_step txn_abort(struct txn *txn, struct err *err)
{
    enum txn_step step;
    unsigned tries = 0;
    bool again;

    err_clear(&txn->failure);
    do {
        step = judge(txn, rd_kafka_abort_transaction(txn->rk, ABORT_MS), "abort_transaction",
                     &again, err);
        if (again && rd_kafka_outq_len(txn->rk) > 0)
            return TXN_REBUILD;
        if (again)
            step = pause_for_retry(txn, &tries, err);
    } while (again && step == TXN_OK);
    txn->begun_ms = 0;
    return step == TXN_ABORT || step == TXN_LOST ? TXN_REBUILD : step;
}

int txn_look_up(struct txn *txn, const char *topic, struct lookup_topic *out, struct err *err)
{
    return lookup_ask(txn->lookup, topic, out, err);
}

void txn_forget_topics(struct txn *txn)
{
    lookup_forget(txn->lookup);
}
