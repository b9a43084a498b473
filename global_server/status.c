/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/status.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ops/status_writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS 100
#define LAST_FLUSH_MS 3000

struct status {
    pthread_t thread;
    struct standing *standing;
    int64_t interval_ms;
    struct status_writer *writer; /* the thread's */
    atomic_bool ending;
};

static void tell(struct status *s)
{
    char *text = standing_status(s->standing);

    if (text != NULL)
        status_writer_send(s->writer, text);
    free(text);
}

static void *status_main(void *arg) /* thread `status`: owns the writer */
{
    struct status *s = arg;
    const char *last_state = "";
    int64_t next_ms = 0;

    while (!atomic_load(&s->ending)) {
        const char *state = standing_state(s->standing);
        int64_t now = clock_mono_ms();
        if (state != last_state || now >= next_ms) {
            tell(s);
            last_state = state;
            next_ms = now + s->interval_ms;
        }
        status_writer_serve(s->writer);
        nanosleep(&(struct timespec){.tv_nsec = TURN_MS * 1000000L}, NULL);
    }
    return NULL;
}

static void status_free(struct status *s)
{
    status_writer_close(s->writer, LAST_FLUSH_MS);
    free(s);
}

int status_start(struct status **out, const struct server_conf *conf, const char *replica,
                 struct standing *standing, struct err *err)
{
    struct status *s = mem_alloc(1, sizeof *s);
    char *topic = setup_topic(&conf->setup, conf->status_topic);

    s->standing = standing;
    s->interval_ms = conf->status_interval_ms;
    s->writer = status_writer_new(&conf->setup, topic, replica, "global_server");
    free(topic);
    int rc = pthread_create(&s->thread, NULL, status_main, s);
    if (rc != 0) {
        status_free(s);
        return err_set(err, ERR_FATAL, "thread.start", "thread status: %s", strerror(rc));
    }
    *out = s;
    return 0;
}

void status_stop(struct status *s, const struct err *why)
{
    if (s == NULL)
        return;
    atomic_store(&s->ending, true);
    pthread_join(s->thread, NULL);
    if (why->class != ERR_FENCED)
        tell(s);
    status_free(s);
}
