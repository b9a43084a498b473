/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/delivery.c: what becomes of a transaction, and of the requests in it:
 * - committed: offsets and replies are both there;
 * - aborted: neither; the answers are still here and are sent again, one by one, so that one that
 *   can never be sent is found and becomes an error reply;
 * - unknown (the producer failed): a new producer's init ends the old transaction one way or the
 *   other, and intake reads the committed offsets again, which tell which requests remain;
 * - the claim ended: Kafka refuses the offsets, so the replies stay invisible; others answer. */
#include "global_server/delivery.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GROUP_BYTES ((size_t)2 << 20) /* about so many bytes of answers in one transaction */
#define RECORD_OVERHEAD 256           /* of a batch with one record (Kafka, record format v2) */
#define PAUSE_FIRST_MS 50
#define PAUSE_CAP_MS 2000
#define FAILURES_MAX 5 /* of producers in a row, that Kafka being away does not explain */
#define TURNS_MAX 2    /* an answer into an error, the error to RESPONSE_TOPIC */
#define SPARE_RUNS 1   /* of the ledger: for the one answer of the other delivery */
#define TOO_SLOW_MAX 2 /* transactions of one answer that Kafka ended for their age */

/* The answer whose transaction was too slow, and how often. */
struct slow {
    int32_t partition;
    int64_t offset;
    unsigned times;
};

struct delivery {
    struct delivery_conf conf;
    struct txn *txn;
    struct buf message;
    unsigned rebuilds, failures; /* producers in a row; failures: without an excuse */
    struct slow slow;
};

/* ---- one transaction ---- */

static enum txn_step claim_has_ended(struct err *err)
{
    err_set(err, ERR_GUARD, "claim.ended", "the requests have gone to another claim");
    return TXN_LOST;
}

static enum txn_step send_job(struct delivery *d, struct job *job, struct err *err)
{
    struct answer_head head;
    bool more;

    if (job->mute)
        return TXN_OK;
    job_head(job, d->conf.format, &head);
    answer_rewind(job->answer);
    while (holding_counts(d->conf.holding, job)) {
        if (answer_next(job->answer, &head, &d->message, &more, err) < 0)
            return TXN_ABORT;
        if (!more)
            return d->conf.large ? txn_flush(d->txn, err) : TXN_OK;
        struct txn_record record = {.topic = job->request.to,
                                    .key = job->request.key,
                                    .key_len = job->request.key_len,
                                    .value = buf_str(&d->message),
                                    .value_len = d->message.len,
                                    .alone = job->send_alone};
        enum txn_step step = txn_send(d->txn, &record, err);
        if (step != TXN_OK)
            return step;
    }
    return claim_has_ended(err);
}

static enum txn_step send_replies(struct delivery *d, struct job **jobs, size_t n, struct err *err)
{
    enum txn_step step = txn_begin(d->txn, err);

    for (size_t i = 0; step == TXN_OK && i < n; i++)
        step = send_job(d, jobs[i], err);
    return step;
}

static enum txn_step send_offsets(struct delivery *d, const struct group_claim *claim,
                                  struct ledger *after, struct err *err)
{
    struct ledger_commit *commits = mem_alloc(claim->count + 1, sizeof *commits);
    struct group_partition *parts = mem_alloc(claim->count + 1, sizeof *parts);
    size_t n = ledger_take_commits(after, commits, claim->count);

    for (size_t i = 0; i < n; i++)
        parts[i] =
            (struct group_partition){commits[i].partition, commits[i].offset, commits[i].metadata};
    enum txn_step step = txn_send_offsets(d->txn, claim, parts, n, err);
    free(parts);
    free(commits);
    return step;
}

/* After TXN_ABORT and TXN_LOST: the same, or what became of the producer. */
static enum txn_step undo(struct delivery *d, enum txn_step step, struct err *err)
{
    struct err why = {0};
    enum txn_step aborted = txn_abort(d->txn, &why);

    if (aborted == TXN_OK)
        return step;
    *err = why;
    return aborted;
}

/* Under the holding's lock. *offered: Kafka may have got the offsets. */
static enum txn_step settle(struct delivery *d, struct job **jobs, size_t n, bool *offered,
                            struct err *err)
{
    struct holding *h = d->conf.holding;
    const struct group_claim *claim = holding_claim(h);

    if (claim == NULL || claim->number != jobs[0]->claim || !holding_counts(h, jobs[0]))
        return claim_has_ended(err);
    struct ledger *after = ledger_dup(holding_ledger(h));
    for (size_t i = 0; i < n; i++)
        ledger_settle(after, jobs[i]->partition, jobs[i]->sequence, jobs[i]->offset);
    *offered = true;
    enum txn_step step = send_offsets(d, claim, after, err);
    if (step == TXN_OK)
        step = txn_commit(d->txn, err);
    if (step == TXN_OK) {
        holding_settle_take(h, after);
        return step;
    }
    ledger_free(after);
    if (step == TXN_ABORT || step == TXN_LOST)
        step = undo(d, step, err);
    if (step != TXN_ABORT)
        holding_forget(h);
    return step;
}

