/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/timing.h"

#include "base/mem.h"
#include "ops/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct series {
    char *replica;
    int64_t *took_us;
    size_t count, room, errors;
};

struct timing {
    struct series all;
    struct series *replicas;
    size_t replica_count;
};

struct timing *timing_new(void)
{
    return mem_alloc(1, sizeof(struct timing));
}

static void series_fini(struct series *s)
{
    free(s->replica);
    free(s->took_us);
}

void timing_free(struct timing *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->replica_count; i++)
        series_fini(&t->replicas[i]);
    series_fini(&t->all);
    free(t->replicas);
    free(t);
}

static struct series *find(struct timing *t, const char *replica)
{
    for (size_t i = 0; i < t->replica_count; i++)
        if (strcmp(t->replicas[i].replica, replica) == 0)
            return &t->replicas[i];
    t->replicas = mem_realloc(t->replicas, t->replica_count + 1, sizeof *t->replicas);
    t->replicas[t->replica_count] = (struct series){.replica = mem_strdup(replica)};
    return &t->replicas[t->replica_count++];
}

static void add(struct series *s, int64_t took_us, bool error)
{
    if (s->count == s->room) {
        s->room = s->room * 2 + 16;
        s->took_us = mem_realloc(s->took_us, s->room, sizeof *s->took_us);
    }
    s->took_us[s->count++] = took_us;
    s->errors += error;
}

void timing_add(struct timing *t, const char *replica, int64_t took_us, bool error)
{
    add(&t->all, took_us, error);
    add(find(t, replica != NULL ? replica : "unknown"), took_us, error);
}

int64_t timing_count(const struct timing *t)
{
    return (int64_t)t->all.count;
}

int64_t timing_percentile(const int64_t *sorted, size_t n, unsigned percent)
{
    size_t rank = (n * percent + 99) / 100;

    return sorted[rank > 0 ? rank - 1 : 0];
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static int by_name(const void *a, const void *b)
{
    const struct series *x = a, *y = b;

    return strcmp(x->replica, y->replica);
}

static void set_ms(struct table *table, size_t column, int64_t us)
{
    char text[32];

    snprintf(text, sizeof text, "%.1f", (double)us / 1000);
    table_set(table, column, text);
}

static void set_count(struct table *table, size_t column, size_t count)
{
    char text[24];

    snprintf(text, sizeof text, "%zu", count);
    table_set(table, column, text);
}

static void add_row(struct table *table, const char *name, struct series *s)
{
    qsort(s->took_us, s->count, sizeof *s->took_us, by_size);
    table_add_row(table);
    table_set(table, 0, name);
    set_count(table, 1, s->count);
    set_count(table, 2, s->errors);
    set_ms(table, 3, timing_percentile(s->took_us, s->count, 50));
    set_ms(table, 4, timing_percentile(s->took_us, s->count, 99));
    set_ms(table, 5, s->took_us[s->count - 1]);
}

void timing_print(struct timing *t, FILE *out)
{
    static const char *const columns[] = {"REPLICA", "REPLIES", "ERRORS",
                                          "P50_MS",  "P99_MS",  "MAX_MS"};

    if (t->all.count == 0)
        return;
    struct table *table = table_new();
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        table_add_column(table, columns[i], i > 0);
    qsort(t->replicas, t->replica_count, sizeof *t->replicas, by_name);
    for (size_t i = 0; i < t->replica_count; i++)
        add_row(table, t->replicas[i].replica, &t->replicas[i]);
    if (t->replica_count > 1)
        add_row(table, "all", &t->all);
    table_print(table, out);
    table_free(table);
}
