/* SPDX-License-Identifier: Apache-2.0 */

/* db_sync/report.c: the state is not set by anybody, it follows from what is known: so it cannot
 * be left behind by a path that forgot to set it. */
#include "db_sync/report.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "ops/status_writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request this old: Neo4j is slow, hung, or holds a lock for others; or a snapshot is taken. */
#define BUSY_LONG_MS 10000
#define WAITS_MS 500
#define TURN_MS 100    /* so ten a second at most */
#define MOVING_MS 1000 /* while a backlog is applied */
#define LAST_FLUSH_MS 3000

#define RECENT_POINTS (COMPARE_POINTS / 2)

/* The newest outcome hashes, oldest first. */
struct points {
    struct compare_point points[RECENT_POINTS];
    size_t count;
};

struct known {
    bool started; /* the position is read */
    struct position position;
    struct points checkpoints; /* at multiples of COMPARE_EVERY */
    struct points recent;      /* at the ends of batches */
    struct surroundings surroundings;
    char neo4j_reason[256], kafka_reason[256], diverged_reason[400]; /* "" while all is well */
    char restoring[256];                                             /* the same */
    int64_t read_offset, log_end, oldest_ms, busy_since_ms;
    bool kafka_was_met;
    bool held; /* since busy_since_ms, or since the outage began */
    bool at_end;
    const char *form; /* of the last commands; NULL: none were sent */
};

struct report {
    const struct options *options;
    struct meters *meters;
    struct status_writer *writer; /* of the thread */
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t news; /* an offset to be told at once */
    struct known known;
    bool ending;
};

struct report *report_new(const struct options *options)
{
    struct report *r = mem_alloc(1, sizeof *r);
    char *topic = setup_topic(&options->setup, options->status_topic);
    pthread_condattr_t attr;

    r->options = options;
    r->meters = meters_new();
    r->writer = status_writer_new(&options->setup, topic, options_replica(options), "db_sync");
    free(topic);
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->news, &attr);
    pthread_condattr_destroy(&attr);
    return r;
}

static bool is_slow(const struct known *k)
{
    return k->busy_since_ms > 0 && clock_mono_ms() - k->busy_since_ms > WAITS_MS;
}

static bool is_waiting(const struct known *k)
{
    return k->neo4j_reason[0] != '\0' || is_slow(k);
}

static bool is_in_sync(const struct known *k)
{
    return k->started && k->at_end && k->position.next_offset >= k->read_offset;
}

/* Most urgent first. */
static const char *state_of(const struct known *k, const char **reason)
{
    *reason = NULL;
    if (k->diverged_reason[0] != '\0') {
        *reason = k->diverged_reason;
        return "diverged";
    }
    if (k->held && is_waiting(k)) {
        *reason = k->neo4j_reason[0] != '\0' ? k->neo4j_reason
                                             : "a snapshot reads this replica: commands wait until "
                                               "it ends, reads go on";
        return "snapshot";
    }
    if (k->neo4j_reason[0] != '\0') {
        *reason = k->neo4j_reason;
        return "waiting-neo4j";
    }
    if (k->busy_since_ms > 0 && clock_mono_ms() - k->busy_since_ms > BUSY_LONG_MS) {
        *reason = "a request to Neo4j is not answered yet";
        return "waiting-neo4j";
    }
    if (k->kafka_reason[0] != '\0') {
        *reason = k->kafka_reason;
        return "waiting-kafka";
    }
    if (k->restoring[0] != '\0') {
        *reason = k->restoring;
        return "restoring";
    }
    if (!k->started)
        return "starting";
    return is_in_sync(k) ? "in-sync" : "catching-up";
}

static void add_point(struct points *p, int64_t offset, const struct position *position)
{
    if (p->count > 0 && p->points[p->count - 1].offset >= offset)
        return;
    if (p->count == RECENT_POINTS) {
        p->count--;
        memmove(p->points, p->points + 1, p->count * sizeof *p->points);
    }
    p->points[p->count].offset = offset;
    position_outcome_text(position, p->points[p->count++].outcome);
}

