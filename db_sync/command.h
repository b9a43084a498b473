/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_COMMAND_H
#define CYPHERLOG_DB_SYNC_COMMAND_H

/* db_sync/command.h: a record of the command topic, made into statements for Neo4j. Pure. */

#include "base/buf.h"
#include "cypher/freeze.h"
#include "cypher/twin.h"
#include "kafka/record.h"

#include <stdbool.h>
#include <stddef.h>

/* Of a command of one statement whose literals can be parameters. */
struct command_lifted {
    const char *bytes;  /* the key of its template (lift_key), then its values as JSON */
    size_t key_len;     /* 0: its text goes as it is */
    const size_t *ends; /* where each value ends in bytes */
    size_t count;
};

/* What decoding works with: kept from one to the next. */
struct command_desk {
    struct hash *hash;
    struct lift lift;
    struct freeze freeze;
    struct freeze_rules rules; /* the caller's to set before the first; the defaults until then */
    /* private */
    struct twins *twins;
    struct buf bytes; /* of the command in hand: its statements, then what was lifted */
    size_t *ends;
    size_t end_count, end_room;
};

void command_desk_init(struct command_desk *desk);
void command_desk_fini(struct command_desk *desk);

struct command {
    struct record record;            /* owned */
    char fingerprint[HASH_HEX_SIZE]; /* of the record */
    const char *json;                /* its statements, one after the other, no NUL */
    size_t json_len;                 /* 0 with a verdict */
    const size_t *stmt_ends;         /* where each ends in json */
    size_t stmt_count;               /* 0 with a verdict */
    bool schema;                     /* has a kind of transaction of its own */
    bool starts_tx;                  /* policy.h: nothing precedes it */
    bool ends_tx;                    /* what it did is only known at commit: nothing follows it */
    bool alone;                      /* nothing before it and nothing after */
    bool lettered;                   /* its dead letter is acknowledged */
    bool frozen;                     /* a clock was bound: its text is not what is sent */
    unsigned warnings;               /* freeze.h */
    struct command_lifted lifted;    /* empty with a verdict */
    struct err *verdict;             /* ERR_POISON: it can never succeed; NULL: none */
    size_t more;                     /* bytes behind this, which json and lifted view */
};

/* Decodes a record: never fails, what is wrong becomes the verdict. Owns *record from then on.
 * limit_bytes: a larger record is refused. */
struct command *command_new_take(struct record *record, size_t limit_bytes,
                                 struct command_desk *desk);
void command_free(struct command *c);

/* Memory that it holds, about. */
size_t command_bytes(const struct command *c);

/* Gives it a verdict, unless it has one; its statements are dropped. */
void command_condemn(struct command *c, const struct err *why);

/* Decodes a message's text, as command_new_take does, without a record: for send. 0, *warnings as
 * in freeze.h, or -1 with ERR_POISON. */
MUST_CHECK int command_check(const char *value, size_t len, size_t limit_bytes,
                             const struct freeze_rules *rules, unsigned *warnings, struct err *err);

/* Lifts the text of a command once more, into desk->lift, and appends what was lifted to text;
 * *params is a new reference or NULL. False: it has no `lifted`. */
bool command_lift(const struct command *c, struct command_desk *desk, struct buf *text,
                  json_t **params);

/* What a message is called, in what is written about it. */
struct command_names {
    struct buf id;  /* its id, else topic/partition/offset */
    struct buf key; /* with_key, else id */
};

/* A with_key or id of more than COMMAND_NAME_MAX bytes counts as missing: it could make a record
 * that its topic refuses. */
#define COMMAND_NAME_MAX 16384
void command_names_init(struct command_names *names, const struct record *record,
                        const char *topic);
void command_names_fini(struct command_names *names);

#endif
