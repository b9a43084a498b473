/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_COMPARE_H
#define CYPHERLOG_DB_SYNC_COMPARE_H

/* db_sync/compare.h: did two replicas do the same? They must have the same outcome hash at the same
 * offset; where they have not, their lists of failures name the first command that came out
 * differently. Pure. */

#include "base/json.h"
#include "neo4j/position.h"

#define COMPARE_POINTS 48
#define COMPARE_EVERY 1000 /* replicas note their hash at these offsets */

struct compare_point {
    int64_t offset;
    char outcome[HASH_ID_SIZE];
};

struct compare_failure {
    int64_t offset;
    char code[64];
};

/* What one replica did. */
struct compare_side {
    int64_t since;         /* its hash began there: others cannot be compared */
    int64_t offset;        /* it did all before */
    int64_t failures_from; /* all failures from here on are listed */
    struct compare_point points[COMPARE_POINTS];
    size_t point_count;
    struct compare_failure failures[POSITION_FAILURES]; /* in order */
    size_t failure_count;
};

/* What a status says; false: it says too little to compare. */
bool compare_read(struct compare_side *side, const json_t *status);

/* The same of a position; points are added by compare_add_point. */
void compare_init(struct compare_side *side, const struct position *position);

/* Keeps the newest COMPARE_POINTS; a second one of the same offset is passed over. */
void compare_add_point(struct compare_side *side, int64_t offset, const char *outcome);

/* Adds "since", "failures_from", "failures" and "checkpoints" (the points at multiples of
 * COMPARE_EVERY) to a status. */
void compare_add_to(json_t *status, const struct compare_side *side);

/* The code with which the command at offset failed, "" when it was applied, NULL when the side does
 * not tell. Borrowed. */
const char *compare_outcome_of(const struct compare_side *side, int64_t offset);

enum compare_result { COMPARE_NOTHING, COMPARE_EQUAL, COMPARE_DIFFERENT };

/* COMPARE_NOTHING: they have no point in common. COMPARE_DIFFERENT: *offset is the first command
 * that one applied and the other did not, or, where there is none, that failed with two codes; -1
 * when the lists do not reach back so far, and then *before is an offset before which it lies. */
enum compare_result compare_sides(const struct compare_side *a, const struct compare_side *b,
                                  int64_t *offset, int64_t *before);

#endif
