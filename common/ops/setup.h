/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_SETUP_H
#define CYPHERLOG_OPS_SETUP_H

/* ops/setup.h: the settings that both programs share, and the first contact with Kafka's and
 * Neo4j's addresses that they make. A program's struct of settings has a `struct setup setup`. */

#include "base/conf.h"
#include "kafka/client.h"
#include "neo4j/endpoint.h"
#include "neo4j/tx.h"

#include <stddef.h>

struct setup {
    char *brokers, *username, *topic_prefix;
    struct conf_secret kafka_password;
    struct conf_pairs kafka;
    char *neo4j_uri, *neo4j_http_uri, *neo4j_user, *neo4j_database, *neo4j_ca_file;
    struct conf_secret neo4j_password;
    int64_t connect_timeout_ms;
    int64_t log_level, log_format;
};

/* Rows of an option table; type is the program's struct, commands the subcommands' bits, asking
 * those that ask Kafka only where BROKERS is set; prefix_commands also those that name a topic and
 * ask no broker. */
/* clang-format off */ /* a row an option */
#define SETUP_KAFKA_ROWS(type, commands, asking, prefix_commands)                                  \
    {"BROKERS", CONF_TEXT, offsetof(type, setup.brokers), NULL, NULL, NULL, CONF_REQUIRED,         \
     commands, "Kafka brokers, host:port, with commas between"},                                   \
        {"BROKERS", CONF_TEXT, offsetof(type, setup.brokers), NULL, NULL, NULL, 0, asking,         \
         "Kafka brokers that are asked what the manifest says of Kafka; not set: it says nothing"},\
        {"B_USERNAME", CONF_TEXT, offsetof(type, setup.username), NULL, NULL, NULL, 0,             \
         (commands) | (asking),                                                                    \
         "User at Kafka; with B_PASSWORD the connection is SASL_SSL with SCRAM-SHA-256"},          \
        {"B_PASSWORD", CONF_SECRET, offsetof(type, setup.kafka_password), NULL, NULL, NULL, 0,     \
         (commands) | (asking), "Password of B_USERNAME"},                                                      \
        {"B_TOPIC_PREFIX", CONF_TEXT, offsetof(type, setup.topic_prefix), NULL, NULL, NULL, 0,     \
         prefix_commands, "Goes before every topic name, those that requests name included"},             \
        {"KAFKA", CONF_PAIRS, offsetof(type, setup.kafka), NULL, NULL, NULL, 0,                    \
         (commands) | (asking),                                                                    \
         "Any librdkafka property, save those that cypherlog's promises depend on; "              \
         "KAFKA_SSL_CA_LOCATION is ssl.ca.location"}

/* required: CONF_REQUIRED, or 0 where a database is only asked by option. */
#define SETUP_NEO4J_ROWS(type, commands, required)                                                 \
    {"NEO4J_URI", CONF_TEXT, offsetof(type, setup.neo4j_uri), "http://localhost:7474", NULL, NULL, \
     required, commands,                                                                           \
     "Address of Neo4j: http(s)://, or bolt:// and neo4j:// on port 7687, which mean port 7474 "   \
     "of that host"},                                                                              \
        {"NEO4J_HTTP_URI", CONF_TEXT, offsetof(type, setup.neo4j_http_uri), NULL, NULL, NULL, 0,   \
         commands, "Neo4j's HTTP address where NEO4J_URI names another Bolt port"},                \
        {"NEO4J_USER", CONF_TEXT, offsetof(type, setup.neo4j_user), "neo4j", NULL, NULL,           \
         required, commands, "User at Neo4j"},                                                     \
        {"NEO4J_PASS", CONF_SECRET, offsetof(type, setup.neo4j_password), NULL, NULL, NULL,        \
         required, commands, "Password of NEO4J_USER"},                                            \
        {"NEO4J_PASSWORD", CONF_SECRET, offsetof(type, setup.neo4j_password), NULL, NULL, NULL,    \
         CONF_ALIAS, commands, "Another name of NEO4J_PASS"},                                      \
        {"NEO4J_DATABASE", CONF_TEXT, offsetof(type, setup.neo4j_database), "neo4j", NULL, NULL,   \
         required, commands, "Name of the database"},                                              \
        {"NEO4J_CA_FILE", CONF_TEXT, offsetof(type, setup.neo4j_ca_file), NULL, NULL, NULL, 0,     \
         commands, "PEM file of the authority that signed Neo4j's https certificate"},             \
        {"CONNECT_TIMEOUT", CONF_MS, offsetof(type, setup.connect_timeout_ms), "5s", "100ms",      \
         "5m", 0, commands, "How long a connection to Neo4j may take"}

#define SETUP_LOG_ROWS(type, commands)                                                             \
    {"LOG_LEVEL", CONF_ENUM, offsetof(type, setup.log_level), "info", "error|warn|info|debug",     \
     NULL, 0, commands, "Least severe events that are logged"},                                    \
        {"LOG", CONF_ENUM, offsetof(type, setup.log_level), NULL,                                  \
         "error,critical|warning|info|debug", NULL, CONF_ALIAS, commands,                          \
         "Older name of LOG_LEVEL, with the older names of levels"},                               \
        {"LOG_FORMAT", CONF_ENUM, offsetof(type, setup.log_format), "text", "text|json", NULL, 0,  \
         commands, "Lines of key=value, or of JSON"}
/* clang-format on */

/* Views of the settings, borrowed from setup. */
struct kafka_conf setup_kafka(const struct setup *setup, const char *client_id);

/* The topic's full name, with B_TOPIC_PREFIX; free() it. */
char *setup_topic(const struct setup *setup, const char *name);

/* Whether Kafka takes the topic's full name; setting: "COMMAND_TOPIC". name NULL is right.
 * ERR_CONFIG. */
MUST_CHECK int setup_check_topic(const struct setup *setup, const char *setting, const char *name,
                                 struct err *err);

/* A connection to the database; does not talk to it yet. ERR_CONFIG: the address is wrong, or the
 * database's name impossible. */
MUST_CHECK int setup_tx_open(const struct setup *setup, struct tx **out, struct err *err);

/* Asks Neo4j for its version and, with a statement, whether login and database are right; fills
 * *server. ERR_RETRY: it does not answer yet. ERR_CONFIG: login, database or address is wrong. */
MUST_CHECK int setup_tx_probe(const struct setup *setup, struct tx *tx, struct tx_server *server,
                              struct err *err);

/* The same for a subcommand: waits half a minute for a server that is just starting; a wrong
 * password is an error at once. */
MUST_CHECK int setup_tx_await(const struct setup *setup, struct tx *tx, struct tx_server *server,
                              struct err *err);

/* As many files and connections as the system allows, at most SETUP_FILES, where the usual limit is
 * lower; where it may not be raised it stays. Before the first thread. */
void setup_raise_file_limit(void);

#define SETUP_FILES 65536

/* How many threads may well compute at once on this machine. */
size_t setup_worker_count(void);

/* Did Neo4j refuse user or password? */
bool setup_login_refused(const struct err *why);

/* A login that was refused is not tried again at once: after three Neo4j locks the user out, other
 * programs and people too, and each further one does it anew. Waits until the secret's file holds
 * another password: true, and the secret has it. False after SETUP_LOGIN_AGAIN_MS, since the
 * server's side may have been put right; or at once when asked to stop. */
bool setup_await_password(struct conf_secret *secret);

#define SETUP_LOGIN_AGAIN_MS 30000

#endif
