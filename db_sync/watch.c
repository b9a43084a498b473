/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/watch.h"

#include "base/mem.h"
#include "base/stop.h"
#include "snapshot/hold.h"

#include <pthread.h>
#include <stdlib.h>

#define TURN_MS 100
#define BETWEEN_MS 400 /* more between two questions */

struct watch {
    struct tx *tx;
    struct conf_secret password; /* our own: another thread reads its file again too */
    struct report *report;
    pthread_t thread;
};

/* Neo4j that does not answer is no news here. */
static void look(struct watch *w)
{
    struct err why = {0};
    bool held;

    if (hold_seen(w->tx, &held, &why) < 0)
        held = false;
    report_held(w->report, held);
    if (setup_login_refused(&why) && setup_await_password(&w->password))
        tx_set_password(w->tx, w->password.value);
}

static void *watch_main(void *arg)
{
    struct watch *w = arg;

    while (!stop_wait(TURN_MS))
        if (report_waits(w->report)) {
            look(w);
            (void)stop_wait(BETWEEN_MS);
        }
    return NULL;
}

int watch_start(struct watch **out, const struct options *options, struct report *report,
                struct err *err)
{
    struct watch *w = mem_alloc(1, sizeof *w);
    const struct conf_secret *password = &options->setup.neo4j_password;

    w->report = report;
    w->password = (struct conf_secret){mem_strdup(password->value), mem_strdup(password->file)};
    if (setup_tx_open(&options->setup, &w->tx, err) == 0) {
        if (pthread_create(&w->thread, NULL, watch_main, w) == 0) {
            *out = w;
            return 0;
        }
        err_set(err, ERR_FATAL, "thread", "the thread `watch` cannot be started");
    }
    tx_close(w->tx);
    free(w->password.value);
    free(w->password.file);
    free(w);
    return -1;
}

void watch_finish(struct watch *w)
{
    if (w == NULL)
        return;
    pthread_join(w->thread, NULL);
    tx_close(w->tx);
    free(w->password.value);
    free(w->password.file);
    free(w);
}
