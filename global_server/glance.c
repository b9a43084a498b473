/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/glance.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct glance {
    pthread_mutex_t lock;
    pthread_cond_t done;
    uint64_t begun;  /* looks, by number from 1 */
    bool is_looking; /* the last of these has not ended */
    /* of the last that has */
    uint64_t ended;
    int rc;
    struct glance_seen seen;
    struct err err;
};

struct glance *glance_new(void)
{
    struct glance *g = mem_alloc(1, sizeof *g);

    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->done, NULL);
    return g;
}

void glance_free(struct glance *g)
{
    if (g == NULL)
        return;
    pthread_cond_destroy(&g->done);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* Under lock, which it gives up meanwhile. */
static void look_for_all(struct glance *g, glance_look_fn *look, void *arg)
{
    struct glance_seen seen = {0};
    struct err err = {0};

    g->is_looking = true;
    uint64_t number = ++g->begun;
    pthread_mutex_unlock(&g->lock);
    int rc = look(arg, &seen, &err);
    pthread_mutex_lock(&g->lock);
    g->is_looking = false;
    g->ended = number;
    g->rc = rc;
    g->seen = seen;
    g->err = err;
    pthread_cond_broadcast(&g->done);
}

int glance_share(struct glance *g, glance_look_fn *look, void *arg, struct glance_seen *seen,
                 struct err *err)
{
    pthread_mutex_lock(&g->lock);
    uint64_t wanted = g->begun + 1; /* one that is under way may have seen what was before */
    while (g->ended < wanted)
        if (g->is_looking)
            pthread_cond_wait(&g->done, &g->lock);
        else
            look_for_all(g, look, arg);
    int rc = g->rc;
    *seen = g->seen;
    if (rc < 0)
        *err = g->err;
    pthread_mutex_unlock(&g->lock);
    return rc;
}
