/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/options.h"

#include "base/clock.h"
#include "base/json.h"
#include "ops/httpd.h"

#include <string.h>

#define ALL                                                                                        \
    (DB_SYNC_RUN | DB_SYNC_SEND | DB_SYNC_STATUS | DB_SYNC_TOPICS | DB_SYNC_SKIP |                 \
     DB_SYNC_SNAPSHOT | DB_SYNC_RESTORE | DB_SYNC_VERIFY | DB_SYNC_SHOW | DB_SYNC_EXPORT |         \
     DB_SYNC_EXPLAIN)
#define BACKUPS (DB_SYNC_SNAPSHOT | DB_SYNC_RESTORE | DB_SYNC_EXPORT)
/* to Kafka */
#define TALKS (ALL & ~(BACKUPS | DB_SYNC_VERIFY | DB_SYNC_SHOW | DB_SYNC_EXPLAIN))
#define APPLIES (DB_SYNC_RUN | DB_SYNC_SKIP)
#define AT(member) offsetof(struct options, member)

/* clang-format off */ /* a row an option */
static const struct conf_option rows[] = {
    SETUP_KAFKA_ROWS(struct options, TALKS, DB_SYNC_SNAPSHOT, TALKS | BACKUPS | DB_SYNC_VERIFY),
    {"GROUP_ID", CONF_TEXT, AT(group_id), NULL, NULL, NULL, CONF_REQUIRED, APPLIES,
     "Name of this replica's consumer at Kafka, for lag tools; the position itself is kept in "
     "Neo4j"},
    {"REPLICA_ID", CONF_TEXT, AT(replica_id), "$GROUP_ID", NULL, NULL, 0, APPLIES | DB_SYNC_RESTORE,
     "Name of this replica in replies and status"},
    {"COMMAND_TOPIC", CONF_TEXT, AT(command_topic), "command", NULL, NULL, CONF_REQUIRED,
     TALKS | BACKUPS | DB_SYNC_VERIFY,
     "The log of commands, exactly one partition"},
    {"FAIL_TOPIC", CONF_TEXT, AT(fail_topic), "fail", NULL, NULL, CONF_REQUIRED,
     APPLIES | DB_SYNC_SEND | DB_SYNC_TOPICS, "Where commands go that can never succeed"},
    {"STATUS_TOPIC", CONF_TEXT, AT(status_topic), "status", NULL, NULL, CONF_REQUIRED,
     APPLIES | DB_SYNC_SEND | DB_SYNC_STATUS | DB_SYNC_TOPICS, "Where every replica tells how far it is"},
    {"REQUEST_TOPIC", CONF_TEXT, AT(request_topic), "request", NULL, NULL, CONF_REQUIRED,
     DB_SYNC_TOPICS, "Read requests for the global_servers"},
    {"RESPONSE_TOPIC", CONF_TEXT, AT(response_topic), "response", NULL, NULL, CONF_REQUIRED,
     DB_SYNC_TOPICS, "Replies to requests that name no topic, and notices"},
    {"RESPONSE_TOPIC", CONF_TEXT, AT(notice_topic), NULL, NULL, NULL, 0, APPLIES,
     "Where to tell what became of each command; not set: nowhere"},
    SETUP_NEO4J_ROWS(struct options, APPLIES | BACKUPS, CONF_REQUIRED),
    SETUP_NEO4J_ROWS(struct options, DB_SYNC_VERIFY | DB_SYNC_EXPLAIN, 0),
    BACKUP_ROWS(struct options, backup, DB_SYNC_SNAPSHOT, DB_SYNC_RESTORE, DB_SYNC_VERIFY,
                DB_SYNC_EXPORT),
    {"MAX_COMMAND_BYTES", CONF_BYTES, AT(max_command_bytes), "8MiB", "1KiB", "64MiB", 0,
     APPLIES | DB_SYNC_SEND | DB_SYNC_TOPICS | DB_SYNC_EXPLAIN, "Larger commands go to the fail topic"},
    {"PREFETCH_BYTES", CONF_BYTES, AT(prefetch_bytes), "8MiB", "64KiB", "1GiB", 0, APPLIES,
     "Commands read ahead while a transaction runs"},
    {"BATCH_COUNT", CONF_INT, AT(batch_count), "10000", "1", "10000", 0, DB_SYNC_RUN,
     "Most commands in one transaction"},
    {"BATCH_BYTES", CONF_BYTES, AT(batch_bytes), "4MiB", "1KiB", "64MiB", 0, DB_SYNC_RUN,
     "Most bytes in one transaction; a larger command goes alone"},
    {"BATCH_TIME", CONF_MS, AT(batch_time_ms), "2s", "10ms", "5m", 0, DB_SYNC_RUN,
     "Transactions that take longer are made smaller"},
    {"TRANSACTION_TIMEOUT", CONF_MS, AT(transaction_timeout_ms), "30m", "1s", "24h", 0, APPLIES | DB_SYNC_EXPLAIN,
     "Neo4j ends a transaction of commands that takes longer"},
    {"COMMAND_FORM", CONF_ENUM, AT(command_form), "auto", "texts|parameters|auto", NULL, 0,
     DB_SYNC_RUN, "How commands reach Neo4j: as their texts; with their literals as parameters, so "
     "that it parses those of one shape once; or auto: also many in one statement, what is fastest"},
    {"POISON_POLICY", CONF_ENUM, AT(poison_policy), "dead-letter", "dead-letter|halt", NULL, 0,
     DB_SYNC_RUN, "What to do with a command that can never succeed: send it to the fail topic and "
     "go on; or stop before it"},
    {"NONDETERMINISM", CONF_ENUM, AT(nondeterminism), "freeze", "freeze|warn|allow", NULL, 0,
     DB_SYNC_RUN | DB_SYNC_SEND | DB_SYNC_EXPLAIN, "What to do with a command that would be another one on another "
     "server: bind clocks to the record's timestamp and refuse random values, files and stored ids; or "
     "say so; or nothing. The same on every replica"},
    {"ORDER_DEPENDENCE", CONF_ENUM, AT(order_dependence), "warn", "warn|refuse|allow", NULL, 0,
     DB_SYNC_RUN | DB_SYNC_SEND | DB_SYNC_EXPLAIN, "What to do with a command whose effect depends on the order of a "
     "scan, as LIMIT without ORDER BY: say so; send it to the fail topic; or nothing. The same on "
     "every replica"},
    {"DIVERGENCE", CONF_ENUM, AT(divergence), "halt", "halt|warn", NULL, 0, DB_SYNC_RUN,
     "What to do when a command failed here that the other replicas applied: stop with exit code "
     "7; or say so and go on"},
    {"STATUS_INTERVAL", CONF_MS, AT(status_interval_ms), "5s", "100ms", "10m", 0, APPLIES,
     "How often the status is sent when nothing changes; a new offset is told at once, in a backlog each "
     "second"},
    HTTPD_ROW(struct options, status_listen, DB_SYNC_RUN),
    {"ADOPT", CONF_INT, AT(adopt), "-1", "-1", NULL, CONF_FLAG_ONLY, DB_SYNC_RUN,
     "Take over a database that already has data and no position: its content is what the commands "
     "before this offset made (0: nothing of the log is in it)"},
    {"SEED_FROM", CONF_TEXT, AT(seed_from), NULL, NULL, NULL, 0, DB_SYNC_RUN,
     "An empty replica begins with this snapshot; or, of a folder with snapshots in it, the newest "
     "whole one that the log still continues. One that has a position passes it over"},
    {"SNAPSHOT_TIMEOUT", CONF_MS, AT(seed_timeout_ms), "24h", "1s", "168h", 0, DB_SYNC_RUN,
     "Neo4j ends a step of the restore that SEED_FROM asks for, if it takes longer"},
    {"TO_OFFSET", CONF_INT, AT(to_offset), "-1", "-1", NULL, CONF_FLAG_ONLY, DB_SYNC_RUN,
     "Apply the commands before this offset, then end with 0: the replica as it was then"},
    {"TO_TIME", CONF_TEXT, AT(to_time), NULL, NULL, NULL, CONF_FLAG_ONLY, DB_SYNC_RUN,
     "End before the first command that was written after this moment, such as "
     "2026-01-31T23:59:59.5+01:00 or milliseconds since 1970; at the end of the log once the moment "
     "has passed"},
    {"FILE", CONF_TEXT, AT(file), NULL, NULL, NULL, CONF_FLAG_ONLY, DB_SYNC_SEND,
     "Read commands from this file, one a line, as Cypher or as JSON; comments are passed over; - is "
     "standard input. Of a file with a mistake nothing is sent"},
    {"KEY", CONF_TEXT, AT(key), NULL, NULL, NULL, CONF_FLAG_ONLY, DB_SYNC_SEND,
     "with_key of the commands that do not bring one"},
    {"PARAMS", CONF_TEXT, AT(params), NULL, NULL, NULL, CONF_FLAG_ONLY,
     DB_SYNC_SEND | DB_SYNC_EXPLAIN, "Parameters as a JSON object, for the commands that bring none"},
    {"UNCHECKED", CONF_BOOL, AT(unchecked), NULL, NULL, NULL, CONF_FLAG_ONLY, DB_SYNC_SEND,
     "Send also what every db_sync will refuse, and dead letters that some replica has applied"},
    {"DEAD_LETTERS", CONF_BOOL, AT(dead_letters), NULL, NULL, NULL, CONF_FLAG_ONLY, DB_SYNC_SEND,
     "Send commands again that lie on the fail topic, once their cause is gone; say which with "
     "--offsets, --code or both"},
    {"OFFSETS", CONF_TEXT, AT(offsets), NULL, NULL, NULL, CONF_FLAG_ONLY, DB_SYNC_SEND,
     "Dead letters of the commands at these offsets, such as 12,15,20-30"},
    {"CODE", CONF_TEXT, AT(code), NULL, NULL, NULL, CONF_FLAG_ONLY, DB_SYNC_SEND,
     "Dead letters whose code begins so, such as Neo.ClientError.Procedure"},
    {"DRY_RUN", CONF_BOOL, AT(dry_run), NULL, NULL, NULL, CONF_FLAG_ONLY, DB_SYNC_SEND,
     "Show the dead letters, send nothing"},
    {"WAIT", CONF_BOOL, AT(wait), NULL, NULL, NULL, CONF_FLAG_ONLY, DB_SYNC_SEND,
     "Wait until a replica has applied the commands, then print their token alone: the offset after "
     "the last one, for global_server ask --min-offset and a request's min_offset"},
    {"REPLICATION_FACTOR", CONF_INT, AT(replication_factor), "0", "0", "32", 0, DB_SYNC_TOPICS,
     "Copies of each new topic; 0: three, or the number of brokers if that is less"},
    {"REQUEST_PARTITIONS", CONF_INT, AT(request_partitions), "12", "1", "1000", 0, DB_SYNC_TOPICS,
     "Partitions of the request, response and fail topic; more than there are global_servers"},
    {"JSON", CONF_BOOL, AT(json), NULL, NULL, NULL, CONF_FLAG_ONLY,
     DB_SYNC_SEND | DB_SYNC_STATUS | DB_SYNC_TOPICS | BACKUPS | DB_SYNC_VERIFY | DB_SYNC_SHOW |
         DB_SYNC_EXPLAIN,
     "Results as JSON"},
    {"TIMEOUT", CONF_MS, AT(timeout_ms), "30s", "100ms", "24h", CONF_FLAG_ONLY,
     DB_SYNC_SEND | DB_SYNC_STATUS | DB_SYNC_TOPICS | DB_SYNC_SKIP, "How long to wait for Kafka; with --wait, then as long for a replica"},
    SETUP_LOG_ROWS(struct options, ALL),
    {0},
};

