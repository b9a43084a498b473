/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/traffic.h"

#include "base/mem.h"
#include "ops/metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

static const int64_t commits_us[] = {1000,   2000,   5000,   10000,   20000,   50000,
                                     100000, 200000, 500000, 1000000, 2000000, 10000000};
static const int64_t sizes[] = {1, 2, 5, 10, 20, 50, 100, 200};

struct traffic {
    atomic_llong answers, error_replies, rate_limited, rows, aborts, hits, misses, bundled;
    struct metrics_errors errors;
    struct metrics_histogram duration, commit, size, together;
};

struct traffic *traffic_new(void)
{
    struct traffic *t = mem_alloc(1, sizeof *t);

    metrics_histogram_init_ms(&t->duration);
    t->commit.bounds = commits_us;
    t->commit.bound_count = sizeof commits_us / sizeof *commits_us;
    t->commit.scale = 1000000;
    t->size.bounds = sizes;
    t->size.bound_count = sizeof sizes / sizeof *sizes;
    t->size.scale = 1;
    t->together.bounds = sizes;
    t->together.bound_count = sizeof sizes / sizeof *sizes;
    t->together.scale = 1;
    return t;
}

void traffic_free(struct traffic *t)
{
    free(t);
}

void traffic_answered(struct traffic *t, bool is_error, int64_t rows, int64_t took_ms)
{
    atomic_fetch_add(is_error ? &t->error_replies : &t->answers, 1);
    atomic_fetch_add(&t->rows, rows);
    metrics_observe(&t->duration, took_ms);
}

void traffic_rate_limited(struct traffic *t)
{
    atomic_fetch_add(&t->rate_limited, 1);
}

void traffic_asked(struct traffic *t, size_t requests)
{
    metrics_observe(&t->together, (int64_t)requests);
}

void traffic_bundled(struct traffic *t, size_t requests)
{
    atomic_fetch_add(&t->bundled, (long long)requests);
}

void traffic_recalled(struct traffic *t, bool hit)
{
    atomic_fetch_add(hit ? &t->hits : &t->misses, 1);
}

void traffic_transaction(struct traffic *t, bool committed, size_t replies, int64_t took_us)
{
    if (!committed) {
        atomic_fetch_add(&t->aborts, 1);
        return;
    }
    metrics_observe(&t->commit, took_us);
    metrics_observe(&t->size, (int64_t)replies);
}

void traffic_error(struct traffic *t, enum err_class class)
{
    metrics_count_error(&t->errors, class);
}

static void add_replies(struct traffic *t, struct buf *out)
{
    static const char name[] = "global_server_replies_total";
    const struct metrics_label answer = {"outcome", "answer"}, error = {"outcome", "error"};

    metrics_add_family(out, name, METRICS_COUNTER, "Requests whose reply is committed at Kafka.");
    metrics_add_sample(out, name, &answer, 1, atomic_load(&t->answers), 1);
    metrics_add_sample(out, name, &error, 1, atomic_load(&t->error_replies), 1);
}

static void add_recalls(struct traffic *t, struct buf *out)
{
    static const char name[] = "global_server_cache_requests_total";
    const struct metrics_label hit = {"outcome", "hit"}, miss = {"outcome", "miss"};

    metrics_add_family(out, name, METRICS_COUNTER,
                       "Requests whose answer RESULT_CACHE may keep: answered by it, or by Neo4j.");
    metrics_add_sample(out, name, &hit, 1, atomic_load(&t->hits), 1);
    metrics_add_sample(out, name, &miss, 1, atomic_load(&t->misses), 1);
}

void traffic_add(struct traffic *t, struct buf *out)
{
    add_replies(t, out);
    add_recalls(t, out);
    metrics_add_counter(out, "global_server_rate_limited_requests_total",
                        "Requests above MAX_KEY_RATE: they get an error reply, Neo4j is not asked.",
                        atomic_load(&t->rate_limited));
    metrics_add_counter(out, "global_server_rows_total", "Rows of those replies.",
                        atomic_load(&t->rows));
    metrics_add_errors(out, "global_server_errors_total",
                       "Failures of questions to Neo4j and of transactions at Kafka, by what "
                       "follows from them; those of class retry heal.",
                       &t->errors);
    metrics_add_counter(out, "global_server_aborts_total",
                        "Transactions at Kafka that left nothing; their replies were sent again.",
                        atomic_load(&t->aborts));
    metrics_add_histogram(out, "global_server_request_duration_seconds",
                          "From reading a request to its committed reply.", &t->duration);
    metrics_add_histogram(out, "global_server_commit_duration_seconds",
                          "A transaction at Kafka, from its first reply to its commit.",
                          &t->commit);
    metrics_add_histogram(out, "global_server_transaction_replies", "Replies in a transaction.",
                          &t->size);
    metrics_add_histogram(out, "global_server_question_requests",
                          "Requests for which Neo4j was asked at once.", &t->together);
    metrics_add_counter(out, "global_server_bundled_requests_total",
                        "Requests of these that shared a statement with others of their shape.",
                        atomic_load(&t->bundled));
}
