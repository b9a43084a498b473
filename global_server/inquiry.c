/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/inquiry.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cypher/lift.h"
#include "neo4j/jolt.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS 1000

struct inquiry {
    struct inquiry_conf conf;
    struct replica *replica;
    struct buf position; /* the statement that reads it */
    struct buf texts;    /* the other statements */
    struct lift lift;
    struct buf text, params; /* of the one that is lifted */
    /* the inquiry in hand */
    const struct inquiry_limits *limits;
    struct job *const *jobs;
    bool lifted[INQUIRY_MAX];
    size_t begun; /* of jobs: whose columns came */
    bool refused; /* an answer of ours was: the last begun one */
    char name[REPLICA_SIZE];
    int64_t offset; /* -1: not read */
};

int inquiry_open(struct inquiry **out, const struct inquiry_conf *conf, struct err *err)
{
    struct inquiry *q = mem_alloc(1, sizeof *q);

    q->conf = *conf;
    if (replica_open(&q->replica, &conf->conf->setup, conf->command_topic, err) < 0) {
        free(q);
        return -1;
    }
    replica_add_position(&q->position, conf->command_topic);
    *out = q;
    return 0;
}

void inquiry_close(struct inquiry *q)
{
    if (q == NULL)
        return;
    replica_close(q->replica);
    buf_fini(&q->position);
    buf_fini(&q->texts);
    lift_fini(&q->lift);
    buf_fini(&q->text);
    buf_fini(&q->params);
    free(q);
}

struct replica *inquiry_replica(struct inquiry *q)
{
    return q->replica;
}

/* ---- rows as they come; statement 0 reads the position, statement n is that of jobs[n - 1] ----
 */

/* Its last row has come, if it has begun. */
static int finish_begun(struct inquiry *q, struct err *err)
{
    if (q->begun == 0 || answer_finish(q->jobs[q->begun - 1]->answer, err) == 0)
        return 0;
    q->refused = true;
    return -1;
}

static int none(struct err *err)
{
    return err_set(err, ERR_RETRY, "replica.none",
                   "the database has no node __db_sync for this COMMAND_TOPIC any more");
}

static int on_fields(void *arg, size_t stmt, const json_t *fields, struct err *err)
{
    struct inquiry *q = arg;
    struct answer_head head;

    if (stmt == 0)
        return 0;
    if (q->offset < 0)
        return none(err);
    if (finish_begun(q, err) < 0)
        return -1;
    struct job *job = q->jobs[stmt - 1];
    q->begun = stmt;
    snprintf(job->replica, sizeof job->replica, "%s", q->name);
    job->position = q->offset;
    job_head(job, (enum answer_format)q->conf.conf->reply_format, &head);
    int rc = answer_set_fields(job->answer, fields, answer_head_bytes(&head), err);
    q->refused = rc < 0;
    return rc;
}

static int add_row(const struct inquiry *q, struct job *job, const json_t *row, struct err *err)
{
    json_t *marked = job->strict ? jolt_mark_floats(row) : NULL;
    int rc = answer_add_row(job->answer, marked != NULL ? marked : row, err);
    size_t most = q->limits->answer_bytes;

    json_decref(marked);
    if (rc == 0 && most > 0 && answer_bytes(job->answer) > most)
        return err_set(err, ERR_SHRINK, INQUIRY_LARGE, "an answer is larger than %zu bytes", most);
    return rc;
}

static int on_row(void *arg, size_t stmt, const json_t *row, struct err *err)
{
    struct inquiry *q = arg;

    if (stmt > 0) {
        int rc = add_row(q, q->jobs[stmt - 1], row, err);
        q->refused = rc < 0;
        return rc;
    }
    if (replica_read_row(row, q->name, &q->offset, err) < 0)
        return -1;
    flight_saw(q->conf.flight, q->offset);
    return 0;
}

/* ---- the whole ---- */

/* False: it has no literals, or cannot go so. One with many parameters goes as it stands. */
static bool add_lifted(struct inquiry *q, const struct request *request)
{
    struct lift *l = &q->lift;

    if (request->packed.len > 0 || !lift_text(l, request->text, request->text_len) ||
        l->values.len == 0 || !lift_bind(l, request->text, request->params))
        return false;
    buf_reset(&q->text);
    buf_reset(&q->params);
    lift_add_text(l, request->text, &q->text);
    lift_add_params(l, request->params, &q->params);
    tx_add_stmt_json(&q->texts, buf_str(&q->text), q->text.len, &q->params);
    return true;
}

