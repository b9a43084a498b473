/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/ask.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/stop.h"
#include "cypher/line.h"
#include "global_server/show.h"
#include "kafka/producer.h"
#include "kafka/tail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KAFKA_WAIT_MS 15000
#define CONTACT_LEAST_MS 2000 /* a first connection may take longer than a query */
#define REPLY_GRACE_MS 8000   /* beyond the query's own time: the server gives Neo4j 5 s to tell */
#define TELL_MS 2000          /* a person has waited so long without a sign */
#define LINE_LIMIT ((size_t)16 << 20)
#define MESSAGE_MAX_BYTES 1000000

struct question {
    char *id;
    json_t *request;
    json_t *messages; /* array: the reply so far */
    bool complete;
};

struct ask {
    const struct server_conf *conf;
    struct kafka_conf kafka;
    char *request_topic, *response_topic;
    json_t *params; /* --params, or NULL */
    struct question *questions;
    size_t count, printed, failed;
    int64_t wait_ms; /* the longest time that a query may take */
    bool rows;       /* a reply came in REPLY_FORMAT=row */
    struct tail *tail;
    struct producer *producer;
};

/* ---- requests ---- */

static void set_number(json_t *request, const char *name, int64_t value)
{
    if (value >= 0 && json_object_get(request, name) == NULL)
        json_object_set_new(request, name, json_integer(value));
}

/* Adds what the flags say and the request does not; takes it. */
static int add_request_take(struct ask *a, json_t *request, struct err *err)
{
    char id[HASH_ID_SIZE];
    const char *to = json_text(request, "to");

    if (to != NULL && strcmp(to, a->conf->response_topic) != 0) {
        json_decref(request);
        return err_set(err, ERR_USAGE, "ask.to",
                       "ask waits for replies on %s (RESPONSE_TOPIC); leave \"to\" out",
                       a->conf->response_topic);
    }
    hash_random_id(id);
    if (json_text(request, "id") == NULL)
        json_object_set_new(request, "id", json_string(id));
    json_object_set_new(request, "to", json_string(a->conf->response_topic));
    if (a->conf->key != NULL && json_object_get(request, "with_key") == NULL)
        json_object_set_new(request, "with_key", json_string(a->conf->key));
    if (a->params != NULL && json_object_get(request, "params") == NULL)
        json_object_set(request, "params", a->params);
    set_number(request, "min_offset", a->conf->min_offset);
    set_number(request, "max_age_ms", a->conf->max_age_ms);
    set_number(request, "timeout_ms", a->conf->timeout_ms);
    int64_t wait_ms = json_int(request, "timeout_ms", 0);
    a->wait_ms = wait_ms > a->wait_ms ? wait_ms : a->wait_ms;
    a->questions = mem_realloc(a->questions, a->count + 1, sizeof *a->questions);
    a->questions[a->count++] = (struct question){
        .id = mem_strdup(json_text(request, "id")), .request = request, .messages = json_array()};
    return 0;
}

/* NULL with err. */
static json_t *read_request(enum line_kind kind, const char *text, size_t len, struct err *err)
{
    json_t *request, *command;

    if (kind == LINE_JSON) {
        request = json_parse(text, len, err);
        if (request == NULL)
            err->class = ERR_USAGE;
        return request;
    }
    if (line_check_whole(text, len, err) < 0)
        return NULL;
    command = json_stringn(text, len);
    if (command == NULL)
        err_set(err, ERR_USAGE, "ask.not-utf8", "the query is no UTF-8 text");
    return command != NULL ? json_pack("{s:o}", "command", command) : NULL;
}

/* A query as Cypher, or a request as JSON; *empty: neither. */
static int add_text(struct ask *a, const char *text, size_t len, bool *empty, struct err *err)
{
    enum line_kind kind;

    if (line_read(&text, &len, &kind, err) < 0)
        return -1;
    *empty = kind == LINE_NOTHING;
    if (*empty)
        return 0;
    json_t *request = read_request(kind, text, len, err);
    return request != NULL ? add_request_take(a, request, err) : -1;
}

static int add_words(struct ask *a, char **words, int n, struct err *err)
{
    for (int i = 0; i < n; i++) {
        bool empty;
        if (strcmp(words[i], "-") == 0)
            return err_set(err, ERR_USAGE, "ask.word",
                           "\"-\" is no query; standard input is read with --file -");
        if (add_text(a, words[i], strlen(words[i]), &empty, err) < 0)
            return n > 1 ? err_wrap(err, "query %d", i + 1) : -1;
        if (empty)
            return err_set(err, ERR_USAGE, "ask.word", "query %d is empty", i + 1);
    }
    return 0;
}

static int add_lines(struct ask *a, const char *path, struct err *err)
{
    bool is_stdin = path == NULL || strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "re");
    char *line = NULL;
    size_t size = 0, number = 0;
    bool empty;
    ssize_t len;
    int rc = 0;

    if (in == NULL)
        return err_set(err, ERR_USAGE, "ask.file", "%s: %s", path, strerror(errno));
    if (path == NULL && isatty(STDIN_FILENO))
        return err_set(err, ERR_USAGE, "ask.nothing",
                       "no queries: give them as words, with --file, or on standard input; see "
                       "global_server ask --help");
    while (rc == 0 && (len = getline(&line, &size, in)) >= 0) {
        number++;
        rc = (size_t)len > LINE_LIMIT
                 ? err_set(err, ERR_USAGE, "ask.line", "longer than %zu bytes", LINE_LIMIT)
                 : add_text(a, line, (size_t)len, &empty, err);
        if (rc < 0)
            err_wrap(err, "%s, line %zu", is_stdin ? "stdin" : path, number);
    }
    if (rc == 0 && ferror(in))
        rc = err_set(err, ERR_USAGE, "ask.file", "%s cannot be read: %s",
                     is_stdin ? "standard input" : path, strerror(errno));
    free(line);
    if (!is_stdin)
        fclose(in);
    return rc;
}

