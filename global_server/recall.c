/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/recall.h"

#include <string.h>

#define PLACES (2 * RECALL_MAX) /* a power of two */

void recall_fini(struct recall *r)
{
    steady_fini(&r->steady);
}

void recall_name(struct recall *r, struct job *job)
{
    const struct request *request = &job->request;

    if (r->cache != NULL)
        cache_key_make(&job->key, request->text, request->text_len, request->params);
}

bool recall_has(struct recall *r, const struct job *job, int64_t position)
{
    return r->cache != NULL && cache_has(r->cache, &job->key, position);
}

bool recall_fill(struct recall *r, struct job *job, const char *name, int64_t position,
                 enum answer_format format)
{
    struct answer_head head;

    snprintf(job->replica, sizeof job->replica, "%s", name);
    job->position = position;
    job_head(job, format, &head);
    answer_clear(job->answer);
    if (!cache_get(r->cache, &job->key, name, position, answer_head_bytes(&head), job->answer))
        return false;
    traffic_recalled(job->flight->traffic, true);
    return true;
}

void recall_keep(struct recall *r, const struct job *job)
{
    const struct request *request = &job->request;
    struct err err = {0};
    json_t *params;

    if (r->cache == NULL || request_params(request, &params, &err) < 0)
        return;
    bool steady = steady_text(&r->steady, request->text, request->text_len, params);
    json_decref(params);
    if (!steady)
        return;
    traffic_recalled(job->flight->traffic, false);
    cache_put(r->cache, &job->key, job->replica, job->position, job->answer);
}

static bool is_equal(const struct job *a, const struct job *b)
{
    return memcmp(a->key.bytes, b->key.bytes, sizeof a->key.bytes) == 0;
}

/* The key is a hash itself, which nobody can choose. */
static size_t place_of(const struct job *job)
{
    size_t place;

    memcpy(&place, job->key.bytes, sizeof place);
    return place % PLACES;
}

size_t recall_put_repeats_last(struct recall *r, struct job **jobs, size_t count)
{
    const struct job *places[PLACES] = {0};
    struct job *repeats[RECALL_MAX];
    size_t first = 0, repeat = 0;

    if (r->cache == NULL)
        return count;
    for (size_t i = 0; i < count; i++) {
        size_t place = place_of(jobs[i]);
        while (places[place] != NULL && !is_equal(places[place], jobs[i]))
            place = (place + 1) % PLACES;
        if (places[place] != NULL) {
            repeats[repeat++] = jobs[i];
            continue;
        }
        places[place] = jobs[i];
        jobs[first++] = jobs[i];
    }
    memcpy(jobs + first, repeats, repeat * sizeof *repeats);
    return first;
}
