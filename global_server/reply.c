/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/reply.c: one transaction for all answers that were finished while the last one ran,
 * large ones alone. Whatever happens to it, each request is answered once:
 * - committed: offsets and replies are both there;
 * - aborted: neither; the answers are still here and are sent again, one by one, so that one that
 *   can never be sent is found and becomes an error reply;
 * - unknown (the producer failed): a new producer's init ends the old transaction one way or the
 *   other, and intake reads the committed offsets again, which tell which requests remain;
 * - the claim ended: Kafka refuses the offsets, so the replies stay invisible; others answer. */
#include "global_server/reply.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "global_server/ledger.h"
#include "global_server/report.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_JOBS 256                   /* most answers of one transaction */
#define GROUP_BYTES ((size_t)2 << 20)    /* and about how many bytes */
#define RECORD_OVERHEAD 256              /* of a batch with one record (Kafka, record format v2) */
#define IDLE_MS 500
#define PAUSE_FIRST_MS 50
#define PAUSE_CAP_MS 2000
#define REBUILDS_MAX 5  /* producers that failed in a row */
#define TOO_SLOW_MAX 2  /* transactions of one answer that Kafka ended for their age */

enum item_kind { ITEM_JOB, ITEM_CLAIM, ITEM_RELEASE };

struct item {
    enum item_kind kind;
    struct job *job;
    struct group_claim *claim;
};

/* The answer whose transaction was too slow, and how often. */
struct slow {
    int32_t partition;
    int64_t offset;
    unsigned times;
};

struct reply {
    pthread_t thread;
    struct reply_conf conf;
    struct queue *items;
    struct queue *released; /* answers to reply_release */
    struct queue *ended;    /* closed when the thread ends */
    /* the thread's */
    struct txn *txn;
    struct group_claim *claim; /* NULL: none; what comes is dropped */
    struct ledger *ledger;     /* of the claim */
    struct job **ready;        /* not yet sent */
    size_t ready_count;
    struct buf message;
    unsigned rebuilds;
    struct slow slow;
};

static void item_free(void *arg)
{
    struct item *item = arg;

    job_free(item->job);
    group_claim_free(item->claim);
    free(item);
}

static void push(struct reply *r, enum item_kind kind, struct job *job, struct group_claim *claim)
{
    struct item *item = mem_alloc(1, sizeof *item);

    *item = (struct item){.kind = kind, .job = job, .claim = claim};
    if (queue_push_take(r->items, item, 0, NULL) < 0)
        return; /* closed: the item is freed, its request stays unanswered for the next owner */
}

void reply_send_take(struct reply *r, struct job *job)
{
    push(r, ITEM_JOB, job, NULL);
}

void reply_claim_take(struct reply *r, struct group_claim *claim)
{
    push(r, ITEM_CLAIM, NULL, claim);
}

void reply_release(struct reply *r, int64_t wait_ms)
{
    bool closed;

    while (queue_count(r->released) > 0) /* of a release that was not waited for */
        free(queue_pop(r->released, 0, &closed));
    push(r, ITEM_RELEASE, NULL, NULL);
    free(queue_pop(r->released, wait_ms, &closed));
}

/* ---- the claim ---- */

static void forget_claim(struct reply *r)
{
    group_claim_free(r->claim);
    ledger_free(r->ledger);
    r->claim = NULL;
    r->ledger = NULL;
}

static void begin_claim(struct reply *r, struct group_claim *claim)
{
    forget_claim(r);
    r->claim = claim;
    r->ledger = ledger_new();
    for (size_t i = 0; i < claim->count; i++) {
        const struct group_partition *p = &claim->partitions[i];
        struct ledger_set skip;
        ledger_set_read(&skip, p->offset, p->metadata);
        ledger_add_partition(r->ledger, p->partition, p->offset, &skip);
    }
}

static bool is_ours(const struct reply *r, const struct job *job)
{
    return r->claim != NULL && r->claim->number == job->claim && job_counts(job);
}

/* ---- one transaction ---- */

static enum txn_step send_job(struct reply *r, struct job *job, struct err *err)
{
    struct answer_head head;
    bool more;