static int64_t count_bytes(struct job *const *jobs, size_t n)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += (int64_t)answer_bytes(jobs[i]->answer);
    return bytes;
}

static void count(struct delivery *d, struct job *const *jobs, size_t n, bool committed,
                  int64_t took_us)
{
    struct traffic *traffic = d->conf.flight->traffic;

    traffic_transaction(traffic, committed, n, took_us);
    for (size_t i = 0; committed && i < n; i++)
        traffic_answered(traffic, answer_is_error(jobs[i]->answer), answer_rows(jobs[i]->answer),
                         clock_mono_ms() - jobs[i]->begun_ms);
}

/* One transaction, of jobs of one claim. TXN_OK: committed and settled. TXN_ABORT: nothing of it
 * will be seen. TXN_LOST: the same, and its claim has ended. Else the producer is of no use any
 * more, and *offered says whether the transaction may have been committed all the same. */
static enum txn_step transact(struct delivery *d, struct job **jobs, size_t n, bool *offered,
                              struct err *err)
{
    int64_t begun_us = clock_mono_us();
    enum txn_step step = send_replies(d, jobs, n, err);

    *offered = false;
    if (step == TXN_OK) {
        holding_lock(d->conf.holding);
        step = settle(d, jobs, n, offered, err);
        holding_unlock(d->conf.holding);
    }
    int64_t took_us = clock_mono_us() - begun_us;
    log_debug(log_event("transaction"), log_int("replies", (int64_t)n),
              log_int("bytes", count_bytes(jobs, n)), log_int("step", step),
              log_int("us", took_us));
    count(d, jobs, n, step == TXN_OK, took_us);
    if (step != TXN_OK)
        traffic_error(d->conf.flight->traffic, err->class);
    if (!*offered && (step == TXN_ABORT || step == TXN_LOST))
        step = undo(d, step, err);
    return step;
}

/* ---- answers that cannot be sent ---- */

/* The error goes where the answer was to go, unless that is what was wrong. */
static void turn_into_error(struct delivery *d, struct job *job, const struct err *why)
{
    log_warn(log_event("reply_refused"), log_str("topic", job->request.to),
             log_int("partition", job->partition), log_int("offset", job->offset), log_err(why));
    if (why->class != ERR_POISON)
        request_redirect(&job->request, d->conf.rules);
    answer_set_error(job->answer, why->code, why->text);
}

/* The last resort: the partition must not stand still for a reply that its topic can never take. */
static void give_no_reply(struct job *job, const struct err *why)
{
    log_error(log_event("reply_impossible"), log_str("topic", job->request.to),
              log_int("partition", job->partition), log_int("offset", job->offset), log_err(why));
    job->mute = true;
}

bool delivery_gives_up(const struct delivery *d)
{
    int64_t at = atomic_load(&d->conf.flight->give_up_ms);

    return at > 0 && clock_mono_ms() >= at;
}

static bool give_up(void *arg) /* for txn_set_give_up */
{
    return delivery_gives_up(arg);
}

/* Waits longer from try to try; false when the program must end. */
static bool pause_before_retry(struct delivery *d, unsigned tries)
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
    return !give_up(d);
}

/* 0: the topic takes the answer. -1: code and text say why not; ERR_RETRY: Kafka does not tell. */
static int check_topic(struct delivery *d, struct job *job, struct err *err)
{
    struct answer_head head;
    struct lookup_topic topic;

    if (txn_look_up(d->txn, job->request.to, &topic, err) < 0)
        return -1;
    if (!topic.exists)
        return err_set(err, ERR_CONFIG, "reply.no-topic", "topic %s does not exist",
                       job->request.to);
    job->send_alone = topic.message_max_bytes < TXN_BATCH_BYTES + RECORD_OVERHEAD;
    job_head(job, d->conf.format, &head);
    size_t page = answer_page_bytes(job->answer);
    size_t bytes = page + answer_error_bytes(job->answer) + answer_head_bytes(&head) +
                   job->request.key_len + RECORD_OVERHEAD;
    int64_t most = topic.message_max_bytes < d->conf.txn.message_max_bytes
                       ? topic.message_max_bytes
                       : d->conf.txn.message_max_bytes;
    if (page == 0 && (int64_t)bytes > most && job->request.body != NULL) {
        json_decref(job->request.body); /* an error need not carry the request, as rows do */
        job->request.body = NULL;
        return check_topic(d, job, err);
    }
    if ((int64_t)bytes > most)
        return err_set(err, ERR_POISON, "reply.too-large",
                       "a reply message of about %zu bytes does not fit topic %s "
                       "(max.message.bytes is %" PRId64 "); ask with fewer page_rows",
                       bytes, job->request.to, most);
    return 0;
}

