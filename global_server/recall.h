/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_RECALL_H
#define GLOBAL_SERVER_RECALL_H

/* global_server/recall.h: what a worker does with the cache (RESULT_CACHE), which all share: which
 * of its requests are answered from it, and which answers go into it. */

#include "cypher/steady.h"
#include "global_server/cache.h"
#include "global_server/job.h"

struct recall {
    struct cache *cache; /* borrowed; NULL: nothing is kept */
    struct steady steady;
};

void recall_fini(struct recall *r);

/* Fills job->key. The job's request was read, and not packed yet. */
void recall_name(struct recall *r, struct job *job);

/* Its answer may be there, read at this position or later. */
bool recall_has(struct recall *r, const struct job *job, int64_t position);

/* Fills job's answer, replica and position with what the replica of this name answered at this
 * position. False: it did not, and the answer is empty. */
bool recall_fill(struct recall *r, struct job *job, const char *name, int64_t position,
                 enum answer_format format);

/* Keeps the answer that Neo4j has just given, if it is the same whenever the graph is. */
void recall_keep(struct recall *r, const struct job *job);

/* Moves those that ask what another one before them asks to the end. Returns how many are in front
 * of these: all, if nothing is kept. count is at most RECALL_MAX. */
size_t recall_put_repeats_last(struct recall *r, struct job **jobs, size_t count);

#define RECALL_MAX 256

#endif
