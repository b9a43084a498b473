/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_OPTIONS_H
#define CYPHERLOG_DB_SYNC_OPTIONS_H

/* db_sync/options.h: every setting of db_sync, from one table. */

#include "base/conf.h"
#include "base/json.h"
#include "cypher/freeze.h"
#include "ops/backup.h"
#include "ops/setup.h"

#include <stdint.h>

enum db_sync_command {
    DB_SYNC_RUN = 1,
    DB_SYNC_SEND = 2,
    DB_SYNC_STATUS = 4,
    DB_SYNC_TOPICS = 8,
    DB_SYNC_SKIP = 16,
    DB_SYNC_SNAPSHOT = 32,
    DB_SYNC_VERIFY = 64,
    DB_SYNC_SHOW = 128,
    DB_SYNC_RESTORE = 256,
    DB_SYNC_EXPORT = 512,
    DB_SYNC_EXPLAIN = 1024,
};

enum poison_policy { POISON_DEAD_LETTER, POISON_HALT };
enum divergence { DIVERGENCE_HALT, DIVERGENCE_WARN };

struct options {
    struct setup setup;
    char *group_id, *replica_id;
    char *command_topic, *request_topic, *response_topic, *fail_topic, *status_topic;
    int64_t max_command_bytes, prefetch_bytes, batch_count, batch_bytes, batch_time_ms;
    int64_t transaction_timeout_ms, status_interval_ms;
    char *status_listen;                      /* NULL: nowhere */
    char *notice_topic;                       /* RESPONSE_TOPIC when it is set; NULL: no notices */
    int64_t command_form;                     /* enum rewrite_form: the widest */
    int64_t poison_policy;                    /* enum poison_policy */
    int64_t divergence;                       /* enum divergence */
    int64_t nondeterminism, order_dependence; /* of freeze.h */
    int64_t adopt;                            /* OPTIONS_NO_OFFSET: not given */
    int64_t to_offset;                        /* the same */
    char *seed_from;                          /* NULL: not given */
    int64_t seed_timeout_ms;
    char *to_time;      /* as it was given; NULL: it was not */
    int64_t to_time_ms; /* options_check sets it; OPTIONS_NO_OFFSET without to_time */
    /* send */
    char *file, *key, *params;
    bool unchecked, dead_letters, dry_run, wait;
    char *offsets, *code;
    /* topics */
    int64_t replication_factor, request_partitions;
    struct backup_options backup;
    /* send, status, topics, and those about snapshots */
    bool json;
    int64_t timeout_ms;
};

#define OPTIONS_NO_OFFSET (-1)
#define OPTIONS_REPLICA_MAX 200

/* Room in a record beyond the command itself: key, headers and what Kafka adds; and a dead letter
 * that is cut must fit however small MAX_COMMAND_BYTES is. */
#define OPTIONS_RECORD_EXTRA 131072

extern const struct conf_program options_program;

/* The largest record that the command and the fail topic must take. */
int64_t options_record_bytes(const struct options *o);

/* Whether Kafka takes the topics' names. ERR_CONFIG. */
MUST_CHECK int options_check_topics(const struct options *o, struct err *err);

/* --params as a JSON object, a new reference; NULL where it is not given. ERR_USAGE. */
MUST_CHECK int options_params(const struct options *o, json_t **params, struct err *err);

/* What the table cannot say of the settings of run and skip. ERR_CONFIG. */
MUST_CHECK int options_check(struct options *o, struct err *err);

/* NONDETERMINISM and ORDER_DEPENDENCE. */
struct freeze_rules options_rules(const struct options *o);

/* REPLICA_ID, or GROUP_ID where it is not set. */
const char *options_replica(const struct options *o);

#endif
