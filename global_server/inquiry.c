/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/inquiry.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "global_server/bundle.h"
#include "neo4j/jolt.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS 1000

/* Of a buffer. */
struct range {
    size_t start, len;
};

/* A statement: for one job, or for several, in a bundle. */
struct part {
    size_t first, count;   /* of jobs */
    struct bundle *bundle; /* NULL: of one job */
    bool lifted;           /* of one job: its text was not sent as it stands */
    struct range text;     /* in texts */
};

struct inquiry {
    struct inquiry_conf conf;
    struct replica *replica;
    struct buf position; /* the statement that reads it */
    struct buf texts;    /* the other statements */
    struct lift lift;
    struct buf text, params; /* of the one that is lifted */
    struct bundles *bundles;
    struct buf values; /* of those that go in bundles */
    /* the inquiry in hand */
    const struct inquiry_limits *limits;
    struct job **jobs;
    struct part parts[INQUIRY_MAX];
    size_t part_count;
    size_t begun; /* of parts: whose columns came */
    bool refused; /* an answer of ours was: one of the last begun part */
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
    q->bundles = bundles_new();
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
    bundles_free(q->bundles);
    buf_fini(&q->values);
    free(q);
}

struct replica *inquiry_replica(struct inquiry *q)
{
    return q->replica;
}

/* ---- rows as they come; statement 0 reads the position, statement n is that of parts[n - 1] ----
 */

/* Its last row has come, if it has begun. */
static int finish_begun(struct inquiry *q, struct err *err)
{
    const struct part *part = q->begun > 0 ? &q->parts[q->begun - 1] : NULL;

    for (size_t i = 0; part != NULL && i < part->count; i++)
        if (answer_finish(q->jobs[part->first + i]->answer, err) < 0) {
            q->refused = true;
            return -1;
        }
    return 0;
}

static int none(struct err *err)
{
    return err_set(err, ERR_RETRY, "replica.none",
                   "the database has no node __db_sync for this COMMAND_TOPIC any more");
}

static int set_fields(const struct inquiry *q, struct job *job, const json_t *fields,
                      struct err *err)
{
    struct answer_head head;

    snprintf(job->replica, sizeof job->replica, "%s", q->name);
    job->position = q->offset;
    job_head(job, (enum answer_format)q->conf.conf->reply_format, &head);
    return answer_set_fields(job->answer, fields, answer_head_bytes(&head), err);
}

/* A copy of an array without its last member, which a bundle has beside the answer's. */
static json_t *without_last(const json_t *array)
{
    json_t *rest = json_copy((json_t *)(uintptr_t)array);

    json_array_remove(rest, json_array_size(rest) - 1);
    return rest;
}

