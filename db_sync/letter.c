/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/letter.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CUT_BYTES 65536 /* what an oversize letter shows of its message */
#define ACK_TIMEOUT_MS 30000
#define ASK_TIMEOUT_MS 5000

struct letters {
    const struct options *options;
    struct producer *producer; /* NULL after a failure, until the next try */
    char *fail_topic, *command_topic;
    int64_t attempt; /* of the batch in hand: in the header */
};

static json_t *error_object(const struct err *why)
{
    return json_pack("{s:s,s:s}", "code", why->code, "message", why->text);
}

static void add_raw(struct buf *out, const struct record *record, const struct err *why)
{
    json_t *error = error_object(why);

    buf_adds(out, "{\"raw_base64\":\"");
    hash_add_base64(out, record->value, record->value_len);
    buf_adds(out, "\",\"error\":");
    json_add(out, error);
    buf_addc(out, '}');
    json_decref(error);
}

static void add_cut(struct buf *out, const struct record *record, const struct err *why)
{
    char sum[HASH_HEX_SIZE];
    size_t shown = record->value_len < CUT_BYTES ? record->value_len : CUT_BYTES;
    json_t *error = error_object(why);

    hash_text(record->value, record->value_len, sum);
    buf_addf(out, "{\"size\":%zu,\"sha256\":\"%s\",\"first_base64\":\"", record->value_len, sum);
    hash_add_base64(out, record->value, shown);
    buf_adds(out, "\",\"error\":");
    json_add(out, error);
    buf_addc(out, '}');
    json_decref(error);
}

void letter_add_body(struct buf *out, const struct record *record, const struct err *why,
                     size_t limit_bytes)
{
    json_t *root = record->value_len > 0 && record->value_len <= limit_bytes
                       ? json_parse(record->value, record->value_len, NULL)
                       : NULL;

    if (json_is_object(root)) {
        json_object_set_new(root, "error", error_object(why));
        json_add(out, root);
    } else if (record->value_len <= limit_bytes) {
        add_raw(out, record, why);
    }
    json_decref(root);
    if (out->len == 0 || out->len > limit_bytes) {
        buf_reset(out);
        add_cut(out, record, why);
    }
}

struct letters *letters_new(const struct options *options)
{
    struct letters *l = mem_alloc(1, sizeof *l);

    l->options = options;
    l->fail_topic = setup_topic(&options->setup, options->fail_topic);
    l->command_topic = setup_topic(&options->setup, options->command_topic);
    return l;
}

void letters_free(struct letters *l)
{
    if (l == NULL)
        return;
    producer_close(l->producer);
    free(l->fail_topic);
    free(l->command_topic);
    free(l);
}

static int send_one(struct letters *l, const struct command *c, size_t limit_bytes, struct err *err)
{
    char partition[16], offset[24], attempt[24], time[CLOCK_TEXT_SIZE];
    struct command_names names;
    struct buf body = {0};

    snprintf(partition, sizeof partition, "%" PRId32, c->record.partition);
    snprintf(offset, sizeof offset, "%" PRId64, c->record.offset);
    snprintf(attempt, sizeof attempt, "%" PRId64, l->attempt);
    clock_text(clock_wall_ms(), time, sizeof time);
    const struct producer_header headers[] = {{"topic", l->command_topic},
                                              {"partition", partition},
                                              {"offset", offset},
                                              {"code", c->verdict->code},
                                              {"replica", options_replica(l->options)},
                                              {"attempt", attempt},
                                              {"time", time},
                                              {NULL, NULL}};

    command_names_init(&names, &c->record, l->command_topic);
    letter_add_body(&body, &c->record, c->verdict, limit_bytes);
    const struct producer_record record = {.topic = l->fail_topic,
                                           .key = buf_str(&names.key),
                                           .key_len = names.key.len,
                                           .value = buf_str(&body),
                                           .value_len = body.len,
                                           .headers = headers};
    int rc = buf_check(&body, "dead letter", err);
    if (rc == 0)
        rc = producer_send(l->producer, &record, err);
    command_names_fini(&names);
    buf_fini(&body);
    return rc;
}

static int open_producer(struct letters *l, struct err *err)
{
    struct kafka_conf kafka = setup_kafka(&l->options->setup, "db_sync-letters");
    struct producer_conf conf = {.kafka = &kafka,
                                 .message_max_bytes = options_record_bytes(l->options),
                                 .timeout_ms = ACK_TIMEOUT_MS};

    return l->producer != NULL ? 0 : producer_open(&l->producer, &conf, err);
}

static int try_send(struct letters *l, struct command **commands, size_t n, size_t limit_bytes,
                    struct err *err)
{
    if (open_producer(l, err) < 0 ||
        producer_check_topic(l->producer, l->fail_topic, clock_mono_ms() + ASK_TIMEOUT_MS, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (commands[i]->verdict != NULL && !commands[i]->lettered &&
            send_one(l, commands[i], limit_bytes, err) < 0)
            return -1;
    return producer_flush(l->producer, clock_mono_ms() + ACK_TIMEOUT_MS + 5000, err);
}

int letters_send(struct letters *l, struct command **commands, size_t n, struct err *err)
{
    size_t waiting = 0;
    struct err why = {0};

    for (size_t i = 0; i < n; i++)
        waiting += commands[i]->verdict != NULL && !commands[i]->lettered;
    if (waiting == 0)
        return 0;
    l->attempt++;
    int rc = try_send(l, commands, n, (size_t)l->options->max_command_bytes, &why);
    if (rc < 0 && why.class == ERR_POISON) { /* the fail topic takes less than it should: cut all */
        err_clear(&why);
        rc = try_send(l, commands, n, CUT_BYTES, &why);
    }
    if (rc < 0) { /* after a failure librdkafka 2.0.2 may stay unusable: a new producer next time */
        producer_close(l->producer);
        l->producer = NULL;
        *err = why;
        return err_wrap(err, "dead letter to topic %s", l->fail_topic);
    }
    l->attempt = 0;
    for (size_t i = 0; i < n; i++)
        if (commands[i]->verdict != NULL && !commands[i]->lettered) {
            commands[i]->lettered = true;
            /* its text may quote values: it stands in the letter */
            log_warn(log_event("dead_letter"), log_int("offset", commands[i]->record.offset),
                     log_str("code", commands[i]->verdict->code));
        }
    return 0;
}
