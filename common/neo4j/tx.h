/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_TX_H
#define CYPHERLOG_NEO4J_TX_H

/* neo4j/tx.h: statements in one Neo4j transaction, over HTTP (`POST /db/{db}/tx/commit`). A tx
 * belongs to one thread. */

#include "neo4j/http.h"

#include "base/buf.h"
#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

struct tx; /* opaque */

struct tx_conf {
    struct http_conf http;
    const char *database; /* copied */
};

/* A statement as JSON: {"statement":"…","parameters":{…}}. Borrowed. */
struct tx_stmt {
    const char *json;
    size_t len;
};

/* Gets rows as they come, decoded from JSON but still in Jolt notation; NULL members are skipped,
 * and without on_row no row is even parsed. -1 with err ends the request. */
struct tx_reader {
    int (*on_fields)(void *arg, size_t stmt, const json_t *fields, struct err *err);
    int (*on_row)(void *arg, size_t stmt, const json_t *row, struct err *err);
    int (*on_summary)(void *arg, size_t stmt, const json_t *summary, struct err *err);
    int (*on_line)(void *arg, const char *p, size_t len, struct err *err); /* instead of on_row: the
                                                                              line {"data":[…]} */
    void *arg;
};

struct tx_opts {
    bool read;               /* Access-Mode: READ: the server refuses writes */
    int64_t server_limit_ms; /* the server ends the transaction then; 0: never */
    int64_t deadline_ms;     /* monotonic; 0: none */
    size_t row_limit_bytes;  /* with a reader a longer row fails the request; 0: 64 MiB */
    bool which;  /* on failure tell which statement it was: costs a third of the speed */
    bool strict; /* with a reader: Jolt that marks every type (jolt.h); some four times the bytes */
    bool short_ids;                 /* with a reader: Jolt v1, where an entity's id is a number */
    const struct tx_reader *reader; /* NULL: rows are passed over */
};

#define TX_UNKNOWN_STMT SIZE_MAX

/* Where a request failed: in the statement stmt, n of n when the commit itself failed, after it had
 * yielded so many rows. */
struct tx_failure {
    size_t stmt; /* or TX_UNKNOWN_STMT */
    size_t rows; /* 0 when it is not known */
};

MUST_CHECK int tx_open(struct tx **out, const struct tx_conf *conf, struct err *err);
void tx_close(struct tx *tx);
void tx_set_password(struct tx *tx, const char *password);

/* Appends a statement for struct tx_stmt: text is UTF-8; params is a JSON object or NULL. */
void tx_add_stmt(struct buf *out, const char *text, size_t len, const json_t *params);

/* The same with parameters that are JSON already, an object. */
void tx_add_stmt_json(struct buf *out, const char *text, size_t len, const struct buf *params);

/* Runs stmts[0..n-1] in order and commits, in one request. Borrows stmts. Blocks until answered,
 * the deadline, or a stop and its grace. 0: committed. -1, but for ERR_UNKNOWN: nothing of it
 * remains, and *failure, if not NULL, is set; its stmt is known with opts->which or a reader alone.
 * ERR_UNKNOWN: the answer was lost; lock and read the position before anything else.
 * After a breakdown (code.h) the query caches are cleared, since 5.26 may never answer a
 * text again that it could not compile.
 *
 * Rule: in Jolt each finished statement has its `summary` line, so their number is the index of the
 * one that failed, and rows are written as they come, so what it had yielded stands before the
 * error; seen on 4.4, 5.26 and 2026 (tests/integration/test_position.py). Plain JSON
 * tells no index, and Neo4j writes it a third faster (seen on 5.26: 19,000 statements/s against
 * 13,000). */
MUST_CHECK int tx_commit(struct tx *tx, const struct tx_stmt *stmts, size_t n,
                         const struct tx_opts *opts, struct tx_failure *failure, struct err *err);

/* One statement that returns at most one row: *row is the caller's, NULL when there was none. */
MUST_CHECK int tx_query_row(struct tx *tx, const char *text, const json_t *params,
                            const struct tx_opts *opts, json_t **row, struct err *err);

/* One statement by the Query API (`POST /db/{db}/query/v2`), whose parameters carry their types and
 * may hold BYTES: json is {"statement":"…","parameters":{…}} with each parameter as {"$type":…,
 * "_value":…} (Query API, "Typed JSON"). *rows is the caller's: an array of rows in plain JSON.
 * Errors as of tx_commit. The server needs tx_server.query_api; it takes no limit of time. */
MUST_CHECK int tx_query_typed(struct tx *tx, const char *json, size_t len, json_t **rows,
                              struct err *err);

/* A transaction that stays open between requests; one at a time in a tx, beside which the functions
 * above go on to work. It is lost when nothing is asked in it for 30 s (Neo4j:
 * server.http.transaction_idle_timeout), or when anything in it fails. limit_ms: the server ends it
 * then. */
MUST_CHECK int tx_begin(struct tx *tx, int64_t limit_ms, struct err *err);

/* As tx_query_row, in the open transaction; ERR_RETRY, Neo.ClientError.Transaction.
 * TransactionNotFound: it is lost. Blocks at most until deadline_ms, 0: without end. */
MUST_CHECK int tx_run_row(struct tx *tx, const char *text, const json_t *params,
                          int64_t deadline_ms, json_t **row, struct err *err);

/* Ends the open transaction, if there is one, and undoes what it did. An error is passed over: the
 * server ends it by itself in the end. */
void tx_rollback(struct tx *tx);

struct tx_server {
    char version[32];  /* "5.26.30" */
    int64_t bolt_port; /* what GET / names; 0: nothing */
    bool query_api;    /* 5.25 and later, unless an operator switched it off */
};

/* Asks the server for its version, without login. */
MUST_CHECK int tx_server(struct tx *tx, struct tx_server *out, struct err *err);

/* What stands before a text that uses id(), which Cypher 25 may lose: "CYPHER 5 " for servers that
 * speak both, 2025 and later, else "". */
const char *tx_cypher_5(const char *server_version);

/* Does a server know CALL (x) { … }? From 5.23 on. */
bool tx_scopes_calls(const char *server_version);

#endif
