/* SPDX-License-Identifier: Apache-2.0 */

#include "global_server/workers.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "global_server/glance.h"
#include "global_server/habit.h"
#include "global_server/inquiry.h"
#include "global_server/recall.h"
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
#define OUTAGES_MAX 3                  /* of Neo4j during one request */
#define TOGETHER_US 200000             /* expected of a question for several requests */
#define LARGE_BYTES ((size_t)64 << 10) /* a request with more is a large one */
#define APART_MS 1000 /* that one of the quick lane has when it is asked for apart from others */
#define PAUSE_MS 100  /* before the second attempt; twice as long before each further one */

struct worker {
    pthread_t thread;
    const struct workers_conf *conf;
    struct suspects *suspects; /* of all workers */
    struct glance *glance;     /* same */
    pthread_mutex_t *large;    /* same: held while a large request is read */
    struct inquiry *inquiry;
    struct recall recall;
    struct approved approved;
    int64_t claim; /* of the job before */
};

struct workers {
    struct workers_conf conf;
    struct suspects *suspects;
    struct glance *glance;
    pthread_mutex_t large;
    struct worker *workers;
    size_t count; /* that were started */
};

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
    if (stop_wait(PAUSE_MS << job->attempts)) /* a server that goes down still answers at first */
        return VERDICT_GIVE_UP;
    if (replica_probe(inquiry_replica(w->inquiry), name, &position, &ill) < 0) {
        if (why->class != ERR_RETRY && (ill.class == ERR_RETRY || ill.class == ERR_UNKNOWN))
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

/* The record was read into the request; it is released, since librdkafka counts on that. Parsed it
 * may take thirty times the memory: large ones are, one at a time. */
static int read_request(struct worker *w, struct job *job, struct err *err)
{
    bool large = job->bytes > LARGE_BYTES;
    struct request_source source = {.partition = job->partition,
                                    .offset = job->offset,
                                    .key = job->record.key,
                                    .key_len = job->record.key_len,
                                    .value = job->record.value,
                                    .value_len = job->record.value_len};

    snprintf(job->replica, sizeof job->replica, "%s", w->conf->replica_name);
    if (large)
        pthread_mutex_lock(w->large);
    int rc = request_read(&job->request, w->conf->rules, &w->approved, &source, err);
    if (rc == 0)
        recall_name(&w->recall, job);
    request_pack(&job->request);
    if (large)
        pthread_mutex_unlock(w->large);
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

/* Neo4j is not asked for it: intake found that its key asks too often. */
static int check_rate(const struct worker *w, const struct job *job, struct err *err)
{
    if (job->too_soon_ms == 0)
        return 0;
    traffic_rate_limited(job->flight->traffic);
    return err_set(err, ERR_POISON, "request.rate-limited",
                   "requests with this record key, or without any, come more often than the "
                   "%" PRId64 " a second that MAX_KEY_RATE allows; send this one again, not before "
                   "%" PRId64 " ms are over",
                   w->conf->conf->max_key_rate, job->too_soon_ms);
}

/* Its time counts from when it was read, so also while others were asked before it. */
static int check_time(const struct job *job, struct err *err)
{
    if (clock_mono_ms() < job->deadline_ms)
        return 0;
    return err_set(
        err, ERR_POISON, "request.no-time",
        "timeout_ms, or QUERY_TIMEOUT, was over before Neo4j could be asked, since other "
        "requests were at work; give it more, or the servers more WORKERS");
}

/* One during which Neo4j went away goes alone, so that it is found out whether it was the cause. */
static int check_suspect(const struct worker *w, struct job *job, struct err *err)
{
    unsigned times = suspects_times(w->suspects, job->partition, job->offset);

    job->alone = job->alone || times > 0;
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

/* Neo4j has answered: is it what was asked for? */
static void check_answer(struct worker *w, struct job *job)
{
    struct err why = {0};

    if (check_read(job, &why) < 0 || check_age(w, job, &why) < 0)
        answer_error(job, &why);
}

static void send_take(struct worker *w, struct job *const *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        log_debug(log_event("request_answered"), log_int("partition", jobs[i]->partition),
                  log_int("offset", jobs[i]->offset), log_int("rows", answer_rows(jobs[i]->answer)),
                  log_int("bytes", (int64_t)answer_bytes(jobs[i]->answer)));
    reply_send_take(w->conf->reply, jobs, count);
}

static void give_up_take(struct job *job)
{
    log_debug(log_event("request_given_up"), log_int("partition", job->partition),
              log_int("offset", job->offset));
    job_free(job);
}

/* ---- answers that are kept ---- */

static int look(void *arg, struct glance_seen *seen, struct err *err)
{
    return inquiry_look(arg, seen->name, &seen->position, err);
}

/* Looks where the replica is, once for all jobs that may be answered from what it said when it was
 * there, and for those of other workers that look now; answers those it can. Moves the others to
 * the front and returns how many these are. */
static size_t recall_some_take(struct worker *w, struct job **jobs, size_t count)
{
    struct job *known[RECALL_MAX];
    int64_t position = atomic_load(&w->conf->flight->position);
    enum answer_format format = (enum answer_format)w->conf->conf->reply_format;
    struct glance_seen seen;
    struct err why = {0};
    size_t known_count = 0, answered = 0, left = 0;

    for (size_t i = 0; i < count; i++)
        if (recall_has(&w->recall, jobs[i], position))
            known[known_count++] = jobs[i];
        else
            jobs[left++] = jobs[i];
    bool looked = known_count > 0 && glance_share(w->glance, look, w->inquiry, &seen, &why) == 0;
    for (size_t i = 0; i < known_count; i++) {
        if (!looked || /* what is wrong shows when they are asked */
            !recall_fill(&w->recall, known[i], seen.name, seen.position, format)) {
            jobs[left++] = known[i];
            continue;
        }
        check_answer(w, known[i]);
        known[answered++] = known[i];
    }
    send_take(w, known, answered);
    return left;
}

/* ---- alone ---- */

/* Asks once; *lifted: the error may be about a text that was not sent. What it took is noted
 * whatever came of it: a failure breaks up those that go together, so its form is not to be one of
 * them for a while. */
static int ask_alone(struct worker *w, struct job *job, bool *lifted, struct err *err)
{
    struct inquiry_end end;
    int64_t begun_us = clock_mono_us();
    struct inquiry_limits limits = {.server_ms = job->deadline_ms - clock_mono_ms(),
                                    .deadline_ms = job->deadline_ms + ANSWER_GRACE_MS};
    int rc = inquiry_ask(w->inquiry, &job, 1, &limits, &end, err);
    int64_t took_us = clock_mono_us() - begun_us;

    traffic_asked(job->flight->traffic, 1);
    lanes_note(w->conf->lanes, job->form, rc == 0 ? took_us : took_us + 2 * HABIT_QUICK_US,
               answer_bytes(job->answer));
    *lifted = rc < 0 && end.lifted;
    return rc;
}

/* The error of the text as it stands is wanted, unless that takes longer than there is time: then
 * the one at hand says more. */
static bool ask_plainly(struct job *job, int64_t begun_ms)
{
    int64_t now = clock_mono_ms();

    job->plain = now - begun_ms < job->deadline_ms - now;
    return job->plain;
}

/* Asks until there is an answer, be it an error; false: given up. */
static bool ask_until_answered(struct worker *w, struct job *job)
{
    for (;;) {
        struct err why = {0};
        bool lifted;
        int64_t begun_ms = clock_mono_ms();
        if (ask_alone(w, job, &lifted, &why) == 0) {
            recall_keep(&w->recall, job);
            check_answer(w, job);
            return true;
        }
        if (!job->strict && strcmp(why.code, JOLT_AMBIGUOUS) == 0) {
            job->strict = true;
            continue;
        }
        if (lifted && ask_plainly(job, begun_ms))
            continue;
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

static void work_alone_take(struct worker *w, struct job *job)
{
    if (recall_some_take(w, &job, 1) == 0)
        return;
    if (ask_until_answered(w, job))
        send_take(w, &job, 1);
    else
        give_up_take(job);
}

/* ---- together ---- */

static void push_alone_take(struct worker *w, struct job *job)
{
    job->alone = true;
    job->lane = LANE_SOLO;
    lanes_push_take(w->conf->lanes, &job, 1);
}

static void refuse_take(struct worker *w, struct job *job, bool lifted, const struct err *why)
{
    bool is_ambiguous = strcmp(why->code, JOLT_AMBIGUOUS) == 0;

    if (is_ambiguous || lifted || strcmp(why->code, INQUIRY_LARGE) == 0) {
        job->strict = is_ambiguous;
        job->plain = lifted;
        push_alone_take(w, job);
        return;
    }
    traffic_error(job->flight->traffic, why->class);
    lanes_note(w->conf->lanes, job->form, 2 * HABIT_QUICK_US, 0);
    answer_error(job, why);
    send_take(w, &job, 1);
}

/* One of them is at fault: each has a statement of its own the next time. */
static void unbundle_take(struct worker *w, struct job **jobs, size_t count, const struct err *why)
{
    log_debug(log_event("requests_unbundled"), log_int("count", (int64_t)count), log_err(why));
    for (size_t i = 0; i < count; i++)
        jobs[i]->single = true;
    lanes_push_take(w->conf->lanes, jobs, count);
}

/* Nobody knows whose fault it is: each is asked apart from the others, so that what is found out is
 * about this one. One that was apart already is slow, or the server ill. */
static void separate_take(struct worker *w, struct job **jobs, size_t count, const struct err *why)
{
    bool late = strcmp(why->code, "neo4j.timeout") == 0;
    bool lost = why->class == ERR_UNKNOWN && !late;

    log_debug(log_event("requests_separated"), log_int("count", (int64_t)count), log_err(why));
    traffic_error(w->conf->flight->traffic, why->class);
    if (late && count == 1)
        lanes_late(w->conf->lanes, jobs[0]->form);
    for (size_t i = 0; i < count; i++) {
        if (lost) /* Neo4j may have gone away over one of them */
            suspects_add(w->suspects, jobs[i]->partition, jobs[i]->offset);
        if (lost || count == 1) {
            push_alone_take(w, jobs[i]);
            continue;
        }
        jobs[i]->apart = true;
        lanes_push_take(w->conf->lanes, &jobs[i], 1);
    }
}

/* Asks for those from the first on that may be expected to be answered soon. Takes these; returns
 * how many. */
static size_t ask_some_take(struct worker *w, struct turn *turn, struct job **jobs, size_t count)
{
    struct inquiry_end end;
    struct err why = {0};
    size_t most = count < turn->together ? count : turn->together, n = 1;
    int64_t expected_us = jobs[0]->expected_us;

    while (n < most && expected_us + jobs[n]->expected_us <= TOGETHER_US)
        expected_us += jobs[n++]->expected_us;
    int64_t patience_ms = lanes_patience_ms(w->conf->lanes) + 4 * expected_us / 1000;
    if (turn->is_trial || (n == 1 && patience_ms < APART_MS))
        patience_ms = APART_MS;
    int64_t begun_us = clock_mono_us();
    struct inquiry_limits limits = {.server_ms = patience_ms,
                                    .deadline_ms = clock_mono_ms() + patience_ms,
                                    .answer_bytes = ANSWER_MEMORY};
    int rc = inquiry_ask(w->inquiry, jobs, n, &limits, &end, &why);
    int64_t took_us = clock_mono_us() - begun_us;
    bool is_known = rc < 0 && (end.own_fault || end.bundled > 0);
    size_t dealt_with = is_known ? end.answered + (end.own_fault ? 1 : end.bundled) : n;
    traffic_asked(w->conf->flight->traffic, n);
    for (size_t i = 0; i < end.answered; i++) {
        if (rc == 0)
            lanes_note(w->conf->lanes, jobs[i]->form, took_us / (int64_t)n,
                       answer_bytes(jobs[i]->answer));
        recall_keep(&w->recall, jobs[i]);
        check_answer(w, jobs[i]);
    }
    lanes_release(w->conf->lanes, turn, dealt_with);
    send_take(w, jobs, end.answered);
    if (rc == 0 || (n > 1 && !is_known))
        lanes_asked(w->conf->lanes, rc == 0, took_us);
    if (is_known && end.own_fault)
        refuse_take(w, jobs[end.answered], end.lifted, &why);
    else if (is_known)
        unbundle_take(w, jobs + end.answered, end.bundled, &why);
    else if (rc < 0)
        separate_take(w, jobs + end.answered, n - end.answered, &why);
    return dealt_with;
}

static void ask_all_take(struct worker *w, struct turn *turn, struct job **jobs, size_t count)
{
    for (size_t i = 0; i < count;)
        i += ask_some_take(w, turn, jobs + i, count - i);
}

/* ---- a turn ---- */

/* Reads the request, where nobody has, and looks whether Neo4j is to be asked, now and here. False:
 * no, and the job was taken. */
static bool prepare_take(struct worker *w, struct job *job)
{
    struct err why = {0};

    if (!job_counts(job) || stop_requested()) {
        job_free(job);
        return false;
    }
    bool is_new = !job->was_read;
    int rc = is_new ? read_request(w, job, &why) : 0;
    if (job->claim != w->claim)
        replica_refresh(inquiry_replica(w->inquiry));
    w->claim = job->claim;
    if (rc == 0)
        rc = check_rate(w, job, &why);
    if (rc == 0 && hand_to_waiter(w, job))
        return false;
    if (rc == 0)
        rc = check_offset(job, &why);
    if (rc == 0)
        rc = check_time(job, &why);
    if (rc == 0)
        rc = check_suspect(w, job, &why);
    if (rc == 0)
        return true;
    answer_error(job, &why);
    reply_send_take(w->conf->reply, &job, 1);
    return false;
}

/* Moves those that may go together to the front and returns how many these are; the others wait for
 * their turn in the other lane. */
static size_t keep_quick_take(struct worker *w, const struct turn *turn, struct job **jobs,
                              size_t count)
{
    size_t quick = 0;

    for (size_t i = 0; i < count; i++) {
        jobs[i]->expected_us = 0;
        if (!turn->is_trial)
            lanes_judge(w->conf->lanes, jobs[i]);
        if (turn->is_trial || jobs[i]->lane == LANE_QUICK)
            jobs[quick++] = jobs[i];
        else
            lanes_push_take(w->conf->lanes, &jobs[i], 1);
    }
    return quick;
}

_Static_assert(LANES_TURN <= RECALL_MAX && LANES_TOGETHER <= INQUIRY_MAX, "all of a turn has room");

/* Of equal questions one is asked, if its answer is kept for the others. */
static void work_together_take(struct worker *w, struct turn *turn)
{
    struct job *jobs[LANES_TURN];
    size_t count = 0;

    for (size_t i = 0; i < turn->count; i++)
        if (prepare_take(w, turn->jobs[i]))
            jobs[count++] = turn->jobs[i];
    count = recall_some_take(w, jobs, count);
    count = keep_quick_take(w, turn, jobs, count);
    lanes_release(w->conf->lanes, turn, turn->count - count);
    size_t different = recall_put_repeats_last(&w->recall, jobs, count);
    ask_all_take(w, turn, jobs, different);
    size_t left = recall_some_take(w, jobs + different, count - different);
    lanes_release(w->conf->lanes, turn, count - different - left);
    ask_all_take(w, turn, jobs + different, left);
}

static void *
worker_main(void *arg) /* threads `worker`: each owns its connection, the jobs in hand */
{
    struct worker *w = arg;
    struct turn turn;
    bool closed = false;

    while (!closed) {
        lanes_take(w->conf->lanes, 500, &turn, &closed);
        if (turn.count == 0)
            continue;
        if (turn.lane == LANE_QUICK)
            work_together_take(w, &turn);
        else if (prepare_take(w, turn.jobs[0]))
            work_alone_take(w, turn.jobs[0]);
        lanes_end(w->conf->lanes, &turn);
        inquiry_learn(w->inquiry);
    }
    return NULL;
}

int workers_start(struct workers **out, const struct workers_conf *conf, struct err *err)
{
    struct workers *ws = mem_alloc(1, sizeof *ws);
    size_t wanted = (size_t)conf->conf->workers;
    const struct inquiry_conf inquiry = {.conf = conf->conf,
                                         .limits = conf->limits,
                                         .command_topic = conf->command_topic,
                                         .flight = conf->flight};

    ws->conf = *conf;
    ws->suspects = suspects_new();
    ws->glance = glance_new();
    pthread_mutex_init(&ws->large, NULL);
    ws->workers = mem_alloc(wanted, sizeof *ws->workers);
    for (; ws->count < wanted; ws->count++) {
        struct worker *w = &ws->workers[ws->count];
        w->conf = &ws->conf;
        w->suspects = ws->suspects;
        w->glance = ws->glance;
        w->large = &ws->large;
        w->recall.cache = conf->cache;
        if (inquiry_open(&w->inquiry, &inquiry, err) < 0)
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
    inquiry_close(ws->workers[ws->count].inquiry); /* of the one that was not started */
    lanes_close(conf->lanes);
    workers_stop(ws);
    return -1;
}

void workers_stop(struct workers *ws)
{
    if (ws == NULL)
        return;
    for (size_t i = 0; i < ws->count; i++) {
        pthread_join(ws->workers[i].thread, NULL);
        inquiry_close(ws->workers[i].inquiry);
        recall_fini(&ws->workers[i].recall);
        approved_fini(&ws->workers[i].approved);
    }
    suspects_free(ws->suspects);
    glance_free(ws->glance);
    pthread_mutex_destroy(&ws->large);
    free(ws->workers);
    free(ws);
}
