/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/intake.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "global_server/ledger.h"
#include "global_server/rate.h"
#include "global_server/report.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLL_MS 100
#define TAKE_MAX 64 /* records at once */
#define SIT_OUT_MS 500
#define RELEASE_MS 3000       /* how long a rebalance waits for finished answers to be committed */
#define QUEUE_BYTES (4 << 20) /* what librdkafka holds ready */
#define TROUBLE_REPEAT_MS 60000

/* The claim's view of a partition. */
struct source {
    int32_t partition;
    int64_t next_sequence;
    int64_t committed;
    struct ledger_set skip; /* settled by a former owner, beyond its committed offset */
    bool paused;            /* it alone */
};

struct intake {
    pthread_t thread;
    struct intake_conf conf;
    struct group *group;
    atomic_bool held, stopping;
    /* the thread's */
    struct rate *rate; /* NULL: any */
    struct source *sources;
    size_t source_count;
    int64_t claim;         /* number; 0: none */
    bool paused;           /* what is wanted of all partitions */
    bool all_paused;       /* what they are */
    size_t hogs;           /* partitions that are paused alone */
    int64_t full_since_ms; /* monotonic; 0: not full */
    char trouble[96];      /* code of the last trouble, told once in a while */
    int64_t trouble_ms;
};

/* Those who commit hear of the claim before any job of it exists. */
static void on_claim(void *arg, struct group_claim *claim)
{
    struct intake *in = arg;

    free(in->sources);
    in->source_count = claim->count;
    in->sources = mem_alloc(claim->count + 1, sizeof *in->sources);
    for (size_t i = 0; i < claim->count; i++) {
        const struct group_partition *p = &claim->partitions[i];
        in->sources[i].partition = p->partition;
        in->sources[i].committed = p->offset;
        ledger_set_read(&in->sources[i].skip, p->offset, p->metadata);
    }
    if (in->rate != NULL) /* some requests are read again: they were counted before */
        rate_forget(in->rate);
    in->hogs = 0;
    in->claim = claim->number;
    log_info(log_event("claim"), log_int("partitions", (int64_t)claim->count));
    reply_claim_take(in->conf.reply, claim);
    atomic_store(&in->conf.flight->claim, in->claim);
}

static void on_renew(void *arg, struct group_claim *renewal)
{
    struct intake *in = arg;

    if (atomic_load(&in->stopping)) /* reply has sent all, and may be gone */
        group_claim_free(renewal);
    else
        reply_renew_take(in->conf.reply, renewal);
    log_info(log_event("claim_renewed"), log_int("partitions", (int64_t)in->source_count));
}

static bool is_quiet(void *arg)
{
    const struct intake *in = arg;

    return reply_is_quiet(in->conf.reply);
}

/* What is finished is committed first; what is not is done again by the next owner. */
static void on_revoke(void *arg, bool lost)
{
    struct intake *in = arg;

    if (!lost && !atomic_load(&in->stopping)) /* else reply has sent all, and may be gone */
        reply_release(in->conf.reply, RELEASE_MS);
    atomic_store(&in->conf.flight->claim, 0);
    in->claim = 0;
    log_info(log_event("claim_ended"), log_str("why", lost ? "lost" : "revoked"));
}

static struct source *find_source(struct intake *in, int32_t partition)
{
    for (size_t i = 0; i < in->source_count; i++)
        if (in->sources[i].partition == partition)
            return &in->sources[i];
    return NULL;
}

/* The record as a job; NULL: it was answered before, or is of no claim. */
static struct job *take_record(struct intake *in, struct record *record)
{
    struct source *source = in->claim != 0 ? find_source(in, record->partition) : NULL;

