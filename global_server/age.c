/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/age.c: a window on the command topic, [from, next): every record in it is in the
 * ring. Questions move it: what lies far below the last asked offset goes when room is needed, and
 * an offset below the window makes the thread read from there. When the ring is full of records
 * that the replica has not applied yet, reading stops until it has: more is not needed. Whatever
 * Kafka says, or fails to say, tells whether it is there; while it need not be asked for a record,
 * it is asked for that alone. */
#include "global_server/age.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/reader.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RING_SIZE 16384
#define QUEUE_BYTES (512 << 10)
#define TURN_MS 50
#define RETRY_MS 2000
#define CONFIRM_MS 500 /* between two questions to the broker while nothing comes */
#define FRESH_MS 1000  /* a confirmed end is no older than now for so long */
#define STOP_WAIT_MS 2000

struct entry {
    int64_t offset, timestamp_ms;
};

struct age {
    pthread_t thread;
    struct reader *reader; /* the thread's */
    int64_t heard_ms;      /* the same; monotonic: of Kafka, last */
    /* what follows is shared, under lock, which is never held while Kafka is asked */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on the monotonic clock */
    struct entry ring[RING_SIZE];
    size_t first, count;
    int64_t from, next; /* the window; from -1: nothing was asked or read yet */
    int64_t wanted;     /* highest offset that was asked for; -1: none */
    int64_t seek;       /* read from here on; -1: go on */
    bool at_end;        /* everything up to end_ms was read */
    int64_t end_ms;     /* monotonic */
    bool kafka_is_up;
    bool stopping, ended;
};

static struct entry *at(struct age *a, size_t i)
{
    return &a->ring[(a->first + i) % RING_SIZE];
}

