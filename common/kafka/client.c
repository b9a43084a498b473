/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/client.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"

#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SCRAM_MENDED 0x02060100 /* librdkafka 2.6.1 */

static const struct kafka_preset of_every_handle[] = {
    {"socket.nagle.disable", "true", 0},
    {"socket.keepalive.enable", "true", 0},
    {"reconnect.backoff.ms", "100", 0},
    {"reconnect.backoff.max.ms", "2000", 0},
    {"topic.metadata.refresh.interval.ms", "30000", 0},
    {"log.connection.close", "false", 0},
    /* else asking whether a topic is there makes it, on brokers that let it, without its settings
     */
    {"allow.auto.create.topics", "false", 0},
    /* librdkafka 2.0.2 waits this long for an answer, whatever time-out a call was given */
    {"socket.timeout.ms", "10000", 0},
    {NULL, NULL, 0},
};

#define ASK_FOR_ACL "; the user at Kafka lacks an ACL: README, Security, lists them"
#define CHECK_LOGIN "; check B_USERNAME and B_PASSWORD"

/* Codes whose class differs from the default, and what a person must do. */
static const struct {
    rd_kafka_resp_err_t code;
    enum err_class class;
    const char *advice; /* NULL: none */
} rows[] = {
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, ERR_CONFIG, CHECK_LOGIN},
    {RD_KAFKA_RESP_ERR__SSL, ERR_CONFIG,
     "; check KAFKA_SSL_CA_LOCATION, the names in BROKERS and the broker's certificate"},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, ERR_CONFIG, NULL},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, ERR_CONFIG, CHECK_LOGIN},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERR_CONFIG, ASK_FOR_ACL},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ERR_CONFIG, ASK_FOR_ACL},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ERR_CONFIG, ASK_FOR_ACL},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, ERR_CONFIG, ASK_FOR_ACL},
    {RD_KAFKA_RESP_ERR__FENCED, ERR_FENCED, NULL},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, ERR_FENCED, NULL},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, ERR_FENCED, NULL},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, ERR_FENCED, NULL},
    {RD_KAFKA_RESP_ERR__FATAL, ERR_FATAL, NULL},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ERR_POISON, NULL},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, ERR_POISON, NULL},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ERR_CONFIG, NULL},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, ERR_CONFIG, NULL},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, ERR_CONFIG, NULL},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, ERR_CONFIG, NULL},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, ERR_CONFIG, NULL},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ERR_CONFIG, NULL},
    {RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, ERR_GUARD, NULL},
    {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, ERR_GUARD, NULL},
};

enum err_class client_class(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code)
            return rows[i].class;
    return ERR_RETRY;
}

/* Only tells of broken connections, which librdkafka mends by itself. */
static bool is_outage(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
           code == RD_KAFKA_RESP_ERR__RESOLVE || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

static const char *advice(rd_kafka_resp_err_t code)
{
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION && rd_kafka_version() < SCRAM_MENDED)
        return CHECK_LOGIN ", and mind that this librdkafka is older than 2.6.1, whose SCRAM "
                           "Kafka 4 refuses: README, Security";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code && rows[i].advice != NULL)
            return rows[i].advice;
    return "";
}

int client_err_text(struct err *err, rd_kafka_resp_err_t code, const char *what, const char *text)
{
    char name[80];

    snprintf(name, sizeof name, "kafka.%s", rd_kafka_err2name(code));
    return err_set(err, client_class(code), name, "%s: %s%s", what,
                   text != NULL && *text != '\0' ? text : rd_kafka_err2str(code), advice(code));
}

int client_err(struct err *err, rd_kafka_resp_err_t code, const char *what)
{
    return client_err_text(err, code, what, NULL);
}

