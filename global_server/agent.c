/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/agent.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "global_server/intake.h"
#include "global_server/lookout.h"
#include "global_server/replica.h"
#include "global_server/report.h"
#include "global_server/status.h"
#include "global_server/waiter.h"
#include "global_server/workers.h"
#include "kafka/topics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 2000 /* between two looks at the replica */
#define TURN_MS 200
#define KAFKA_TRY_MS 5000
#define FLIGHT_BYTES (12 << 20) /* of requests between intake and their end */
#define MESSAGE_SLACK 65536     /* key and the numbers around a page */

struct agent {
    const struct server_conf *conf;
    struct kafka_conf kafka;
    char *instance_id;
    char *member_id; /* within the group: of a static member, and of the transactions */
    char *transactional_id;
    char *request_topic, *response_topic, *command_topic; /* full names */
    struct request_rules rules;
    struct answer_limits limits;
    struct answer_stock stock;
    struct flight flight;
    struct lanes *lanes;
    struct queue *waiting, *reports;
    struct replica *replica;         /* the agent's own look at it */
    char seen_name[REPLICA_SIZE];    /* by the last probe */
    char replica_name[REPLICA_SIZE]; /* fixed before the first thread */
    struct reply *reply;
    struct age *age;
    struct cache *cache; /* NULL: none */
    struct waiter *waiter;
    struct workers *workers;
    struct intake *intake;
    struct standing *standing;
    struct status *status;
    struct lookout lookout;
    struct httpd *httpd;
    int64_t looked_ms; /* monotonic: at the replica, last */
    int64_t well_ms;   /* monotonic: end of the last outage; older reports are no news */
    bool lags;         /* the replica's state is too old to answer from */
};

static void agent_init(struct agent *a, const struct server_conf *conf)
{
    char host[256] = "localhost";
    const char *tmp = getenv("TMPDIR");
    size_t count = (size_t)conf->max_in_flight * 2 + 64; /* nobody ever waits to push */

    gethostname(host, sizeof host - 1);
    *a = (struct agent){.conf = conf};
    a->instance_id = mem_strdup(conf->instance_id != NULL ? conf->instance_id : host);
    a->kafka = setup_kafka(&conf->setup, "global_server");
    a->request_topic = setup_topic(&conf->setup, conf->request_topic);
    a->response_topic = setup_topic(&conf->setup, conf->response_topic);
    a->command_topic = setup_topic(&conf->setup, conf->command_topic);
    a->rules = (struct request_rules){
        .prefix = conf->setup.topic_prefix != NULL ? conf->setup.topic_prefix : "",
        .request_topic = conf->request_topic,
        .response_topic = conf->response_topic,
        .command_topic = conf->command_topic,
        .fail_topic = conf->fail_topic,
        .status_topic = conf->status_topic,
        .reply_topics = conf->reply_topics,
        .timeout_ms = conf->query_timeout_ms,
        .timeout_max_ms = conf->max_query_timeout_ms,
        .page_rows = conf->page_rows,
        .keep_body = conf->reply_format == ANSWER_ROWS};
    a->limits = (struct answer_limits){.page_bytes = (size_t)conf->max_reply_bytes,
                                       .max_bytes = (size_t)conf->max_answer_bytes,
                                       .max_rows = conf->max_rows,
                                       .stock = &a->stock,
                                       .spool_dir = tmp != NULL && *tmp != '\0' ? tmp : "/tmp"};
    struct lanes_conf lanes = {.workers = (size_t)conf->workers,
                               .many = conf->result_cache > 0,
                               .stock = &a->stock,
                               .stock_bytes = (size_t)conf->max_answer_bytes,
                               .flight = &a->flight};
    a->lanes = lanes_new(&lanes);
    a->waiting = queue_new(SIZE_MAX, count, job_free);
    a->reports = queue_new(SIZE_MAX, count, free);
    a->flight.traffic = traffic_new();
    if (conf->result_cache > 0)
        a->cache = cache_new((size_t)conf->result_cache);
    a->standing = standing_new(conf, a->instance_id, &a->flight);
    a->lookout = (struct lookout){.conf = conf,
                                  .standing = a->standing,
                                  .flight = &a->flight,
                                  .cache = a->cache,
                                  .lanes = a->lanes,
                                  .instance = a->instance_id,
                                  .group_id = conf->group_id};
}

/* Everything that has ended by now; what still runs is the caller's concern. */
static void agent_fini(struct agent *a)
{
    replica_close(a->replica);
    lanes_free(a->lanes);
    queue_free(a->waiting);
    queue_free(a->reports);
    standing_free(a->standing);
    cache_free(a->cache);
    traffic_free(a->flight.traffic);
    free(a->transactional_id);
    free(a->member_id);
    free(a->command_topic);
    free(a->response_topic);
    free(a->request_topic);
    free(a->instance_id);
}

