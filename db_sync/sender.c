/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/sender.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "cypher/line.h"
#include "db_sync/await.h"
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
    struct await *await; /* NULL without --wait */
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

static void on_delivered(void *arg, int64_t offset)
{
    const struct sender *s = arg;

    if (s->await != NULL)
        await_add(s->await, offset);
}

static int open_producer(struct sender *s, struct err *err)
{
    struct kafka_conf kafka = setup_kafka(&s->options->setup, "db_sync-send");
    struct producer_conf conf = {.kafka = &kafka,
                                 .message_max_bytes = options_record_bytes(s->options),
                                 .timeout_ms = s->options->timeout_ms,
                                 .on_delivered = on_delivered,
                                 .arg = s};
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

static void sender_free(struct sender *s)
{
    producer_close(s->producer);
    await_close(s->await);
    free(s->topic);
    free(s);
}

int sender_open(struct sender **out, const struct options *options, struct err *err)
{
    struct sender *s = mem_alloc(1, sizeof *s);

    s->options = options;
    s->topic = setup_topic(&options->setup, options->command_topic);
    /* The producer last: one that idles at first takes a second to ask for its topic. */
    if ((!options->wait || await_open(&s->await, options, err) == 0) &&
        open_producer(s, err) == 0) {
        *out = s;
        return 0;
    }
    sender_free(s);
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

/* token: -1: there is none. */
static void show_json(const struct sender *s, const struct producer_totals *t, int64_t token)
{
    struct buf line = {0};
    json_t *told =
        json_pack("{s:s,s:I,s:I,s:I,s:I,s:o}", "topic", s->topic, "delivered",
                  (json_int_t)t->delivered, "failed", (json_int_t)t->failed, "first_offset",
                  (json_int_t)t->first_offset, "last_offset", (json_int_t)t->last_offset, "token",
                  token >= 0 ? json_integer((json_int_t)token) : json_null());

    if (s->await != NULL) {
        const char *replica = await_replica(s->await);
        json_object_set_new(told, "replica", replica != NULL ? json_string(replica) : json_null());
        json_object_set_new(told, "dead_letters",
                            json_integer((json_int_t)await_letter_count(s->await)));
        json_object_set(told, "letters", (json_t *)await_letters(s->await));
    }
    json_add(&line, told);
    puts(buf_str(&line));
    buf_fini(&line);
    json_decref(told);
}

static void show_text(const struct sender *s, const struct producer_totals *t, int64_t token)
{
    FILE *out = s->await != NULL ? stderr : stdout; /* there the token stands alone */
    const char *replica = s->await != NULL ? await_replica(s->await) : NULL;

    if (t->delivered == 1)
        fprintf(out, "1 command is in %s at offset %" PRId64, s->topic, t->last_offset);
    else if (t->delivered > 0)
        fprintf(out, "%" PRId64 " commands are in %s at offsets %" PRId64 " to %" PRId64,
                t->delivered, s->topic, t->first_offset, t->last_offset);
    else
        fputs("0 commands were sent", out);
    if (replica != NULL)
        fprintf(out, ", done by replica %s", replica);
    else if (s->await == NULL && t->delivered > 0)
        fprintf(out, ", token %" PRId64, token);
    fputc('\n', out);
    if (s->await != NULL && token >= 0)
        printf("%" PRId64 "\n", token);
}

/* The token is the offset after the last command. Where nothing was to be sent, 0 is one: any state
 * contains that. */
static void show(const struct sender *s, bool all)
{
    struct producer_totals totals;

    producer_totals(s->producer, &totals);
    int64_t token = totals.delivered > 0 || all ? totals.last_offset + 1 : -1;
    if (s->options->json)
        show_json(s, &totals, token);
    else
        show_text(s, &totals, token);
}

int sender_finish(struct sender *s, bool all, struct err *err)
{
    if (s == NULL)
        return 0;
    int rc = producer_flush(s->producer, clock_mono_ms() + s->options->timeout_ms + 5000, err);
    all = all && rc == 0;
    if (all && s->await != NULL && s->count > 0)
        rc = await_applied(s->await, err);
    show(s, all);
    sender_free(s);
    return rc;
}
