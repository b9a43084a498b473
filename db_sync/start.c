/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/start.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "db_sync/prepare.h"
#include "kafka/topics.h"
#include "neo4j/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KAFKA_TRY_MS 5000
#define KAFKA_WAIT_MS 1000

/* The topics that are written must be there before something has to be written to them; and Kafka
 * must not take commands away that it thinks replaced. Other settings: db_sync topics check. */
static int check_topics(const struct options *options, struct err *err)
{
    const char *const names[] = {options->command_topic, options->fail_topic, options->status_topic,
                                 options->notice_topic};
    struct kafka_conf kafka = setup_kafka(&options->setup, "db_sync-topics");
    struct topics *topics = NULL;
    int rc = topics_open(&topics, &kafka, clock_mono_ms() + KAFKA_TRY_MS, err);

    for (size_t i = 0; rc == 0 && i < sizeof names / sizeof *names && names[i] != NULL; i++) {
        char *name = setup_topic(&options->setup, names[i]);
        struct topic_want want = {.name = name};
        struct topic_result result;
        if (i == 0)
            want.settings[0] = (struct kafka_setting){"cleanup.policy", "delete"};
        rc = topics_check(topics, &want, &result, err);
        if (rc == 0 && result.outcome == TOPIC_DIFFERS)
            rc = err_set(err, ERR_GUARD, "topic.compacted",
                         "topic %s: %s; Kafka may have removed commands from it already", name,
                         result.detail);
        if (rc == 0 && result.outcome == TOPIC_MISSING)
            rc = err_set(err, ERR_CONFIG, "topic.missing",
                         "topic %s does not exist; make it with: db_sync topics create", name);
        free(name);
    }
    topics_close(topics);
    return rc;
}

int start_kafka(struct reader *reader, const struct options *options, struct report *report,
                struct err *err)
{
    int64_t since = clock_mono_ms(), attempts = 0;
    struct err why = {0};

    while (reader_check_topic(reader, clock_mono_ms() + KAFKA_TRY_MS, &why) < 0 ||
           check_topics(options, &why) < 0) {
        if (why.class != ERR_RETRY) {
            *err = why;
            return -1;
        }
        if (attempts++ == 0)
            log_warn(log_event("kafka_down"), log_err(&why));
        report_kafka_down(report, why.text);
        err_clear(&why);
        if (stop_wait(KAFKA_WAIT_MS))
            return stop_check(err);
    }
    if (attempts > 0)
        log_info(log_event("kafka_up"), log_int("after_ms", clock_mono_ms() - since),
                 log_int("attempts", attempts));
    report_kafka_down(report, NULL);
    return 0;
}

int start_neo4j(struct writer *writer, const struct options *options, struct err *err)
{
    struct tx_server server;
    struct err why = {0};

    writer->outage.strict = true;
    while (setup_tx_probe(&options->setup, writer->tx, &server, &why) < 0)
        if (outage_again(&writer->outage, &why, err) < 0)
            return -1;
    outage_over(&writer->outage);
    struct surroundings surroundings;
    surroundings_read(&surroundings, writer->tx, server.version);
    report_surroundings(writer->report, &surroundings);
    log_info(log_event("neo4j"), log_str("version", surroundings.version),
             log_str("jvm", surroundings.jvm), log_str("language", surroundings.language),
             log_str("time_zone", surroundings.time_zone));
    return 0;
}

/* Two logs in one database: the commands of each would see, and could delete, what belongs to the
 * other. */
static int refuse_other(struct writer *w, struct err *err)
{
    char *other;

    if (position_other(w->tx, w->topic, &other, err) < 0)
        return -1;
    if (other != NULL)
        err_set(err, ERR_GUARD, "start.another-log",
                "the database follows topic %s already, and COMMAND_TOPIC is %s: one database "
                "follows one log; give this one a database of its own",
                other, w->topic);
    int rc = other != NULL ? -1 : 0;
    free(other);
    return rc;
}

