/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_OPTIONS_H
#define GLOBAL_SERVER_OPTIONS_H

/* global_server/options.h: the settings of global_server: one table for parser, help and README. */

#include "ops/backup.h"
#include "ops/setup.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    COMMAND_RUN = 1,
    COMMAND_ASK = 2,
    COMMAND_SNAPSHOT = 4,
    COMMAND_VERIFY = 8,
    COMMAND_SHOW = 16,
    COMMAND_RESTORE = 32,
    COMMAND_EXPORT = 64,
};

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV };

enum rebalance_protocol { REBALANCE_EAGER, REBALANCE_COOPERATIVE };

struct server_conf {
    struct setup setup;
    char *group_id, *instance_id;
    bool static_member;
    int64_t rebalance_protocol; /* enum rebalance_protocol */
    char *request_topic, *response_topic, *command_topic, *fail_topic, *status_topic;
    char *reply_topics;
    int64_t reply_format; /* enum answer_format */
    int64_t workers, max_in_flight, page_rows, max_rows;
    int64_t max_key_rate; /* 0: any */
    int64_t max_reply_bytes, max_answer_bytes;
    int64_t query_timeout_ms, max_query_timeout_ms, transaction_timeout_ms, stop_timeout_ms,
        status_interval_ms;
    int64_t max_lag_ms;   /* 0: any */
    int64_t result_cache; /* bytes; 0: none */
    char *status_listen;  /* NULL: nowhere */
    /* ask */
    char *file, *params, *key;
    int64_t min_offset, max_age_ms, timeout_ms;
    bool csv;
    int64_t output; /* enum output; ask_run also looks at csv and json */
    int64_t repeat, interval_ms;
    struct backup_options backup;
    bool json; /* ask, and those about snapshots */
};

extern const struct conf_program server_program;

/* Whether Kafka takes the topics' names. ERR_CONFIG. */
MUST_CHECK int options_check_topics(const struct server_conf *conf, struct err *err);

#endif
