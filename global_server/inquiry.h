/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_INQUIRY_H
#define GLOBAL_SERVER_INQUIRY_H

/* global_server/inquiry.h: the queries of one or several requests in one HTTP request to Neo4j, in
 * READ mode and in one transaction, with the position node before them: what they see contains at
 * least all commands before that position, which is the offset of their replies. */

#include "global_server/job.h"
#include "global_server/options.h"
#include "global_server/replica.h"

#define INQUIRY_MAX 64 /* requests */

struct inquiry; /* opaque: a connection; belongs to one thread */

struct inquiry_conf {
    const struct server_conf *conf;
    const struct answer_limits *limits;
    const char *command_topic; /* full name: the position node's topic */
    struct flight *flight;
};

/* conf is borrowed and outlives it. Errors as replica_open. */
MUST_CHECK int inquiry_open(struct inquiry **out, const struct inquiry_conf *conf, struct err *err);
void inquiry_close(struct inquiry *q);

struct replica *inquiry_replica(struct inquiry *q);

struct inquiry_limits {
    int64_t server_ms;   /* Neo4j ends it then, when it looks */
    int64_t deadline_ms; /* monotonic */
    size_t answer_bytes; /* of a larger answer it is INQUIRY_LARGE; 0: none */
};

#define INQUIRY_LARGE "inquiry.large" /* code; no verdict */

/* How far an inquiry came. Those from the first on are answered: their answers are whole. */
struct inquiry_end {
    size_t answered;
    bool own_fault; /* the error is that of the request after them, and of no other */
    size_t bundled; /* the error is that of one of so many requests after them; 0: not so */
    bool
        lifted; /* own_fault: its text was not sent as it stands, and the error may be about that */
};

/* Asks once; changes the order of the jobs. Literals go as parameters, but for jobs that are plain,
 * so that queries of one shape have one text, which Neo4j reads and compiles once; and those of one
 * shape go as one statement (bundle.h), but for jobs that are single. Blocks until the deadline at
 * most. 0: all answers are whole. -1: *end says of how many, and the rest are as if they had not
 * been asked. */
MUST_CHECK int inquiry_ask(struct inquiry *q, struct job **jobs, size_t count,
                           const struct inquiry_limits *limits, struct inquiry_end *end,
                           struct err *err);

/* Finds out whether queries of a shape that was seen often can go as one statement. For when nobody
 * waits for an answer: blocks for some seconds at most. */
void inquiry_learn(struct inquiry *q);

/* Reads the position alone, within a second: fills name (REPLICA_SIZE bytes) with the replica's. */
MUST_CHECK int inquiry_look(struct inquiry *q, char *name, int64_t *position, struct err *err);

#endif