/* ---- the replica's health ---- */

/* Probes until the replica is well; a line at the start of an outage, one at its end. First is the
 * reason that is known. ERR_STOPPING only; with at_start also ERR_CONFIG. */
static int wait_until_well(struct agent *a, const struct err *first, bool at_start, struct err *err)
{
    bool not_ready =
        first->class == ERR_GUARD; /* Neo4j is there, but no db_sync has worked on it */
    struct backoff backoff = {.first_ms = 100, .cap_ms = 5000};
    int64_t since_ms = clock_mono_ms(), position;
    struct err why = *first;

    log_warn(log_event(not_ready ? "replica_not_ready" : "neo4j_down"), log_err(&why));
    do {
        if (at_start && why.class == ERR_CONFIG) {
            *err = why;
            return -1;
        }
        standing_waits(a->standing, &why);
        if (setup_login_refused(&why))
            replica_await_password(a->replica);
        else
            stop_wait(backoff_next_ms(&backoff, hash_random()));
        if (stop_requested())
            return stop_check(err);
        err_clear(&why);
    } while (replica_probe(a->replica, a->seen_name, &position, &why) < 0);
    flight_saw(&a->flight, position);
    standing_waits(a->standing, NULL);
    log_info(log_event(not_ready ? "replica_ready" : "neo4j_up"),
             log_int("down_ms", clock_mono_ms() - since_ms), log_int("offset", position));
    return 0;
}

static int first_contact(struct agent *a, struct err *why)
{
    int64_t position;

    if (replica_probe(a->replica, a->seen_name, &position, why) < 0)
        return -1;
    flight_saw(&a->flight, position);
    return 0;
}

/* A worker could not use the replica and gave requests up. Others serve until it is well, and if
 * it is well already, the group is left all the same: what was given up comes back only with
 * another claim, and Kafka refuses the offsets of a transaction that is still under way only to one
 * who is no member of the new generation. Reading them again within one would answer twice. */
static int on_ill(struct agent *a, const struct err *told, struct err *err)
{
    struct err why = {0};
    int rc = 0;

    atomic_store(&a->flight.serve, false);
    if (first_contact(a, &why) == 0)
        log_info(log_event("replica_recovered"), log_err(told));
    else
        rc = wait_until_well(a, &why, false, err);
    while (rc == 0 && atomic_load(&a->flight.claim) != 0)
        if (stop_wait(20))
            rc = stop_check(err);
    atomic_store(&a->flight.serve, rc == 0 && !a->lags);
    a->looked_ms = a->well_ms = clock_mono_ms();
    return rc;
}

static void set_lags(struct agent *a, const struct err *why)
{
    a->lags = why != NULL;
    standing_lags(a->standing, why);
    atomic_store(&a->flight.serve, !a->lags);
}

/* Until the first look tells. */
static void expect_lag(struct agent *a)
{
    struct err why = {0};

    err_set(&why, ERR_GUARD, "replica.lags", "the age of the replica's state is not known yet");
    set_lags(a, &why);
}

/* Others answer while the state is too old, and until it has been caught up well: in and out again
 * moves partitions each time. Where Kafka does not tell the age all stays as it is. */
static void judge_lag(struct agent *a, int64_t position)
{
    int64_t most_ms = a->conf->max_lag_ms;
    int64_t age_ms = most_ms > 0 ? age_of(a->age, position, 0) : -1;
    struct err why = {0};

    if (age_ms < 0 || a->lags == (age_ms > (a->lags ? most_ms / 2 : most_ms)))
        return;
    if (a->lags) {
        log_info(log_event("replica_caught_up"), log_int("offset", position),
                 log_int("age_ms", age_ms));
        set_lags(a, NULL);
        return;
    }
    err_set(&why, ERR_GUARD, "replica.lags",
            "the replica's state is %" PRId64 " ms old, MAX_LAG is %" PRId64
            " ms: other servers answer until it has caught up",
            age_ms, most_ms);
    log_warn(log_event("replica_lags"), log_int("offset", position), log_err(&why));
    set_lags(a, &why);
}

static int look(struct agent *a, struct err *err)
{
    struct err why = {0};
    int64_t position;

    if (clock_mono_ms() - a->looked_ms < LOOK_MS)
        return 0;
    if (replica_position(a->replica, &position, &why) < 0) {
        if (why.class == ERR_STOPPING)
            return stop_check(err);
        struct err again = {0}; /* nobody gave anything up for it, if it was but a moment */
        return first_contact(a, &again) == 0 ? 0 : on_ill(a, &why, err);
    }
    flight_saw(&a->flight, position);
    judge_lag(a, position);
    a->looked_ms = clock_mono_ms();
    return 0;
}

