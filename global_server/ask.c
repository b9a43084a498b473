/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/ask.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/stop.h"
#include "global_server/question.h"
#include "global_server/show.h"
#include "global_server/timing.h"
#include "kafka/producer.h"
#include "kafka/tail.h"
#include "ops/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KAFKA_WAIT_MS 15000
#define CONTACT_LEAST_MS 2000 /* a first connection may take longer than a query */
#define REPLY_GRACE_MS 8000   /* beyond the query's own time: the server gives Neo4j 5 s to tell */
#define TELL_MS 2000          /* a person has waited so long without a sign */
#define MESSAGE_MAX_BYTES 1000000

struct ask {
    const struct server_conf *conf;
    struct kafka_conf kafka;
    char *request_topic, *response_topic;
    enum output output;
    struct questions questions;
    size_t printed; /* of this round */
    bool last_round;
    int64_t failed;
    json_t *first_error; /* of all rounds */
    bool error_shown;
    struct timing *timing; /* of the replies so far */
    struct progress progress;
    bool rows; /* a reply came in REPLY_FORMAT=row */
    struct tail *tail;
    struct producer *producer;
};

static int read_output(struct ask *a, struct err *err)
{
    const struct server_conf *conf = a->conf;

    if (conf->json && conf->csv)
        return err_set(err, ERR_USAGE, "ask.format", "--json and --csv exclude each other");
    if ((conf->json && conf->output == OUTPUT_CSV) || (conf->csv && conf->output == OUTPUT_JSON))
        return err_set(err, ERR_USAGE, "ask.format", "--output %s and --%s exclude each other",
                       conf->json ? "csv" : "json", conf->json ? "json" : "csv");
    a->output = conf->json ? OUTPUT_JSON : conf->csv ? OUTPUT_CSV : (enum output)conf->output;
    if (conf->interval_ms > 0 && conf->repeat == 1)
        return err_set(err, ERR_USAGE, "ask.interval", "--interval is for --repeat");
    return 0;
}

/* ---- Kafka ---- */

/* The tail first: no reply can come before it looks. */
static int connect_kafka(struct ask *a, struct err *err)
{
    int64_t wait_ms =
        a->conf->timeout_ms > CONTACT_LEAST_MS ? a->conf->timeout_ms : CONTACT_LEAST_MS;
    int64_t deadline_ms = clock_mono_ms() + (wait_ms < KAFKA_WAIT_MS ? wait_ms : KAFKA_WAIT_MS);
    struct producer_conf producer = {
        .kafka = &a->kafka, .message_max_bytes = MESSAGE_MAX_BYTES, .timeout_ms = KAFKA_WAIT_MS};

    if (client_check(&a->kafka, err) < 0 ||
        tail_open(&a->tail, &a->kafka, a->response_topic, TAIL_FROM_END, deadline_ms, err) < 0)
        return -1;
    return producer_open(&a->producer, &producer, err);
}

static int send_requests(struct ask *a, struct err *err)
{
    struct buf value = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < a->questions.count; i++) {
        struct question *q = &a->questions.list[i];
        const char *key = json_text(q->request, "with_key");
        key = key != NULL ? key : q->id;
        buf_reset(&value);
        json_add(&value, q->request);
        struct producer_record record = {.topic = a->request_topic,
                                         .key = key,
                                         .key_len = strlen(key),
                                         .value = buf_str(&value),
                                         .value_len = value.len};
        q->sent_us = clock_mono_us();
        rc = producer_send(a->producer, &record, err);
    }
    buf_fini(&value);
    return rc == 0 ? producer_flush(a->producer, clock_mono_ms() + KAFKA_WAIT_MS, err) : -1;
}

/* ---- replies ---- */

static struct question *find(struct ask *a, const char *id)
{
    for (size_t i = a->printed; id != NULL && i < a->questions.count; i++)
        if (!a->questions.list[i].complete && strcmp(a->questions.list[i].id, id) == 0)
            return &a->questions.list[i];
    return NULL;
}

static void take_last(struct ask *a, struct question *q, const json_t *last)
{
    json_t *error = json_member(last, "error");

    q->complete = true;
    timing_add(a->timing, json_text(last, "replica"), clock_mono_us() - q->sent_us, error != NULL);
    a->failed += error != NULL;
    if (error != NULL && a->first_error == NULL)
        a->first_error = json_incref(error);
}

