/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/workers.c: a request is one HTTP request with two statements in READ mode: the
 * position node, then the query. What the query sees contains at least all commands before that
 * position, which is the reply's offset. */
#include "global_server/workers.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "global_server/replica.h"
#include "global_server/report.h"
#include "global_server/suspects.h"
#include "neo4j/code.h"
#include "neo4j/jolt.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGE_WAIT_MS 1000
#define ANSWER_GRACE_MS 5000 /* Neo4j looks at a query's limit every 2 s; then its error comes */
#define ATTEMPTS_MAX 5
#define OUTAGES_MAX 3 /* of Neo4j during one request */
#define PAUSE_MS 100  /* before the second attempt; twice as long before each further one */

struct worker {
    pthread_t thread;
    const struct workers_conf *conf;
    struct suspects *suspects; /* of all workers */
    struct replica *replica;
    int64_t claim; /* of the job before */
    struct buf statements[2];
};

struct workers {
    struct workers_conf conf;
    struct suspects *suspects;
    struct worker *workers;
    size_t count; /* that were started */
};

/* ---- one question ---- */

struct question {
    struct worker *worker;
    struct job *job;
    bool has_position;
};

static int on_fields(void *arg, size_t stmt, const json_t *fields, struct err *err)
{
    struct question *q = arg;
    struct answer_head head;

    if (stmt == 0)
        return 0;
    job_head(q->job, (enum answer_format)q->worker->conf->conf->reply_format, &head);
    return answer_set_fields(q->job->answer, fields, answer_head_bytes(&head), err);
}

static int add_row(struct job *job, const json_t *row, struct err *err)
{
    json_t *marked = job->strict ? jolt_mark_floats(row) : NULL;
    int rc = answer_add_row(job->answer, marked != NULL ? marked : row, err);

    json_decref(marked);
    return rc;
}

static int on_row(void *arg, size_t stmt, const json_t *row, struct err *err)
{
    struct question *q = arg;

    if (stmt == 1)
        return add_row(q->job, row, err);
    if (replica_read_row(row, q->job->replica, &q->job->position, err) < 0)
        return -1;
    flight_saw(q->job->flight, q->job->position);
    q->has_position = true;
    return 0;
}

/* Asks Neo4j once. 0: the job's answer is whole. */
static int ask(struct worker *w, struct job *job, struct err *err)
{
    struct question q = {.worker = w, .job = job};
    struct tx_reader reader = {.on_fields = on_fields, .on_row = on_row, .arg = &q};
    int64_t left_ms = job->deadline_ms - clock_mono_ms();
    struct tx_opts opts = {.read = true,
                           .server_limit_ms = left_ms > 1 ? left_ms : 1,
                           .deadline_ms = job->deadline_ms + ANSWER_GRACE_MS,
                           .strict = job->strict,
                           .row_limit_bytes =
                               w->conf->limits->page_bytes * (job->strict ? 8 : 2) + 65536,
                           .reader = &reader};

    answer_clear(job->answer);
    job->position = job->age_ms = -1;
    buf_reset(&w->statements[1]);
    tx_add_stmt(&w->statements[1], job->request.text, job->request.text_len, job->request.params);
    if (buf_check(&w->statements[1], "request to Neo4j", err) < 0)
        return -1;
    struct tx_stmt stmts[] = {{buf_str(&w->statements[0]), w->statements[0].len},
                              {buf_str(&w->statements[1]), w->statements[1].len}};
    if (tx_commit(replica_tx(w->replica), stmts, 2, &opts, NULL, err) < 0)
        return -1;
    if (!q.has_position)
        return err_set(err, ERR_RETRY, "replica.none",
                       "the database has no node __db_sync for this COMMAND_TOPIC any more");
    return answer_finish(job->answer, err);
}

/* ---- what its failure means ---- */

enum verdict {
    VERDICT_ERROR,   /* the request gets an error reply */
    VERDICT_AGAIN,   /* ask once more */
    VERDICT_GIVE_UP, /* no reply from here: this server leaves the group, another one answers */
};

/* A database error, or an answer without a code, comes from a sick server too. */
static bool is_suspect(const struct err *why)
{
    switch (why->class) {
    case ERR_RETRY:
    case ERR_UNKNOWN:
    case ERR_CONFIG:
    case ERR_GUARD:
        return true;
    case ERR_SHRINK:
        return strncmp(why->code, "Neo.DatabaseError.", 18) == 0 ||
               strncmp(why->code, "neo4j.", 6) == 0;
    default:
        return false;
    }
}

/* May change *why to the reason that the probe found. */
static enum verdict judge(struct worker *w, struct job *job, struct err *why)
{
    char name[REPLICA_SIZE];
    int64_t position;
    struct err ill = {0};

