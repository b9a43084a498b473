/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/setup.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "kafka/topics.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#define PROBE_TIMEOUT_MS 10000
#define FILE_LOOK_MS 500 /* between two looks at a secret's file */
#define DATABASE_MAX 63
#define WORKERS_MAX 8
#define AWAIT_NEO4J_MS 30000
#define AGAIN_MS 500
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

struct kafka_conf setup_kafka(const struct setup *setup, const char *client_id)
{
    return (struct kafka_conf){.brokers = setup->brokers,
                               .username = setup->username,
                               .password = setup->kafka_password.value,
                               .client_id = client_id,
                               .extra = &setup->kafka};
}

char *setup_topic(const struct setup *setup, const char *name)
{
    struct buf full = {0};

    if (setup->topic_prefix != NULL)
        buf_adds(&full, setup->topic_prefix);
    buf_adds(&full, name);
    return buf_take(&full);
}

int setup_check_topic(const struct setup *setup, const char *setting, const char *name,
                      struct err *err)
{
    if (name == NULL)
        return 0;
    char *full = setup_topic(setup, name);
    bool good = topic_name_is_legal(full, strlen(full));

    if (!good)
        err_set(err, ERR_CONFIG, "config.topic-name",
                "%s=%.100s%s%.100s: no topic of Kafka can be called so: its name, prefix and all, "
                "has at most %d letters a to z, digits, points, underscores and hyphens, and is "
                "neither . nor ..",
                setting, name, setup->topic_prefix != NULL ? " with B_TOPIC_PREFIX=" : "",
                setup->topic_prefix != NULL ? setup->topic_prefix : "", TOPIC_NAME_MAX);
    free(full);
    return good ? 0 : -1;
}

/* Neo4j would say that it does not exist, as of one that is still to be made. */
static int check_database(const char *name, struct err *err)
{
    if (strcasecmp(name, "system") == 0)
        return err_set(err, ERR_CONFIG, "config.database",
                       "NEO4J_DATABASE=%s: that one holds users and databases, no graph; name the "
                       "database of the replica, which is neo4j unless the server says otherwise",
                       name);
    if (strspn(name, NAME_CHARACTERS) == strlen(name) && strlen(name) <= DATABASE_MAX)
        return 0;
    return err_set(
        err, ERR_CONFIG, "config.database",
        "NEO4J_DATABASE=%.100s is no name of a database: at most %d letters a to z, digits, "
        "points and hyphens",
        name, DATABASE_MAX);
}

int setup_tx_open(const struct setup *setup, struct tx **out, struct err *err)
{
    struct endpoint endpoint;

    if (check_database(setup->neo4j_database, err) < 0 ||
        endpoint_init(&endpoint, setup->neo4j_uri, setup->neo4j_http_uri, err) < 0)
        return -1;
    struct tx_conf conf = {.http = {.base = endpoint.http,
                                    .user = setup->neo4j_user,
                                    .password = setup->neo4j_password.value,
                                    .ca_file = setup->neo4j_ca_file,
                                    .connect_timeout_ms = setup->connect_timeout_ms},
                           .database = setup->neo4j_database};
    int rc = tx_open(out, &conf, err);
    endpoint_fini(&endpoint);
    return rc;
}

/* An answer that is lost here costs nothing: the question can be asked again. */
static int as_retry(struct err *err)
{
    if (err->class == ERR_UNKNOWN || err->class == ERR_SHRINK)
        err->class = ERR_RETRY;
    return -1;
}

int setup_tx_probe(const struct setup *setup, struct tx *tx, struct tx_server *server,
                   struct err *err)
{
    struct tx_opts opts = {.read = true,
                           .server_limit_ms = PROBE_TIMEOUT_MS,
                           .deadline_ms = clock_mono_ms() + PROBE_TIMEOUT_MS};
    struct endpoint endpoint;
    json_t *row;

    if (tx_server(tx, server, err) < 0)
        return as_retry(err);
    if (endpoint_init(&endpoint, setup->neo4j_uri, setup->neo4j_http_uri, err) < 0)
        return -1;
    int64_t bolt_port = endpoint.bolt_port;
    endpoint_fini(&endpoint);
    if (bolt_port != 0 && server->bolt_port != bolt_port)
        return err_set(err, ERR_CONFIG, "config.uri",
                       "NEO4J_URI=%s: the server on its port 7474 is not the one on that Bolt port "
                       "(it names %lld); set NEO4J_HTTP_URI",
                       setup->neo4j_uri, (long long)server->bolt_port);
    if (tx_query_row(tx, "RETURN 1 AS ok", NULL, &opts, &row, err) < 0) {
        if (err->class == ERR_CONFIG)
            err_wrap(err, "user %s at database %s (NEO4J_USER, NEO4J_PASS, NEO4J_DATABASE)",
                     setup->neo4j_user, setup->neo4j_database);
        return as_retry(err);
    }
    json_decref(row);
    return 0;
}

bool setup_login_refused(const struct err *why)
{
    return strcmp(why->code, "Neo.ClientError.Security.Unauthorized") == 0 ||
           strcmp(why->code, "neo4j.login") == 0;
}

bool setup_await_password(struct conf_secret *secret)
{
    int64_t deadline = clock_mono_ms() + SETUP_LOGIN_AGAIN_MS;

    do {
        if (conf_secret_reload(secret))
            return true;
    } while (!stop_wait(FILE_LOOK_MS) && clock_mono_ms() < deadline);
    return false;
}

int setup_tx_await(const struct setup *setup, struct tx *tx, struct tx_server *server,
                   struct err *err)
{
    int64_t deadline = clock_mono_ms() + AWAIT_NEO4J_MS;
    struct err why = {0};
    bool told = false;

    while (setup_tx_probe(setup, tx, server, &why) < 0) {
        if (why.class != ERR_RETRY || clock_mono_ms() > deadline || stop_wait(AGAIN_MS)) {
            *err = why;
            return stop_requested() ? stop_check(err) : -1;
        }
        if (!told)
            log_info(log_event("waiting_neo4j"), log_err(&why));
        told = true;
        err_clear(&why);
    }
    return 0;
}

void setup_raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= SETUP_FILES)
        return;
    limit.rlim_cur = limit.rlim_max < SETUP_FILES ? limit.rlim_max : SETUP_FILES;
    setrlimit(RLIMIT_NOFILE, &limit); /* refused: what needs a file more says so itself */
}

size_t setup_worker_count(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    return processors < 1 ? 1 : processors > WORKERS_MAX ? WORKERS_MAX : (size_t)processors;
}
