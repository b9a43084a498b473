/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/cmd_status.h"

#include "base/clock.h"
#include "base/json.h"
#include "kafka/reader.h"
#include "ops/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Newest status by key, in the order in which the keys first came. */
static void keep(json_t *by_key, const struct record *record)
{
    json_t *status =
        record->value_len > 0 ? json_parse(record->value, record->value_len, NULL) : NULL;

    if (record->key != NULL && json_is_object(status))
        json_object_setn(by_key, record->key, record->key_len, status);
    json_decref(status);
}

static int read_all(struct reader *reader, json_t *by_key, int64_t deadline_ms, struct err *err)
{
    int64_t low, high;

    if (reader_watermarks(reader, &low, &high, err) < 0 || reader_assign(reader, low, err) < 0)
        return -1;
    while (low < high) {
        struct record record = {0};
        enum reader_event event = reader_await(reader, deadline_ms, &record, err);
        if (event == READER_FAILED)
            return -1;
        if (event == READER_END)
            return 0;
        low = record.offset + 1; /* under steady writes no end is ever told */
        keep(by_key, &record);
        record_fini(&record);
    }
    return 0;
}

/* An empty cell where the program does not tell, or does not know. */
static void add_number(struct table *table, size_t column, const json_t *status, const char *name)
{
    char text[24] = "";

    if (json_member(status, name) != NULL)
        snprintf(text, sizeof text, "%" PRId64, json_int(status, name, -1));
    table_set(table, column, text);
}

static void show(const json_t *by_key, bool json)
{
    static const struct {
        const char *name;
        bool number;
    } columns[] = {{"REPLICA", false}, {"PROGRAM", false}, {"STATE", false},  {"OFFSET", true},
                   {"LAG", true},      {"AGE_MS", true},   {"SERVER", false}, {"FORM", false},
                   {"TIME", false},    {"REASON", false}};
    struct table *table = table_new();
    const char *key;
    json_t *status;

    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        table_add_column(table, columns[i].name, columns[i].number);
    json_object_foreach ((json_t *)by_key, key, status) {
        if (json) {
            char *line = json_dumps(status, JSON_COMPACT);
            puts(line != NULL ? line : "");
            free(line);
            continue;
        }
        table_add_row(table);
        table_set(table, 0, json_text(status, "replica"));
        table_set(table, 1, json_text(status, "program"));
        table_set(table, 2, json_text(status, "state"));
        add_number(table, 3, status, "offset");
        add_number(table, 4, status, "lag");
        add_number(table, 5, status, "age_ms");
        table_set(table, 6, json_text(status, "server"));
        table_set(table, 7, json_text(status, "form"));
        table_set(table, 8, json_text(status, "time"));
        table_set(table, 9, json_text(status, "reason"));
    }
    if (!json)
        table_print(table, stdout);
    table_free(table);
}

int cmd_status(const struct options *o, struct err *err)
{
    struct kafka_conf kafka = setup_kafka(&o->setup, "db_sync-show");
    char *topic = setup_topic(&o->setup, o->status_topic);
    struct reader_conf conf = {
        .kafka = &kafka, .topic = topic, .group_id = "db_sync-show", .queue_bytes = 1 << 20};
    int64_t deadline = clock_mono_ms() + o->timeout_ms;
    struct reader *reader = NULL;
    json_t *by_key = json_object();
    int rc = -1;

    if (reader_open(&reader, &conf, err) == 0 && reader_check_topic(reader, deadline, err) == 0)
        rc = read_all(reader, by_key, deadline, err);
    if (rc == 0 && json_object_size(by_key) == 0 && !o->json)
        puts("no replica has told its status yet");
    else if (rc == 0)
        show(by_key, o->json);
    json_decref(by_key);
    reader_close(reader);
    free(topic);
    return rc;
}