/* True when it was for us. A reply's messages come in order. */
static bool take_reply(struct ask *a, const struct record *record)
{
    json_t *message =
        record->value != NULL ? json_parse(record->value, record->value_len, NULL) : NULL;
    struct question *q = find(a, json_text(message, "id"));

    a->rows |= q != NULL && json_object_get(message, "result") != NULL;
    bool ours = q != NULL && json_int(message, "seq", -1) == (int64_t)json_array_size(q->messages);
    if (ours) {
        json_array_append(q->messages, message);
        if (json_is_true(json_object_get(message, "last")))
            take_last(a, q, message);
    }
    json_decref(message);
    return ours;
}

static void print_footer(const json_t *last)
{
    char offset[32] = "unknown", age[40] = "unknown";

    if (json_member(last, "offset") != NULL)
        snprintf(offset, sizeof offset, "%" PRId64, json_int(last, "offset", -1));
    if (json_member(last, "age_ms") != NULL)
        snprintf(age, sizeof age, "%" PRId64 " ms", json_int(last, "age_ms", -1));
    const char *replica = json_text(last, "replica");
    int64_t total = json_int(last, "total", 0);
    fprintf(stderr, "%" PRId64 " row%s, replica %s, offset %s, age %s\n", total,
            total == 1 ? "" : "s", replica != NULL ? replica : "unknown", offset, age);
}

static void print_rows(const struct ask *a, const struct question *q)
{
    const json_t *columns = json_object_get(json_array_get(q->messages, 0), "columns");
    json_t *pages = json_array(), *message;
    size_t i;

    json_array_foreach (q->messages, i, message)
        json_array_append(pages, json_object_get(message, "rows"));
    if (a->output == OUTPUT_CSV)
        show_csv(columns, pages, stdout);
    else
        show_table(columns, pages, stdout);
    json_decref(pages);
}

static void print_json(const struct question *q)
{
    size_t i;
    json_t *message;

    json_array_foreach (q->messages, i, message) {
        json_dumpf(message, stdout, JSON_COMPACT);
        fputc('\n', stdout);
    }
}

static void print_error(struct ask *a, const json_t *error)
{
    const char *code = json_text(error, "code"), *message = json_text(error, "message");

    a->error_shown = true;
    fprintf(stderr, "error %s: %s\n", code != NULL ? code : "", message != NULL ? message : "");
}

/* Of earlier rounds only JSON is shown. */
static void print_answer(struct ask *a, const struct question *q)
{
    const json_t *last = json_array_get(q->messages, json_array_size(q->messages) - 1);
    const json_t *error = json_member(last, "error");

    if (a->output == OUTPUT_JSON)
        print_json(q);
    else if (error == NULL && a->last_round)
        print_rows(a, q);
    fflush(stdout);
    if (!a->last_round)
        return;
    if (error != NULL)
        print_error(a, error);
    else
        print_footer(last);
}

/* In the order of the questions, each as soon as it and all before it are there. */
static void print_complete(struct ask *a)
{
    while (a->printed < a->questions.count && a->questions.list[a->printed].complete) {
        struct question *q = &a->questions.list[a->printed++];
        print_answer(a, q);
        json_array_clear(q->messages);
    }
}

static int64_t deadline(const struct ask *a)
{
    return clock_mono_ms() + a->questions.wait_ms + REPLY_GRACE_MS;
}

static void tell_waiting(const struct ask *a)
{
    fprintf(stderr,
            "waiting for a reply on topic %s; a global_server with REQUEST_TOPIC=%s has to send "
            "it\n",
            a->response_topic, a->request_topic);
}

static int64_t asked(const struct ask *a)
{
    return a->conf->repeat * (int64_t)a->questions.count;
}

