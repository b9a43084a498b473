/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/agent.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "db_sync/apply.h"
#include "db_sync/command.h"
#include "db_sync/notice.h"
#include "db_sync/observe.h"
#include "db_sync/prepare.h"
#include "db_sync/seed.h"
#include "db_sync/skip.h"
#include "db_sync/start.h"
#include "db_sync/watch.h"

#include <stdlib.h>

struct agent {
    struct options *options;
    struct report *report;
    struct tx *tx;
    struct writer writer;
    struct reader *reader;
    struct queue *queue;
    struct prepare *prepare;
    struct letters *letters;
    struct notices *notices;
    struct peers *peers;
    struct watch *watch;
    struct observe observe;
    struct httpd *httpd;
};

static void free_command(void *item)
{
    command_free(item);
}

static int open_all(struct agent *a, struct err *err)
{
    struct options *o = a->options;
    struct kafka_conf kafka = setup_kafka(&o->setup, "db_sync");
    char *topic = setup_topic(&o->setup, o->command_topic);
    struct reader_conf reader = {
        .kafka = &kafka, .topic = topic, .group_id = o->group_id, .queue_bytes = o->prefetch_bytes};
    int rc = -1;

    if (options_check(o, err) == 0 && client_check(&kafka, err) == 0 &&
        setup_tx_open(&o->setup, &a->tx, err) == 0 && reader_open(&a->reader, &reader, err) == 0)
        rc = 0;
    a->queue = queue_new((size_t)o->prefetch_bytes, 100000, free_command);
    a->observe = (struct observe){.options = o, .report = a->report, .queue = a->queue};
    writer_init(&a->writer, o, &a->options->setup, a->tx, a->report);
    a->letters = letters_new(o);
    a->notices = notices_new(o, a->report);
    free(topic);
    return rc;
}

static void close_all(struct agent *a)
{
    notices_free(a->notices);
    letters_free(a->letters);
    queue_free(a->queue); /* its commands hold messages of the reader, which would wait for them */
    reader_close(a->reader);
    writer_fini(&a->writer);
    tx_close(a->tx);
}

/* Kafka and Neo4j are there, the replica is ours, and Kafka has all notices of what it contains. */
static int start(struct agent *a, struct err *err)
{
    struct err why = {0};

    if (start_kafka(a->reader, a->options, a->report, err) < 0 ||
        start_neo4j(&a->writer, a->options, err) < 0 ||
        seed_replica(&a->writer, a->reader, a->options, err) < 0 ||
        start_position(&a->writer, a->reader, a->options, err) < 0)
        return -1;
    while (notices_resume(a->notices, a->reader, &a->writer.position, &why) < 0) {
        if (why.class != ERR_RETRY) {
            *err = why;
            return -1;
        }
        if (start_kafka(a->reader, a->options, a->report, err) < 0)
            return -1;
        err_clear(&why);
    }
    return 0;
}

static struct apply_parts parts_of(struct agent *a)
{
    return (struct apply_parts){.queue = a->queue,
                                .options = a->options,
                                .writer = &a->writer,
                                .letters = a->letters,
                                .notices = a->notices,
                                .peers = a->peers,
                                .report = a->report};
}

/* All before the target is applied. What lies between the last command and a target offset are
 * marks of transactional producers. */
static int end_at_target(struct agent *a, struct err *err)
{
    struct position target = a->writer.position;
    struct writer_fault fault;

    if (a->options->to_offset > target.next_offset) {
        target.next_offset = a->options->to_offset;
        if (writer_commit(&a->writer, NULL, &target, &fault, err) < 0)
            return -1;
        report_applied(a->report, &a->writer.position);
    }
    log_info(log_event("target_reached"), log_int("next_offset", target.next_offset),
             log_int("last_offset", target.last_offset));
    return 0;
}

static int work(struct agent *a, struct err *err)
{
    const struct options *o = a->options;
    struct err why = {0};
    int rc = -1;

    if (peers_start(&a->peers, o, a->report, err) == 0 &&
        watch_start(&a->watch, o, a->report, err) == 0 &&
        prepare_start(&a->prepare, a->reader, o, &a->writer.position, a->queue, a->report, err) ==
            0) {
        struct apply_parts parts = parts_of(a);
        rc = apply_run(&parts, err);
        if (rc == 0 && !stop_requested() && prepare_reached(a->prepare))
            rc = end_at_target(a, err);
    }
    /* In reverse: no more commands, then the threads. The reason of the one that brings commands
     * counts only when applying had none. */
    queue_close(a->queue);
    stop_request();
    prepare_finish(a->prepare, &why);
    watch_finish(a->watch);
    peers_finish(a->peers);
    if (rc == 0 && err_is_set(&why)) {
        *err = why;
        rc = -1;
    }
    return rc;
}

int agent_run(struct options *options, struct err *err)
{
    struct agent a = {.options = options, .report = report_new(options)};
    int rc = -1;

    log_info(log_event("start"), log_str("replica", options_replica(options)),
             log_str("version", CYPHERLOG_VERSION));
    if (open_all(&a, err) == 0 && report_start(a.report, err) == 0 &&
        observe_start(&a.httpd, &a.observe, err) == 0 && start(&a, err) == 0)
        rc = work(&a, err);
    if (rc < 0 && err->class == ERR_STOPPING) {
        err_clear(err);
        rc = 0;
    }
    stop_request(); /* a start that failed: the threads wait no longer */
    httpd_stop(a.httpd);
    report_free(a.report, err);
    close_all(&a);
    log_info(log_event("stop"), log_int("exit_code", rc < 0 ? err_exit_code(err->class) : 0));
    return rc;
}

/* A person waits: what is not there now is told, not waited for. */
static int probe(struct agent *a, struct err *err)
{
    struct tx_server server;

    if (reader_check_topic(a->reader, clock_mono_ms() + a->options->timeout_ms, err) < 0)
        return -1;
    return setup_tx_probe(&a->options->setup, a->tx, &server, err);
}

int agent_skip(struct options *options, char *const *words, int n, struct err *err)
{
    static const struct conf_option row = {.name = "OFFSET", .type = CONF_INT, .min = "0"};
    int64_t offset;

    if (n != 1)
        return err_set(err, ERR_USAGE, "usage.words",
                       "say which command to skip: db_sync skip OFFSET");
    if (conf_parse_number(&row, words[0], &offset, err) < 0)
        return -1;
    struct agent a = {.options = options, .report = report_new(options)};
    int rc = -1;
    if (open_all(&a, err) == 0 && probe(&a, err) == 0 && start(&a, err) == 0) {
        struct apply_parts parts = parts_of(&a);
        rc = skip_command(&parts, a.reader, offset, err);
    }
    report_free(a.report, err);
    close_all(&a);
    return rc;
}