/* Where a replica without a position begins. *found: a position came up meanwhile. */
static int first_offset(struct writer *w, struct reader *reader, const struct options *options,
                        int64_t *offset, bool *found, struct err *err)
{
    bool empty;
    char what[128];
    int64_t low, high;
    struct position position;

    if (refuse_other(w, err) < 0 ||
        schema_database_empty(w->tx, &empty, what, sizeof what, err) < 0 ||
        position_read(w->tx, w->topic, &position, found, err) < 0)
        return -1;
    if (*found) /* another start was quicker, and perhaps applied something already */
        return 0;
    if (!empty && options->adopt < 0)
        return err_set(err, ERR_GUARD, "start.data-without-position",
                       "the database has data (%s) and no position: it is not known which commands "
                       "it contains. Start with an empty database; or, if its content is what the "
                       "commands before some OFFSET made, start once with --adopt OFFSET",
                       what);
    if (reader_watermarks(reader, &low, &high, err) < 0)
        return -1;
    *offset = options->adopt >= 0 ? options->adopt : 0;
    if (low > *offset)
        return err_set(err, ERR_GUARD, "log.starts-after",
                       "%s[0]: the log starts at %" PRId64 ", a replica that begins at %" PRId64
                       " would lack what came before",
                       w->topic, low, *offset);
    if (high < *offset)
        return err_set(err, ERR_GUARD, "log.ends-before",
                       "%s[0]: the log ends at %" PRId64 ", --adopt %" PRId64 " lies beyond",
                       w->topic, high, *offset);
    return 0;
}

static int refuse_restoring(const struct position *position, struct err *err)
{
    if (position->state[0] == '\0')
        return 0;
    return err_set(err, ERR_GUARD, "start.restoring",
                   "the position of this replica says \"%s\": a restore is under way or was cut "
                   "short; finish it with db_sync restore or SEED_FROM, or wipe the replica",
                   position->state);
}

/* One try, without the waiting. */
static int take_over(struct writer *w, struct reader *reader, const struct options *options,
                     struct err *err)
{
    struct position position;
    bool found;

    if (position_read(w->tx, w->topic, &position, &found, err) < 0)
        return -1;
    if (!found) {
        int64_t offset = 0;
        if (first_offset(w, reader, options, &offset, &found, err) < 0)
            return -1;
        if (!found) {
            position_init(&position, offset, options_replica(options));
            if (prepare_check_target(reader, w->topic, options, &position, err) < 0 ||
                position_create(w->tx, w->topic, &position, err) < 0)
                return -1;
            log_info(log_event("position_created"), log_int("offset", offset));
        }
    } else if (refuse_restoring(&position, err) < 0 || position_protect(w->tx, err) < 0 ||
               prepare_check_log(reader, w->topic, &position, err) < 0 ||
               prepare_check_target(reader, w->topic, options, &position, err) < 0) {
        return -1;
    } else if (options->adopt >= 0) {
        log_warn(log_event("adopt_ignored"), log_int("offset", position.next_offset),
                 log_str("why", "this replica has a position"));
    }
    if (writer_seize(w, err) < 0)
        return -1;
    /* Only now is the position final: whoever wrote before is shut out. */
    if (refuse_restoring(&w->position, err) < 0)
        return -1;
    return prepare_check_log(reader, w->topic, &w->position, err);
}

int start_position(struct writer *w, struct reader *reader, const struct options *options,
                   struct err *err)
{
    struct err why = {0};

    while (take_over(w, reader, options, &why) < 0) {
        if (why.class == ERR_RETRY && strncmp(why.code, "kafka.", 6) == 0) {
            if (start_kafka(reader, options, w->report, err) < 0)
                return -1;
            err_clear(&why);
        } else if (outage_again(&w->outage, &why, err) < 0) {
            return -1;
        }
    }
    outage_over(&w->outage);
    w->outage.strict = false;
    snprintf(w->position.replica, sizeof w->position.replica, "%s", options_replica(options));
    log_info(log_event("position"), log_str("topic", w->topic),
             log_int("next_offset", w->position.next_offset), log_str("epoch", w->position.epoch));
    report_applied(w->report, &w->position);
    return 0;
}