static void side_of(const struct known *k, struct compare_side *out)
{
    compare_init(out, &k->position);
    for (size_t i = 0; i < k->checkpoints.count; i++)
        compare_add_point(out, k->checkpoints.points[i].offset, k->checkpoints.points[i].outcome);
    for (size_t i = 0; i < k->recent.count; i++)
        compare_add_point(out, k->recent.points[i].offset, k->recent.points[i].outcome);
}

static void view(const struct known *k, const char *state, const char *reason,
                 struct report_view *out)
{
    int64_t now = clock_wall_ms(), offset = k->position.next_offset;
    bool behind = strcmp(state, "in-sync") != 0;
    int64_t end = k->log_end > k->read_offset ? k->log_end : k->read_offset;

    *out = (struct report_view){
        .state = state,
        .offset = offset,
        .log_end = end,
        .lag = behind && end > offset ? end - offset : 0,
        .age_ms = behind && k->oldest_ms > 0 && now > k->oldest_ms ? now - k->oldest_ms : 0,
        .neo4j_is_up = k->surroundings.version[0] != '\0' && k->neo4j_reason[0] == '\0',
        .kafka_is_up = k->kafka_was_met && k->kafka_reason[0] == '\0'};
    err_copy_text(out->reason, sizeof out->reason, reason != NULL ? reason : "");
    snprintf(out->server, sizeof out->server, "%s", k->surroundings.version);
}

static char *encode(const struct report *r, const struct known *k, const char *state,
                    const char *reason)
{
    char now_text[CLOCK_TEXT_SIZE], outcome[HASH_ID_SIZE];
    struct report_view seen;

    view(k, state, reason, &seen);
    position_outcome_text(&k->position, outcome);
    json_t *status = json_pack(
        "{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:s,s:s}", "replica", options_replica(r->options),
        "program", "db_sync", "state", state, "offset", (json_int_t)seen.offset, "last_offset",
        (json_int_t)k->position.last_offset, "lag", (json_int_t)seen.lag, "age_ms",
        (json_int_t)seen.age_ms, "outcome", outcome, "fingerprint", k->position.fingerprint,
        "version", CYPHERLOG_VERSION, "server", k->surroundings.version, "time",
        clock_text(clock_wall_ms(), now_text, sizeof now_text));
    if (k->started) {
        struct compare_side side;
        side_of(k, &side);
        compare_add_to(status, &side);
        json_object_set_new(status, "jvm", json_string(k->surroundings.jvm));
        json_object_set_new(status, "language", json_string(k->surroundings.language));
        json_object_set_new(status, "time_zone", json_string(k->surroundings.time_zone));
    }
    if (k->form != NULL)
        json_object_set_new(status, "form", json_string(k->form));
    if (reason != NULL)
        json_object_set_new(status, "reason", json_string(reason));
    char *text = json_dumps(status, JSON_COMPACT);
    json_decref(status);
    return text;
}

static void send_status(struct report *r, const struct known *k, const char *state,
                        const char *reason)
{
    char *text = encode(r, k, state, reason);

    if (text != NULL)
        status_writer_send(r->writer, text);
    free(text);
}

static void log_state(const struct known *k, const char *state, const char *reason)
{
    if (reason == NULL)
        log_info(log_event("state"), log_str("state", state),
                 log_int("offset", k->position.next_offset));
    else
        log_info(log_event("state"), log_str("state", state),
                 log_int("offset", k->position.next_offset), log_str("reason", reason));
}

/* What was told last. */
struct told {
    const char *state;
    int64_t offset, at_ms;
};

/* Waits for an offset that is to be told at once, as long as a turn. False: the end. */
static bool wait_known(struct report *r, const struct told *told, struct known *known)
{
    struct timespec until = clock_deadline(TURN_MS);
    int rc = 0;

    pthread_mutex_lock(&r->lock);
    while (rc == 0 && !r->ending &&
           !(is_in_sync(&r->known) && r->known.position.next_offset != told->offset))
        rc = pthread_cond_timedwait(&r->news, &r->lock, &until);
    *known = r->known;
    bool ending = r->ending;
    pthread_mutex_unlock(&r->lock);
    return !ending;
}

/* Who waits for a command (`db_sync send --wait`) learns at once that it is applied where nothing
 * follows it, and within a second in a backlog. */
