/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_JOB_H
#define GLOBAL_SERVER_JOB_H

/* global_server/job.h: a request on its way: intake, a worker, perhaps the waiter, reply. It has
 * one owner at a time and moves through queues. A job that is freed without having been settled is
 * read again by the next claim. */

#include "global_server/answer.h"
#include "global_server/cache.h"
#include "global_server/request.h"
#include "global_server/traffic.h"
#include "kafka/record.h"

#include <stdatomic.h>
#include <stdint.h>

#define REPLICA_SIZE 256

#define FLIGHT_PLACES 256 /* partitions that are so many apart share one */

/* What the threads may see of each other; atomic, for any thread. */
struct flight {
    atomic_llong jobs, bytes; /* requests between intake and their end, and their size */
    atomic_llong by_place[FLIGHT_PLACES]; /* of jobs: those of some partitions */
    atomic_llong claim;                   /* number of the claim whose work counts; 0: none */
    atomic_llong soon;                    /* requests that are about to be answered: lanes.h */
    atomic_llong position;   /* highest offset that a reader of this replica has seen */
    atomic_llong give_up_ms; /* monotonic; 0: no end of the program is under way */
    atomic_bool serve;       /* the replica is well: be a member of the group */
    atomic_bool rewind;      /* reply asks intake to read the committed offsets again */
    struct traffic *traffic; /* what is counted; set before the first thread */
};

/* Requests of this partition, and of those that share its place. */
int64_t flight_jobs_of(struct flight *flight, int32_t partition);

/* A reader has seen this offset. */
void flight_saw(struct flight *flight, int64_t position);

/* lanes.h */
enum lane { LANE_QUICK, LANE_SOLO, LANES };

struct job {
    struct job *next; /* in a lane */
    struct flight *flight;
    struct record record; /* until the request was read */
    int64_t claim, sequence, offset;
    int32_t partition;
    size_t bytes;  /* counted in flight */
    bool was_read; /* request is filled */
    struct request request;
    struct answer *answer; /* NULL until a worker has begun */
    int64_t begun_ms;      /* monotonic: it was read from Kafka */
    int64_t deadline_ms;   /* the same */
    unsigned attempts;     /* at Neo4j, that failed */
    int64_t too_soon_ms;   /* its key asks too often, and may again after so long; 0: it does not */
    uint64_t client;       /* whose it is: of the record's key; 0: of nobody in particular */
    uint64_t form;         /* habit.h; 0: not known yet */
    enum lane lane;        /* where it waits, or waited */
    bool apart;            /* never with others in one question */
    bool alone;            /* and not in the quick lane either */
    bool strict;           /* ask for strict Jolt: the sparse one was ambiguous */
    bool plain;            /* ask with the text as it stands: the lifted one failed */
    bool single;           /* ask with a statement of its own: that for many failed */
    int64_t expected_us;   /* of Neo4j's time; 0: not known */
    struct cache_key key;  /* with RESULT_CACHE */
    int64_t position;      /* that the answer was read at; -1: unknown */
    int64_t age_ms;        /* of that; -1: unknown */
    char replica[REPLICA_SIZE];
    bool send_alone; /* its topic takes less than a batch of records */
    bool mute;       /* not even an error fits its topic: settled without a reply */
};

/* Takes the record. */
struct job *job_new_take(struct flight *flight, struct record *record, int64_t claim,
                         int64_t sequence);
void job_free(void *job); /* struct job *; fits queue_new */

/* False once its claim has ended: its answer would be given a second time. */
bool job_counts(const struct job *job);

void job_head(const struct job *job, enum answer_format format, struct answer_head *head);

#endif