    job_head(job, r->conf.format, &head);
    answer_rewind(job->answer);
    for (;;) {
        if (answer_next(job->answer, &head, &r->message, &more, err) < 0)
            return TXN_ABORT;
        if (!more)
            return TXN_OK;
        struct txn_record record = {.topic = job->request.to,
                                    .key = job->request.key,
                                    .key_len = job->request.key_len,
                                    .value = buf_str(&r->message),
                                    .value_len = r->message.len,
                                    .alone = job->send_alone};
        enum txn_step step = txn_send(r->txn, &record, err);
        if (step != TXN_OK)
            return step;
    }
}

static enum txn_step send_offsets(struct reply *r, struct ledger *after, struct err *err)
{
    struct ledger_commit *commits = mem_alloc(r->claim->count + 1, sizeof *commits);
    struct group_partition *parts = mem_alloc(r->claim->count + 1, sizeof *parts);
    size_t n = ledger_take_commits(after, commits, r->claim->count);

    for (size_t i = 0; i < n; i++)
        parts[i] = (struct group_partition){commits[i].partition, commits[i].offset,
                                            commits[i].metadata};
    enum txn_step step = txn_send_offsets(r->txn, r->claim, parts, n, err);
    free(parts);
    free(commits);
    return step;
}

static enum txn_step transact(struct reply *r, struct job **jobs, size_t n, struct ledger *after,
                              struct err *err)
{
    enum txn_step step = txn_begin(r->txn, err);

    for (size_t i = 0; step == TXN_OK && i < n; i++) {
        step = send_job(r, jobs[i], err);
        ledger_settle(after, jobs[i]->partition, jobs[i]->sequence, jobs[i]->offset);
    }
    if (step == TXN_OK)
        step = send_offsets(r, after, err);
    if (step == TXN_OK)
        step = txn_commit(r->txn, err);
    return step;
}

/* One try. TXN_OK: committed and settled. TXN_ABORT, TXN_LOST: aborted. Else the producer is of no
 * use any more. */
static enum txn_step attempt(struct reply *r, struct job **jobs, size_t n, struct err *err)
{
    struct ledger *after = ledger_dup(r->ledger);
    int64_t begun_us = clock_mono_us();
    enum txn_step step = transact(r, jobs, n, after, err), aborted;

    log_debug(log_event("transaction"), log_int("replies", (int64_t)n), log_int("step", step),
              log_int("us", clock_mono_us() - begun_us));
    if (step == TXN_OK) {
        struct ledger *before = r->ledger;
        r->ledger = after;
        after = before;
        r->rebuilds = 0;
    }
    ledger_free(after);
    if (step != TXN_ABORT && step != TXN_LOST)
        return step;
    struct err why = {0};
    aborted = txn_abort(r->txn, &why);
    if (aborted == TXN_OK)
        return step;
    *err = why;
    return aborted;
}

/* ---- answers that cannot be sent ---- */

static void turn_into_error(struct reply *r, struct job *job, const char *code, const char *text)
{
    log_warn(log_event("reply_refused"), log_str("topic", job->request.to),
             log_int("partition", job->partition), log_int("offset", job->offset),
             log_str("code", code), log_str("why", text));
    request_redirect(&job->request, r->conf.rules);
    answer_set_error(job->answer, code, text);
}

static bool give_up(void *arg)
{
    struct reply *r = arg;
    int64_t at = atomic_load(&r->conf.flight->give_up_ms);

    return at > 0 && clock_mono_ms() >= at;
}

/* Waits longer from try to try; false when the program must end. */
static bool pause_before_retry(struct reply *r, unsigned tries)
{
    int64_t wait_ms = PAUSE_FIRST_MS;

    for (unsigned i = 0; i < tries && wait_ms < PAUSE_CAP_MS; i++)
        wait_ms *= 2;
    if (stop_requested()) { /* stop_wait would not wait any more */
        struct timespec nap = {.tv_nsec = 50 * 1000000};
        nanosleep(&nap, NULL);
    } else {
        stop_wait(wait_ms < PAUSE_CAP_MS ? wait_ms : PAUSE_CAP_MS);
    }
    return !give_up(r);
}

