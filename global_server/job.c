/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/job.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>

static atomic_llong *place_of(struct flight *flight, int32_t partition)
{
    return &flight->by_place[(uint32_t)partition % FLIGHT_PLACES];
}

struct job *job_new_take(struct flight *flight, struct record *record, int64_t claim,
                         int64_t sequence)
{
    struct job *job = mem_alloc(1, sizeof *job);

    job->flight = flight;
    job->record = *record;
    *record = (struct record){0};
    job->claim = claim;
    job->sequence = sequence;
    job->partition = job->record.partition;
    job->offset = job->record.offset;
    job->bytes = job->record.key_len + job->record.value_len;
    if (job->record.key_len > 0)
        job->client = hash_quick(0, job->record.key, job->record.key_len);
    job->position = job->age_ms = -1;
    job->begun_ms = clock_mono_ms();
    atomic_fetch_add(&flight->jobs, 1);
    atomic_fetch_add(&flight->bytes, (long long)job->bytes);
    atomic_fetch_add(place_of(flight, job->partition), 1);
    return job;
}

void job_free(void *arg)
{
    struct job *job = arg;

    if (job == NULL)
        return;
    atomic_fetch_sub(&job->flight->jobs, 1);
    atomic_fetch_sub(&job->flight->bytes, (long long)job->bytes);
    atomic_fetch_sub(place_of(job->flight, job->partition), 1);
    record_fini(&job->record);
    request_fini(&job->request);
    answer_free(job->answer);
    free(job);
}

int64_t flight_jobs_of(struct flight *flight, int32_t partition)
{
    return atomic_load(place_of(flight, partition));
}

void flight_saw(struct flight *flight, int64_t position)
{
    long long seen = atomic_load(&flight->position);

    while (seen < position && !atomic_compare_exchange_weak(&flight->position, &seen, position))
        continue;
}

bool job_counts(const struct job *job)
{
    return atomic_load(&job->flight->claim) == job->claim;
}

void job_head(const struct job *job, enum answer_format format, struct answer_head *head)
{
    *head = (struct answer_head){.id = job->request.id,
                                 .id_len = job->request.id_len,
                                 .key = job->request.key,
                                 .key_len = job->request.key_len,
                                 .replica = job->replica,
                                 .offset = job->position,
                                 .age_ms = job->age_ms,
                                 .request = format == ANSWER_ROWS ? job->request.body : NULL};
}
