/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/holding.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct holding {
    pthread_mutex_t lock; /* of claim and ledger; held while somebody commits */
    struct group_claim *claim;
    struct ledger *ledger;
    pthread_mutex_t next_lock;   /* of next and renewal; held for a moment only */
    struct group_claim *next;    /* begun, and nobody had the lock since */
    struct group_claim *renewal; /* the same */
    atomic_llong forgotten;      /* number of the last claim that ended here */
};

struct holding *holding_new(void)
{
    struct holding *h = mem_alloc(1, sizeof *h);

    pthread_mutex_init(&h->lock, NULL);
    pthread_mutex_init(&h->next_lock, NULL);
    return h;
}

static void drop(struct holding *h)
{
    group_claim_free(h->claim);
    ledger_free(h->ledger);
    h->claim = NULL;
    h->ledger = NULL;
}

void holding_free(struct holding *h)
{
    if (h == NULL)
        return;
    drop(h);
    group_claim_free(h->next);
    group_claim_free(h->renewal);
    pthread_mutex_destroy(&h->lock);
    pthread_mutex_destroy(&h->next_lock);
    free(h);
}

void holding_begin_take(struct holding *h, struct group_claim *claim)
{
    pthread_mutex_lock(&h->next_lock);
    struct group_claim *before = h->next;
    h->next = claim;
    pthread_mutex_unlock(&h->next_lock);
    group_claim_free(before);
}

void holding_renew_take(struct holding *h, struct group_claim *renewal)
{
    struct group_claim *before = NULL;

    pthread_mutex_lock(&h->next_lock);
    if (h->next != NULL) {
        group_claim_renew_take(h->next, renewal);
    } else {
        before = h->renewal;
        h->renewal = renewal;
    }
    pthread_mutex_unlock(&h->next_lock);
    group_claim_free(before);
}

bool holding_is_free(struct holding *h)
{
    if (pthread_mutex_trylock(&h->lock) != 0)
        return false;
    pthread_mutex_unlock(&h->lock);
    return true;
}

bool holding_counts(const struct holding *h, const struct job *job)
{
    return job_counts(job) && job->claim > atomic_load(&h->forgotten);
}

static struct ledger *make_ledger(const struct group_claim *claim)
{
    struct ledger *ledger = ledger_new();

    for (size_t i = 0; i < claim->count; i++) {
        const struct group_partition *p = &claim->partitions[i];
        struct ledger_set skip;
        ledger_set_read(&skip, p->offset, p->metadata);
        ledger_add_partition(ledger, p->partition, p->offset, &skip);
    }
    return ledger;
}

void holding_lock(struct holding *h)
{
    pthread_mutex_lock(&h->lock);
    pthread_mutex_lock(&h->next_lock);
    struct group_claim *next = h->next, *renewal = h->renewal;
    h->next = h->renewal = NULL;
    pthread_mutex_unlock(&h->next_lock);
    if (next != NULL) {
        drop(h);
        h->claim = next;
        h->ledger = make_ledger(next);
    }
    if (renewal != NULL)
        group_claim_renew_take(h->claim, renewal);
}

void holding_unlock(struct holding *h)
{
    pthread_mutex_unlock(&h->lock);
}

const struct group_claim *holding_claim(const struct holding *h)
{
    return h->claim;
}

const struct ledger *holding_ledger(const struct holding *h)
{
    return h->ledger;
}

void holding_settle_take(struct holding *h, struct ledger *ledger)
{
    ledger_free(h->ledger);
    h->ledger = ledger;
}

void holding_forget(struct holding *h)
{
    if (h->claim == NULL)
        return;
    atomic_store(&h->forgotten, h->claim->number);
    drop(h);
}