static const struct conf_command commands[] = {
    {"run", "",
     "Applies the log of commands to the Neo4j beside it, each exactly once, until it is "
     "stopped. Waits while Kafka or Neo4j are away.",
     DB_SYNC_RUN},
    {"send", "[COMMAND…]",
     "Sends commands to the command topic: those of the command line, of --file, "
     "or of standard input. A line is Cypher, or a JSON object such as "
     "{\"command\":\"CREATE (:P {n: $n})\",\"params\":{\"n\":1}}. Ends when Kafka has them all; "
     "with --wait, when a replica has applied them: exit 1 when some became dead letters, 4 when none "
     "has in time, and the token is printed all the same.",
     DB_SYNC_SEND},
    {"skip", "OFFSET",
     "Passes by the command at which this replica has halted: it goes to the fail topic, with the "
     "code command.skipped, and the replica's position behind it. Every replica that is to stay "
     "equal must skip it too. Takes the settings of run; stop db_sync first.",
     DB_SYNC_SKIP},
    {"snapshot", "DEST",
     "Makes a lossless snapshot of the replica's graph in the new folder DEST, with its place in the "
     "log; db_sync waits meanwhile, reads go on. Needs no Kafka (with BROKERS the manifest also names its "
     "cluster), and works on a database that is "
     "not replicated yet.",
     DB_SYNC_SNAPSHOT},
    {"restore", "SRC",
     "Puts a snapshot into an empty database, proves it before and after, and writes the replica's "
     "position last: db_sync then follows the log from there. Needs no Kafka.",
     DB_SYNC_RESTORE},
    {"verify", "SRC",
     "Proves a snapshot without a database: every file, row, count and hash. Ends with 6 if "
     "anything is damaged. With --against-replica it compares the database too, which then needs "
     "NEO4J_PASS.",
     DB_SYNC_VERIFY},
    {"export", "FILE",
     "Writes the replica's graph with its indexes and constraints as a Cypher script, compressed if "
     "FILE ends in .gz, for cypher-shell or send --file; db_sync waits meanwhile, reads go on. "
     "Needs no Kafka.",
     DB_SYNC_EXPORT},
    {"show", "SRC", "Shows what is in a snapshot, from its manifest.", DB_SYNC_SHOW},
    {"explain", "COMMAND…",
     "Shows how commands would reach Neo4j, and why not otherwise: their template, parameters and "
     "form, or what refuses them. With NEO4J_PASS Neo4j is asked too, which executes nothing. Sends "
     "nothing, needs no Kafka.",
     DB_SYNC_EXPLAIN},
    {"status", "", "Shows how far every replica is, from the status topic.", DB_SYNC_STATUS},
    {"topics", "create|check",
     "create makes the missing topics with the settings they need; check "
     "names every difference and ends with 7 if there is one.",
     DB_SYNC_TOPICS},
    {0},
};
/* clang-format on */

