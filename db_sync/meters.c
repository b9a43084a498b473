/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/meters.h"

#include "base/mem.h"
#include "ops/metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

static const int64_t sizes[] = {1, 3, 10, 30, 100, 300, 1000, 3000, 10000};

struct meters {
    atomic_llong applied, letters;
    atomic_llong transactions[REWRITE_FORMS];
    struct metrics_errors errors;
    struct metrics_histogram duration, size;
};

struct meters *meters_new(void)
{
    struct meters *m = mem_alloc(1, sizeof *m);

    metrics_histogram_init_ms(&m->duration);
    m->size.bounds = sizes;
    m->size.bound_count = sizeof sizes / sizeof *sizes;
    m->size.scale = 1;
    return m;
}

void meters_free(struct meters *m)
{
    free(m);
}

void meters_transaction(struct meters *m, enum rewrite_form form, size_t commands, size_t letters,
                        int64_t took_ms)
{
    atomic_fetch_add(&m->applied, (long long)(commands - letters));
    atomic_fetch_add(&m->letters, (long long)letters);
    atomic_fetch_add(&m->transactions[form], 1);
    metrics_observe(&m->duration, took_ms);
    metrics_observe(&m->size, (int64_t)commands);
}

void meters_error(struct meters *m, enum err_class class)
{
    metrics_count_error(&m->errors, class);
}

static void add_forms(struct meters *m, struct buf *out)
{
    static const char name[] = "db_sync_transactions_total";

    metrics_add_family(out, name, METRICS_COUNTER,
                       "Transactions that took effect, by the form of most of their commands.");
    for (enum rewrite_form f = REWRITE_TEXTS; f < REWRITE_FORMS; f++) {
        struct metrics_label label = {"form", rewrite_form_name(f)};
        metrics_add_sample(out, name, &label, 1, atomic_load(&m->transactions[f]), 1);
    }
}

void meters_add(struct meters *m, struct buf *out)
{
    metrics_add_counter(out, "db_sync_commands_applied_total",
                        "Commands that took effect in this replica.", atomic_load(&m->applied));
    metrics_add_counter(out, "db_sync_dead_letters_total",
                        "Commands that can never succeed, passed by as dead letters.",
                        atomic_load(&m->letters));
    add_forms(m, out);
    metrics_add_errors(out, "db_sync_errors_total",
                       "Failures of requests to Neo4j and of Kafka, by what follows from them; "
                       "those of class retry heal.",
                       &m->errors);
    metrics_add_histogram(out, "db_sync_transaction_duration_seconds",
                          "Time of a transaction of commands, from request to commit.",
                          &m->duration);
    metrics_add_histogram(out, "db_sync_transaction_commands", "Commands in a transaction.",
                          &m->size);
}
