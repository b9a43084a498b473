/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/status.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "ops/status_writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS 100
#define LAST_FLUSH_MS 3000

struct status {
    pthread_t thread;
    struct status_conf conf;
    struct status_writer *writer; /* the thread's */
    char server[32];              /* Neo4j's version */
    pthread_mutex_t lock;
    const char *state;
    char reason[512]; /* "" while all is well */
    bool ending;
};

static json_t *number_or_null(int64_t n)
{
    return n >= 0 ? json_integer(n) : json_null();
}

static void tell(struct status *s, const char *state, const char *reason)
{
    char now_text[CLOCK_TEXT_SIZE];
    int64_t offset = atomic_load(&s->conf.flight->position);
    json_t *status = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:I,s:s,s:s,s:s}", "replica", s->conf.replica, "program",
        "global_server", "instance", s->conf.instance, "group", s->conf.conf->group_id, "state",
        state, "offset", number_or_null(offset), "age_ms",
        number_or_null(age_of(s->conf.age, offset, 0)), "in_flight",
        (json_int_t)atomic_load(&s->conf.flight->jobs), "version", CYPHERLOG_VERSION, "server",
        s->server, "time", clock_text(clock_wall_ms(), now_text, sizeof now_text));

    if (reason[0] != '\0')
        json_object_set_new(status, "reason", json_string(reason));
    char *text = json_dumps(status, JSON_COMPACT);
    json_decref(status);
    if (text != NULL)
        status_writer_send(s->writer, text);
    free(text);
}

static void *status_main(void *arg) /* thread `status`: owns the writer */
{
    struct status *s = arg;
    const char *last_state = "";
    int64_t next_ms = 0;

    for (;;) {
        char reason[sizeof s->reason];
        pthread_mutex_lock(&s->lock);
        const char *state = s->state;
        memcpy(reason, s->reason, sizeof reason);
        bool ending = s->ending;
        pthread_mutex_unlock(&s->lock);
        if (ending)
            return NULL;
        int64_t now = clock_mono_ms();
        if (state != last_state || now >= next_ms) {
            tell(s, state, reason);
            last_state = state;
            next_ms = now + s->conf.conf->status_interval_ms;
        }
        status_writer_serve(s->writer);
        nanosleep(&(struct timespec){.tv_nsec = TURN_MS * 1000000L}, NULL);
    }
}

static void set(struct status *s, const char *state, const char *reason)
{
    pthread_mutex_lock(&s->lock);
    s->state = state;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
    pthread_mutex_unlock(&s->lock);
}

static void status_free(struct status *s)
{
    status_writer_close(s->writer, LAST_FLUSH_MS);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int status_start(struct status **out, const struct status_conf *conf, struct err *err)
{
    struct status *s = mem_alloc(1, sizeof *s);
    char *topic = setup_topic(&conf->conf->setup, conf->conf->status_topic);

    s->conf = *conf;
    s->state = "serving";
    snprintf(s->server, sizeof s->server, "%s", conf->server);
    s->writer = status_writer_new(&conf->conf->setup, topic, conf->replica, "global_server");
    free(topic);
    pthread_mutex_init(&s->lock, NULL);
    int rc = pthread_create(&s->thread, NULL, status_main, s);
    if (rc != 0) {
        status_free(s);
        return err_set(err, ERR_FATAL, "thread.start", "thread status: %s", strerror(rc));
    }
    *out = s;
    return 0;
}

void status_waits(struct status *s, const struct err *why)
{
    if (s == NULL) /* the first threads are not started yet */
        return;
    if (why == NULL)
        set(s, "serving", "");
    else
        set(s, why->class == ERR_GUARD ? "waiting-replica" : "waiting-neo4j", why->text);
}

void status_stop(struct status *s, const struct err *why)
{
    if (s == NULL)
        return;
    bool halted = err_is_set(why) && why->class != ERR_STOPPING;

    pthread_mutex_lock(&s->lock);
    s->ending = true;
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    if (why->class != ERR_FENCED) /* whoever took over tells how the server stands */
        tell(s, halted ? "halted" : "stopped", halted ? why->text : "");
    status_free(s);
}
