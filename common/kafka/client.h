/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_CLIENT_H
#define CYPHERLOG_KAFKA_CLIENT_H

/* kafka/client.h: what all of our librdkafka handles share: settings, security, logging, and what
 * an error code means. Only the modules of this room see librdkafka. */

#include "base/conf.h"
#include "base/err.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdint.h>

/* Settings from the program's options; borrowed, must outlive every handle. */
struct kafka_conf {
    const char *brokers;
    const char *username, *password; /* both set: SASL_SSL with SCRAM-SHA-256 */
    const char *client_id;
    const struct conf_pairs *extra; /* --kafka name=value, KAFKA_…; NULL: none */
};

struct kafka_setting {
    const char *name, *value; /* name NULL ends a list */
};

/* A value that differs from librdkafka's default, and that a person may change. */
struct kafka_preset {
    const char *name, *value; /* name NULL ends a list */
    int since;                /* the version, as rd_kafka_version, that knows it; 0: all do */
};

/* Knows fetch.queue.backoff.ms: how long a fetch waits that found the queue full, a second by
 * default and before. */
#define CLIENT_FETCH_BACKOFF 0x02020000

/* What librdkafka told of by itself, such as a refused login. Lives as long as the handle. Code and
 * text are written inside our own polls, so they belong to the handle's thread. */
struct kafka_health {
    rd_kafka_resp_err_t code; /* 0: none */
    char text[256];
    atomic_bool moved; /* a fetch found no such topic, or another leader: set on any thread */
    atomic_int refused_certificate; /* OpenSSL's reason, X509_V_ERR_…; 0: none: any thread */
    bool quiet;                     /* debug lines of librdkafka are for us alone */
};

/* A configuration with the presets of every handle and these, then the person's settings, then
 * owned on top: to override one of owned is ERR_CONFIG. Either list may be NULL. health becomes the
 * handle's opaque. The caller gives it to rd_kafka_new or destroys it. NULL with err. */
MUST_CHECK rd_kafka_conf_t *client_conf(const struct kafka_conf *conf,
                                        const struct kafka_setting *owned,
                                        const struct kafka_preset *presets,
                                        struct kafka_health *health, struct err *err);

/* Checks the person's pairs once at start, also those that only a producer would stumble over: an
 * unknown name given as a flag is ERR_CONFIG, one from the environment (KAFKA_HOME) is logged and
 * ignored. */
MUST_CHECK int client_check(const struct kafka_conf *conf, struct err *err);

/* Puts librdkafka's code into err, with its class and, where a person must act, what to do; what:
 * "command[0]", "topic fail". Always -1. */
int client_err(struct err *err, rd_kafka_resp_err_t code, const char *what);

/* The same with librdkafka's longer text. */
int client_err_text(struct err *err, rd_kafka_resp_err_t code, const char *what, const char *text);

/* The class of a librdkafka code. */
enum err_class client_class(rd_kafka_resp_err_t code);

/* A handle; takes conf, on failure too. NULL with err. */
MUST_CHECK rd_kafka_t *client_new_take(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                       struct err *err);

/* Waits until a broker answers: 0; ERR_RETRY after deadline_ms (monotonic), with the last reason;
 * ERR_CONFIG when it refuses the login or TLS; ERR_STOPPING. Before the handle consumes or
 * produces. */
MUST_CHECK int client_wait_broker(rd_kafka_t *rk, const struct kafka_health *health,
                                  const char *brokers, int64_t deadline_ms, struct err *err);

#endif