const struct conf_program options_program = {
    .name = "db_sync",
    .version = CYPHERLOG_VERSION,
    .summary =
        "applies an ordered log of Cypher commands from Kafka to a Neo4j Community database, "
        "each command exactly once, so that any number of replicas stay equal.",
    .examples = "  export BROKERS=localhost:9092\n"
                "  db_sync topics create\n"
                "  GROUP_ID=a NEO4J_URI=http://localhost:7474 NEO4J_PASS_FILE=secret db_sync run\n"
                "  db_sync send \"CREATE (:Person {name: 'Ada'})\"\n"
                "  db_sync send --file commands.cypher\n"
                "  TOKEN=$(db_sync send --wait \"CREATE (:Person {name: 'Eve'})\")\n"
                "  db_sync status\n"
                "  NEO4J_PASS_FILE=secret db_sync explain \"MERGE (n:Person {id: 1})\"\n"
                "  GROUP_ID=a NEO4J_PASS_FILE=secret db_sync skip 1234\n"
                "  NEO4J_PASS_FILE=secret db_sync snapshot backups/monday\n"
                "  db_sync verify backups/monday\n"
                "  NEO4J_PASS_FILE=secret db_sync export monday.cypher.gz\n",
    .options = rows,
    .commands = commands,
};

int64_t options_record_bytes(const struct options *o)
{
    return o->max_command_bytes + OPTIONS_RECORD_EXTRA;
}