static int write_statements(struct inquiry *q, size_t count, struct tx_stmt *stmts, struct err *err)
{
    size_t ends[INQUIRY_MAX];

    buf_reset(&q->texts);
    for (size_t i = 0; i < count; i++) {
        const struct request *request = &q->jobs[i]->request;
        q->lifted[i] = !q->jobs[i]->plain && add_lifted(q, request);
        if (!q->lifted[i] && request->packed.len > 0)
            tx_add_stmt_json(&q->texts, request->text, request->text_len, &request->packed);
        else if (!q->lifted[i])
            tx_add_stmt(&q->texts, request->text, request->text_len, request->params);
        ends[i] = q->texts.len;
    }
    if (buf_check(&q->texts, "request to Neo4j", err) < 0)
        return -1;
    stmts[0] = (struct tx_stmt){buf_str(&q->position), q->position.len};
    for (size_t i = 0, start = 0; i < count; start = ends[i++])
        stmts[i + 1] = (struct tx_stmt){buf_str(&q->texts) + start, ends[i] - start};
    return 0;
}

/* Neo4j's verdict on a statement is about that one; what else it may say is about the server, the
 * transaction, or all that was in it. */
static void judge(struct inquiry *q, const struct tx_failure *failure, struct inquiry_end *end,
                  struct err *why)
{
    end->answered = 0;
    if (!q->refused && failure->stmt != TX_UNKNOWN_STMT && failure->stmt > 0) {
        struct err own = {0};
        end->answered = failure->stmt - 1;
        end->own_fault = why->class == ERR_POISON;
        if (end->answered == q->begun && finish_begun(q, &own) < 0) /* nothing had begun since */
            *why = own;
    }
    if (q->refused) {
        end->answered = q->begun - 1;
        end->own_fault = true;
    }
    end->lifted = end->own_fault && !q->refused && q->lifted[end->answered];
}

static int run(struct inquiry *q, size_t count, struct tx_failure *failure, struct err *err)
{
    const struct tx_reader reader = {.on_fields = on_fields, .on_row = on_row, .arg = q};
    struct tx_stmt stmts[INQUIRY_MAX + 1];
    bool strict = count > 0 && q->jobs[0]->strict;
    struct tx_opts opts = {.read = true,
                           .server_limit_ms = q->limits->server_ms > 1 ? q->limits->server_ms : 1,
                           .deadline_ms = q->limits->deadline_ms,
                           .strict = strict,
                           .row_limit_bytes = q->conf.limits->page_bytes * (strict ? 8 : 2) + 65536,
                           .reader = &reader};

    if (write_statements(q, count, stmts, err) < 0 ||
        tx_commit(replica_tx(q->replica), stmts, count + 1, &opts, failure, err) < 0)
        return -1;
    return finish_begun(q, err);
}

int inquiry_ask(struct inquiry *q, struct job *const *jobs, size_t count,
                const struct inquiry_limits *limits, struct inquiry_end *end, struct err *err)
{
    struct tx_failure failure = {.stmt = TX_UNKNOWN_STMT};

    for (size_t i = 0; i < count; i++) {
        answer_clear(jobs[i]->answer);
        jobs[i]->position = jobs[i]->age_ms = -1;
    }
    q->jobs = jobs;
    q->limits = limits;
    q->begun = 0;
    q->refused = false;
    q->offset = -1;
    *end = (struct inquiry_end){.answered = count};
    if (run(q, count, &failure, err) == 0)
        return 0;
    judge(q, &failure, end, err);
    return -1;
}

int inquiry_look(struct inquiry *q, char *name, int64_t *position, struct err *err)
{
    const struct inquiry_limits limits = {.server_ms = LOOK_MS,
                                          .deadline_ms = clock_mono_ms() + LOOK_MS};
    struct inquiry_end end;

    if (inquiry_ask(q, NULL, 0, &limits, &end, err) < 0)
        return -1;
    if (q->offset < 0)
        return none(err);
    snprintf(name, REPLICA_SIZE, "%s", q->name);
    *position = q->offset;
    return 0;
}