/* 0: the topic takes the answer. -1: code and text say why not; ERR_RETRY: Kafka does not tell. */
static int check_topic(struct reply *r, struct job *job, struct err *err)
{
    struct answer_head head;
    struct txn_topic topic;

    if (txn_look_up(r->txn, job->request.to, &topic, err) < 0)
        return -1;
    if (!topic.exists)
        return err_set(err, ERR_CONFIG, "reply.no-topic", "topic %s does not exist",
                       job->request.to);
    job->send_alone = topic.message_max_bytes < TXN_BATCH_BYTES + RECORD_OVERHEAD;
    job_head(job, r->conf.format, &head);
    size_t bytes = answer_page_bytes(job->answer) + answer_head_bytes(&head) +
                   job->request.key_len + RECORD_OVERHEAD;
    if (answer_page_bytes(job->answer) > 0 && (int64_t)bytes > topic.message_max_bytes)
        return err_set(err, ERR_POISON, "reply.too-large",
                       "a reply message of about %zu bytes does not fit topic %s "
                       "(max.message.bytes is %" PRId64 "); ask with fewer page_rows",
                       bytes, job->request.to, topic.message_max_bytes);
    return 0;
}

/* Makes sure that the answer can be sent, or turns it into an error reply that can. False when it
 * is to be dropped: its claim ended, or the program, while its topic was not to be had. */
static bool make_sendable(struct reply *r, struct job *job)
{
    bool redirected = false;

    for (unsigned tries = 0; is_ours(r, job); tries++) {
        struct err why = {0};
        if (check_topic(r, job, &why) == 0)
            return true;
        if (why.class != ERR_RETRY && !redirected) {
            turn_into_error(r, job, why.code, why.text);
            redirected = true;
            continue;
        }
        if (tries == 3) /* Kafka, or RESPONSE_TOPIC, is away: told once */
            log_error(log_event("reply_waits"), log_err(&why));
        txn_forget_topics(r->txn);
        if (!pause_before_retry(r, tries))
            return false;
    }
    return false;
}

/* Kafka ended this answer's transaction for its age. */
static void note_slow(struct reply *r, const struct job *job)
{
    if (r->slow.partition != job->partition || r->slow.offset != job->offset)
        r->slow = (struct slow){.partition = job->partition, .offset = job->offset};
    r->slow.times++;
}

static bool is_too_slow(const struct reply *r, const struct job *job)
{
    return r->slow.times >= TOO_SLOW_MAX && r->slow.partition == job->partition &&
           r->slow.offset == job->offset;
}

static void refuse_slow(struct reply *r, struct job *job)
{
    if (is_too_slow(r, job) && answer_bytes(job->answer) > 0)
        turn_into_error(r, job, "reply.too-slow",
                        "the reply could not be written within the server's TRANSACTION_TIMEOUT; "
                        "use LIMIT");
}

/* ---- what to do with a step's outcome ---- */

static void free_jobs(struct job **jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        job_free(jobs[i]);
}

/* A new producer. What the old one left is committed or aborted when this returns, and the
 * committed offsets say which. */
static int rebuild(struct reply *r, const struct err *why, struct err *err)
{
    enum txn_step step;

    if (++r->rebuilds > REBUILDS_MAX) {
        *err = *why;
        return err_wrap(err, "%u producers failed in a row", r->rebuilds);
    }
    log_warn(log_event("kafka_producer_rebuilt"), log_err(why));
    forget_claim(r);
    txn_close(r->txn);
    r->txn = NULL;
    if (txn_open(&r->txn, &r->conf.txn, err) < 0)
        return -1;
    txn_set_give_up(r->txn, give_up, r);
    step = txn_init(r->txn, err);
    if (step == TXN_STOPPED)
        return err_set(err, ERR_STOPPING, "stopping", "asked to stop");
    if (step != TXN_OK)
        return -1;
    atomic_store(&r->conf.flight->rewind, true);
    return 0;
}

/* After anything but TXN_OK and TXN_ABORT. -1: the thread ends. */
static int settle_failure(struct reply *r, enum txn_step step, const struct err *why,
                          struct err *err)
{
    switch (step) {
    case TXN_OK:
    case TXN_ABORT:
        return 0;
    case TXN_LOST:
        log_info(log_event("claim_lost"), log_err(why));
        forget_claim(r);
        return 0;
    case TXN_REBUILD:
        return rebuild(r, why, err);
    case TXN_FENCED:
        *err = *why;
        return -1;
    case TXN_STOPPED:
        break;
    }
    return err_set(err, ERR_STOPPING, "stopping", "asked to stop while Kafka did not answer");
}

