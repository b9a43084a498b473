/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/options.h"

#include "ops/httpd.h"

#define RUN COMMAND_RUN
#define ASK COMMAND_ASK
#define BOTH (COMMAND_RUN | COMMAND_ASK)
#define BACKUPS (COMMAND_SNAPSHOT | COMMAND_RESTORE | COMMAND_EXPORT)
#define READERS (COMMAND_VERIFY | COMMAND_SHOW)
#define AT(field) offsetof(struct server_conf, field)

static const struct conf_option options[] = {
    SETUP_KAFKA_ROWS(struct server_conf, BOTH, COMMAND_SNAPSHOT, BOTH | BACKUPS | COMMAND_VERIFY),
    {"GROUP_ID", CONF_TEXT, AT(group_id), NULL, NULL, NULL, CONF_REQUIRED, RUN,
     "Consumer group; its members share the requests"},
    {"INSTANCE_ID", CONF_TEXT, AT(instance_id), NULL, NULL, NULL, 0, RUN,
     "Tells this instance from others of the same group and replica (default: the host's name); of "
     "two equal ones the older exits 5"},
    {"STATIC_MEMBER", CONF_BOOL, AT(static_member), NULL, NULL, NULL, 0, RUN,
     "Who restarts within session.timeout.ms keeps its share of the requests, and nobody else "
     "notices; who ends for good keeps it as long"},
    {"REBALANCE_PROTOCOL", CONF_ENUM, AT(rebalance_protocol), "eager", "eager|cooperative", NULL, 0,
     RUN, "cooperative: a rebalance moves only what must move. The same for all of a group"},
    {"REQUEST_TOPIC", CONF_TEXT, AT(request_topic), "request", NULL, NULL, CONF_REQUIRED, BOTH,
     "Topic of read requests"},
    {"RESPONSE_TOPIC", CONF_TEXT, AT(response_topic), "response", NULL, NULL, CONF_REQUIRED, BOTH,
     "Topic of replies where a request names none"},
    {"REPLY_TOPICS", CONF_TEXT, AT(reply_topics), NULL, NULL, NULL, 0, RUN,
     "Further topics that requests may name, with commas between; x* is any name that begins with "
     "x"},
    {"COMMAND_TOPIC", CONF_TEXT, AT(command_topic), "command", NULL, NULL, CONF_REQUIRED,
     RUN | BACKUPS | COMMAND_VERIFY,
     "Topic of commands, for the age of replies, and whose position a snapshot names"},
    {"FAIL_TOPIC", CONF_TEXT, AT(fail_topic), "fail", NULL, NULL, CONF_REQUIRED, RUN,
     "Topic of dead letters, which never gets replies"},
    {"STATUS_TOPIC", CONF_TEXT, AT(status_topic), "status", NULL, NULL, CONF_REQUIRED, RUN,
     "Topic where this server tells how it stands; never gets replies"},
    SETUP_NEO4J_ROWS(struct server_conf, RUN | BACKUPS, CONF_REQUIRED),
    SETUP_NEO4J_ROWS(struct server_conf, COMMAND_VERIFY, 0),
    BACKUP_ROWS(struct server_conf, backup, COMMAND_SNAPSHOT, COMMAND_RESTORE, COMMAND_VERIFY,
                COMMAND_EXPORT),
    {"WORKERS", CONF_INT, AT(workers), "9", "1", "64", 0, RUN,
     "Connections to Neo4j; a third of them, one at least, is kept free for quick queries"},
    {"MAX_IN_FLIGHT", CONF_INT, AT(max_in_flight), "5000", "1", "5000", 0, RUN,
     "Requests taken from Kafka and not yet answered"},
    {"MAX_KEY_RATE", CONF_INT, AT(max_key_rate), "0", "0", "100000", 0, RUN,
     "Requests a second that one record key may ask of this server, and as many at once; more get "
     "an error reply (request.rate-limited). Those without a key count as one. 0: any"},
    {"REPLY_FORMAT", CONF_ENUM, AT(reply_format), "typed", "typed|row", NULL, 0, RUN,
     "typed: pages of rows; row: the older shape, one message a row"},
    {"PAGE_ROWS", CONF_INT, AT(page_rows), "1000", "1", "1000000", 0, RUN,
     "Most rows of a reply message, unless a request has page_rows"},
    {"MAX_REPLY_BYTES", CONF_BYTES, AT(max_reply_bytes), "900kB", "16KiB", "64MiB", 0, RUN,
     "Largest reply message; the topics must take it (max.message.bytes)"},
    {"MAX_ROWS", CONF_INT, AT(max_rows), "1000000", "1", "1000000000", 0, RUN,
     "Most rows of an answer; a larger one is an error reply"},
    {"MAX_ANSWER_BYTES", CONF_BYTES, AT(max_answer_bytes), "128MiB", "64KiB", "64GiB", 0, RUN,
     "Most bytes of an answer, kept in TMPDIR until it is sent; a larger one is an error reply"},
    {"QUERY_TIMEOUT", CONF_MS, AT(query_timeout_ms), "30s", "10ms", "24h", 0, RUN,
     "How long a request may take unless it has timeout_ms"},
    {"MAX_QUERY_TIMEOUT", CONF_MS, AT(max_query_timeout_ms), "5m", "10ms", "24h", 0, RUN,
     "Upper limit of a request's timeout_ms"},
    {"TRANSACTION_TIMEOUT", CONF_MS, AT(transaction_timeout_ms), "10s", "2s", "15m", 0, RUN,
     "Kafka ends an unfinished transaction then; a killed server's one holds up readers so long"},
    {"STATUS_INTERVAL", CONF_MS, AT(status_interval_ms), "5s", "100ms", "10m", 0, RUN,
     "How often the status is told while nothing changes"},
    {"MAX_LAG", CONF_MS, AT(max_lag_ms), "0", "0", "24h", 0, RUN,
     "While the replica's state is older, the other servers of the group answer; it comes back "
     "once it is half as old. Where all lag, requests wait. 0: it answers from any state"},
    {"RESULT_CACHE", CONF_BYTES, AT(result_cache), "0", "0", "64GiB", 0, RUN,
     "Bytes of memory for answers, which are given again while the replica's offset is the same. "
     "Only for a graph that changes by the command topic alone. 0: none"},
    HTTPD_ROW(struct server_conf, status_listen, RUN),
    {"STOP_TIMEOUT", CONF_MS, AT(stop_timeout_ms), "15s", "1s", "10m", 0, RUN,
     "How long the program may take to end what is in flight when it is asked to stop"},
    {"FILE", CONF_TEXT, AT(file), NULL, NULL, NULL, CONF_FLAG_ONLY, ASK,
     "Read queries from this file, one a line, or requests as JSON, one a line; comments are "
     "passed "
     "over; - is stdin"},
    {"PARAMS", CONF_TEXT, AT(params), NULL, NULL, NULL, CONF_FLAG_ONLY, ASK,
     "Parameters of the queries, a JSON object"},
    {"KEY", CONF_TEXT, AT(key), NULL, NULL, NULL, CONF_FLAG_ONLY, ASK,
     "Key of requests and replies (default: the request's id)"},
    {"MIN_OFFSET", CONF_INT, AT(min_offset), "-1", "-1", NULL, CONF_FLAG_ONLY, ASK,
     "Answer only from a state that contains all commands before this offset; -1: any"},
    {"MAX_AGE", CONF_MS, AT(max_age_ms), "-1", "-1", NULL, CONF_FLAG_ONLY, ASK,
     "Refuse an older state; -1: any"},
    {"TIMEOUT", CONF_MS, AT(timeout_ms), "30s", "100ms", "24h", CONF_FLAG_ONLY, ASK,
     "How long a query may take"},
    {"REPEAT", CONF_INT, AT(repeat), "1", "1", "1000000", CONF_FLAG_ONLY, ASK,
     "Ask so many times, one after the other, and tell how long the replies took, by replica. "
     "Shows "
     "the last answer; as JSON all of them. With --key all go to one server"},
    {"INTERVAL", CONF_MS, AT(interval_ms), "0", "0", "1m", CONF_FLAG_ONLY, ASK,
     "With --repeat: from one question to the next at least so long"},
    {"OUTPUT", CONF_ENUM, AT(output), "table", "table|json|csv", NULL, CONF_FLAG_ONLY, ASK,
     "table; json: the replies as they came, a message a line; csv: with a line of column names"},
    {"JSON", CONF_BOOL, AT(json), NULL, NULL, NULL, CONF_FLAG_ONLY, ASK | BACKUPS | READERS,
     "Results as JSON; of ask short for --output json"},
    {"CSV", CONF_BOOL, AT(csv), NULL, NULL, NULL, CONF_FLAG_ONLY, ASK, "Short for --output csv"},
    SETUP_LOG_ROWS(struct server_conf, BOTH | BACKUPS | READERS),
    {0}};

