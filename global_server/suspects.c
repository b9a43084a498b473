/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/suspects.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct suspect {
    int32_t partition;
    int64_t offset;
    unsigned times; /* 0: a free place, as are all behind it */
};

struct suspects {
    pthread_mutex_t lock;
    struct suspect ring[SUSPECTS_MAX];
    size_t next; /* the oldest */
};

struct suspects *suspects_new(void)
{
    struct suspects *s = mem_alloc(1, sizeof *s);

    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void suspects_free(struct suspects *s)
{
    if (s == NULL)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Under lock; NULL when it is not there. */
static struct suspect *find(struct suspects *s, int32_t partition, int64_t offset)
{
    for (size_t i = 0; i < SUSPECTS_MAX && s->ring[i].times > 0; i++)
        if (s->ring[i].partition == partition && s->ring[i].offset == offset)
            return &s->ring[i];
    return NULL;
}

void suspects_add(struct suspects *s, int32_t partition, int64_t offset)
{
    pthread_mutex_lock(&s->lock);
    struct suspect *known = find(s, partition, offset);
    if (known == NULL) {
        known = &s->ring[s->next];
        *known = (struct suspect){.partition = partition, .offset = offset};
        s->next = (s->next + 1) % SUSPECTS_MAX;
    }
    known->times++;
    pthread_mutex_unlock(&s->lock);
}

unsigned suspects_times(struct suspects *s, int32_t partition, int64_t offset)
{
    pthread_mutex_lock(&s->lock);
    const struct suspect *known = find(s, partition, offset);
    unsigned times = known != NULL ? known->times : 0;
    pthread_mutex_unlock(&s->lock);
    return times;
}