/* librdkafka calls this on any of its threads. Its own levels are syslog's. Connections that come
 * and go are its business until our own waiting says so. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct kafka_health *health = rd_kafka_opaque(rk);

    if (health != NULL && strcmp(facility, "BROKERUA") == 0)
        atomic_store(&health->moved, true);
    if (health != NULL && health->quiet && level >= 7)
        return;
    if (level <= 2)
        log_error(log_event("kafka_client"), log_str("facility", facility), log_str("text", text));
    else if (level <= 3 && strcmp(facility, "FAIL") != 0 && strcmp(facility, "ERROR") != 0 &&
             strcmp(facility, "SSLCERTVRFY") != 0)
        log_warn(log_event("kafka_client"), log_str("facility", facility), log_str("text", text));
    else
        log_debug(log_event("kafka_client"), log_str("facility", facility), log_str("text", text));
}

static int set(rd_kafka_conf_t *rk_conf, const char *name, const char *value, struct err *err)
{
    char why[256];

    switch (rd_kafka_conf_set(rk_conf, name, value, why, sizeof why)) {
    case RD_KAFKA_CONF_OK:
        return 0;
    case RD_KAFKA_CONF_UNKNOWN:
        return err_set(err, ERR_CONFIG, "config.kafka-unknown",
                       "--kafka %s: librdkafka %s knows no such property", name,
                       rd_kafka_version_str());
    default:
        return err_set(err, ERR_CONFIG, "config.kafka-value", "--kafka %s: %s", name, why);
    }
}

static int set_list(rd_kafka_conf_t *rk_conf, const struct kafka_setting *list, struct err *err)
{
    for (; list->name != NULL; list++)
        if (set(rk_conf, list->name, list->value, err) < 0)
            return -1;
    return 0;
}

static int set_presets(rd_kafka_conf_t *rk_conf, const struct kafka_preset *list, struct err *err)
{
    for (; list != NULL && list->name != NULL; list++)
        if (rd_kafka_version() >= list->since && set(rk_conf, list->name, list->value, err) < 0)
            return -1;
    return 0;
}

static bool owns(const struct kafka_setting *owned, const char *name)
{
    static const char *const always[] = {"bootstrap.servers",
                                         "metadata.broker.list",
                                         "acks",
                                         "request.required.acks",
                                         "enable.idempotence",
                                         "transactional.id",
                                         "isolation.level",
                                         "enable.auto.commit",
                                         "auto.commit.enable",
                                         "auto.offset.reset",
                                         NULL};

    for (size_t i = 0; always[i] != NULL; i++)
        if (strcmp(always[i], name) == 0)
            return true;
    for (; owned != NULL && owned->name != NULL; owned++)
        if (strcmp(owned->name, name) == 0)
            return true;
    return false;
}

/* Consumer properties are unknown to nobody: librdkafka only warns, so one list serves both. */
static int set_extra(rd_kafka_conf_t *rk_conf, const struct conf_pairs *extra,
                     const struct kafka_setting *owned, struct err *err)
{
    for (size_t i = 0; extra != NULL && i < extra->count; i++) {
        const struct conf_pair *pair = &extra->pairs[i];
        struct err why = {0};
        if (owns(owned, pair->name))
            return err_set(err, ERR_CONFIG, "config.kafka-owned",
                           "--kafka %s=%s%s: cypherlog sets this property itself, its promises "
                           "depend on it; leave it out",
                           pair->name, pair->value,
                           pair->from_environment ? ", from a KAFKA_… variable" : "");
        if (set(rk_conf, pair->name, pair->value, &why) == 0)
            continue;
        if (pair->from_environment && strcmp(why.code, "config.kafka-unknown") == 0)
            continue; /* client_check has told of it */
        *err = why;
        return -1;
    }
    return 0;
}

static int set_security(rd_kafka_conf_t *rk_conf, const struct kafka_conf *conf, struct err *err)
{
    const struct kafka_setting scram[] = {{"security.protocol", "SASL_SSL"},
                                          {"sasl.mechanisms", "SCRAM-SHA-256"},
                                          {"sasl.username", conf->username},
                                          {"sasl.password", conf->password},
                                          {NULL, NULL}};

    if (conf->username == NULL && conf->password == NULL)
        return 0;
    if (conf->username == NULL || conf->password == NULL)
        return err_set(err, ERR_CONFIG, "config.kafka-login",
                       "B_USERNAME and B_PASSWORD must both be set, or neither");
    return set_list(rk_conf, scram, err);
}

/* Librdkafka's own error does not tell an expired certificate from a strange one. Runs on any
 * thread, for each certificate of the chain. The verdict stays OpenSSL's. */
static int on_certificate(rd_kafka_t *rk, const char *broker, int32_t id, int *x509_error,
                          int depth, const char *der, size_t size, char *why, size_t why_size,
                          void *arg)
{
    struct kafka_health *health = arg;

    (void)rk, (void)broker, (void)id, (void)depth, (void)der, (void)size;
    if (*x509_error == X509_V_OK)
        return 1;
    if (health != NULL)
        atomic_store(&health->refused_certificate, *x509_error);
    snprintf(why, why_size, "%s", X509_verify_cert_error_string(*x509_error));
    return 0;
}

/* Runs inside our polls. Lost connections are librdkafka's business until a wait of ours says so;
 * the first refusal is kept, since what follows it is only noise. */