static bool is_due(const struct report *r, const struct known *k, const char *state,
                   const struct told *told, int64_t now)
{
    int64_t since_ms = now - told->at_ms;

    if (state != told->state || since_ms >= r->options->status_interval_ms)
        return true;
    return k->position.next_offset != told->offset && (is_in_sync(k) || since_ms >= MOVING_MS);
}

static void *report_main(void *arg)
{
    struct report *r = arg;
    struct told told = {.state = ""};
    struct known known;
    const char *reason;

    while (wait_known(r, &told, &known)) {
        const char *state = state_of(&known, &reason);
        int64_t now = clock_mono_ms();
        if (is_due(r, &known, state, &told, now)) {
            if (state != told.state)
                log_state(&known, state, reason);
            send_status(r, &known, state, reason);
            told = (struct told){state, known.position.next_offset, now};
            nanosleep(&(struct timespec){.tv_nsec = TURN_MS * 1000000L}, NULL);
        }
        status_writer_serve(r->writer);
    }
    return NULL;
}

int report_start(struct report *r, struct err *err)
{
    if (pthread_create(&r->thread, NULL, report_main, r) != 0)
        return err_set(err, ERR_FATAL, "thread", "the thread `report` cannot be started");
    r->running = true;
    return 0;
}

static void send_last(struct report *r, const struct err *why)
{
    bool halted = err_is_set(why) && why->class != ERR_STOPPING && why->class != ERR_FENCED;

    /* Whoever took over tells how the replica stands. */
    if (why->class == ERR_FENCED)
        return;
    const char *state = !halted ? "stopped" : why->class == ERR_DIFFERS ? "diverged" : "halted";
    send_status(r, &r->known, state, halted ? why->text : NULL);
}

void report_free(struct report *r, const struct err *why)
{
    if (r == NULL)
        return;
    if (r->running) {
        pthread_mutex_lock(&r->lock);
        r->ending = true;
        pthread_cond_signal(&r->news);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
        send_last(r, why);
    }
    status_writer_close(r->writer, LAST_FLUSH_MS);
    pthread_cond_destroy(&r->news);
    pthread_mutex_destroy(&r->lock);
    meters_free(r->meters);
    free(r);
}

static struct known known_now(struct report *r)
{
    pthread_mutex_lock(&r->lock);
    struct known known = r->known;
    pthread_mutex_unlock(&r->lock);
    return known;
}

void report_look(struct report *r, struct report_view *out)
{
    struct known known = known_now(r);
    const char *reason, *state = state_of(&known, &reason);

    view(&known, state, reason, out);
}

char *report_status(struct report *r)
{
    struct known known = known_now(r);
    const char *reason, *state = state_of(&known, &reason);

    return encode(r, &known, state, reason);
}

const char *report_replica(const struct report *r)
{
    return options_replica(r->options);
}

struct meters *report_meters(struct report *r)
{
    return r->meters;
}

void report_surroundings(struct report *r, const struct surroundings *surroundings)
{
    pthread_mutex_lock(&r->lock);
    r->known.surroundings = *surroundings;
    pthread_mutex_unlock(&r->lock);
}

void report_surroundings_text(struct report *r, char *out, size_t size)
{
    pthread_mutex_lock(&r->lock);
    const struct surroundings *s = &r->known.surroundings;
    snprintf(out, size, "Neo4j %s, JVM %s, %s, time zone %s", s->version, s->jvm, s->language,
             s->time_zone);
    pthread_mutex_unlock(&r->lock);
}

void report_side(struct report *r, struct compare_side *out)
{
    pthread_mutex_lock(&r->lock);
    side_of(&r->known, out);
    pthread_mutex_unlock(&r->lock);
}

void report_checkpoint(struct report *r, int64_t offset, const struct position *position)
{
    pthread_mutex_lock(&r->lock);
    add_point(&r->known.checkpoints, offset, position);
    pthread_mutex_unlock(&r->lock);
}

