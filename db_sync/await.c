/* SPDX-License-Identifier: Apache-2.0 */

/* db_sync/await.c: a status that was there before the commands were sent proves nothing, however
 * far it says its replica is: it may be of an older log. A replica's dead letters are at Kafka
 * before its status passes their commands, so these are looked for afterwards, up to the topic's
 * end. */
#include "db_sync/await.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "kafka/tail.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS 100
#define LETTERS_MS 5000 /* beyond --timeout */
#define COMMAND_SHOWN 80

struct await {
    const struct options *options;
    char *command_topic, *status_topic;
    struct tail *status, *fail;
    int64_t first, end, count; /* offsets, and how many of those between are ours */
    unsigned char *ours; /* a bit an offset, from first on: ours, and no letter of it was seen */
    int64_t room;        /* bits */
    json_t *seen;        /* replica -> {"state","offset","at"}: its newest status */
    char *replica;
    json_t *letters;
    int64_t letter_count;
};

static int open_tail(const struct await *a, struct tail **out, const char *topic,
                     enum tail_from from, struct err *err)
{
    struct kafka_conf kafka = setup_kafka(&a->options->setup, "db_sync-await");

    return tail_open(out, &kafka, topic, from, clock_mono_ms() + a->options->timeout_ms, err);
}

int await_open(struct await **out, const struct options *options, struct err *err)
{
    struct await *a = mem_alloc(1, sizeof *a);
    char *fail_topic = setup_topic(&options->setup, options->fail_topic);

    a->options = options;
    a->command_topic = setup_topic(&options->setup, options->command_topic);
    a->status_topic = setup_topic(&options->setup, options->status_topic);
    a->seen = json_object();
    a->letters = json_array();
    int rc = open_tail(a, &a->status, a->status_topic, TAIL_FROM_START, err);
    if (rc == 0)
        rc = open_tail(a, &a->fail, fail_topic, TAIL_HELD, err);
    free(fail_topic);
    if (rc == 0)
        *out = a;
    else
        await_close(a);
    return rc;
}

void await_close(struct await *a)
{
    if (a == NULL)
        return;
    tail_close(a->status);
    tail_close(a->fail);
    free(a->ours);
    json_decref(a->seen);
    json_decref(a->letters);
    free(a->replica);
    free(a->command_topic);
    free(a->status_topic);
    free(a);
}

/* Others may write between ours. */
void await_add(struct await *a, int64_t offset)
{
    if (a->count++ == 0)
        a->first = offset;
    int64_t place = offset - a->first;
    while (place >= a->room) {
        int64_t room = a->room * 2 + 1024;
        a->ours = mem_realloc(a->ours, (size_t)room / 8, 1);
        memset(a->ours + a->room / 8, 0, (size_t)(room - a->room) / 8);
        a->room = room;
    }
    a->ours[place / 8] |= (unsigned char)(1U << place % 8);
    a->end = offset + 1;
}

/* True: the first time that it is asked for a command of ours. */
static bool take_ours(struct await *a, int64_t offset)
{
    int64_t place = offset - a->first;

    if (offset < a->first || offset >= a->end || (a->ours[place / 8] & 1U << place % 8) == 0)
        return false;
    a->ours[place / 8] &= (unsigned char)~(1U << place % 8);
    return true;
}

/* ---- status ---- */

/* counts: it was written after the commands. */
static void take_status(struct await *a, const struct record *record, bool counts)
{
    json_t *status =
        record->value_len > 0 ? json_parse(record->value, record->value_len, NULL) : NULL;
    const char *replica = json_text(status, "replica"), *program = json_text(status, "program");
    const char *state = json_text(status, "state");
    int64_t offset = json_int(status, "offset", -1);

    if (replica != NULL && program != NULL && strcmp(program, "db_sync") == 0) {
        json_object_set_new(a->seen, replica,
                            json_pack("{s:s,s:I,s:I}", "state", state != NULL ? state : "unknown",
                                      "offset", (json_int_t)offset, "at",
                                      (json_int_t)record->timestamp_ms));
        if (counts && offset >= a->end)
            a->replica = mem_strdup(replica);
    }
    json_decref(status);
}

/* Until a->replica is known, or the time is over. */
static int wait_status(struct await *a, int64_t deadline_ms, struct err *err)
{
    bool old = true; /* what stood there before */

    while (a->replica == NULL && clock_mono_ms() < deadline_ms) {
        struct record record = {0};
        switch (tail_next(a->status, TURN_MS, &record, err)) {
        case TAIL_RECORD:
            take_status(a, &record, !old);
            record_fini(&record);
            break;
        case TAIL_END:
            old = false;
            break;
        case TAIL_FAILED:
            return -1;
        case TAIL_NOTHING:
            break;
        }
        if (stop_check(err) < 0)
            return -1;
    }
    return 0;
}

/* ---- dead letters ---- */

/* NULL: no db_sync wrote this. */
static json_t *read_letter(const struct record *record, int64_t offset, const char *replica)
{
    json_t *body =
        record->value_len > 0 ? json_parse(record->value, record->value_len, NULL) : NULL;
    const json_t *error = json_object_get(body, "error");
    json_t *letter = json_pack("{s:I,s:s,s:s,s:s,s:s*}", "offset", (json_int_t)offset, "replica",
                               replica, "code", json_text(error, "code"), "message",
                               json_text(error, "message"), "command", json_text(body, "command"));

    json_decref(body);
    return letter;
}

