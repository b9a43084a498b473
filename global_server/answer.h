/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_ANSWER_H
#define GLOBAL_SERVER_ANSWER_H

/* global_server/answer.h: a whole answer, kept until it is sent: rows in pages, or an error. A
 * transaction of Kafka opens only when the answer is whole, and an aborted one is replayed from
 * here without asking Neo4j again. Pages beyond ANSWER_MEMORY, or ANSWER_MEMORY_ALL, go to a file
 * without a name in TMPDIR, so that memory grows neither with an answer nor with their number.
 * Belongs to one thread at a time. */

#include "base/buf.h"
#include "base/json.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWER_MEMORY ((size_t)256 << 10)
#define ANSWER_MEMORY_ALL ((size_t)16 << 20) /* of all answers together */

struct answer; /* opaque */

/* What all answers hold; any thread. */
struct answer_stock {
    atomic_size_t memory, bytes; /* of pages in memory; of those in files too */
};

struct answer_limits {
    size_t page_bytes; /* of a reply message; also the limit of a row */
    size_t max_bytes;  /* of all rows */
    int64_t max_rows;
    const char *spool_dir; /* borrowed, as the stock, which answers count into */
    struct answer_stock *stock;
};

enum answer_format {
    ANSWER_PAGES, /* {"id","with_key","replica","offset","age_ms","seq","columns","rows",…} */
    ANSWER_ROWS,  /* one message a row: the request's members and "result":{"properties":{…}} */
};

/* What each message says beside its rows. Borrowed. */
struct answer_head {
    const char *id, *key;
    size_t id_len, key_len;
    const char *replica;
    int64_t offset;        /* of the state that was read; -1: unknown, written as null */
    int64_t age_ms;        /* -1: unknown, written as null */
    const json_t *request; /* for ANSWER_ROWS; NULL: not known */
};

struct answer *answer_new(const struct answer_limits *limits, enum answer_format format,
                          int64_t page_rows);
void answer_free(struct answer *a);

/* Forgets what was built: the query is asked again. */
void answer_clear(struct answer *a);

/* fields: array of column names; head_bytes: how much of a page the head takes (answer_head_bytes).
 * ERR_POISON: the columns' names leave no room for rows. */
MUST_CHECK int answer_set_fields(struct answer *a, const json_t *fields, size_t head_bytes,
                                 struct err *err);
size_t answer_head_bytes(const struct answer_head *head);

/* What the error of an answer takes in its message; 0: it is none. */
size_t answer_error_bytes(const struct answer *a);

/* row: array of Jolt values. ERR_POISON: over a limit, and which setting it is. ERR_FATAL: no room
 * in TMPDIR, or not Jolt. */
MUST_CHECK int answer_add_row(struct answer *a, const json_t *row, struct err *err);

/* No more rows follow. */
MUST_CHECK int answer_finish(struct answer *a, struct err *err);

/* The answer is this error; rows are forgotten. */
void answer_set_error(struct answer *a, const char *code, const char *text);

bool answer_is_error(const struct answer *a);

int64_t answer_rows(const struct answer *a);

/* Bytes of all rows; of the largest page's rows and columns, 0 when there are no rows. */
size_t answer_bytes(const struct answer *a);
size_t answer_page_bytes(const struct answer *a);

/* Appends a finished answer to out, if it is no error, has one page at most, and no more bytes than
 * most; returns whether. */
bool answer_add_copy(const struct answer *a, size_t most, struct buf *out);

/* Fills a, which is empty, with such a copy; head_bytes as answer_set_fields. False: it does not
 * fit into one message, and a is empty. */
bool answer_read_copy(struct answer *a, const struct buf *copy, size_t head_bytes);

/* Goes back before the first message. */
void answer_rewind(struct answer *a);

/* Puts the next message's value into out (emptied first). *more is false, and out is empty, when
 * there is none left; there is always at least one. ERR_FATAL: the spool file cannot be read. */
MUST_CHECK int answer_next(struct answer *a, const struct answer_head *head, struct buf *out,
                           bool *more, struct err *err);

#endif