static bool is_records_fault(const struct err *why)
{
    return why->class == ERR_POISON || why->class == ERR_CONFIG || why->class == ERR_FATAL;
}

/* After an abort: this answer alone until it is committed. The first failure counts against
 * nobody: librdkafka's sequence numbers may not have recovered yet (seen with 2.0.2). Takes job. */
static int replay_take(struct reply *r, struct job *job, struct err *err)
{
    unsigned failures = 0;
    int rc = 0;

    for (unsigned tries = 0; make_sendable(r, job); tries++) {
        struct err why = {0};
        enum txn_step step = attempt(r, &job, 1, &why);
        if (step != TXN_ABORT) {
            if (step == TXN_REBUILD && strcmp(why.code, "kafka.transaction-timeout") == 0)
                note_slow(r, job);
            rc = settle_failure(r, step, &why, err);
            break;
        }
        txn_forget_topics(r->txn);
        failures += is_records_fault(&why) ? 1 : 0;
        if (strcmp(why.code, "kafka.transaction-timeout") == 0)
            note_slow(r, job);
        refuse_slow(r, job);
        if (failures == 2)
            turn_into_error(r, job, why.code, why.text);
        if (tries == 5)
            log_error(log_event("reply_waits"), log_err(&why));
        if (!pause_before_retry(r, tries))
            break;
    }
    job_free(job);
    return rc;
}

/* Takes the jobs. 0, or -1 when the thread must end. */
static int deliver_take(struct reply *r, struct job **jobs, size_t n, struct err *err)
{
    struct err why = {0};
    enum txn_step step = attempt(r, jobs, n, &why);
    int rc = 0;

    if (step == TXN_REBUILD && n == 1 && strcmp(why.code, "kafka.transaction-timeout") == 0)
        note_slow(r, jobs[0]);
    if (step != TXN_ABORT) {
        rc = settle_failure(r, step, &why, err);
        free_jobs(jobs, n);
        return rc;
    }
    log_warn(log_event("replies_replayed"), log_int("replies", (int64_t)n), log_err(&why));
    txn_forget_topics(r->txn);
    for (size_t i = 0; i < n; i++) {
        if (rc == 0)
            rc = replay_take(r, jobs[i], err);
        else
            job_free(jobs[i]);
    }
    return rc;
}

/* ---- turns ---- */

static void drop_stale(struct reply *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->ready_count; i++)
        if (is_ours(r, r->ready[i]))
            r->ready[kept++] = r->ready[i];
        else
            job_free(r->ready[i]);
    r->ready_count = kept;
}

/* Moves the next transaction's jobs out of ready: those that may be settled now, a large one alone.
 * What the ledger has no place for waits until a gap closes. */
static size_t choose(struct reply *r, struct job **jobs)
{
    struct ledger *plan = ledger_dup(r->ledger);
    size_t n = 0, kept = 0, bytes = 0;

    for (size_t i = 0; i < r->ready_count; i++) {
        struct job *job = r->ready[i];
        size_t size = answer_bytes(job->answer);
        bool room = n < GROUP_JOBS && (n == 0 || (bytes <= GROUP_BYTES &&
                                                  size <= GROUP_BYTES - bytes));
        if (room && ledger_may_settle(plan, job->partition, job->sequence)) {
            ledger_settle(plan, job->partition, job->sequence, job->offset);
            jobs[n++] = job;
            bytes += size;
        } else {
            r->ready[kept++] = job;
        }
    }
    r->ready_count = kept;
    ledger_free(plan);
    return n;
}

/* Sends what can be sent. *sent: something was. */
static int send_group(struct reply *r, bool *sent, struct err *err)
{
    struct job *jobs[GROUP_JOBS];
    size_t n, sendable = 0;

    drop_stale(r);
    *sent = false;
    if (r->ready_count == 0)
        return 0;
    n = choose(r, jobs);
    *sent = n > 0;
    for (size_t i = 0; i < n; i++) {
        refuse_slow(r, jobs[i]);
        if (make_sendable(r, jobs[i]))
            jobs[sendable++] = jobs[i];
        else
            job_free(jobs[i]);
    }
    /* The claim may have ended meanwhile: Kafka refuses its offsets, TXN_LOST. */
    return sendable > 0 ? deliver_take(r, jobs, sendable, err) : 0;
}