/* ---- start ---- */

/* Replies on one of them would be taken for something else, and answered without end. */
static int check_response_topic(const struct server_conf *conf, struct err *err)
{
    const char *const others[] = {conf->request_topic, conf->command_topic, conf->fail_topic,
                                  conf->status_topic};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(conf->response_topic, others[i]) == 0)
            return err_set(err, ERR_CONFIG, "config.response-topic",
                           "RESPONSE_TOPIC is %s, which is also the topic of requests, commands, "
                           "dead letters or statuses: replies need one of their own",
                           others[i]);
    return 0;
}

static int check_topics(struct agent *a, struct topics *topics, struct err *err)
{
    const char *const names[] = {a->request_topic, a->response_topic, a->command_topic};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct topic_want want = {.name = names[i], .partitions_least = 1};
        struct topic_result result;
        if (topics_check(topics, &want, &result, err) < 0)
            return -1;
        if (result.outcome == TOPIC_MISSING)
            return err_set(err, ERR_CONFIG, "topic.missing",
                           "topic %s does not exist; make it with: db_sync topics create",
                           names[i]);
    }
    return 0;
}

static int try_kafka(struct agent *a, struct err *err)
{
    struct topics *topics;

    if (topics_open(&topics, &a->kafka, clock_mono_ms() + KAFKA_TRY_MS, err) < 0)
        return -1;
    int rc = check_topics(a, topics, err);
    topics_close(topics);
    return rc;
}

/* Waits for brokers for ever; missing topics and a refused login end the program. */
static int wait_for_kafka(struct agent *a, struct err *err)
{
    int64_t since_ms = clock_mono_ms();
    bool told = false;

    for (;;) {
        struct err why = {0};
        if (try_kafka(a, &why) == 0)
            break;
        if (why.class != ERR_RETRY) {
            *err = why;
            return -1;
        }
        if (!told)
            log_warn(log_event("kafka_down"), log_err(&why));
        told = true;
        if (stop_wait(500))
            return stop_check(err);
    }
    if (told)
        log_info(log_event("kafka_up"), log_int("down_ms", clock_mono_ms() - since_ms));
    return 0;
}

/* Before the replica is waited for, since the thread tells meanwhile whether Kafka is there. */
static int start_age(struct agent *a, struct err *err)
{
    struct age_conf age = {
        .kafka = &a->kafka, .topic = a->command_topic, .group_id = a->conf->group_id};

    if (age_start(&a->age, &age, err) < 0)
        return -1;
    standing_set_age(a->standing, a->age);
    return 0;
}

static int contact_all(struct agent *a, struct err *err)
{
    struct err ill = {0};

    if (check_response_topic(a->conf, err) < 0 || client_check(&a->kafka, err) < 0 ||
        replica_open(&a->replica, &a->conf->setup, a->command_topic, err) < 0)
        return -1;
    if (first_contact(a, &ill) < 0 && ill.class == ERR_CONFIG) {
        *err = ill;
        return -1;
    }
    if (wait_for_kafka(a, err) < 0 || start_age(a, err) < 0)
        return -1;
    return err_is_set(&ill) ? wait_until_well(a, &ill, true, err) : 0;
}

static int start_reply(struct agent *a, struct err *err)
{
    struct buf member = {0}, id = {0};

    buf_addf(&member, "%s-%s", a->replica_name, a->instance_id);
    a->member_id = buf_take(&member);
    buf_addf(&id, "%s-%s", a->conf->group_id, a->member_id);
    a->transactional_id = buf_take(&id);
    struct reply_conf conf = {
        .delivery = {.txn = {.kafka = &a->kafka,
                             .transactional_id = a->transactional_id,
                             .id_setting = "INSTANCE_ID",
                             .timeout_ms = a->conf->transaction_timeout_ms,
                             .message_max_bytes = a->conf->max_reply_bytes + MESSAGE_SLACK},
                     .rules = &a->rules,
                     .format = (enum answer_format)a->conf->reply_format,
                     .flight = &a->flight},
        .queue_count = (size_t)a->conf->max_in_flight * 2 + 64,
        .reports = a->reports};

    return reply_start(&a->reply, &conf, err);
}