static const struct conf_command commands[] = {
    {"run", "", "Answers read requests of REQUEST_TOPIC from the Neo4j beside it.", RUN},
    {"ask", "[QUERY…]",
     "Sends queries as requests, waits for their replies on RESPONSE_TOPIC and prints them. "
     "Without QUERY they come from --file or stdin. A query, or a line, is Cypher, or a request as "
     "a JSON object. Exit 1: an error reply; 4: no reply in time.",
     ASK},
    {"snapshot", "DEST",
     "Makes a lossless snapshot of the replica's graph in the new folder DEST, with its place in "
     "the "
     "log; db_sync waits meanwhile, reads go on. Needs no Kafka.",
     COMMAND_SNAPSHOT},
    {"restore", "SRC",
     "Puts a snapshot into an empty database, proves it before and after, and writes the replica's "
     "position last. Needs no Kafka.",
     COMMAND_RESTORE},
    {"verify", "SRC",
     "Proves a snapshot without a database: every file, row, count and hash. Ends with 6 if "
     "anything is damaged. With --against-replica it compares the database too, which then needs "
     "NEO4J_PASS.",
     COMMAND_VERIFY},
    {"export", "FILE",
     "Writes the replica's graph with its indexes and constraints as a Cypher script, compressed "
     "if "
     "FILE ends in .gz, for cypher-shell or db_sync send --file; db_sync waits meanwhile, reads go "
     "on. "
     "Needs no Kafka.",
     COMMAND_EXPORT},
    {"show", "SRC", "Shows what is in a snapshot, from its manifest.", COMMAND_SHOW},
    {0}};

const struct conf_program server_program = {
    .name = "global_server",
    .summary = "Answers read requests that come by Kafka from the Neo4j replica beside it.",
    .examples = "  global_server run --brokers kafka:9092 --group-id readers\n"
                "  global_server ask 'MATCH (n) RETURN count(n)'\n"
                "  global_server ask --min-offset 1234 --repeat 100 'MATCH (n) RETURN count(n)'\n"
                "  global_server ask --params '{\"name\":\"Ann\"}' --output csv "
                "'MATCH (p:Person {name: $name}) RETURN p.born'\n",
    .version = CYPHERLOG_VERSION,
    .options = options,
    .commands = commands};

int options_check_topics(const struct server_conf *conf, struct err *err)
{
    const struct {
        const char *setting, *name;
    } topics[] = {{"REQUEST_TOPIC", conf->request_topic},
                  {"RESPONSE_TOPIC", conf->response_topic},
                  {"COMMAND_TOPIC", conf->command_topic},
                  {"FAIL_TOPIC", conf->fail_topic},
                  {"STATUS_TOPIC", conf->status_topic}};

    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        if (setup_check_topic(&conf->setup, topics[i].setting, topics[i].name, err) < 0)
            return -1;
    return 0;
}