/* First record at or beyond offset, by bisection; count when there is none. */
static size_t find(struct age *a, int64_t offset)
{
    size_t low = 0, high = a->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (at(a, middle)->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* True when the window tells; under lock. */
static bool known(struct age *a, int64_t offset, int64_t *age_ms)
{
    if (a->from < 0 || offset < a->from || a->seek >= 0)
        return false;
    size_t i = find(a, offset);
    if (i < a->count) {
        int64_t age = clock_wall_ms() - at(a, i)->timestamp_ms;
        *age_ms = age > 0 ? age : 0;
        return true;
    }
    int64_t since_ms = clock_mono_ms() - a->end_ms; /* what came since would not be known */
    *age_ms = since_ms > FRESH_MS ? since_ms : 0;
    return a->at_end;
}

int64_t age_of(struct age *a, int64_t next_offset, int64_t wait_ms)
{
    struct timespec until = clock_deadline(wait_ms);
    int64_t age_ms = -1;
    int rc = 0;

    pthread_mutex_lock(&a->lock);
    if (next_offset > a->wanted)
        a->wanted = next_offset;
    while (!known(a, next_offset, &age_ms) && rc == 0 && !a->stopping) {
        if ((a->from < 0 || next_offset < a->from) && (a->seek < 0 || next_offset < a->seek))
            a->seek = next_offset;
        age_ms = -1;
        rc = pthread_cond_timedwait(&a->changed, &a->lock, &until);
    }
    if (!known(a, next_offset, &age_ms))
        age_ms = -1;
    pthread_mutex_unlock(&a->lock);
    return age_ms;
}

bool age_kafka_is_up(struct age *a)
{
    pthread_mutex_lock(&a->lock);
    bool up = a->kafka_is_up;
    pthread_mutex_unlock(&a->lock);
    return up;
}

static void set_kafka(struct age *a, bool up)
{
    a->heard_ms = clock_mono_ms();
    pthread_mutex_lock(&a->lock);
    a->kafka_is_up = up;
    pthread_mutex_unlock(&a->lock);
}

/* Room for one more record; false when all that are there may still be asked for. */
static bool make_room(struct age *a)
{
    if (a->count < RING_SIZE)
        return true;
    if (at(a, 0)->offset >= a->wanted)
        return false;
    a->from = at(a, 0)->offset + 1;
    a->first = (a->first + 1) % RING_SIZE;
    a->count--;
    return true;
}

/* Takes the question for another start out of the shared part; -1: there is none. */
static int64_t take_seek(struct age *a, bool *full, bool *stopping)
{
    pthread_mutex_lock(&a->lock);
    int64_t seek = a->seek;
    *full = !make_room(a);
    *stopping = a->stopping;
    pthread_mutex_unlock(&a->lock);
    return seek;
}

static void restart_window(struct age *a, int64_t offset)
{
    pthread_mutex_lock(&a->lock);
    a->first = a->count = 0;
    a->from = a->next = offset;
    a->at_end = false;
    a->seek = -1;
    pthread_mutex_unlock(&a->lock);
}

static void take_record(struct age *a, const struct record *record)
{
    pthread_mutex_lock(&a->lock);
    *at(a, a->count++) = (struct entry){record->offset, record->timestamp_ms};
    a->next = record->offset + 1;
    a->at_end = false;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* All that was there at since_ms was read. */
static void set_end(struct age *a, int64_t since_ms)
{
    pthread_mutex_lock(&a->lock);
    a->at_end = true;
    a->end_ms = since_ms;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static void wait_a_turn(struct age *a, int64_t wait_ms)
{
    struct timespec until = clock_deadline(wait_ms);
    int rc = 0;

    pthread_mutex_lock(&a->lock);
    while (!a->stopping && a->seek < 0 && rc == 0)
        rc = pthread_cond_timedwait(&a->changed, &a->lock, &until);
    pthread_mutex_unlock(&a->lock);
}

/* First and next offset of the log. */
static int ask_bounds(struct age *a, int64_t *low, int64_t *high, struct err *err)
{
    if (reader_watermarks(a->reader, low, high, err) < 0)
        return -1;
    set_kafka(a, true);
    return 0;
}

/* The log may begin after the offset that was asked for. */
static int seek_to(struct age *a, int64_t offset, struct err *err)
{
    int64_t low, high;

    if (ask_bounds(a, &low, &high, err) < 0)
        return -1;
    if (reader_assign(a->reader, offset < low ? low : offset > high ? high : offset, err) < 0)
        return -1;
    restart_window(a, offset);
    return 0;
}

/* A broker that hangs is silent too: it is asked whether the end is still where it was seen, or
 * behind the last record. */
static int on_silence(struct age *a, struct err *err)
{
    int64_t now = clock_mono_ms(), low, high;

    if (a->at_end && now - a->end_ms < CONFIRM_MS)
        return 0;
    if (ask_bounds(a, &low, &high, err) < 0)
        return -1;
    if (high <= reader_end_offset(a->reader) || high <= a->next)
        set_end(a, now);
    return 0;
}

/* One record or event. *live: the end was seen since the start, so silence means the end again
 * (librdkafka tells of it half a second late). */
static int turn(struct age *a, bool *live, struct err *err)
{
    struct record record;
    int64_t begun_ms = clock_mono_ms();

    switch (reader_next(a->reader, TURN_MS, &record, err)) {
    case READER_RECORD:
        take_record(a, &record);
        record_fini(&record);
        set_kafka(a, true);
        return 0;
    case READER_END:
        *live = true;
        set_end(a, begun_ms);
        set_kafka(a, true);
        return 0;
    case READER_NOTHING:
        return *live ? on_silence(a, err) : 0;
    case READER_OUTAGE: /* the log may be another one when it is back */
    case READER_FAILED:
        break;
    }
    return -1;
}

/* No record is wanted: nobody has asked yet, or the ring is full. */
static int rest(struct age *a, struct err *err)
{
    int64_t low, high;

    if (clock_mono_ms() - a->heard_ms >= CONFIRM_MS && ask_bounds(a, &low, &high, err) < 0)
        return -1;
    wait_a_turn(a, TURN_MS * 4);
    return 0;
}

/* Tells of an outage once. */
static void give_up(struct age *a, const struct err *why, bool *told)
{
    if (!*told && why->class != ERR_STOPPING)
        log_warn(log_event("age_unknown"), log_err(why));
    *told = true;
    set_kafka(a, false);
    restart_window(a, -1);
    wait_a_turn(a, RETRY_MS);
}

static void *age_main(void *arg) /* thread `age`: owns the reader */
{
    struct age *a = arg;
    bool stopping = false, live = false, assigned = false, told = false, full;

    while (!stopping) {
        struct err why = {0};
        int64_t seek = take_seek(a, &full, &stopping);
        int rc = 0;
        if (seek >= 0) {
            live = false;
            rc = seek_to(a, seek, &why);
            assigned = rc == 0;
        }
        if (rc == 0)
            rc = !assigned || full ? rest(a, &why) : turn(a, &live, &why);
        if (rc == 0) {
            told = false;
            continue;
        }
        assigned = false;
        give_up(a, &why, &told);
    }
    pthread_mutex_lock(&a->lock);
    a->ended = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

int age_start(struct age **out, const struct age_conf *conf, struct err *err)
{
    struct age *a = mem_alloc(1, sizeof *a);
    struct reader_conf reader = {.kafka = conf->kafka,
                                 .topic = conf->topic,
                                 .group_id = conf->group_id,
                                 .queue_bytes = QUEUE_BYTES};
    pthread_condattr_t attr;

    a->from = a->wanted = a->seek = -1;
    if (reader_open(&a->reader, &reader, err) < 0) {
        free(a);
        return -1;
    }
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &attr);
    pthread_condattr_destroy(&attr);
    int rc = pthread_create(&a->thread, NULL, age_main, a);
    if (rc != 0) {
        reader_close(a->reader);
        free(a);
        return err_set(err, ERR_FATAL, "thread.start", "thread age: %s", strerror(rc));
    }
    *out = a;
    return 0;
}

bool age_stop(struct age *a)
{
    struct timespec until = clock_deadline(STOP_WAIT_MS);
    int rc = 0;

    if (a == NULL)
        return true;
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_cond_broadcast(&a->changed);
    while (!a->ended && rc == 0)
        rc = pthread_cond_timedwait(&a->changed, &a->lock, &until);
    bool ended = a->ended;
    pthread_mutex_unlock(&a->lock);
    if (!ended)
        return false;
    pthread_join(a->thread, NULL);
    reader_close(a->reader);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
    return true;
}