/* Makes sure that the answer can be sent, or turns it into an error reply that can. False when it
 * is to be dropped: its claim ended, or the program, while its topic was not to be had. */
static bool make_sendable(struct delivery *d, struct job *job)
{
    unsigned turned = 0;

    for (unsigned tries = 0; holding_counts(d->conf.holding, job); tries++) {
        struct err why = {0};
        if (job->mute || check_topic(d, job, &why) == 0)
            return true;
        if (why.class == ERR_POISON && turned == TURNS_MAX) {
            give_no_reply(job, &why);
            return true;
        }
        if (why.class != ERR_RETRY && turned < TURNS_MAX) {
            if (turned++ > 0) /* not even the error */
                request_redirect(&job->request, d->conf.rules);
            else
                turn_into_error(d, job, &why);
            continue;
        }
        if (tries == 3) /* Kafka, or RESPONSE_TOPIC, is away: told once */
            log_error(log_event("reply_waits"), log_err(&why));
        txn_forget_topics(d->txn);
        if (!pause_before_retry(d, tries))
            return false;
    }
    return false;
}

/* Kafka ended this answer's transaction for its age. */
static void note_slow(struct delivery *d, const struct job *job)
{
    if (d->slow.partition != job->partition || d->slow.offset != job->offset)
        d->slow = (struct slow){.partition = job->partition, .offset = job->offset};
    d->slow.times++;
}

static bool is_too_slow(const struct delivery *d, const struct job *job)
{
    return d->slow.times >= TOO_SLOW_MAX && d->slow.partition == job->partition &&
           d->slow.offset == job->offset;
}

static void refuse_slow(struct delivery *d, struct job *job)
{
    struct err why = {0};

    if (!is_too_slow(d, job) || answer_bytes(job->answer) == 0)
        return;
    err_set(&why, ERR_POISON, "reply.too-slow",
            "the reply could not be written within the server's TRANSACTION_TIMEOUT; use LIMIT");
    turn_into_error(d, job, &why);
}

/* ---- what to do with a step's outcome ---- */

static void free_jobs(struct job **jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        job_free(jobs[i]);
}

/* Before the first claim a stop alone ends the wait: nothing is in flight. */
static bool give_up_init(void *arg)
{
    const struct delivery *d = arg;

    return delivery_gives_up(d) || (d->rebuilds == 0 && stop_requested());
}

static int open_producer(struct delivery *d, struct err *err)
{
    enum txn_step step;

    if (txn_open(&d->txn, &d->conf.txn, err) < 0)
        return -1;
    txn_set_give_up(d->txn, give_up_init, d);
    step = txn_init(d->txn, err);
    txn_set_give_up(d->txn, give_up, d);
    if (step == TXN_STOPPED) {
        err_clear(err);
        return err_set(err, ERR_STOPPING, "stopping", "asked to stop while Kafka did not answer");
    }
    return step == TXN_OK ? 0 : -1;
}

/* A new producer. What the old one left is committed or aborted when this returns. */
static int rebuild(struct delivery *d, const struct err *why, struct err *err)
{
    d->failures += why->class != ERR_RETRY ? 1 : 0;
    if (d->failures > FAILURES_MAX) {
        *err = *why;
        return err_wrap(err, "%u producers failed in a row", d->failures);
    }
    log_warn(log_event("kafka_producer_rebuilt"), log_err(why));
    txn_close(d->txn);
    d->txn = NULL;
    if (d->rebuilds++ > 0 && !pause_before_retry(d, d->rebuilds))
        return err_set(err, ERR_STOPPING, "stopping", "asked to stop while Kafka did not answer");
    return open_producer(d, err);
}

/* The claim ended here: intake reads the committed offsets again, which say what is left to do. The
 * group may have told it already. */
static void read_again(struct delivery *d, int64_t claim)
{
    if (atomic_load(&d->conf.flight->claim) == claim)
        atomic_store(&d->conf.flight->rewind, true);
}

/* Tries once. *again: nothing of it will be seen, and the jobs may be sent once more; else each is
 * committed or its claim has ended. why: of what went wrong. -1: the thread ends. */
static int attempt(struct delivery *d, struct job **jobs, size_t n, bool *again, struct err *why,
                   struct err *err)
{
    bool offered;
    int64_t claim = jobs[0]->claim;
    enum txn_step step = transact(d, jobs, n, &offered, why);

