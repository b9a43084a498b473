/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/sender.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "cypher/line.h"
#include "db_sync/command.h"
#include "kafka/topics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sender {
    const struct options *options;
    char *topic;
    struct producer *producer;
    int64_t count;
    unsigned warned; /* kinds of freeze.h that were told */
};

int sender_message(struct buf *out, char **message_key, const char *line, size_t len,
                   const char *key, const json_t *params, struct err *err)
{
    json_t *root;

    *message_key = NULL;
    if (line[0] == '{') {
        root = json_parse(line, len, err);
        if (root == NULL)
            return -1;
    } else {
        root = json_object();
        if (json_object_set_new(root, "command", json_stringn(line, len)) < 0) {
            json_decref(root);
            return err_set(err, ERR_POISON, "json.not-utf8", "the command is not UTF-8");
        }
    }
    if (params != NULL && json_object_get(root, "params") == NULL &&
        json_object_get(root, "commands") == NULL)
        json_object_set(root, "params", (json_t *)params);
    if (key != NULL && json_object_get(root, "with_key") == NULL)
        json_object_set_new(root, "with_key", json_string(key));
    const char *text = json_text(root, "with_key");
    *message_key = mem_strdup(text != NULL ? text : json_text(root, "id"));
    json_add(out, root);
    json_decref(root);
    return buf_check(out, "command", err);
}

static int open_producer(struct sender *s, struct err *err)
{
    struct kafka_conf kafka = setup_kafka(&s->options->setup, "db_sync-send");
    struct producer_conf conf = {.kafka = &kafka,
                                 .message_max_bytes = options_record_bytes(s->options),
                                 .timeout_ms = s->options->timeout_ms};
    int64_t deadline = clock_mono_ms() + s->options->timeout_ms;
    struct topic_want want = {.name = s->topic, .partitions = 1, .partitions_exact = true};
    struct topic_result result;
    struct topics *topics = NULL;

    /* A missing topic would show only as a time-out. */
    int rc = topics_open(&topics, &kafka, deadline, err);
    if (rc == 0)
        rc = topics_check(topics, &want, &result, err);
    topics_close(topics);
    if (rc < 0)
        return -1;
    if (result.outcome == TOPIC_MISSING)
        return err_set(err, ERR_CONFIG, "topic.missing",
                       "topic %s does not exist; make it with: db_sync topics create", s->topic);
    if (result.outcome == TOPIC_DIFFERS)
        return err_set(err, ERR_GUARD, "topic.partitions", "topic %s: %s", s->topic, result.detail);
    return producer_open(&s->producer, &conf, err);
}

int sender_open(struct sender **out, const struct options *options, struct err *err)
{
    struct sender *s = mem_alloc(1, sizeof *s);

    s->options = options;
    s->topic = setup_topic(&options->setup, options->command_topic);
    if (open_producer(s, err) == 0) {
        *out = s;
        return 0;
    }
    producer_close(s->producer);
    free(s->topic);
    free(s);
    return -1;
}

/* Appends the message for a line that may be sent; nothing for blanks and comments. *key: for
 * free(), on failure too. *warnings: as in freeze.h. */
static int read_line(const struct options *o, const char *line, size_t len, const json_t *params,
                     struct buf *message, char **key, unsigned *warnings, struct err *err)
{
    const struct freeze_rules rules = options_rules(o);
    enum line_kind kind;

    *key = NULL;
    *warnings = 0;
    if (line_read(&line, &len, &kind, err) < 0)
        return -1;
    if (kind == LINE_NOTHING)
        return 0;
    if (!o->unchecked && kind == LINE_CYPHER && line_check_whole(line, len, err) < 0)
        return -1;
    if (sender_message(message, key, line, len, o->key, params, err) < 0)
        return -1;
    return o->unchecked ? 0
                        : command_check(buf_str(message), message->len,
                                        (size_t)o->max_command_bytes, &rules, warnings, err);
}

int sender_check(const struct options *options, const char *line, size_t len, const json_t *params,
                 bool *empty, struct err *err)
{
    struct buf message = {0};
    unsigned warnings;
    char *key;
    int rc = read_line(options, line, len, params, &message, &key, &warnings, err);

    *empty = message.len == 0;
    buf_fini(&message);
    free(key);
    return rc;
}

/* Of a long input the rest is not sent when a person, or Kafka, has ended it. */
static int check_going(struct sender *s, struct err *err)
{
    struct producer_totals totals;

    producer_poll(s->producer);
    producer_totals(s->producer, &totals);
    if (totals.failed > 0)
        return producer_flush(s->producer, clock_mono_ms(), err);
    return stop_check(err);
}

/* Each kind once: thousands of lines may be of it. */
static void warn(struct sender *s, unsigned warnings)
{
    for (int kind = 0; kind < CHANCE_KINDS; kind++) {
        if ((warnings & ~s->warned & 1U << kind) == 0)
            continue;
        const struct chance_info *info = chance_info((enum chance)kind);
        log_warn(log_event("nondeterministic"), log_str("kind", info->name),
                 log_str("advice", info->advice));
    }
    s->warned |= warnings;
}

int sender_send(struct sender *s, const char *line, size_t len, const json_t *params,
                const struct producer_header *headers, struct err *err)
{
    struct buf message = {0};
    unsigned warnings;
    char *key;
    int rc = read_line(s->options, line, len, params, &message, &key, &warnings, err);

    warn(s, warnings);
    if (rc == 0 && message.len > 0) {
        const struct producer_record record = {.topic = s->topic,
                                               .key = key,
                                               .key_len = key != NULL ? strlen(key) : 0,
                                               .value = buf_str(&message),
                                               .value_len = message.len,
                                               .headers = headers};
        rc = producer_send(s->producer, &record, err);
        s->count += rc == 0;
        if (rc == 0)
            rc = check_going(s, err);
    }
    buf_fini(&message);
    free(key);
    return rc;
}

int64_t sender_count(const struct sender *s)
{
    return s->count;
}

static void show(const struct sender *s)
{
    struct producer_totals totals;

    producer_totals(s->producer, &totals);
    if (s->options->json)
        printf("{\"topic\":\"%s\",\"delivered\":%" PRId64 ",\"failed\":%" PRId64
               ",\"first_offset\":%" PRId64 ",\"last_offset\":%" PRId64 "}\n",
               s->topic, totals.delivered, totals.failed, totals.first_offset, totals.last_offset);
    else if (totals.delivered == 1)
        printf("1 command is in %s at offset %" PRId64 "\n", s->topic, totals.last_offset);
    else if (totals.delivered > 0)
        printf("%" PRId64 " commands are in %s at offsets %" PRId64 " to %" PRId64 "\n",
               totals.delivered, s->topic, totals.first_offset, totals.last_offset);
    else
        printf("0 commands were sent\n");
}

int sender_finish(struct sender *s, struct err *err)
{
    if (s == NULL)
        return 0;
    int rc = producer_flush(s->producer, clock_mono_ms() + s->options->timeout_ms + 5000, err);
    show(s);
    producer_close(s->producer);
    free(s->topic);
    free(s);
    return rc;
}