    if (why->class == ERR_STOPPING)
        return VERDICT_GIVE_UP;
    if (!is_suspect(why))
        return VERDICT_ERROR;
    int64_t pause_ms = PAUSE_MS << job->attempts;
    if (stop_wait(pause_ms)) /* a server that goes down still answers a probe at first */
        return VERDICT_GIVE_UP;
    if (replica_probe(w->replica, name, &position, &ill) < 0) {
        if (ill.class == ERR_RETRY || ill.class == ERR_UNKNOWN)
            suspects_add(w->suspects, job->partition, job->offset);
        report_send(w->conf->reports, REPORT_ILL, &ill);
        return VERDICT_GIVE_UP;
    }
    job->attempts++;
    /* The server is well, so this text or value is what it cannot take, and each try may leave a
     * transaction in it for ever. */
    unsigned most = code_is_breakdown(why->code) ? 1 : why->class == ERR_SHRINK ? 2 : ATTEMPTS_MAX;
    if (job->attempts >= most || clock_mono_ms() >= job->deadline_ms)
        return VERDICT_ERROR;
    return VERDICT_AGAIN;
}

/* ---- a job ---- */

static const char more_time[] =
    "the query took longer than timeout_ms, or QUERY_TIMEOUT, allows; give it more, up to the "
    "server's MAX_QUERY_TIMEOUT, or ask for less";

static const char less_deep[] =
    "Neo4j cannot answer this; a value nested some thousand deep does that, or a text or parameter "
    "too large for it: ask for flat values, send less at once";

/* What to do about errors whose own text does not say it, by how their codes begin. */
static const struct {
    const char *prefix, *advice;
} advices[] = {
    {"Neo.ClientError.Transaction.TransactionTimedOut", more_time},
    {"neo4j.timeout", more_time},
    {"Neo.DatabaseError.General.UnknownError", less_deep},
    {CODE_HTTP_500, less_deep},
    {"Neo.ClientError.Statement.AccessMode", "a request only reads; send what writes as a command"},
};

/* NULL: the error speaks for itself. */
static const char *advice_for(const struct err *why)
{
    if (why->class == ERR_SHRINK &&
        strcmp(why->code, "Neo.DatabaseError.Statement.ExecutionFailed") == 0)
        return more_time; /* 4.4: neo4j/code.c */
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (strncmp(why->code, advices[i].prefix, strlen(advices[i].prefix)) == 0)
            return advices[i].advice;
    return NULL;
}

static void answer_error(struct job *job, const struct err *why)
{
    if (strcmp(why->code, "memory.limit") == 0) { /* of a line of Neo4j's answer */
        answer_set_error(job->answer, "answer.row-too-large",
                         "a row is larger than a reply message may be (MAX_REPLY_BYTES); return "
                         "less of it");
        return;
    }
    struct err told = *why;
    const char *advice = advice_for(why);
    if (advice != NULL)
        err_wrap(&told, "%s", advice);
    answer_set_error(job->answer, told.code, told.text);
}

/* The record was read into the request; it is released, since librdkafka counts on that. */
static int read_request(struct worker *w, struct job *job, struct err *err)
{
    struct request_source source = {.partition = job->partition,
                                    .offset = job->offset,
                                    .key = job->record.key,
                                    .key_len = job->record.key_len,
                                    .value = job->record.value,
                                    .value_len = job->record.value_len};

    snprintf(job->replica, sizeof job->replica, "%s", w->conf->replica_name);
    int rc = request_read(&job->request, w->conf->rules, &source, err);
    job->was_read = true;
    record_fini(&job->record);
    job->deadline_ms = clock_mono_ms() + job->request.timeout_ms;
    job->answer = answer_new(w->conf->limits, (enum answer_format)w->conf->conf->reply_format,
                             job->request.page_rows);
    return rc;
}

/* After a good answer: is it as new as was asked for? */
static int check_age(struct worker *w, struct job *job, struct err *err)
{
    job->age_ms = age_of(w->conf->age, job->position, AGE_WAIT_MS);
    if (job->request.max_age_ms < 0)
        return 0;
    if (job->age_ms < 0)
        return err_set(err, ERR_POISON, "request.age-unknown",
                       "this server cannot tell the age of its state now, and the request has "
                       "max_age_ms");
    if (job->age_ms > job->request.max_age_ms)
        return err_set(err, ERR_POISON, "request.too-old",
                       "this replica's state is %" PRId64 " ms old, max_age_ms is %" PRId64,
                       job->age_ms, job->request.max_age_ms);
    return 0;
}

/* True when the job went to the waiter. */
static bool hand_to_waiter(struct worker *w, struct job *job)
{
    if (job->request.min_offset <= atomic_load(&job->flight->position) ||
        clock_mono_ms() >= job->deadline_ms)
        return false;
    log_debug(log_event("request_waits"), log_int("partition", job->partition),
              log_int("offset", job->offset));
    if (queue_push_take(w->conf->waiting, job, 0, NULL) < 0)
        return true; /* closed: freed, which is as good as given up */
    return true;
}