static void keep_letter(struct await *a, json_t *letter)
{
    size_t place = json_array_size(a->letters);

    while (place > 0 && json_int(json_array_get(a->letters, place - 1), "offset", 0) >
                            json_int(letter, "offset", 0))
        place--;
    json_array_insert(a->letters, place, letter);
    if (json_array_size(a->letters) > AWAIT_LETTERS_MAX)
        json_array_remove(a->letters, AWAIT_LETTERS_MAX);
}

/* Each replica writes its own; the first that comes is kept. */
static void take_letter(struct await *a, const struct record *record)
{
    char *topic = record_header(record, "topic"), *text = record_header(record, "offset");
    char *replica = record_header(record, "replica"), *end = text;
    int64_t offset = text != NULL ? strtoll(text, &end, 10) : -1;

    if (topic != NULL && strcmp(topic, a->command_topic) == 0 && replica != NULL && end != text &&
        *end == '\0') {
        json_t *letter = read_letter(record, offset, replica);
        if (letter != NULL && take_ours(a, offset)) {
            a->letter_count++;
            keep_letter(a, letter);
        }
        json_decref(letter);
    }
    free(topic);
    free(text);
    free(replica);
}

static int read_letters(struct await *a, struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + LETTERS_MS;

    if (tail_begin(a->fail, deadline_ms, err) < 0)
        return -1;
    for (bool end = false; !end;) {
        struct record record = {0};
        switch (tail_next(a->fail, TURN_MS, &record, err)) {
        case TAIL_RECORD:
            take_letter(a, &record);
            record_fini(&record);
            deadline_ms = clock_mono_ms() + LETTERS_MS;
            break;
        case TAIL_END:
            end = true;
            break;
        case TAIL_FAILED:
            return -1;
        case TAIL_NOTHING:
            if (clock_mono_ms() >= deadline_ms)
                return err_set(err, ERR_RETRY, "kafka.timeout",
                               "the topic could not be read to its end in time");
            break;
        }
        if (stop_check(err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the outcome ---- */

static void add_count(const struct await *a, struct buf *out)
{
    buf_addf(out, "%" PRId64 " of %" PRId64 " commands became dead letters", a->letter_count,
             a->count);
}

static int fail_by_letters(const struct await *a, struct err *err)
{
    const json_t *first = json_array_get(a->letters, 0);
    const char *command = json_text(first, "command");
    char shown[COMMAND_SHOWN];
    struct buf text = {0};

    if (a->count > 1) {
        add_count(a, &text);
        buf_adds(&text, " (db_sync send --dead-letters --dry-run shows them); the first is that ");
    } else {
        buf_adds(&text, "it became a dead letter: the command ");
    }
    buf_addf(&text, "at offset %" PRId64, json_int(first, "offset", -1));
    if (command != NULL) {
        err_copy_text(shown, sizeof shown, command);
        buf_addf(&text, ", %s", shown);
    }
    buf_addf(&text, "; replica %s: %s: %s", json_text(first, "replica"), json_text(first, "code"),
             json_text(first, "message"));
    err_set(err, ERR_POISON, "await.dead-letter", "%s", buf_str(&text));
    buf_fini(&text);
    return -1;
}

static int fail_by_time(const struct await *a, struct err *err)
{
    const char *replica, *comma = "; ";
    struct buf text = {0};
    json_t *status;

    buf_addf(&text,
             "no replica is at offset %" PRId64 " after %" PRId64 " ms; the commands are in the "
             "log, do not send them again",
             a->end, a->options->timeout_ms);
    if (a->letter_count > 0) {
        buf_adds(&text, comma);
        add_count(a, &text);
    }
    if (json_object_size(a->seen) == 0)
        buf_addf(&text, "; no db_sync has told its status on topic %s", a->status_topic);
    json_object_foreach (a->seen, replica, status) {
        buf_addf(&text, "%s%s is at %" PRId64 " (%s, told %" PRId64 " s ago)", comma, replica,
                 json_int(status, "offset", -1), json_text(status, "state"),
                 (clock_wall_ms() - json_int(status, "at", 0)) / 1000);
        comma = ", ";
    }
    err_set(err, ERR_RETRY, "await.not-applied", "%s", buf_str(&text));
    buf_fini(&text);
    return -1;
}

int await_applied(struct await *a, struct err *err)
{
    struct err why = {0};

    if (wait_status(a, clock_mono_ms() + a->options->timeout_ms, err) < 0)
        return -1;
    int rc = read_letters(a, &why);
    if (a->replica == NULL)
        return fail_by_time(a, err);
    if (rc < 0) {
        *err = why;
        return err_wrap(err, "replica %s has passed them, but not whether as dead letters",
                        a->replica);
    }
    return a->letter_count > 0 ? fail_by_letters(a, err) : 0;
}

const char *await_replica(const struct await *a)
{
    return a->replica;
}

int64_t await_letter_count(const struct await *a)
{
    return a->letter_count;
}

const json_t *await_letters(const struct await *a)
{
    return a->letters;
}
