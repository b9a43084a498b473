/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/cmd_send.h"

#include "base/clock.h"
#include "base/mem.h"
#include "db_sync/command.h"
#include "kafka/producer.h"
#include "kafka/topics.h"
#include "ops/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct sending {
    const struct options *options;
    char *topic;
    json_t *params;
    struct producer *producer;
    struct progress progress;
    int64_t sent;
};

int cmd_send_message(struct buf *out, char **message_key, const char *line, size_t len,
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
        if (params != NULL)
            json_object_set(root, "params", (json_t *)params);
    }
    if (key != NULL && json_object_get(root, "with_key") == NULL)
        json_object_set_new(root, "with_key", json_string(key));
    const char *text = json_text(root, "with_key");
    *message_key = mem_strdup(text != NULL ? text : json_text(root, "id"));
    json_add(out, root);
    json_decref(root);
    return buf_check(out, "command", err);
}

static int send_line(struct sending *s, const char *line, size_t len, struct err *err)
{
    struct buf message = {0};
    char *key = NULL;
    int rc = -1;

    while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
        len--;
    while (len > 0 && strchr(" \t", line[0]) != NULL) {
        line++;
        len--;
    }
    if (len == 0)
        return 0;
    if (cmd_send_message(&message, &key, line, len, s->options->key, s->params, err) < 0)
        goto out;
    if (!s->options->unchecked && command_check(buf_str(&message), message.len,
                                                (size_t)s->options->max_command_bytes, err) < 0)
        goto out;
    const struct producer_record record = {.topic = s->topic,
                                           .key = key,
                                           .key_len = key != NULL ? strlen(key) : 0,
                                           .value = buf_str(&message),
                                           .value_len = message.len};
    rc = producer_send(s->producer, &record, err);
    s->sent += rc == 0;
out:
    buf_fini(&message);
    free(key);
    return rc;
}

static FILE *open_input(const struct options *o, int n, struct err *err)
{
    if (o->file == NULL && n == 0 && isatty(STDIN_FILENO)) {
        err_set(err, ERR_USAGE, "usage.input",
                "no commands: give them as words, with --file, or on standard input; see db_sync "
                "send --help");
        return NULL;
    }
    if (o->file == NULL || strcmp(o->file, "-") == 0)
        return stdin;
    FILE *in = fopen(o->file, "re");
    if (in == NULL)
        err_set(err, ERR_USAGE, "usage.file", "%s: %s", o->file, strerror(errno));
    return in;
}

/* A file's size gives the bar its end; a pipe has none. */
static int64_t input_size(FILE *in)
{
    struct stat st;

    return fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : 0;
}

static int send_file(struct sending *s, int n, struct err *err)
{
    FILE *in = open_input(s->options, n, err);
    char *line = NULL;
    size_t size = 0;
    int64_t read = 0, number = 0;
    ssize_t len;
    int rc = 0;

    if (in == NULL)
        return -1;
    int64_t total = input_size(in);
    progress_start(&s->progress, total > 0 ? "bytes" : "commands", total);
    while (rc == 0 && (len = getline(&line, &size, in)) >= 0) {
        number++;
        read += len;
        rc = send_line(s, line, (size_t)len, err);
        if (rc < 0)
            err_wrap(err, "line %" PRId64, number);
        producer_poll(s->producer);
        progress_set(&s->progress, total > 0 ? read : s->sent);
    }
    if (rc == 0 && ferror(in))
        rc = err_set(err, ERR_FATAL, "io", "%s: %s", s->options->file, strerror(errno));
    progress_end(&s->progress);
    free(line);
    if (in != stdin)
        fclose(in);
    return rc;
}

static int open_producer(struct sending *s, struct err *err)
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

static void show(const struct sending *s)
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

static int read_params(struct sending *s, struct err *err)
{
    const char *text = s->options->params;

    if (text == NULL)
        return 0;
    s->params = json_parse(text, strlen(text), err);
    if (s->params != NULL && json_is_object(s->params))
        return 0;
    err_clear(err);
    return err_set(err, ERR_USAGE, "usage.params", "--params: \"%s\" is no JSON object", text);
}

int cmd_send(const struct options *options, char *const *words, int n, struct err *err)
{
    struct sending s = {.options = options,
                        .topic = setup_topic(&options->setup, options->command_topic)};
    int rc = -1;

    if (n > 0 && options->file != NULL)
        err_set(err, ERR_USAGE, "usage.input", "commands are given as words and with --file");
    else if (read_params(&s, err) == 0 && open_producer(&s, err) == 0)
        rc = 0;
    for (int i = 0; rc == 0 && i < n; i++)
        rc = send_line(&s, words[i], strlen(words[i]), err);
    if (rc == 0 && n == 0)
        rc = send_file(&s, n, err);
    /* What was taken before a mistake is in the log: wait for it and say so in any case. */
    if (s.producer != NULL) {
        struct err why = {0};
        int flushed =
            producer_flush(s.producer, clock_mono_ms() + options->timeout_ms + 5000, &why);
        show(&s);
        if (rc == 0 && flushed < 0) {
            *err = why;
            rc = -1;
        }
    }
    producer_close(s.producer);
    json_decref(s.params);
    free(s.topic);
    return rc;
}
