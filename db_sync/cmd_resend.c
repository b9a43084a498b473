/* SPDX-License-Identifier: Apache-2.0 */

/* db_sync/cmd_resend.c: every replica writes a dead letter of its own, and a crash may repeat one:
 * letters of one offset are one command. The status topic tells which replicas have passed it; one
 * that has, and wrote no letter, has applied it. */
#include "db_sync/cmd_resend.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/stop.h"
#include "db_sync/sender.h"
#include "kafka/tail.h"
#include "ops/table.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct letter {
    int64_t offset;
    char *code, *time;
    json_t *body;     /* NULL: nothing that could be sent */
    json_t *replicas; /* the names of those that wrote it, as keys */
    struct err why;   /* set: it is not sent */
};

struct resend {
    const struct options *options;
    char *command_topic;
    struct resend_ranges ranges;
    struct letter *letters;
    size_t count, room;
    json_t *index;     /* offset as text -> place in letters */
    json_t *positions; /* replica -> next offset, from the status topic */
};

static bool read_offset(const char **p, int64_t *out)
{
    char *end;

    if (!isdigit((unsigned char)**p))
        return false;
    errno = 0;
    *out = strtoll(*p, &end, 10);
    *p = end;
    return errno == 0;
}

int resend_read_ranges(const char *text, struct resend_ranges *out, struct err *err)
{
    const char *p = text;

    for (out->count = 0; out->count < RESEND_RANGES_MAX; p++) {
        int64_t *from = &out->from[out->count], *to = &out->to[out->count];
        if (!read_offset(&p, from))
            break;
        *to = *from;
        if (*p == '-' && (p++, !read_offset(&p, to) || *to < *from))
            break;
        out->count++;
        if (*p == '\0')
            return 0;
        if (*p != ',')
            break;
    }
    return err_set(err, ERR_USAGE, "usage.offsets",
                   "--offsets: \"%s\" is no list of at most %d offsets and ranges, such as "
                   "12,15,20-30",
                   text, RESEND_RANGES_MAX);
}

static bool is_chosen(const struct resend *r, int64_t offset, const char *code)
{
    const char *wanted = r->options->code;
    bool in = r->ranges.count == 0;

    for (int i = 0; i < r->ranges.count; i++)
        in |= offset >= r->ranges.from[i] && offset <= r->ranges.to[i];
    return in && (wanted == NULL || strncmp(code, wanted, strlen(wanted)) == 0);
}

static struct letter *find(struct resend *r, int64_t offset)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, offset);
    const json_t *place = json_object_get(r->index, text);
    if (place != NULL)
        return &r->letters[json_integer_value(place)];
    json_object_set_new(r->index, text, json_integer((json_int_t)r->count));
    if (r->count == r->room) {
        r->room = r->room * 2 + 16;
        r->letters = mem_realloc(r->letters, r->room, sizeof *r->letters);
    }
    struct letter *letter = &r->letters[r->count++];
    *letter = (struct letter){.offset = offset, .replicas = json_object()};
    return letter;
}

/* Keeps the message of a letter, or why there is none to be sent. */
static void take_body(struct letter *letter, const struct record *record)
{
    json_t *body =
        record->value_len > 0 ? json_parse(record->value, record->value_len, NULL) : NULL;

    if (json_object_get(body, "first_base64") != NULL && json_object_get(body, "sha256") != NULL)
        err_set(&letter->why, ERR_POISON, "resend.cut",
                "the letter holds only the beginning of its message, which was too large");
    else if (json_object_get(body, "raw_base64") != NULL || !json_is_object(body))
        err_set(&letter->why, ERR_POISON, "resend.no-object", "the message is no JSON object");
    else
        json_object_del(body, "error");
    if (err_is_set(&letter->why)) {
        json_decref(body);
        return;
    }
    letter->body = body;
}

static void take_letter(struct resend *r, const struct record *record)
{
    char *topic = record_header(record, "topic"), *offset = record_header(record, "offset");
    char *code = record_header(record, "code"), *replica = record_header(record, "replica");
    const char *p = offset;
    int64_t n;

    if (topic != NULL && strcmp(topic, r->command_topic) == 0 && offset != NULL && code != NULL &&
        replica != NULL && read_offset(&p, &n) && is_chosen(r, n, code)) {
        struct letter *letter = find(r, n);
        json_object_set_new(letter->replicas, replica, json_true());
        if (letter->code == NULL) {
            letter->code = mem_strdup(code);
            letter->time = record_header(record, "time");
            take_body(letter, record);
        }
    }
    free(topic);
    free(offset);
    free(code);
    free(replica);
}

static void take_status(struct resend *r, const struct record *record)
{
    json_t *status =
        record->value_len > 0 ? json_parse(record->value, record->value_len, NULL) : NULL;
    const char *replica = json_text(status, "replica"), *program = json_text(status, "program");

    if (replica != NULL && program != NULL && strcmp(program, "db_sync") == 0)
        json_object_set_new(r->positions, replica, json_integer(json_int(status, "offset", 0)));
    json_decref(status);
}