struct freeze_rules options_rules(const struct options *o)
{
    return (struct freeze_rules){(enum nondeterminism)o->nondeterminism,
                                 (enum order_dependence)o->order_dependence};
}

const char *options_replica(const struct options *o)
{
    return o->replica_id;
}

int options_check_topics(const struct options *o, struct err *err)
{
    const struct {
        const char *setting, *name;
    } topics[] = {{"COMMAND_TOPIC", o->command_topic},   {"FAIL_TOPIC", o->fail_topic},
                  {"STATUS_TOPIC", o->status_topic},     {"REQUEST_TOPIC", o->request_topic},
                  {"RESPONSE_TOPIC", o->response_topic}, {"RESPONSE_TOPIC", o->notice_topic}};

    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        if (setup_check_topic(&o->setup, topics[i].setting, topics[i].name, err) < 0)
            return -1;
    return 0;
}

int options_params(const struct options *o, json_t **params, struct err *err)
{
    *params = NULL;
    if (o->params == NULL)
        return 0;
    *params = json_parse(o->params, strlen(o->params), err);
    if (json_is_object(*params))
        return 0;
    json_decref(*params);
    *params = NULL;
    err_clear(err);
    return err_set(err, ERR_USAGE, "usage.params", "--params: \"%s\" is no JSON object", o->params);
}

