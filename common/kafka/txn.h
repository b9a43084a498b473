/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_TXN_H
#define CYPHERLOG_KAFKA_TXN_H

/* kafka/txn.h: a transactional producer: records and the offsets of the requests that they answer
 * become visible together or not at all (KIP-98, KIP-447). A txn belongs to one thread.
 *
 * Order of calls: txn_begin, txn_send and txn_send_offsets any number of times, txn_commit. What a
 * call returns says what to do next; in doubt nothing may be taken as committed. */

#include "kafka/group.h"
#include "kafka/lookup.h"

#include <stddef.h>
#include <stdint.h>

struct txn; /* opaque */

struct txn_conf {
    const struct kafka_conf *kafka;
    const char *transactional_id; /* copied; the newest user of it shuts out the older */
    const char *id_setting;       /* named when that happens: "INSTANCE_ID"; a literal */
    int64_t timeout_ms;           /* an unfinished transaction is aborted by the broker then */
    int64_t message_max_bytes;    /* largest record, key included */
    int64_t queue_bytes;          /* how much librdkafka may hold of a transaction */
};

enum txn_step {
    TXN_OK,
    TXN_ABORT,   /* txn_abort, then replay. err: ERR_POISON or ERR_CONFIG if a record is to blame */
    TXN_LOST,    /* txn_abort, then drop the work: the claim has ended */
    TXN_REBUILD, /* outcome unknown: close, open anew, read the committed offsets again */
    TXN_FENCED,  /* another process uses the transactional id: end the program */
    TXN_STOPPED, /* give_up() said so while Kafka did not answer */
};

/* Makes the handle; does not talk to Kafka yet. */
MUST_CHECK int txn_open(struct txn **out, const struct txn_conf *conf, struct err *err);

/* Frees the handle without waiting for what is under way. */
void txn_close(struct txn *txn);

/* Ends the transactions of the id's earlier users and shuts them out. Repeats while Kafka does not
 * answer, until give_up(arg). TXN_OK, TXN_REBUILD, TXN_FENCED or TXN_STOPPED. */
MUST_CHECK enum txn_step txn_init(struct txn *txn, struct err *err);

/* Asked between the tries of every call below; NULL: never. */
void txn_set_give_up(struct txn *txn, bool (*give_up)(void *arg), void *arg);

/* Looks at a topic before anything is sent to it: a record to an unknown topic would hold the
 * transaction for 30 s and then fail all of it. As lookup_ask. Outside a transaction only. */
MUST_CHECK int txn_look_up(struct txn *txn, const char *topic, struct lookup_topic *out,
                           struct err *err);
void txn_forget_topics(struct txn *txn);

struct txn_record {
    const char *topic, *key, *value;
    size_t key_len, value_len;
    bool alone; /* not in one batch with others: the topic takes less than a batch */
};

MUST_CHECK enum txn_step txn_begin(struct txn *txn, struct err *err);

/* Queues a copy; waits while the queue is full. */
MUST_CHECK enum txn_step txn_send(struct txn *txn, const struct txn_record *record,
                                  struct err *err);

/* Waits until all that was sent has arrived, until the transaction's time-out at most. */
MUST_CHECK enum txn_step txn_flush(struct txn *txn, struct err *err);

/* parts[0..n-1]: next offsets of the claim's topic, with metadata. */
MUST_CHECK enum txn_step txn_send_offsets(struct txn *txn, const struct group_claim *claim,
                                          const struct group_partition *parts, size_t n,
                                          struct err *err);

/* As txn_flush, and commits. Only TXN_OK says that it is committed. */
MUST_CHECK enum txn_step txn_commit(struct txn *txn, struct err *err);

/* After TXN_ABORT and TXN_LOST. TXN_OK: nothing of it will be seen. TXN_REBUILD too where records
 * are stuck in librdkafka. */
MUST_CHECK enum txn_step txn_abort(struct txn *txn, struct err *err);

/* A topic that takes less than this needs txn_record.alone. */
#define TXN_BATCH_BYTES 1000000

#endif