static int read_params(struct ask *a, struct err *err)
{
    if (a->conf->params == NULL)
        return 0;
    a->params = json_parse(a->conf->params, strlen(a->conf->params), err);
    if (a->params == NULL) {
        err->class = ERR_USAGE;
        return err_wrap(err, "--params");
    }
    if (!json_is_object(a->params))
        return err_set(err, ERR_USAGE, "ask.params", "--params must be a JSON object");
    return 0;
}

static int collect(struct ask *a, char **words, int n, struct err *err)
{
    if (a->conf->json && a->conf->csv)
        return err_set(err, ERR_USAGE, "ask.format", "--json and --csv exclude each other");
    if (read_params(a, err) < 0)
        return -1;
    if (add_words(a, words, n, err) < 0)
        return -1;
    if ((n == 0 || a->conf->file != NULL) && add_lines(a, a->conf->file, err) < 0)
        return -1;
    if (a->count == 0)
        return err_set(err, ERR_USAGE, "ask.nothing", "there is no query; see --help");
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

    for (size_t i = 0; rc == 0 && i < a->count; i++) {
        const char *key = json_text(a->questions[i].request, "with_key");
        key = key != NULL ? key : a->questions[i].id;
        buf_reset(&value);
        json_add(&value, a->questions[i].request);
        struct producer_record record = {.topic = a->request_topic,
                                         .key = key,
                                         .key_len = strlen(key),
                                         .value = buf_str(&value),
                                         .value_len = value.len};
        rc = producer_send(a->producer, &record, err);
    }
    buf_fini(&value);
    return rc == 0 ? producer_flush(a->producer, clock_mono_ms() + KAFKA_WAIT_MS, err) : -1;
}

/* ---- replies ---- */

static struct question *find(struct ask *a, const char *id)
{
    for (size_t i = a->printed; id != NULL && i < a->count; i++)
        if (!a->questions[i].complete && strcmp(a->questions[i].id, id) == 0)
            return &a->questions[i];
    return NULL;
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
        q->complete = json_is_true(json_object_get(message, "last"));
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
    if (a->conf->csv)
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

static void print_answer(struct ask *a, const struct question *q)
{
    const json_t *last = json_array_get(q->messages, json_array_size(q->messages) - 1);
    const json_t *error = json_member(last, "error");

    if (a->conf->json)
        print_json(q);
    else if (error == NULL)
        print_rows(a, q);
    fflush(stdout);
    if (error != NULL) {
        const char *code = json_text(error, "code"), *message = json_text(error, "message");
        fprintf(stderr, "error %s: %s\n", code != NULL ? code : "", message != NULL ? message : "");
        a->failed++;
    } else {
        print_footer(last);
    }
}

/* In the order of the questions, each as soon as it and all before it are there. */
static void print_complete(struct ask *a)
{
    while (a->printed < a->count && a->questions[a->printed].complete) {
        struct question *q = &a->questions[a->printed++];
        print_answer(a, q);
        json_array_clear(q->messages);
    }
}

static int64_t deadline(const struct ask *a)
{
    return clock_mono_ms() + a->wait_ms + REPLY_GRACE_MS;
}

static void tell_waiting(const struct ask *a)
{
    fprintf(stderr,
            "waiting for a reply on topic %s; a global_server with REQUEST_TOPIC=%s has to send "
            "it\n",
            a->response_topic, a->request_topic);
}

static int receive(struct ask *a, struct err *err)
{
    int64_t deadline_ms = deadline(a), tell_ms = clock_mono_ms() + TELL_MS;

    while (a->printed < a->count) {
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
                           "with REQUEST_TOPIC=%s, and is its Neo4j up? %zu of %zu were answered",
                           a->response_topic, a->wait_ms + REPLY_GRACE_MS, a->request_topic,
                           a->printed, a->count);
    }
    if (a->failed > 0)
        return err_set(err, ERR_POISON, "ask.error-reply", "%zu of %zu queries had an error reply",
                       a->failed, a->count);
    return 0;
}

static void ask_fini(struct ask *a)
{
    tail_close(a->tail);
    producer_close(a->producer);
    for (size_t i = 0; i < a->count; i++) {
        free(a->questions[i].id);
        json_decref(a->questions[i].request);
        json_decref(a->questions[i].messages);
    }
    free(a->questions);
    json_decref(a->params);
    free(a->request_topic);
    free(a->response_topic);
}

int ask_run(const struct server_conf *conf, char **words, int n, struct err *err)
{
    struct ask a = {.conf = conf,
                    .kafka = setup_kafka(&conf->setup, "global_server-ask"),
                    .request_topic = setup_topic(&conf->setup, conf->request_topic),
                    .response_topic = setup_topic(&conf->setup, conf->response_topic)};
    int rc = -1;

    if (collect(&a, words, n, err) == 0 && connect_kafka(&a, err) == 0 &&
        send_requests(&a, err) == 0)
        rc = receive(&a, err);
    ask_fini(&a);
    return rc;
}
