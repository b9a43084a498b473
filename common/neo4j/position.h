/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_POSITION_H
#define CYPHERLOG_NEO4J_POSITION_H

/* neo4j/position.h: which commands this replica contains. */

#include "base/hash.h"
#include "neo4j/tx.h"

#include <stdbool.h>
#include <stdint.h>

#define POSITION_LABEL "__db_sync"
#define POSITION_FORMAT 1
#define POSITION_FAILURES 32

/* A command that was settled without being applied. */
struct position_failure {
    int64_t offset;
    char code[64];
    char text[160]; /* the beginning of the reason; "" once it has its notice */
};

struct position {
    int64_t format;
    int64_t next_offset;               /* first command not applied */
    int64_t last_offset;               /* of the last record applied; -1: none */
    char fingerprint[HASH_HEX_SIZE];   /* of that record; "" with last_offset -1 */
    char epoch[HASH_ID_SIZE + 24];     /* "<owner>/<n>": who may write */
    uint64_t outcome[2];               /* rolling hash of (offset, error code) */
    int64_t since;                     /* the offset at which that hash began */
    char replica[256];                 /* REPLICA_ID */
    char state[16];                    /* "" or "restoring" */
    int64_t intent_offset;             /* a schema command may be under way; -1: none */
    char intent_schema[HASH_HEX_SIZE]; /* the schema's hash before it */
    int64_t noticed;                   /* commands before it have their notice; -1: no notices */
    size_t failure_count;              /* the newest, in order */
    struct position_failure failures[POSITION_FAILURES];
};

/* The position of an empty replica that will start at offset. */
void position_init(struct position *p, int64_t offset, const char *replica);

/* Reads without a lock: what a reader may show, never what a writer may act on. *found is false
 * when there is no node. A reader beside a commit may for a moment see none, or a part of one:
 * it is asked again a few times. */
MUST_CHECK int position_read(struct tx *tx, const char *topic, struct position *out, bool *found,
                             struct err *err);

/* Is there the position of another log? *other is its topic for free(), NULL: no. */
MUST_CHECK int position_other(struct tx *tx, const char *topic, char **other, struct err *err);

/* Makes the node's constraint if somebody dropped it. */
MUST_CHECK int position_protect(struct tx *tx, struct err *err);

/* Makes constraint and node where they are missing, in transactions of their own. Start is what
 * the node holds if it is new; one that exists stays as it is. */
MUST_CHECK int position_create(struct tx *tx, const char *topic, const struct position *start,
                               struct err *err);

/* Locks, writes owner's next epoch and reads. Waits for every transaction that holds the lock, a
 * lost one too, and shuts out whoever held the old epoch. With only_mine it changes nothing unless
 * the epoch is owner's: ERR_FENCED then. ERR_GUARD: there is no node. Repeat on ERR_RETRY and
 * ERR_UNKNOWN; any error here is no verdict on a command. serial makes each epoch new. */
MUST_CHECK int position_seize(struct tx *tx, const char *topic, const char *owner, int64_t serial,
                              bool only_mine, int64_t server_limit_ms, struct position *out,
                              struct err *err);

/* In the transaction that is open in tx (tx_begin): keeps the node as it is until that transaction
 * ends, so that no command takes effect, and reads it. Waits for the transaction of commands that
 * is about to end; the next one waits in its turn. Its constraint must be there (position_protect).
 * *found is false when the node is missing; the transaction is then to be rolled back. */
MUST_CHECK int position_hold(struct tx *tx, const char *topic, struct position *out, bool *found,
                             struct err *err);

/* The same transaction: the node as it is now, without a wait: while it is held it is the same. */
MUST_CHECK int position_held(struct tx *tx, const char *topic, struct position *out, bool *found,
                             struct err *err);

/* Appends the first statement of a transaction of commands: locks, compares with was, deletes. */
void position_add_lock(struct buf *out, const char *topic, const struct position *was);

/* Appends its last statement: creates the node with the new state. */
void position_add_create(struct buf *out, const char *topic, const struct position *now);

/* The same position, whoever holds it: offsets, fingerprint and outcome are equal. */
bool position_equal(const struct position *a, const struct position *b);

/* Adds a command's outcome to the rolling hash; code is "" when it was applied. */
void position_add_outcome(struct position *p, int64_t offset, const char *code);

/* Keeps that a command was not applied, and why; the oldest failure makes room. With notices that
 * one must have its notice. */
void position_add_failure(struct position *p, int64_t offset, const struct err *why);

/* Commands before noticed have their notice (-1: no notices): the texts of their failures go. */
void position_set_noticed(struct position *p, int64_t noticed);

/* From which offset on all failures are known. */
int64_t position_failures_from(const struct position *p);

/* The failure of the command at offset; NULL: it was applied. */
const struct position_failure *position_failure(const struct position *p, int64_t offset);

/* The rolling hash as 32 hex digits: equal on all replicas at equal offsets. */
void position_outcome_text(const struct position *p, char out[static HASH_ID_SIZE]);

/* The reverse, into out->outcome; false: the text is no such hash. */
MUST_CHECK bool position_parse_outcome(const char *text, struct position *out);

#endif