static void on_error(rd_kafka_t *rk, int code, const char *text, void *arg)
{
    struct kafka_health *health = arg;

    (void)rk;
    if (!is_outage(health->code) && health->code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && is_outage(health->code))
        return; /* what came before says why */
    health->code = (rd_kafka_resp_err_t)code;
    int refused = code == RD_KAFKA_RESP_ERR__SSL
                      ? atomic_exchange(&health->refused_certificate, X509_V_OK)
                      : X509_V_OK;
    if (refused != X509_V_OK)
        snprintf(health->text, sizeof health->text, "the broker's certificate is refused: %s",
                 X509_verify_cert_error_string(refused));
    else
        snprintf(health->text, sizeof health->text, "%s", text);
}

rd_kafka_conf_t *client_conf(const struct kafka_conf *conf, const struct kafka_setting *owned,
                             const struct kafka_preset *presets, struct kafka_health *health,
                             struct err *err)
{
    rd_kafka_conf_t *rk_conf = rd_kafka_conf_new();

    rd_kafka_conf_set_log_cb(rk_conf, on_log);
    rd_kafka_conf_set_error_cb(rk_conf, on_error);
    rd_kafka_conf_set_ssl_cert_verify_cb(rk_conf, on_certificate);
    rd_kafka_conf_set_opaque(rk_conf, health);
    if (set(rk_conf, "bootstrap.servers", conf->brokers, err) < 0 ||
        set(rk_conf, "client.id", conf->client_id, err) < 0 ||
        set_presets(rk_conf, of_every_handle, err) < 0 || set_presets(rk_conf, presets, err) < 0 ||
        set_security(rk_conf, conf, err) < 0 || set_extra(rk_conf, conf->extra, owned, err) < 0 ||
        (owned != NULL && set_list(rk_conf, owned, err) < 0)) {
        rd_kafka_conf_destroy(rk_conf);
        return NULL;
    }
    return rk_conf;
}

/* Some values are wrong only together, such as retries=0 with idempotence: librdkafka says so when
 * a handle is made, and producers are made late. */
static int try_producer(const struct kafka_conf *conf, struct err *err)
{
    static const struct kafka_setting owned[] = {{"enable.idempotence", "true"}, {NULL, NULL}};
    struct kafka_health health = {0};
    rd_kafka_conf_t *rk_conf = client_conf(conf, owned, NULL, &health, err);
    rd_kafka_t *rk = rk_conf != NULL ? client_new_take(RD_KAFKA_PRODUCER, rk_conf, err) : NULL;

    if (rk != NULL)
        rd_kafka_destroy(rk);
    return rk != NULL ? 0 : -1;
}

int client_check(const struct kafka_conf *conf, struct err *err)
{
    if (try_producer(conf, err) < 0)
        return -1;
    rd_kafka_conf_t *rk_conf = client_conf(conf, NULL, NULL, NULL, err);
    if (rk_conf == NULL)
        return -1;
    for (size_t i = 0; conf->extra != NULL && i < conf->extra->count; i++) {
        const struct conf_pair *pair = &conf->extra->pairs[i];
        if (pair->from_environment &&
            rd_kafka_conf_set(rk_conf, pair->name, pair->value, NULL, 0) == RD_KAFKA_CONF_UNKNOWN)
            log_warn(log_event("kafka_property_ignored"), log_str("name", pair->name),
                     log_str("why", "a KAFKA_… variable that is no librdkafka property"));
    }
    rd_kafka_conf_destroy(rk_conf);
    return 0;
}

rd_kafka_t *client_new_take(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *err)
{
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);

    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        err_set(err, ERR_CONFIG, "config.kafka", "librdkafka: %s", why);
    }
    return rk;
}

int client_wait_broker(rd_kafka_t *rk, const struct kafka_health *health, const char *brokers,
                       int64_t deadline_ms, struct err *err)
{
    char what[300];

    snprintf(what, sizeof what, "Kafka at %s (BROKERS)", brokers);
    for (;;) {
        const rd_kafka_metadata_t *metadata = NULL;
        rd_kafka_resp_err_t rc = rd_kafka_metadata(rk, 0, NULL, &metadata, 1000);
        if (rc == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_metadata_destroy(metadata);
            return 0;
        }
        rd_kafka_poll(rk, 0); /* on_error may know better */
        if (client_class(health->code) == ERR_CONFIG)
            return client_err_text(err, health->code, what, health->text);
        if (stop_check(err) < 0)
            return -1;
        if (clock_mono_ms() >= deadline_ms)
            return client_err_text(err, rc, what, health->text);
    }
}