static int check_offset(const struct job *job, struct err *err)
{
    int64_t position = atomic_load(&job->flight->position);

    if (job->request.min_offset <= position)
        return 0;
    return err_set(err, ERR_POISON, "request.not-reached",
                   "this replica has not reached min_offset %" PRId64 " in time; it is at %" PRId64,
                   job->request.min_offset, position);
}

static int check_suspect(const struct worker *w, const struct job *job, struct err *err)
{
    unsigned times = suspects_times(w->suspects, job->partition, job->offset);

    if (times < OUTAGES_MAX)
        return 0;
    return err_set(err, ERR_POISON, "request.neo4j-lost",
                   "Neo4j went away %u times while it worked on this request, which is not tried "
                   "again here; ask for less at once, or look into Neo4j's log",
                   times);
}

/* What was read counts: the replica may have been wiped or restored since others saw it. */
static int check_read(const struct job *job, struct err *err)
{
    if (job->request.min_offset <= job->position)
        return 0;
    return err_set(err, ERR_POISON, "request.not-reached",
                   "this replica has not reached min_offset %" PRId64 "; it is at %" PRId64,
                   job->request.min_offset, job->position);
}

/* Asks until there is an answer, be it an error; false: given up. */
static bool ask_until_answered(struct worker *w, struct job *job)
{
    for (;;) {
        struct err why = {0};
        if (ask(w, job, &why) == 0) {
            if (check_read(job, &why) < 0 || check_age(w, job, &why) < 0)
                answer_error(job, &why);
            return true;
        }
        if (!job->strict && strcmp(why.code, JOLT_AMBIGUOUS) == 0) {
            job->strict = true;
            continue;
        }
        traffic_error(job->flight->traffic, why.class);
        switch (judge(w, job, &why)) {
        case VERDICT_ERROR:
            answer_error(job, &why);
            return true;
        case VERDICT_GIVE_UP:
            return false;
        case VERDICT_AGAIN:
            break;
        }
        if (!job_counts(job))
            return false;
    }
}

static void work_on_take(struct worker *w, struct job *job)
{
    struct err why = {0};

    if (!job_counts(job) || stop_requested()) {
        job_free(job);
        return;
    }
    if (!job->was_read && read_request(w, job, &why) < 0) {
        answer_error(job, &why);
        reply_send_take(w->conf->reply, job);
        return;
    }
    if (job->claim != w->claim)
        replica_refresh(w->replica);
    w->claim = job->claim;
    if (hand_to_waiter(w, job))
        return;
    if (check_offset(job, &why) < 0 || check_suspect(w, job, &why) < 0)
        answer_error(job, &why);
    else if (!ask_until_answered(w, job)) {
        log_debug(log_event("request_given_up"), log_int("partition", job->partition),
                  log_int("offset", job->offset));
        job_free(job);
        return;
    }
    log_debug(log_event("request_answered"), log_int("partition", job->partition),
              log_int("offset", job->offset), log_int("rows", answer_rows(job->answer)),
              log_int("bytes", (int64_t)answer_bytes(job->answer)));
    reply_send_take(w->conf->reply, job);
}

static void *
worker_main(void *arg) /* threads `worker`: each owns its connection, the job in hand */
{
    struct worker *w = arg;
    bool closed = false;

    while (!closed) {
        struct job *job = queue_pop(w->conf->jobs, 500, &closed);
        if (job != NULL)
            work_on_take(w, job);
    }
    return NULL;
}

static void worker_fini(struct worker *w)
{
    replica_close(w->replica);
    buf_fini(&w->statements[0]);
    buf_fini(&w->statements[1]);
}

int workers_start(struct workers **out, const struct workers_conf *conf, struct err *err)
{
    struct workers *ws = mem_alloc(1, sizeof *ws);
    size_t wanted = (size_t)conf->conf->workers;

    ws->conf = *conf;
    ws->suspects = suspects_new();
    ws->workers = mem_alloc(wanted, sizeof *ws->workers);
    for (; ws->count < wanted; ws->count++) {
        struct worker *w = &ws->workers[ws->count];
        w->conf = &ws->conf;
        w->suspects = ws->suspects;
        replica_add_position(&w->statements[0], conf->command_topic);
        if (replica_open(&w->replica, &conf->conf->setup, conf->command_topic, err) < 0)
            break;
        int rc = pthread_create(&w->thread, NULL, worker_main, w);
        if (rc != 0) {
            err_set(err, ERR_FATAL, "thread.start", "thread worker: %s", strerror(rc));
            break;
        }
    }
    if (ws->count == wanted) {
        *out = ws;
        return 0;
    }
    worker_fini(&ws->workers[ws->count]); /* the one that was not started */
    queue_close(conf->jobs);
    workers_stop(ws);
    return -1;
}

void workers_stop(struct workers *ws)
{
    if (ws == NULL)
        return;
    for (size_t i = 0; i < ws->count; i++) {
        pthread_join(ws->workers[i].thread, NULL);
        worker_fini(&ws->workers[i]);
    }
    suspects_free(ws->suspects);
    free(ws->workers);
    free(ws);
}
