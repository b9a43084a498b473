/* SPDX-License-Identifier: Apache-2.0 */

/* db_sync/notice.c: a notice before its commit could be a lie, one after it can be lost. So the
 * position holds how far the notices are at Kafka, and what failed since then; it may lag behind by
 * the batch before and the batch in hand, never by more. */
#include "db_sync/notice.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "kafka/producer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACK_TIMEOUT_MS 30000
#define ASK_TIMEOUT_MS 5000
#define READ_TIMEOUT_MS 30000
#define NOTICE_MAX_BYTES 1000000 /* librdkafka's and a topic's own default */

_Static_assert(2 * NOTICE_FAILURES <= POSITION_FAILURES,
               "the position keeps the failures of the batch before and the batch in hand");

struct notices {
    const struct options *options;
    struct report *report;
    struct producer *producer; /* NULL after a failure, until the next try */
    char *topic, *command_topic;
    /* notices that Kafka may not have yet: keys and bodies in turn, and where each ends */
    struct buf waiting;
    size_t *ends;
    size_t end_count, end_room;
    bool produced;        /* they are on their way */
    int64_t waiting_next; /* once they have arrived, all before this offset is done */
    int64_t done;
};

struct notices *notices_new(const struct options *options, struct report *report)
{
    if (options->notice_topic == NULL)
        return NULL;
    struct notices *n = mem_alloc(1, sizeof *n);
    n->options = options;
    n->report = report;
    n->topic = setup_topic(&options->setup, options->notice_topic);
    n->command_topic = setup_topic(&options->setup, options->command_topic);
    return n;
}

void notices_free(struct notices *n)
{
    if (n == NULL)
        return;
    producer_close(n->producer);
    buf_fini(&n->waiting);
    free(n->ends);
    free(n->topic);
    free(n->command_topic);
    free(n);
}

void notice_add_body(struct buf *out, const struct record *record,
                     const struct command_names *names, const char *replica, const char *code,
                     const char *text)
{
    bool skipped = code != NULL && strcmp(code, NOTICE_SKIPPED) == 0;
    const char *status = code == NULL ? "applied" : skipped ? "skipped" : "failed";
    json_t *body = json_object();

    json_object_set_new(body, "with_key", json_stringn(buf_str(&names->key), names->key.len));
    json_object_set_new(body, "id", json_stringn(buf_str(&names->id), names->id.len));
    json_object_set_new(body, "offset", json_integer(record->offset));
    json_object_set_new(body, "replica", json_string(replica));
    json_object_set_new(body, "status", json_string(status));
    if (code != NULL)
        json_object_set_new(body, "error", json_pack("{s:s,s:s}", "code", code, "message", text));
    json_add(out, body);
    json_decref(body);
}

/* Keeps a notice until Kafka has it. */
static void keep(struct notices *n, const struct record *record, const char *code, const char *text)
{
    struct command_names names;

    if (n->end_count + 2 > n->end_room) {
        n->end_room = n->end_room * 2 + 64;
        n->ends = mem_realloc(n->ends, n->end_room, sizeof *n->ends);
    }
    command_names_init(&names, record, n->command_topic);
    buf_add(&n->waiting, buf_str(&names.key), names.key.len);
    n->ends[n->end_count++] = n->waiting.len;
    notice_add_body(&n->waiting, record, &names, options_replica(n->options), code, text);
    n->ends[n->end_count++] = n->waiting.len;
    n->waiting_next = record->offset + 1;
    n->produced = false;
    command_names_fini(&names);
}