    if (source != NULL && record->offset < source->committed)
        source->skip.count = 0; /* the topic was made anew: what was settled was in another log */
    if (source == NULL || ledger_set_has(&source->skip, record->offset)) {
        record_fini(record);
        return NULL;
    }
    int64_t too_soon_ms =
        in->rate != NULL ? rate_ask(in->rate, record->key, record->key_len, clock_mono_us()) : 0;
    struct job *job = job_new_take(in->conf.flight, record, in->claim, source->next_sequence++);
    job->too_soon_ms = too_soon_ms;
    return job;
}

static bool is_full(const struct intake *in)
{
    return atomic_load(&in->conf.flight->jobs) >= in->conf.max_jobs ||
           atomic_load(&in->conf.flight->bytes) >= in->conf.max_bytes;
}

static bool is_half_free(const struct intake *in)
{
    return atomic_load(&in->conf.flight->jobs) <= in->conf.max_jobs / 2 &&
           atomic_load(&in->conf.flight->bytes) <= in->conf.max_bytes / 2;
}

static int64_t room_of_one(const struct intake *in)
{
    return in->source_count > 1 ? in->conf.max_jobs / 2 : in->conf.max_jobs;
}

static bool is_hog(const struct intake *in, const struct source *source)
{
    return flight_jobs_of(in->conf.flight, source->partition) >= room_of_one(in);
}

/* More than half of the room is one partition's. */
static bool has_hog(const struct intake *in)
{
    if (atomic_load(&in->conf.flight->jobs) < room_of_one(in))
        return false;
    for (size_t i = 0; i < in->source_count; i++)
        if (!in->sources[i].paused && is_hog(in, &in->sources[i]))
            return true;
    return false;
}

static void pause_hogs(struct intake *in)
{
    for (size_t i = 0; i < in->source_count; i++) {
        struct source *source = &in->sources[i];
        if (source->paused || !is_hog(in, source))
            continue;
        source->paused = true;
        in->hogs++;
        group_pause_partition(in->group, source->partition, true);
    }
}

static void resume_some(struct intake *in)
{
    for (size_t i = 0; in->hogs > 0 && i < in->source_count; i++) {
        struct source *source = &in->sources[i];
        if (!source->paused ||
            flight_jobs_of(in->conf.flight, source->partition) > room_of_one(in) / 2)
            continue;
        source->paused = false;
        in->hogs--;
        group_pause_partition(in->group, source->partition, false);
    }
}

static void pause_all(struct intake *in, bool pause)
{
    if (in->all_paused == pause)
        return;
    in->all_paused = pause;
    group_pause(in->group, pause);
    for (size_t i = 0; i < in->source_count; i++)
        in->sources[i].paused = false;
    in->hogs = 0;
}

/* Pausing makes librdkafka drop what it holds ready. So a short fullness is sat out without a poll,
 * which rebalances bear; a longer one pauses, and that ends when half of the room is free. A
 * partition whose requests are slow, or wait for the ledger, gets half of the room at most, so that
 * the others go on. False: do not poll now. */
static bool set_flow(struct intake *in)
{
    int64_t now = clock_mono_ms();
    bool full = is_full(in);

    if (atomic_load(&in->held)) {
        in->paused = true;
    } else if (in->paused) {
        in->paused = !is_half_free(in);
    } else if (!full && !has_hog(in)) {
        in->full_since_ms = 0;
    } else if (in->full_since_ms == 0) {
        in->full_since_ms = now;
        return false;
    } else if (now - in->full_since_ms < SIT_OUT_MS) {
        return false;
    } else if (full) {
        in->paused = true;
    } else {
        pause_hogs(in);
        in->full_since_ms = 0;
    }
    pause_all(in, in->paused);
    resume_some(in);
    return true;
}

/* Kafka's troubles heal; each kind is told once in a while. */
static void tell_trouble(struct intake *in, const struct err *why)
{
    int64_t now = clock_mono_ms();

    if (strcmp(in->trouble, why->code) == 0 && now - in->trouble_ms < TROUBLE_REPEAT_MS)
        return;
    memcpy(in->trouble, why->code, sizeof in->trouble);
    in->trouble_ms = now;
    log_warn(log_event("kafka_trouble"), log_err(why));
}

