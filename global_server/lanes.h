/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_LANES_H
#define GLOBAL_SERVER_LANES_H

/* global_server/lanes.h: which requests are asked next, and which together. Any thread.
 *
 * The quick lane holds requests that nobody has looked at yet, and those whose form (habit.h) was
 * quick so far: they go many in one question, and few workers at a time ask, since those that come
 * meanwhile make the next question larger. The other lane holds all else, which goes alone: what
 * is slow, and what is not known yet. It never has all workers at once, so a slow query holds up no
 * quick one; while it has as many as it may, what may turn out to be quick is tried for a moment by
 * one of the others. Within a lane clients (with_key) take turns, so that one with a thousand
 * requests holds up no other. */

#include "global_server/job.h"

#define LANES_TURN 256    /* most requests in hand */
#define LANES_TOGETHER 64 /* of a question */

/* What a worker has in hand. */
struct turn {
    enum lane lane;
    struct job *jobs[LANES_TURN];
    size_t count;
    size_t together; /* most of them in one question */
    bool is_trial;   /* LANE_QUICK: one of the other lane */
    uint64_t client; /* of LANE_SOLO */
    size_t released; /* of LANE_QUICK: jobs that will soon be gone from here */
};

struct lanes; /* opaque */

struct lanes_conf {
    size_t workers;
    bool many; /* a turn may be more than a question: perhaps few are to be asked */
    const struct answer_stock *stock; /* borrowed, as flight */
    size_t stock_bytes;               /* with more in answers none is asked alone: these go first */
    struct flight *flight;            /* soon is set here: what is in the quick lane and in hand */
};

struct lanes *lanes_new(const struct lanes_conf *conf);

/* Frees what waits in them; no thread may be using them. */
void lanes_free(struct lanes *l);

/* Never waits. Jobs that come after lanes_close are freed, which is as good as given up. */
void lanes_push_take(struct lanes *l, struct job *const *jobs, size_t n);

/* Fills *turn: all in LANE_QUICK, or one of LANE_SOLO. Waits until wait_ms is over: count 0 and
 * *closed false; or until the lanes are closed and empty: count 0 and *closed true. */
void lanes_take(struct lanes *l, int64_t wait_ms, struct turn *turn, bool *closed);

/* So many more jobs of a turn in LANE_QUICK are answered, or will not soon be. */
void lanes_release(struct lanes *l, struct turn *turn, size_t count);

/* The worker has done with the turn, whatever became of its jobs. */
void lanes_end(struct lanes *l, struct turn *turn);

/* Of a job whose request was read: fills in job->form, lane and expected_us. */
void lanes_judge(struct lanes *l, struct job *job);

/* A query of this form was answered: in so long, with so many bytes. */
void lanes_note(struct lanes *l, uint64_t form, int64_t us, size_t bytes);

/* A query of this form, asked for apart, was not answered soon. */
void lanes_late(struct lanes *l, uint64_t form);

/* Several requests of LANE_QUICK were asked for in one question, which took so long. Fewer go
 * together after one that failed as a whole, and more after those that did not. */
void lanes_asked(struct lanes *l, bool whole, int64_t us);

/* How long to wait for such a question, beyond what its queries may be expected to take: some times
 * what the last ones took, so that a busy Neo4j is not taken for a slow query. */
int64_t lanes_patience_ms(struct lanes *l);

void lanes_close(struct lanes *l);

/* Requests that wait in a lane. */
size_t lanes_count(struct lanes *l, enum lane lane);

#endif