static int produce(struct notices *n, struct err *err)
{
    const char *bytes = buf_str(&n->waiting);
    size_t start = 0;

    if (n->producer == NULL) {
        struct kafka_conf kafka = setup_kafka(&n->options->setup, "db_sync-notices");
        struct producer_conf conf = {
            .kafka = &kafka, .message_max_bytes = NOTICE_MAX_BYTES, .timeout_ms = ACK_TIMEOUT_MS};
        if (producer_open(&n->producer, &conf, err) < 0 ||
            producer_check_topic(n->producer, n->topic, clock_mono_ms() + ASK_TIMEOUT_MS, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < n->end_count; i += 2) {
        size_t key_end = n->ends[i], end = n->ends[i + 1];
        const struct producer_record record = {.topic = n->topic,
                                               .key = bytes + start,
                                               .key_len = key_end - start,
                                               .value = bytes + key_end,
                                               .value_len = end - key_end};
        if (producer_send(n->producer, &record, err) < 0)
            return -1;
        start = end;
    }
    n->produced = true;
    return 0;
}

/* One try to bring what waits to Kafka. */
static int deliver(struct notices *n, int64_t deadline_ms, struct err *err)
{
    if (n->end_count == 0)
        return 0;
    if ((!n->produced && produce(n, err) < 0) ||
        producer_flush(n->producer, deadline_ms, err) < 0) {
        /* after a failure librdkafka 2.0.2 may stay unusable: a new producer next time */
        producer_close(n->producer);
        n->producer = NULL;
        n->produced = false;
        return -1;
    }
    buf_reset(&n->waiting);
    n->end_count = 0;
    n->done = n->waiting_next;
    return 0;
}

/* The same, until it is done. What Kafka refuses for good waits too: none may be lost, and somebody
 * has to see to the topic. */
static int deliver_all(struct notices *n, struct err *err)
{
    struct backoff backoff = {.first_ms = 200, .cap_ms = 5000};
    struct err why = {0};

    while (deliver(n, clock_mono_ms() + ACK_TIMEOUT_MS + 5000, &why) < 0) {
        if (backoff.attempts == 0)
            log_warn(log_event("notice_waits"), log_str("topic", n->topic), log_err(&why));
        report_kafka_down(n->report, why.text);
        if (stop_wait(backoff_next_ms(&backoff, hash_random())))
            return stop_check(err);
        err_clear(&why);
    }
    if (backoff.attempts > 0) {
        report_kafka_down(n->report, NULL);
        log_info(log_event("notices_sent"), log_int("attempts", backoff.attempts));
    }
    return 0;
}

/* Reads what was settled and perhaps not told, and keeps it. */
static int read_again(struct notices *n, struct reader *reader, const struct position *position,
                      struct err *err)
{
    int64_t low, high, next = position->noticed;

    if (reader_watermarks(reader, &low, &high, err) < 0)
        return -1;
    if (low > next) {
        log_warn(log_event("notices_lost"), log_int("from", next), log_int("to", low),
                 log_str("why", "the log does not hold these commands any more"));
        next = low;
    }
    if (next < position->next_offset && reader_assign(reader, next, err) < 0)
        return -1;
    while (next < position->next_offset) {
        struct record record = {0};
        enum reader_event event =
            reader_await(reader, clock_mono_ms() + READ_TIMEOUT_MS, &record, err);
        if (event == READER_FAILED)
            return -1;
        if (event == READER_END)
            return 0;
        next = record.offset + 1;
        if (record.offset < position->next_offset) {
            const struct position_failure *failure = position_failure(position, record.offset);
            keep(n, &record, failure != NULL ? failure->code : NULL,
                 failure != NULL ? failure->text : NULL);
        }
        record_fini(&record);
    }
    return 0;
}

int notices_resume(struct notices *n, struct reader *reader, struct position *position,
                   struct err *err)
{
    if (n == NULL) {
        position_set_noticed(position, -1); /* they are not wanted any more */
        return 0;
    }
    buf_reset(&n->waiting);
    n->end_count = 0;
    if (position->noticed >= 0 && read_again(n, reader, position, err) < 0)
        return -1;
    n->waiting_next = position->next_offset;
    if (n->end_count > 0)
        log_info(log_event("notices_again"), log_int("from", position->noticed),
                 log_int("count", (int64_t)n->end_count / 2));
    if (deliver_all(n, err) < 0)
        return -1;
    n->done = position->next_offset;
    position_set_noticed(position, n->done);
    return 0;
}

int notices_send(struct notices *n, struct command *const *commands, size_t k, struct err *err)
{
    if (n == NULL)
        return 0;
    if (deliver_all(n, err) < 0)
        return -1;
    for (size_t i = 0; i < k; i++) {
        const struct err *why = commands[i]->verdict;
        keep(n, &commands[i]->record, why != NULL ? why->code : NULL,
             why != NULL ? why->text : NULL);
    }
    struct err why = {0};
    if (produce(n, &why) == 0) {
        producer_poll(n->producer);
        return 0;
    }
    producer_close(n->producer);
    n->producer = NULL;
    return deliver_all(n, err);
}

void notices_flush(struct notices *n, int64_t deadline_ms)
{
    struct err why = {0};

    if (n != NULL && deliver(n, deadline_ms, &why) < 0)
        log_warn(log_event("notice_waits"), log_str("topic", n->topic), log_err(&why));
}

int64_t notices_done(const struct notices *n)
{
    return n != NULL ? n->done : -1;
}
