/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/standing.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct standing {
    const struct server_conf *conf;
    const char *instance;
    const struct flight *flight;
    pthread_mutex_t lock;
    const char *state;
    char reason[512], lag_reason[512]; /* "": none */
    char replica[REPLICA_SIZE], server[32];
    struct age *age; /* NULL: not to be asked */
};

struct standing *standing_new(const struct server_conf *conf, const char *instance,
                              const struct flight *flight)
{
    struct standing *s = mem_alloc(1, sizeof *s);

    s->conf = conf;
    s->instance = instance;
    s->flight = flight;
    s->state = "starting";
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void standing_free(struct standing *s)
{
    if (s == NULL)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void standing_set_age(struct standing *s, struct age *age)
{
    pthread_mutex_lock(&s->lock);
    s->age = age;
    pthread_mutex_unlock(&s->lock);
}

void standing_serves(struct standing *s, const char *replica, const char *server)
{
    pthread_mutex_lock(&s->lock);
    s->state = "serving";
    snprintf(s->replica, sizeof s->replica, "%s", replica);
    snprintf(s->server, sizeof s->server, "%s", server);
    pthread_mutex_unlock(&s->lock);
}

static void set(struct standing *s, const char *state, const char *reason)
{
    pthread_mutex_lock(&s->lock);
    s->state = state;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
    pthread_mutex_unlock(&s->lock);
}

static bool knows_replica(struct standing *s)
{
    pthread_mutex_lock(&s->lock);
    bool known = s->replica[0] != '\0';
    pthread_mutex_unlock(&s->lock);
    return known;
}

void standing_waits(struct standing *s, const struct err *why)
{
    if (why != NULL)
        set(s, why->class == ERR_GUARD ? "waiting-replica" : "waiting-neo4j", why->text);
    else
        set(s, knows_replica(s) ? "serving" : "starting", "");
}

void standing_lags(struct standing *s, const struct err *why)
{
    pthread_mutex_lock(&s->lock);
    snprintf(s->lag_reason, sizeof s->lag_reason, "%s", why != NULL ? why->text : "");
    pthread_mutex_unlock(&s->lock);
}

void standing_ends(struct standing *s, const struct err *why)
{
    bool halted = err_is_set(why) && why->class != ERR_STOPPING;

    set(s, halted ? "halted" : "stopped", halted ? why->text : "");
}

/* Under the lock: an outage says more than a lag. */
static bool is_lagging(const struct standing *s)
{
    return strcmp(s->state, "serving") == 0 && s->lag_reason[0] != '\0';
}

const char *standing_state(struct standing *s)
{
    pthread_mutex_lock(&s->lock);
    const char *state = is_lagging(s) ? "lagging" : s->state;
    pthread_mutex_unlock(&s->lock);
    return state;
}

void standing_look(struct standing *s, struct standing_view *out)
{
    pthread_mutex_lock(&s->lock);
    bool lags = is_lagging(s);
    *out = (struct standing_view){.state = lags ? "lagging" : s->state, .offset = -1, .age_ms = -1};
    memcpy(out->reason, lags ? s->lag_reason : s->reason, sizeof out->reason);
    memcpy(out->replica, s->replica, sizeof out->replica);
    memcpy(out->server, s->server, sizeof out->server);
    if (s->replica[0] != '\0')
        out->offset = atomic_load(&s->flight->position);
    if (s->age != NULL && out->offset >= 0)
        out->age_ms = age_of(s->age, out->offset, 0);
    out->kafka_is_up = s->age != NULL && age_kafka_is_up(s->age);
    pthread_mutex_unlock(&s->lock);
    out->serves = strcmp(out->state, "serving") == 0;
    out->replica_is_well = out->serves || strcmp(out->state, "lagging") == 0;
}

static json_t *number_or_null(int64_t n)
{
    return n >= 0 ? json_integer(n) : json_null();
}

char *standing_status(struct standing *s)
{
    char now_text[CLOCK_TEXT_SIZE];
    struct standing_view v;

    standing_look(s, &v);
    json_t *status = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:I,s:s,s:s,s:s}", "replica", v.replica, "program",
        "global_server", "instance", s->instance, "group", s->conf->group_id, "state", v.state,
        "offset", number_or_null(v.offset), "age_ms", number_or_null(v.age_ms), "in_flight",
        (json_int_t)atomic_load(&s->flight->jobs), "version", CYPHERLOG_VERSION, "server", v.server,
        "time", clock_text(clock_wall_ms(), now_text, sizeof now_text));

    if (v.reason[0] != '\0')
        json_object_set_new(status, "reason", json_string(v.reason));
    char *text = json_dumps(status, JSON_COMPACT);
    json_decref(status);
    return text;
}