static int start_threads(struct agent *a, struct err *err)
{
    struct waiter_conf waiter = {.setup = &a->conf->setup,
                                 .command_topic = a->command_topic,
                                 .waiting = a->waiting,
                                 .lanes = a->lanes,
                                 .flight = &a->flight};
    struct intake_conf intake = {.kafka = &a->kafka,
                                 .topic = a->request_topic,
                                 .group_id = a->conf->group_id,
                                 .cooperative =
                                     a->conf->rebalance_protocol == REBALANCE_COOPERATIVE,
                                 .max_jobs = a->conf->max_in_flight,
                                 .max_bytes = FLIGHT_BYTES,
                                 .max_key_rate = a->conf->max_key_rate,
                                 .lanes = a->lanes,
                                 .reports = a->reports,
                                 .flight = &a->flight};

    if (start_reply(a, err) < 0)
        return -1;
    if (a->conf->max_lag_ms > 0) /* before anybody is told that it serves */
        expect_lag(a);
    standing_serves(a->standing, a->replica_name, replica_server(a->replica));
    if (status_start(&a->status, a->conf, a->replica_name, a->standing, err) < 0 ||
        waiter_start(&a->waiter, &waiter, err) < 0)
        return -1;
    struct workers_conf workers = {.conf = a->conf,
                                   .rules = &a->rules,
                                   .limits = &a->limits,
                                   .replica_name = a->replica_name,
                                   .command_topic = a->command_topic,
                                   .lanes = a->lanes,
                                   .waiting = a->waiting,
                                   .reports = a->reports,
                                   .reply = a->reply,
                                   .age = a->age,
                                   .cache = a->cache,
                                   .flight = &a->flight};
    if (workers_start(&a->workers, &workers, err) < 0)
        return -1;
    intake.reply = a->reply;
    intake.instance_id = a->conf->static_member ? a->member_id : NULL;
    atomic_store(&a->flight.serve, !a->lags); /* last: from here on requests come */
    return intake_start(&a->intake, &intake, err);
}

/* ---- run ---- */

static int on_report(struct agent *a, const struct report *report, struct err *err)
{
    switch (report->kind) {
    case REPORT_ILL:
        return report->at_ms >= a->well_ms ? on_ill(a, &report->err, err) : 0;
    case REPORT_ENDED:
        break;
    }
    *err = report->err;
    return -1;
}

/* Several workers tell of one outage: the first report is enough. */
static struct report *take_report(struct agent *a)
{
    bool closed;
    struct report *report = queue_pop(a->reports, TURN_MS, &closed);

    while (report != NULL && report->kind == REPORT_ILL && queue_count(a->reports) > 0) {
        free(report);
        report = queue_pop(a->reports, 0, &closed);
    }
    return report;
}

static int turn(struct agent *a, struct err *err)
{
    struct report *report = take_report(a);
    int rc = report != NULL ? on_report(a, report, err) : look(a, err);

    free(report);
    return rc < 0 ? -1 : stop_check(err);
}

/* Against the stream, so that what is in flight is still committed: no more requests in; workers
 * end what they have in hand; replies are sent, by a member of the group; then the group is left.
 */
static bool stop_all(struct agent *a, const struct err *why)
{
    bool ended;

    atomic_store(&a->flight.give_up_ms, clock_mono_ms() + a->conf->stop_timeout_ms);
    intake_hold(a->intake);
    queue_close(a->waiting);
    lanes_close(a->lanes);
    workers_stop(a->workers);
    waiter_stop(a->waiter);
    intake_halt(a->intake);
    ended = reply_stop(a->reply);
    standing_ends(a->standing, why);
    status_stop(a->status, why);
    httpd_stop(a->httpd);
    standing_set_age(a->standing, NULL);
    queue_close(a->reports);
    if (!ended || !intake_close(a->intake))
        return false;
    return age_stop(a->age);
}

int agent_run(const struct server_conf *conf, bool *hung, struct err *err)
{
    struct agent *a = mem_alloc(1, sizeof *a);
    int rc = -1;

    agent_init(a, conf);
    if (lookout_start(&a->httpd, &a->lookout, err) < 0 || contact_all(a, err) < 0)
        goto out;
    memcpy(a->replica_name, a->seen_name, sizeof a->replica_name);
    if (start_threads(a, err) < 0)
        goto out;
    log_info(log_event("start"), log_str("group", conf->group_id),
             log_str("replica", a->replica_name), log_str("instance", a->instance_id),
             log_int("workers", conf->workers));
    a->looked_ms = clock_mono_ms();
    while (turn(a, err) == 0)
        continue;
out:
    rc = err->class == ERR_STOPPING ? 0 : -1;
    /* stop_request makes every wait of the threads short, whatever the reason of the end is. */
    stop_request();
    *hung = !stop_all(a, err);
    if (*hung)
        return rc; /* threads still use what a owns */
    agent_fini(a);
    free(a);
    return rc;
}
