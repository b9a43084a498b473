/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_REPORT_H
#define CYPHERLOG_DB_SYNC_REPORT_H

/* db_sync/report.h: how this replica stands, kept up to date on the status topic by the thread
 * `report`, which owns the producer for it. Other threads tell it what they see; each call copies
 * under a short lock and may come from any thread. Never fails: a status that cannot be sent is
 * sent later. */

#include "db_sync/compare.h"
#include "db_sync/meters.h"
#include "db_sync/options.h"
#include "neo4j/position.h"
#include "neo4j/surroundings.h"

#include <stdbool.h>
#include <stdint.h>

struct report; /* opaque */

struct report *report_new(const struct options *options);

/* Starts the thread. ERR_FATAL: no thread could be made. */
MUST_CHECK int report_start(struct report *r, struct err *err);

/* Sends the last status, with state `stopped`, or `halted` or `diverged` and the reason when why
 * holds an error that a person must look at; ends the thread and frees all. */
void report_free(struct report *r, const struct err *why);

/* How this replica stands, as far as it can be told in a few values. */
struct report_view {
    const char *state; /* lasts */
    char reason[512];  /* of the state; "": it needs none */
    int64_t offset;    /* all before it is applied */
    int64_t log_end;   /* where the log ends, as far as it is known */
    int64_t lag;       /* commands and control records between them */
    int64_t age_ms;    /* since the first of those was written; 0: there are none */
    bool neo4j_is_up, kafka_is_up;
    char server[32]; /* Neo4j's version; "" before the first contact */
};

void report_look(struct report *r, struct report_view *out);

/* The status as it would be sent now, JSON; free() it. NULL: memory is exhausted. */
char *report_status(struct report *r);

/* REPLICA_ID; lives as long as r. */
const char *report_replica(const struct report *r);

/* What this run counts; lives as long as r. */
struct meters *report_meters(struct report *r);

/* The server beside us. */
void report_surroundings(struct report *r, const struct surroundings *surroundings);

/* All before position->next_offset is applied. */
void report_applied(struct report *r, const struct position *position);

/* The replica had this position when it had done all before offset, a multiple of COMPARE_EVERY;
 * for one that no position falls on, since the log holds no command there. */
void report_checkpoint(struct report *r, int64_t offset, const struct position *position);

/* Checkpoints that an earlier run told of: the points of side, at multiples of COMPARE_EVERY. */
void report_recall(struct report *r, const struct compare_side *side);

/* This replica did something else than others (reason), or not (NULL). */
void report_diverged(struct report *r, const char *reason);

/* What this replica did, to be compared; and what is beside it, in a few words. */
void report_side(struct report *r, struct compare_side *out);
void report_surroundings_text(struct report *r, char *out, size_t size);

/* How the last commands were sent: a name that lasts. */
void report_form(struct report *r, const char *form);

/* The first command that is not applied yet was written then; 0: none is known. */
void report_oldest(struct report *r, int64_t timestamp_ms);

/* Commands before next_offset were read from the log, which ends at log_end (-1: not known);
 * at_end: it has no more for now, though control records may lie before its end. */
void report_read(struct report *r, int64_t next_offset, int64_t log_end, bool at_end);

/* An outage begins (reason) or is over (NULL). */
void report_neo4j_down(struct report *r, const char *reason);
void report_kafka_down(struct report *r, const char *reason);

/* A snapshot is being restored (reason: which, and how far), or not (NULL). */
void report_restoring(struct report *r, const char *reason);

/* A request to Neo4j is on its way, or answered. */
void report_busy(struct report *r, bool busy);

/* Whether a request to Neo4j takes long, or is put off by a snapshot: worth a look whether one
 * holds the replica. */
bool report_waits(struct report *r);

/* A snapshot holds the replica, so that the request that is under way waits; or it does not. Ends
 * with the request, or the outage, by itself. */
void report_held(struct report *r, bool held);

/* Was it told during the request, or the outage, of now? */
bool report_was_held(struct report *r);

/* What was applied so far, for Kafka's group offset. */
int64_t report_applied_offset(struct report *r);

#endif
