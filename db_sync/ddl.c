/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/ddl.h"

#include "base/log.h"
#include "base/mem.h"
#include "neo4j/schema.h"

#include <stdlib.h>
#include <string.h>

#define AWAIT_MS 3600000 /* a large index may take long; Neo4j uses it as soon as it is there */

static int read_schema(struct writer *w, char out[static HASH_HEX_SIZE], struct err *err)
{
    struct err why = {0};

    while (schema_hash(w->tx, out, &why) < 0)
        if (outage_again(&w->outage, &why, err) < 0)
            return -1;
    outage_over(&w->outage);
    return 0;
}

/* Commits the intent, unless it stands from before a crash. */
static int write_intent(struct writer *w, const struct command *command, struct err *err)
{
    struct position intent = w->position;
    struct writer_fault fault;

    if (w->position.intent_offset == command->record.offset)
        return 0;
    if (read_schema(w, intent.intent_schema, err) < 0)
        return -1;
    intent.intent_offset = command->record.offset;
    return writer_commit(w, NULL, &intent, &fault, err);
}

static int send_command(struct writer *w, const struct command *c, struct err *err)
{
    struct tx_stmt *stmts = mem_alloc(c->stmt_count, sizeof *stmts);
    struct tx_opts opts = {.server_limit_ms = w->timeout_ms};

    for (size_t s = 0, start = 0; s < c->stmt_count; start = c->stmt_ends[s++])
        stmts[s] = (struct tx_stmt){c->json + start, c->stmt_ends[s] - start};
    report_busy(w->report, true);
    int rc = tx_commit(w->tx, stmts, c->stmt_count, &opts, NULL, err);
    report_busy(w->report, false);
    free(stmts);
    return rc;
}

/* Runs it until it is known what became of it. A lost answer may belong to a request that still
 * runs: the repeat waits for its schema locks and then hears that the thing exists, or is gone. So
 * an error counts only while the schema is what it was at the intent. */
static int run_until_known(struct writer *w, const struct command *command, struct outage *refused,
                           struct err *err)
{
    char now[HASH_HEX_SIZE];

    for (;;) {
        struct err why = {0};
        if (read_schema(w, now, err) < 0)
            return -1;
        if (strcmp(now, w->position.intent_schema) != 0)
            return 0; /* it ran: before a crash, or with its answer lost */
        if (send_command(w, command, &why) == 0)
            return 0;
        if (outage_heals(refused, &why)) {
            if (outage_wait(refused, &why, err) < 0 || writer_settle(w, err) < 0)
                return -1;
            continue;
        }
        if (read_schema(w, now, err) < 0)
            return -1;
        if (strcmp(now, w->position.intent_schema) != 0)
            return 0;
        *err = why;
        return -1;
    }
}

/* The command's outage is its own: what is asked between its tries succeeds and ends nothing. */
static int run(struct writer *w, const struct command *command, struct err *err)
{
    struct outage refused;

    outage_init(&refused, w->outage.setup, w->tx, w->report);
    int rc = run_until_known(w, command, &refused, err);

    if (rc == 0 || err->class == ERR_POISON)
        outage_over(&refused);
    return rc;
}

/* Best effort: an index that fails to fill is the data's doing, and the same on all replicas. */
static int await(struct writer *w, struct err *err)
{
    struct err why = {0};

    while (schema_await(w->tx, AWAIT_MS, &why) < 0) {
        if (!outage_heals(&w->outage, &why)) {
            log_warn(log_event("index_not_online"), log_err(&why));
            return 0;
        }
        if (outage_again(&w->outage, &why, err) < 0)
            return -1;
    }
    outage_over(&w->outage);
    return 0;
}

int ddl_apply(struct writer *w, struct command *command, const struct position *target,
              struct err *err)
{
    struct writer_fault fault;

    if (write_intent(w, command, err) < 0 || run(w, command, err) < 0 || await(w, err) < 0)
        return -1;
    return writer_commit(w, NULL, target, &fault, err);
}