    *again = step == TXN_ABORT || (step == TXN_REBUILD && !offered);
    if (n == 1 && strcmp(why->code, "kafka.transaction-timeout") == 0)
        note_slow(d, jobs[0]);
    switch (step) {
    case TXN_OK:
        d->rebuilds = d->failures = 0;
        return 0;
    case TXN_ABORT:
        return 0;
    case TXN_LOST:
        log_info(log_event("claim_lost"), log_err(why));
        if (offered)
            read_again(d, claim);
        return 0;
    case TXN_REBUILD:
        if (rebuild(d, why, err) < 0)
            return -1;
        if (offered)
            read_again(d, claim);
        return 0;
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
static int replay_take(struct delivery *d, struct job *job, struct err *err)
{
    unsigned failures = 0;
    int rc = 0;

    for (unsigned tries = 0; make_sendable(d, job); tries++) {
        struct err why = {0};
        bool again;
        rc = attempt(d, &job, 1, &again, &why, err);
        if (rc < 0 || !again)
            break;
        txn_forget_topics(d->txn);
        failures += is_records_fault(&why) ? 1 : 0;
        refuse_slow(d, job);
        if (failures == 2)
            turn_into_error(d, job, &why);
        if (failures == 5)
            give_no_reply(job, &why);
        if (tries == 5)
            log_error(log_event("reply_waits"), log_err(&why));
        if (!pause_before_retry(d, tries))
            break;
    }
    job_free(job);
    return rc;
}

/* Takes the jobs. 0, or -1 when the thread must end. */
static int send_group_take(struct delivery *d, struct job **jobs, size_t n, struct err *err)
{
    struct err why = {0};
    bool again;
    int rc = attempt(d, jobs, n, &again, &why, err);

    if (rc < 0 || !again) {
        free_jobs(jobs, n);
        return rc;
    }
    log_warn(log_event("replies_replayed"), log_int("replies", (int64_t)n), log_err(&why));
    txn_forget_topics(d->txn);
    for (size_t i = 0; i < n; i++) {
        if (rc == 0)
            rc = replay_take(d, jobs[i], err);
        else
            job_free(jobs[i]);
    }
    return rc;
}

/* A plan of the claim in hand; NULL: there is none, or it is not that one. */
static struct ledger *plan_for(struct delivery *d, int64_t number)
{
    struct ledger *plan = NULL;

    holding_lock(d->conf.holding);
    const struct group_claim *claim = holding_claim(d->conf.holding);
    if (claim != NULL && claim->number == number)
        plan = ledger_dup(holding_ledger(d->conf.holding));
    holding_unlock(d->conf.holding);
    return plan;
}

static void drop_stale(const struct delivery *d, struct job **ready, size_t *count)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++)
        if (holding_counts(d->conf.holding, ready[i]))
            ready[kept++] = ready[i];
        else
            job_free(ready[i]);
    *count = kept;
}

/* What the ledger has no place for waits until a gap closes. */
size_t delivery_choose(struct delivery *d, struct job **ready, size_t *count, struct job **out)
{
    size_t n = 0, kept = 0, bytes = 0;
    size_t most = d->conf.large ? 1 : DELIVERY_JOBS, spare = d->conf.large ? 0 : SPARE_RUNS;

    drop_stale(d, ready, count);
    int64_t claim = *count > 0 ? ready[0]->claim : 0;
    struct ledger *plan = plan_for(d, claim);
    if (plan == NULL)
        return 0;
    for (size_t i = 0; i < *count; i++) {
        struct job *job = ready[i];
        size_t size = answer_bytes(job->answer);
        bool room = n < most && (n == 0 || (bytes <= GROUP_BYTES && size <= GROUP_BYTES - bytes));
        if (room && job->claim == claim &&
            ledger_may_settle(plan, job->partition, job->sequence, spare)) {
            ledger_settle(plan, job->partition, job->sequence, job->offset);
            out[n++] = job;
            bytes += size;
        } else {
            ready[kept++] = job;
        }
    }
    *count = kept;
    ledger_free(plan);
    return n;
}

int delivery_send_take(struct delivery *d, struct job **jobs, size_t n, struct err *err)
{
    size_t sendable = 0;

    for (size_t i = 0; i < n; i++) {
        refuse_slow(d, jobs[i]);
        if (make_sendable(d, jobs[i]))
            jobs[sendable++] = jobs[i];
        else
            job_free(jobs[i]);
    }
    return sendable > 0 ? send_group_take(d, jobs, sendable, err) : 0;
}

int delivery_open(struct delivery **out, const struct delivery_conf *conf, struct err *err)
{
    struct delivery *d = mem_alloc(1, sizeof *d);

    d->conf = *conf;
    d->slow.partition = -1;
    if (open_producer(d, err) < 0) {
        delivery_close(d);
        return -1;
    }
    *out = d;
    return 0;
}

void delivery_close(struct delivery *d)
{
    if (d == NULL)
        return;
    txn_close(d->txn);
    buf_fini(&d->message);
    free(d);
}