static int on_fields(void *arg, size_t stmt, const json_t *fields, struct err *err)
{
    struct inquiry *q = arg;
    int rc = 0;

    if (stmt == 0)
        return 0;
    if (q->offset < 0)
        return none(err);
    if (finish_begun(q, err) < 0)
        return -1;
    const struct part *part = &q->parts[stmt - 1];
    json_t *rest = part->bundle != NULL ? without_last(fields) : NULL;
    q->begun = stmt;
    for (size_t i = 0; rc == 0 && i < part->count; i++)
        rc = set_fields(q, q->jobs[part->first + i], rest != NULL ? rest : fields, err);
    json_decref(rest);
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

/* Its last value says whose it is. */
static int add_bundle_row(const struct inquiry *q, const struct part *part, const json_t *row,
                          struct err *err)
{
    const json_t *number = json_array_get(row, json_array_size(row) - 1);
    json_int_t n = json_is_integer(number) ? json_integer_value(number) : -1;

    if (n < 0 || (size_t)n >= part->count)
        return err_set(err, ERR_SHRINK, "inquiry.row", "a row of Neo4j's answer has no number");
    json_t *rest = without_last(row);
    int rc = add_row(q, q->jobs[part->first + (size_t)n], rest, err);
    json_decref(rest);
    return rc;
}

static int on_row(void *arg, size_t stmt, const json_t *row, struct err *err)
{
    struct inquiry *q = arg;

    if (stmt > 0) {
        const struct part *part = &q->parts[stmt - 1];
        int rc = part->bundle != NULL ? add_bundle_row(q, part, row, err)
                                      : add_row(q, q->jobs[part->first], row, err);
        q->refused = rc < 0;
        return rc;
    }
    if (replica_read_row(row, q->name, &q->offset, err) < 0)
        return -1;
    flight_saw(q->conf.flight, q->offset);
    return 0;
}

/* ---- the statements ---- */

/* A job on its way into a part. */
struct seat {
    struct job *job;
    struct bundle *bundle; /* that it may go in; NULL: alone, as part says */
    struct range values;   /* in values: what it has in a bundle */
    struct part part;
    bool is_taken;
};

/* False: it has neither literals nor parameters to take out, or is to go as it stands. One with
 * many parameters does. */
static bool lift(struct inquiry *q, const struct job *job)
{
    const struct request *request = &job->request;

    return !job->plain && request->packed.len == 0 &&
           lift_text(&q->lift, request->text, request->text_len) && q->lift.hole_count > 0 &&
           lift_bind(&q->lift, request->text, request->params);
}

/* is_lifted: what was taken out of its text is in q->lift. */
static void add_alone(struct inquiry *q, const struct job *job, bool is_lifted, struct part *part)
{
    const struct request *request = &job->request;

    *part = (struct part){.count = 1, .text.start = q->texts.len};
    part->lifted = is_lifted && q->lift.values.len > 0;
    if (part->lifted) {
        buf_reset(&q->text);
        buf_reset(&q->params);
        lift_add_text(&q->lift, request->text, &q->text);
        lift_add_params(&q->lift, request->params, &q->params);
        tx_add_stmt_json(&q->texts, buf_str(&q->text), q->text.len, &q->params);
    } else if (request->packed.len > 0) {
        tx_add_stmt_json(&q->texts, request->text, request->text_len, &request->packed);
    } else {
        tx_add_stmt(&q->texts, request->text, request->text_len, request->params);
    }
    part->text.len = q->texts.len - part->text.start;
}

static void take_seat(struct inquiry *q, struct job *job, size_t count, struct seat *seat)
{
    const struct request *request = &job->request;
    bool is_lifted = lift(q, job);

    *seat = (struct seat){.job = job, .values.start = q->values.len};
    if (is_lifted && count > 1 && !job->single)
        seat->bundle =
            bundles_find(q->bundles, &q->lift, request->text, request->text_len, request->params);
    if (seat->bundle == NULL)
        add_alone(q, job, is_lifted, &seat->part);
    else
        bundle_add_values(&q->lift, request->text, request->params, &q->values);
    seat->values.len = q->values.len - seat->values.start;
}

/* Those from seats[0] on that have its bundle go in it, where it is not the only one. */
static void add_together(struct inquiry *q, struct seat *seats, size_t count, struct job **jobs,
                         struct part *part)
{
    struct bundle *bundle = seats->bundle;

    *part = (struct part){.bundle = bundle, .text.start = q->texts.len};
    bundle_begin(bundle, &q->texts);
    for (size_t i = 0; i < count; i++) {
        if (seats[i].bundle != bundle)
            continue;
        seats[i].is_taken = true;
        jobs[part->count] = seats[i].job;
        bundle_add_row(&q->texts, part->count++, buf_str(&q->values) + seats[i].values.start,
                       seats[i].values.len);
    }
    bundle_end(&q->texts);
    part->text.len = q->texts.len - part->text.start;
    if (part->count == 1)
        add_alone(q, seats->job, lift(q, seats->job), part);
}

/* Jobs that go in one bundle come to stand side by side. */
static void arrange(struct inquiry *q, size_t count)
{
    struct seat seats[INQUIRY_MAX];

    buf_reset(&q->texts);
    buf_reset(&q->values);
    for (size_t i = 0; i < count; i++)
        take_seat(q, q->jobs[i], count, &seats[i]);
    q->part_count = 0;
    for (size_t i = 0, done = 0; i < count; i++) {
        struct part *part = &q->parts[q->part_count];
        if (seats[i].is_taken)
            continue;
        q->jobs[done] = seats[i].job;
        if (seats[i].bundle != NULL)
            add_together(q, seats + i, count - i, q->jobs + done, part);
        else
            *part = seats[i].part;
        part->first = done;
        done += part->count;
        q->part_count++;
    }
}

static int write_statements(struct inquiry *q, size_t count, struct tx_stmt *stmts, struct err *err)
{
    arrange(q, count);
    if (buf_check(&q->texts, "request to Neo4j", err) < 0)
        return -1;
    stmts[0] = (struct tx_stmt){buf_str(&q->position), q->position.len};
    for (size_t i = 0; i < q->part_count; i++) {
        const struct range *text = &q->parts[i].text;
        stmts[i + 1] = (struct tx_stmt){buf_str(&q->texts) + text->start, text->len};
    }
    return 0;
}

/* ---- what became of it ---- */

/* A part is at fault: of several jobs none is known to be. */
static void blame(struct inquiry *q, const struct part *part, struct inquiry_end *end)
{
    end->answered = part->first;
    end->own_fault = part->bundle == NULL;
    end->bundled = part->bundle != NULL ? part->count : 0;
    end->lifted = end->own_fault && !q->refused && part->lifted;
}

/* Neo4j's verdict on a statement is about that one; what else it may say is about the server, the
 * transaction, or all that was in it. */
static void judge(struct inquiry *q, const struct tx_failure *failure, struct inquiry_end *end,
                  struct err *why)
{
    bool is_known = !q->refused && failure->stmt != TX_UNKNOWN_STMT && failure->stmt > 0 &&
                    failure->stmt <= q->part_count;
    struct err own = {0};

    end->answered = 0;
    if (is_known && q->begun < failure->stmt && finish_begun(q, &own) < 0) /* the one before it */
        *why = own;
    if (q->refused) {
        blame(q, &q->parts[q->begun - 1], end);
    } else if (is_known && why->class == ERR_POISON) {
        blame(q, &q->parts[failure->stmt - 1], end);
    } else if (is_known) {
        end->answered = q->parts[failure->stmt - 1].first;
    }
}

/* Bundles in which something failed, or was too much for Neo4j, are doubted. */
static void note_bundles(struct inquiry *q, const struct inquiry_end *end, enum err_class class)
{
    bool is_innocent = end->own_fault || class == ERR_RETRY || class == ERR_STOPPING;

    for (size_t i = 0; i < q->part_count; i++) {
        const struct part *part = &q->parts[i];
        if (part->bundle == NULL)
            continue;
        if (part->first < end->answered) {
            bundle_note(part->bundle, false);
            traffic_bundled(q->conf.flight->traffic, part->count);
        } else if (end->bundled > 0 ? part->first == end->answered : !is_innocent) {
            bundle_note(part->bundle, true);
        }
    }
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
        tx_commit(replica_tx(q->replica), stmts, q->part_count + 1, &opts, failure, err) < 0)
        return -1;
    return finish_begun(q, err);
}

int inquiry_ask(struct inquiry *q, struct job **jobs, size_t count,
                const struct inquiry_limits *limits, struct inquiry_end *end, struct err *err)
{
    struct tx_failure failure = {.stmt = TX_UNKNOWN_STMT};

    for (size_t i = 0; i < count; i++) {
        answer_clear(jobs[i]->answer);
        jobs[i]->position = jobs[i]->age_ms = -1;
    }
    q->jobs = jobs;
    q->limits = limits;
    q->part_count = q->begun = 0;
    q->refused = false;
    q->offset = -1;
    *end = (struct inquiry_end){.answered = count};
    int rc = run(q, count, &failure, err);
    if (rc < 0)
        judge(q, &failure, end, err);
    note_bundles(q, end, rc < 0 ? err->class : ERR_NONE);
    return rc;
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

void inquiry_learn(struct inquiry *q)
{
    if (!stop_requested())
        bundles_learn(q->bundles, replica_tx(q->replica));
}