/* Waits for a record, and takes those that are there with it. A rebalance in between is fine: jobs
 * of a claim that has ended do not count. */
static enum group_event take_some(struct intake *in, struct err *why)
{
    struct job *jobs[TAKE_MAX];
    struct record record;
    enum group_event event = GROUP_RECORD;
    size_t n = 0;

    for (size_t taken = 0; taken < TAKE_MAX; taken++) {
        if (taken > 0 && (is_full(in) || has_hog(in)))
            break;
        event = group_poll(in->group, taken == 0 ? POLL_MS : 0, &record, why);
        if (event != GROUP_RECORD)
            break;
        in->trouble[0] = '\0';
        jobs[n] = take_record(in, &record);
        n += jobs[n] != NULL ? 1 : 0;
    }
    if (n > 0)
        lanes_push_take(in->conf.lanes, jobs, n);
    return event;
}

static int turn(struct intake *in, struct err *err)
{
    bool serve = atomic_load(&in->conf.flight->serve);
    struct err why = {0};

    if ((serve ? group_join(in->group, err) : group_leave(in->group, err)) < 0)
        return -1;
    if (atomic_exchange(&in->conf.flight->rewind, false))
        group_rewind(in->group);
    if (!set_flow(in)) {
        const struct timespec nap = {.tv_nsec = 2000000};
        nanosleep(&nap, NULL);
        return 0;
    }
    switch (take_some(in, &why)) {
    case GROUP_NOTHING:
    case GROUP_RECORD:
        break;
    case GROUP_TROUBLE:
        tell_trouble(in, &why);
        break;
    case GROUP_FAILED:
        *err = why;
        return -1;
    }
    return 0;
}

static void *intake_main(void *arg) /* thread `intake`: owns the group's consumer */
{
    struct intake *in = arg;
    struct err why = {0};

    while (!atomic_load(&in->stopping))
        if (turn(in, &why) < 0) {
            report_send(in->conf.reports, REPORT_ENDED, &why);
            break;
        }
    return NULL;
}

int intake_start(struct intake **out, const struct intake_conf *conf, struct err *err)
{
    struct intake *in = mem_alloc(1, sizeof *in);
    struct group_conf group = {.kafka = conf->kafka,
                               .topic = conf->topic,
                               .group_id = conf->group_id,
                               .instance_id = conf->instance_id,
                               .id_setting = "INSTANCE_ID",
                               .cooperative = conf->cooperative,
                               .queue_bytes = QUEUE_BYTES,
                               .is_quiet = is_quiet,
                               .on_claim = on_claim,
                               .on_renew = on_renew,
                               .on_revoke = on_revoke,
                               .arg = in};

    in->conf = *conf;
    if (group_open(&in->group, &group, err) < 0) {
        free(in);
        return -1;
    }
    if (conf->max_key_rate > 0)
        in->rate = rate_new(conf->max_key_rate, (uint64_t)hash_random() << 32 | hash_random());
    int rc = pthread_create(&in->thread, NULL, intake_main, in);
    if (rc != 0) {
        (void)!group_close(in->group); /* it has not joined */
        rate_free(in->rate);
        free(in);
        return err_set(err, ERR_FATAL, "thread.start", "thread intake: %s", strerror(rc));
    }
    *out = in;
    return 0;
}

void intake_hold(struct intake *in)
{
    if (in != NULL)
        atomic_store(&in->held, true);
}

void intake_halt(struct intake *in)
{
    if (in == NULL || atomic_exchange(&in->stopping, true))
        return;
    pthread_join(in->thread, NULL);
}

bool intake_close(struct intake *in)
{
    if (in == NULL)
        return true;
    intake_halt(in);
    if (!group_close(in->group)) /* calls on_revoke once more */
        return false;
    rate_free(in->rate);
    free(in->sources);
    free(in);
    return true;
}