/* Hands every record of a topic, up to its end, to take. */
static int read_topic(struct resend *r, const char *name,
                      void (*take)(struct resend *, const struct record *), struct err *err)
{
    struct kafka_conf kafka = setup_kafka(&r->options->setup, "db_sync-resend");
    int64_t deadline = clock_mono_ms() + r->options->timeout_ms;
    char *topic = setup_topic(&r->options->setup, name);
    struct tail *tail = NULL;
    int rc = tail_open(&tail, &kafka, topic, TAIL_FROM_START, deadline, err);

    for (bool end = false; rc == 0 && !end;) {
        struct record record = {0};
        switch (tail_next(tail, 200, &record, err)) {
        case TAIL_RECORD:
            take(r, &record);
            record_fini(&record);
            deadline = clock_mono_ms() + r->options->timeout_ms;
            break;
        case TAIL_END:
            end = true;
            break;
        case TAIL_FAILED:
            rc = -1;
            break;
        case TAIL_NOTHING:
            if (clock_mono_ms() >= deadline)
                rc = err_set(err, ERR_RETRY, "kafka.timeout",
                             "topic %s could not be read to its end in time", topic);
            break;
        }
        if (rc == 0)
            rc = stop_check(err);
    }
    tail_close(tail);
    free(topic);
    return rc;
}

static int by_offset(const void *a, const void *b)
{
    const struct letter *x = a, *y = b;

    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Refuses what some replica has applied, or is going to meet yet. */
static void judge(const struct resend *r, struct letter *letter)
{
    const char *replica;
    json_t *next;

    if (err_is_set(&letter->why) || r->options->unchecked)
        return;
    json_object_foreach (r->positions, replica, next)
        if (json_object_get(letter->replicas, replica) == NULL)
            err_set(&letter->why, ERR_POISON, "resend.applied",
                    json_integer_value(next) > letter->offset
                        ? "replica %s has no letter of it, so it applied it"
                        : "replica %s has not come to it yet",
                    replica);
}

static int send_letter(struct resend *r, struct sender *sender, struct letter *letter,
                       struct err *err)
{
    char place[300];
    struct buf text = {0};
    struct err why = {0};
    const struct producer_header headers[] = {{"dead_letter", place}, {NULL, NULL}};

    snprintf(place, sizeof place, "%s/0/%" PRId64, r->command_topic, letter->offset);
    json_add(&text, letter->body);
    int rc = sender_send(sender, buf_str(&text), text.len, NULL, headers, &why);
    buf_fini(&text);
    if (rc < 0 && why.class == ERR_POISON) {
        letter->why = why;
        return 0;
    }
    if (rc < 0)
        *err = why;
    return rc;
}

static void show(const struct resend *r, bool dry)
{
    static const char *const columns[] = {"OFFSET", "CODE", "TIME", "REPLICAS", "STATE"};
    FILE *out = r->options->wait ? stderr : stdout; /* there the token stands alone */
    struct table *table = table_new();

    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        table_add_column(table, columns[i], i == 0);
    for (size_t i = 0; i < r->count; i++) {
        const struct letter *l = &r->letters[i];
        const char *state = err_is_set(&l->why) ? l->why.text : dry ? "can be sent" : "sent";
        struct buf replicas = {0};
        char offset[24];
        const char *name;
        json_t *ignored;
        json_object_foreach (l->replicas, name, ignored)
            buf_addf(&replicas, "%s%s", replicas.len > 0 ? ", " : "", name);
        snprintf(offset, sizeof offset, "%" PRId64, l->offset);
        table_add_row(table);
        table_set(table, 0, offset);
        table_set(table, 1, l->code);
        table_set(table, 2, l->time);
        table_set(table, 3, buf_str(&replicas));
        table_set(table, 4, state);
        buf_fini(&replicas);
    }
    if (r->count > 0)
        table_print(table, out);
    else
        fputs("no such dead letter\n", out);
    table_free(table);
}

static int send_all(struct resend *r, struct err *err)
{
    struct sender *sender = NULL;
    struct err why = {0};
    bool dry = r->options->dry_run;
    int64_t refused = 0;
    int rc = dry ? 0 : sender_open(&sender, r->options, err);

    for (size_t i = 0; rc == 0 && i < r->count; i++) {
        judge(r, &r->letters[i]);
        if (!dry && !err_is_set(&r->letters[i].why))
            rc = send_letter(r, sender, &r->letters[i], err);
        refused += err_is_set(&r->letters[i].why);
    }
    if (rc == 0)
        show(r, dry);
    if (sender_finish(sender, rc == 0, &why) < 0 && rc == 0) {
        *err = why;
        rc = -1;
    }
    if (rc == 0 && refused > 0 && !dry)
        rc = err_set(err, ERR_POISON, "resend.refused",
                     "%" PRId64 " of %zu were not sent; --unchecked sends what is whole anyway",
                     refused, r->count);
    return rc;
}

int cmd_resend(const struct options *options, struct err *err)
{
    struct resend r = {.options = options, .index = json_object(), .positions = json_object()};
    int rc = -1;

    r.command_topic = setup_topic(&options->setup, options->command_topic);
    if (options->offsets == NULL && options->code == NULL && !options->dry_run)
        err_set(err, ERR_USAGE, "usage.dead-letters",
                "say which dead letters: --offsets 12,15,20-30, --code CODE or its beginning; "
                "--dry-run shows them");
    else if (options->wait && options->dry_run)
        err_set(err, ERR_USAGE, "usage.dead-letters",
                "--dry-run sends nothing that --wait could "
                "wait for");
    else if ((options->offsets == NULL ||
              resend_read_ranges(options->offsets, &r.ranges, err) == 0) &&
             read_topic(&r, options->fail_topic, take_letter, err) == 0 &&
             read_topic(&r, options->status_topic, take_status, err) == 0) {
        if (r.count > 0)
            qsort(r.letters, r.count, sizeof *r.letters, by_offset);
        rc = send_all(&r, err);
    }
    for (size_t i = 0; i < r.count; i++) {
        free(r.letters[i].code);
        free(r.letters[i].time);
        json_decref(r.letters[i].body);
        json_decref(r.letters[i].replicas);
    }
    free(r.letters);
    json_decref(r.index);
    json_decref(r.positions);
    free(r.command_topic);
    return rc;
}
