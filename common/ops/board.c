/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/board.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "kafka/tail.h"
#include "ops/roster.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS 200
#define OPEN_MS 5000
#define RETRY_MS 5000
#define SILENT_INTERVALS 3
#define IDLE_LEAST_MS 5000

struct board {
    struct board_conf conf;
    char *topic; /* full name */
    int64_t started_wall_ms, started_mono_ms;
    pthread_t thread;
    bool running;
    bool told;        /* of the thread: the log says why nothing is read */
    bool caught_up;   /* of the thread: what comes now is told now */
    int64_t heard_ms; /* of the thread: when something came */
    pthread_mutex_t lock;
    struct roster *roster; /* from here on under the lock */
    bool has_read;         /* the topic, to its end, once */
    struct err trouble;    /* why nothing comes */
};

struct board *board_new(const struct board_conf *conf)
{
    struct board *b = mem_alloc(1, sizeof *b);

    b->conf = *conf;
    b->topic = setup_topic(conf->setup, conf->topic);
    b->started_wall_ms = clock_wall_ms();
    b->started_mono_ms = clock_mono_ms();
    b->roster = roster_new(SILENT_INTERVALS * conf->interval_ms);
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

/* Wall time that does not jump when the clock is set: ages and rates are made of it. */
static int64_t now_ms(const struct board *b)
{
    return b->started_wall_ms + (clock_mono_ms() - b->started_mono_ms);
}

static void set_trouble(struct board *b, const struct err *why)
{
    pthread_mutex_lock(&b->lock);
    b->trouble = *why;
    pthread_mutex_unlock(&b->lock);
    if (why->class == ERR_RETRY || b->told) {
        log_debug(log_event("statuses_unread"), log_err(why));
        return;
    }
    log_warn(log_event("statuses_unread"), log_err(why));
    b->told = true;
}

/* Once the end was seen, the time is ours: clocks of others need not agree. Before, the record's
 * own is all there is. */
static void take(struct board *b, const struct record *record)
{
    int64_t now = now_ms(b), at_ms = now;

    if (!b->caught_up && record->timestamp_ms >= 0 && record->timestamp_ms < now)
        at_ms = record->timestamp_ms;
    pthread_mutex_lock(&b->lock);
    roster_take(b->roster, record->key, record->key_len, record->value, record->value_len, at_ms);
    roster_see(b->roster, at_ms);
    err_clear(&b->trouble);
    pthread_mutex_unlock(&b->lock);
    b->told = false;
    b->heard_ms = now;
}

static void take_end(struct board *b)
{
    pthread_mutex_lock(&b->lock);
    roster_see(b->roster, now_ms(b));
    err_clear(&b->trouble);
    b->has_read = true;
    pthread_mutex_unlock(&b->lock);
    b->caught_up = true;
    b->heard_ms = now_ms(b);
}

/* This program's own status should have come. A tail does not say that Kafka is away, or that the
 * topic was made anew; opening it does. */
static bool is_idle(const struct board *b)
{
    int64_t idle_ms = (SILENT_INTERVALS - 1) * b->conf.interval_ms;

    return now_ms(b) - b->heard_ms > (idle_ms > IDLE_LEAST_MS ? idle_ms : IDLE_LEAST_MS);
}

/* Returns when the topic is to be opened anew. */
static void follow(struct board *b, struct tail *tail)
{
    struct err why = {0};

    b->caught_up = false;
    b->heard_ms = now_ms(b);
    while (!stop_requested() && !is_idle(b)) {
        struct record record = {0};
        switch (tail_next(tail, TURN_MS, &record, &why)) {
        case TAIL_RECORD:
            take(b, &record);
            record_fini(&record);
            break;
        case TAIL_END:
            take_end(b);
            break;
        case TAIL_FAILED:
            set_trouble(b, &why);
            stop_wait(RETRY_MS);
            return;
        case TAIL_NOTHING:
            break;
        }
    }
}

static void *board_main(void *arg) /* thread `board`: owns the tail */
{
    struct board *b = arg;
    struct kafka_conf kafka = setup_kafka(b->conf.setup, b->conf.client_id);

    while (!stop_requested()) {
        struct tail *tail = NULL;
        struct err why = {0};
        int64_t deadline_ms = clock_mono_ms() + OPEN_MS;
        if (tail_open(&tail, &kafka, b->topic, TAIL_FROM_START, deadline_ms, &why) == 0) {
            follow(b, tail);
        } else if (why.class != ERR_STOPPING) {
            set_trouble(b, &why);
            stop_wait(RETRY_MS);
        }
        tail_close(tail);
    }
    return NULL;
}

int board_start(struct board *b, struct err *err)
{
    if (pthread_create(&b->thread, NULL, board_main, b) != 0)
        return err_set(err, ERR_FATAL, "thread.start", "the thread `board` cannot be started");
    b->running = true;
    return 0;
}

void board_free(struct board *b)
{
    if (b == NULL)
        return;
    if (b->running)
        pthread_join(b->thread, NULL);
    pthread_mutex_destroy(&b->lock);
    roster_free(b->roster);
    free(b->topic);
    free(b);
}

void board_add(struct board *b, int64_t since, struct buf *out)
{
    buf_adds(out, "{\"topic\":");
    buf_add_json(out, b->topic, strlen(b->topic));
    pthread_mutex_lock(&b->lock);
    buf_addf(out, ",\"has_read\":%s,", b->has_read ? "true" : "false");
    if (err_is_set(&b->trouble)) {
        buf_adds(out, "\"trouble\":");
        buf_add_json(out, b->trouble.text, strlen(b->trouble.text));
        buf_addc(out, ',');
    }
    roster_add(b->roster, now_ms(b), since, out);
    pthread_mutex_unlock(&b->lock);
    buf_addc(out, '}');
}