void report_recall(struct report *r, const struct compare_side *side)
{
    pthread_mutex_lock(&r->lock);
    struct points now = r->known.checkpoints, *all = &r->known.checkpoints;
    int64_t first = now.count > 0 ? now.points[0].offset : INT64_MAX;
    all->count = 0;
    for (size_t i = 0; i < side->point_count && all->count < RECENT_POINTS; i++)
        if (side->points[i].offset < first)
            all->points[all->count++] = side->points[i];
    size_t room = RECENT_POINTS - now.count, drop = all->count > room ? all->count - room : 0;
    memmove(all->points, all->points + drop, (all->count - drop) * sizeof *all->points);
    all->count -= drop;
    memcpy(all->points + all->count, now.points, now.count * sizeof *now.points);
    all->count += now.count;
    pthread_mutex_unlock(&r->lock);
}

void report_applied(struct report *r, const struct position *position)
{
    pthread_mutex_lock(&r->lock);
    r->known.started = true;
    r->known.position = *position;
    if (is_in_sync(&r->known))
        pthread_cond_signal(&r->news);
    add_point(&r->known.recent, position->next_offset, position);
    if (position->next_offset > position->since && position->next_offset % COMPARE_EVERY == 0)
        add_point(&r->known.checkpoints, position->next_offset, position);
    pthread_mutex_unlock(&r->lock);
}

void report_form(struct report *r, const char *form)
{
    pthread_mutex_lock(&r->lock);
    r->known.form = form;
    pthread_mutex_unlock(&r->lock);
}

void report_oldest(struct report *r, int64_t timestamp_ms)
{
    pthread_mutex_lock(&r->lock);
    r->known.oldest_ms = timestamp_ms;
    pthread_mutex_unlock(&r->lock);
}

void report_read(struct report *r, int64_t next_offset, int64_t log_end, bool at_end)
{
    pthread_mutex_lock(&r->lock);
    r->known.log_end = log_end;
    r->known.read_offset = next_offset;
    r->known.at_end = at_end;
    if (is_in_sync(&r->known))
        pthread_cond_signal(&r->news);
    pthread_mutex_unlock(&r->lock);
}

static void set_reason(struct report *r, char *field, size_t size, const char *reason)
{
    pthread_mutex_lock(&r->lock);
    err_copy_text(field, size, reason != NULL ? reason : "");
    pthread_mutex_unlock(&r->lock);
}

void report_neo4j_down(struct report *r, const char *reason)
{
    set_reason(r, r->known.neo4j_reason, sizeof r->known.neo4j_reason, reason);
}

void report_diverged(struct report *r, const char *reason)
{
    set_reason(r, r->known.diverged_reason, sizeof r->known.diverged_reason, reason);
}

void report_kafka_down(struct report *r, const char *reason)
{
    pthread_mutex_lock(&r->lock);
    err_copy_text(r->known.kafka_reason, sizeof r->known.kafka_reason,
                  reason != NULL ? reason : "");
    r->known.kafka_was_met = r->known.kafka_was_met || reason == NULL;
    pthread_mutex_unlock(&r->lock);
}

void report_restoring(struct report *r, const char *reason)
{
    set_reason(r, r->known.restoring, sizeof r->known.restoring, reason);
}

void report_busy(struct report *r, bool busy)
{
    pthread_mutex_lock(&r->lock);
    r->known.busy_since_ms = busy ? clock_mono_ms() : 0;
    if (busy && r->known.neo4j_reason[0] == '\0')
        r->known.held = false; /* of an earlier request */
    pthread_mutex_unlock(&r->lock);
}

bool report_waits(struct report *r)
{
    pthread_mutex_lock(&r->lock);
    bool waits = r->known.held ? is_waiting(&r->known) : is_slow(&r->known);
    pthread_mutex_unlock(&r->lock);
    return waits;
}

void report_held(struct report *r, bool held)
{
    pthread_mutex_lock(&r->lock);
    r->known.held = held;
    pthread_mutex_unlock(&r->lock);
}

bool report_was_held(struct report *r)
{
    pthread_mutex_lock(&r->lock);
    bool held = r->known.held;
    pthread_mutex_unlock(&r->lock);
    return held;
}

int64_t report_applied_offset(struct report *r)
{
    pthread_mutex_lock(&r->lock);
    int64_t offset = r->known.position.next_offset;
    pthread_mutex_unlock(&r->lock);
    return offset;
}