static int check_start(struct options *o, struct err *err)
{
    o->to_time_ms = OPTIONS_NO_OFFSET;
    if (o->seed_from != NULL && o->adopt >= 0)
        return err_set(err, ERR_USAGE, "usage.seed",
                       "--adopt says what a database contains, SEED_FROM fills an empty one: not "
                       "both");
    if (o->to_time == NULL)
        return 0;
    if (o->to_offset >= 0)
        return err_set(err, ERR_USAGE, "usage.target", "--to-offset or --to-time, not both");
    if (clock_parse(o->to_time, &o->to_time_ms))
        return 0;
    return err_set(err, ERR_USAGE, "usage.time",
                   "--to-time %.100s is no moment: write 2026-01-31T23:59:59Z, with Z or an offset "
                   "such as +01:00 at its end, or milliseconds since 1970-01-01 UTC",
                   o->to_time);
}

int options_check(struct options *o, struct err *err)
{
    const char *replica = options_replica(o);
    json_t *text = json_string(replica); /* NULL: not UTF-8 */
    bool good = text != NULL && *replica != '\0' && strlen(replica) <= OPTIONS_REPLICA_MAX;

    json_decref(text);
    if (strcmp(o->command_topic, o->fail_topic) == 0 ||
        strcmp(o->command_topic, o->status_topic) == 0 ||
        strcmp(o->fail_topic, o->status_topic) == 0)
        return err_set(err, ERR_CONFIG, "config.topics",
                       "COMMAND_TOPIC, FAIL_TOPIC and STATUS_TOPIC must be three topics: what is "
                       "written to one of them would come back as a command");
    if (o->notice_topic != NULL && (strcmp(o->notice_topic, o->command_topic) == 0 ||
                                    strcmp(o->notice_topic, o->fail_topic) == 0 ||
                                    strcmp(o->notice_topic, o->status_topic) == 0))
        return err_set(err, ERR_CONFIG, "config.response-topic",
                       "RESPONSE_TOPIC is %s, which is also the topic of commands, dead letters or "
                       "statuses: notices need another one",
                       o->notice_topic);
    if (good)
        return check_start(o, err);
    return err_set(err, ERR_CONFIG, "config.replica-id",
                   "REPLICA_ID, or GROUP_ID where that is not set, must be UTF-8 of at most %d "
                   "bytes: it is this replica's name in messages",
                   OPTIONS_REPLICA_MAX);
}