static int receive(struct ask *a, struct err *err)
{
    int64_t deadline_ms = deadline(a);
    int64_t tell_ms = timing_count(a->timing) == 0 ? clock_mono_ms() + TELL_MS : INT64_MAX;

    while (a->printed < a->questions.count) {
        struct record record;
        switch (tail_next(a->tail, 100, &record, err)) {
        case TAIL_RECORD:
            if (take_reply(a, &record)) {
                deadline_ms = deadline(a);
                tell_ms = INT64_MAX;
            }
            record_fini(&record);
            break;
        case TAIL_FAILED:
            return -1;
        case TAIL_END:
        case TAIL_NOTHING:
            break;
        }
        print_complete(a);
        if (a->rows)
            return err_set(err, ERR_CONFIG, "ask.row-format",
                           "the server answers with REPLY_FORMAT=row, which does not tell where a "
                           "reply ends; ask needs a server with REPLY_FORMAT=typed");
        if (stop_check(err) < 0)
            return -1;
        if (clock_mono_ms() >= tell_ms) {
            tell_waiting(a);
            tell_ms = INT64_MAX;
        }
        if (clock_mono_ms() >= deadline_ms)
            return err_set(err, ERR_RETRY, "ask.no-reply",
                           "no reply on topic %s within %" PRId64 " ms: is a global_server running "
                           "with REQUEST_TOPIC=%s, and is its Neo4j up? %" PRId64 " of %" PRId64
                           " were answered",
                           a->response_topic, a->questions.wait_ms + REPLY_GRACE_MS,
                           a->request_topic, timing_count(a->timing), asked(a));
    }
    return 0;
}

/* Waits for the next round's turn. */
static int next_round(struct ask *a, int64_t begun_ms, struct err *err)
{
    int64_t wait_ms = begun_ms + a->conf->interval_ms - clock_mono_ms();

    if (wait_ms > 0 && stop_wait(wait_ms))
        return stop_check(err);
    questions_renew(&a->questions);
    a->printed = 0;
    return 0;
}

static int ask_rounds(struct ask *a, struct err *err)
{
    enum progress_mode mode = a->output == OUTPUT_JSON ? PROGRESS_NONE : PROGRESS_AUTO;
    int rc = 0;

    progress_start(&a->progress, mode, "rounds", a->conf->repeat);
    for (int64_t round = 1; rc == 0 && round <= a->conf->repeat; round++) {
        int64_t begun_ms = clock_mono_ms();
        a->last_round = round == a->conf->repeat;
        if (a->last_round)
            progress_end(&a->progress);
        if (send_requests(a, err) < 0 || receive(a, err) < 0)
            rc = -1;
        else if (!a->last_round)
            rc = next_round(a, begun_ms, err);
        progress_set(&a->progress, round);
    }
    progress_end(&a->progress);
    return rc;
}

/* Also of what was cut short: as ping does. */
static int sum_up(struct ask *a, int64_t took_ms, struct err *err)
{
    int64_t answered = timing_count(a->timing);

    if (a->first_error != NULL && !a->error_shown)
        print_error(a, a->first_error);
    if (a->conf->repeat > 1 && answered > 0) {
        fprintf(stderr, "%" PRId64 " of %" PRId64 " answered in %.1f s\n", answered, asked(a),
                (double)took_ms / 1000);
        timing_print(a->timing, stderr);
    }
    if (a->failed > 0)
        return err_set(err, ERR_POISON, "ask.error-reply",
                       "%" PRId64 " of %" PRId64 " queries had an error reply", a->failed,
                       asked(a));
    return 0;
}

static int ask_all(struct ask *a, struct err *err)
{
    int64_t begun_ms = clock_mono_ms();
    int rc = ask_rounds(a, err);

    return sum_up(a, clock_mono_ms() - begun_ms, err) < 0 ? -1 : rc;
}

static void ask_fini(struct ask *a)
{
    tail_close(a->tail);
    producer_close(a->producer);
    questions_fini(&a->questions);
    json_decref(a->first_error);
    timing_free(a->timing);
    free(a->request_topic);
    free(a->response_topic);
}

int ask_run(const struct server_conf *conf, char **words, int n, struct err *err)
{
    struct ask a = {.conf = conf,
                    .kafka = setup_kafka(&conf->setup, "global_server-ask"),
                    .request_topic = setup_topic(&conf->setup, conf->request_topic),
                    .response_topic = setup_topic(&conf->setup, conf->response_topic),
                    .timing = timing_new()};
    int rc = -1;

    if (read_output(&a, err) == 0 && questions_read(&a.questions, conf, words, n, err) == 0 &&
        connect_kafka(&a, err) == 0)
        rc = ask_all(&a, err);
    ask_fini(&a);
    return rc;
}