static int send_all(struct reply *r, struct err *err)
{
    bool sent = true;

    while (sent)
        if (send_group(r, &sent, err) < 0)
            return -1;
    return 0;
}

static void keep_ready(struct reply *r, struct job *job)
{
    r->ready = mem_realloc(r->ready, r->ready_count + 1, sizeof(struct job *));
    r->ready[r->ready_count++] = job;
}

static int take_item(struct reply *r, struct item *item, struct err *err)
{
    int rc = 0;

    switch (item->kind) {
    case ITEM_JOB:
        keep_ready(r, item->job);
        item->job = NULL;
        break;
    case ITEM_CLAIM:
        begin_claim(r, item->claim);
        item->claim = NULL;
        break;
    case ITEM_RELEASE:
        rc = send_all(r, err);
        forget_claim(r);
        if (queue_push_take(r->released, mem_alloc(1, 1), 1, NULL) < 0)
            rc = -1;
        break;
    }
    item_free(item);
    return rc;
}

/* *ended: no more items will come, all are sent. */
static int turn(struct reply *r, bool *ended, struct err *err)
{
    void *items[GROUP_JOBS];
    bool closed, sent;
    size_t n = queue_pop_many(r->items, items, GROUP_JOBS, IDLE_MS, &closed);

    for (size_t i = 0; i < n; i++)
        if (take_item(r, items[i], err) < 0) {
            while (++i < n)
                item_free(items[i]);
            return -1;
        }
    *ended = closed;
    return closed ? send_all(r, err) : send_group(r, &sent, err);
}

static void *reply_main(void *arg) /* thread `reply`: owns the producer, the ledger, finished jobs */
{
    struct reply *r = arg;
    struct err why = {0};
    bool ended = false;

    while (!ended)
        if (turn(r, &ended, &why) < 0)
            break;
    if (err_is_set(&why) && why.class != ERR_STOPPING)
        report_send(r->conf.reports, REPORT_ENDED, &why);
    queue_close(r->items);
    free_jobs(r->ready, r->ready_count);
    r->ready_count = 0;
    forget_claim(r);
    txn_close(r->txn);
    queue_close(r->released);
    queue_close(r->ended);
    return NULL;
}

static void reply_free(struct reply *r)
{
    queue_free(r->items);
    queue_free(r->released);
    queue_free(r->ended);
    free(r->ready);
    buf_fini(&r->message);
    free(r);
}

int reply_start(struct reply **out, const struct reply_conf *conf, struct err *err)
{
    struct reply *r = mem_alloc(1, sizeof *r);
    enum txn_step step;
    int rc;

    r->conf = *conf;
    r->slow.partition = -1;
    r->items = queue_new(SIZE_MAX, conf->queue_count, item_free);
    r->released = queue_new(SIZE_MAX, conf->queue_count, free);
    r->ended = queue_new(1, 1, free);
    if (txn_open(&r->txn, &conf->txn, err) < 0)
        goto fail;
    txn_set_give_up(r->txn, give_up, r);
    step = txn_init(r->txn, err);
    if (step == TXN_STOPPED)
        err_set(err, ERR_STOPPING, "stopping", "asked to stop");
    if (step != TXN_OK)
        goto fail;
    rc = pthread_create(&r->thread, NULL, reply_main, r);
    if (rc != 0) {
        err_set(err, ERR_FATAL, "thread.start", "thread reply: %s", strerror(rc));
        goto fail;
    }
    *out = r;
    return 0;
fail:
    txn_close(r->txn);
    reply_free(r);
    return -1;
}

bool reply_stop(struct reply *r)
{
    bool closed = false;

    if (r == NULL)
        return true;
    queue_close(r->items);
    while (!closed) {
        free(queue_pop(r->ended, 100, &closed));
        if (!closed && give_up(r)) {
            /* The thread sees the same, between two calls of librdkafka: give it a moment. */
            free(queue_pop(r->ended, 2000, &closed));
            if (!closed)
                return false;
        }
    }
    pthread_join(r->thread, NULL);
    reply_free(r);
    return true;
}
