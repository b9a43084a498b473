/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/waiter.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 50 /* between two looks at the position while somebody waits */
#define ILL_MS 1000
#define IDLE_MS 500
#define TAKE_MAX 256 /* requests between two looks */

struct waiter {
    pthread_t thread;
    struct waiter_conf conf;
    struct replica *replica;
    int64_t claim; /* at the last look */
    struct job **held;
    size_t count;
};

/* Back to the workers: those that may be answered, and those whose time is over, which get their
 * error there. */
static void give_back(struct waiter *w, int64_t position)
{
    int64_t now = clock_mono_ms();
    size_t kept = 0;

    for (size_t i = 0; i < w->count; i++) {
        struct job *job = w->held[i];
        if (!job_counts(job) || stop_requested())
            job_free(job);
        else if (job->request.min_offset > position && job->deadline_ms > now)
            w->held[kept++] = job;
        else
            lanes_push_take(w->conf.lanes, &job, 1);
    }
    w->count = kept;
}

/* Those that have come, at most TAKE_MAX; waits for the first. */
static void take_some(struct waiter *w, bool *closed)
{
    void *jobs[TAKE_MAX];
    int64_t wait_ms = w->count > 0 ? LOOK_MS : IDLE_MS;
    size_t n = queue_pop_many(w->conf.waiting, jobs, TAKE_MAX, wait_ms, closed);

    w->held = mem_realloc(w->held, w->count + n + 1, sizeof *w->held);
    for (size_t i = 0; i < n; i++)
        w->held[w->count++] = jobs[i];
}

static void *waiter_main(void *arg) /* thread `waiter`: owns its connection and the held jobs */
{
    struct waiter *w = arg;
    int64_t ill_until_ms = 0;
    bool closed = false;

    while (!closed) {
        struct err why = {0};
        int64_t position = -1, claim = atomic_load(&w->conf.flight->claim);
        take_some(w, &closed);
        if (w->count == 0)
            continue;
        if (claim != w->claim) {
            replica_refresh(w->replica);
            ill_until_ms = 0;
        }
        w->claim = claim;
        /* While Neo4j does not answer they wait on: their claim or their time will end. A refused
         * login is asked for rarely, or Neo4j locks the user out. */
        if (clock_mono_ms() >= ill_until_ms && !stop_requested()) {
            if (replica_position(w->replica, &position, &why) == 0)
                flight_saw(w->conf.flight, position);
            else
                ill_until_ms =
                    clock_mono_ms() + (setup_login_refused(&why) ? SETUP_LOGIN_AGAIN_MS : ILL_MS);
        }
        give_back(w, position);
    }
    for (size_t i = 0; i < w->count; i++)
        job_free(w->held[i]);
    return NULL;
}

int waiter_start(struct waiter **out, const struct waiter_conf *conf, struct err *err)
{
    struct waiter *w = mem_alloc(1, sizeof *w);

    w->conf = *conf;
    if (replica_open(&w->replica, conf->setup, conf->command_topic, err) < 0) {
        free(w);
        return -1;
    }
    int rc = pthread_create(&w->thread, NULL, waiter_main, w);
    if (rc != 0) {
        replica_close(w->replica);
        free(w);
        return err_set(err, ERR_FATAL, "thread.start", "thread waiter: %s", strerror(rc));
    }
    *out = w;
    return 0;
}

void waiter_stop(struct waiter *w)
{
    if (w == NULL)
        return;
    queue_close(w->conf.waiting);
    pthread_join(w->thread, NULL);
    replica_close(w->replica);
    free(w->held);
    free(w);
}
