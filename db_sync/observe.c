/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/observe.h"

#include "ops/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const states[] = {"starting",      "restoring",     "catching-up", "in-sync",
                                     "waiting-neo4j", "waiting-kafka", "snapshot",    "diverged"};

static void add_metrics(void *arg, struct buf *out)
{
    const struct observe *o = arg;
    struct report *report = o->report;
    struct report_view v;

    report_look(report, &v);
    struct metrics_label about[] = {
        {"version", CYPHERLOG_VERSION}, {"replica", report_replica(report)}, {"neo4j", v.server}};
    metrics_add_family(out, "db_sync_info", METRICS_GAUGE, "Which program this is, and where.");
    metrics_add_sample(out, "db_sync_info", about, sizeof about / sizeof *about, 1, 1);
    metrics_add_states(out, "db_sync_state", "1 for the state that this replica is in.", states,
                       sizeof states / sizeof *states, v.state);
    metrics_add_gauge(out, "db_sync_offset", "All commands before this offset are applied.",
                      v.offset, 1);
    metrics_add_gauge(out, "db_sync_log_end_offset", "Where the log ends, as far as it is known.",
                      v.log_end, 1);
    metrics_add_gauge(out, "db_sync_lag_records", "Records of the log that are not applied yet.",
                      v.lag, 1);
    metrics_add_gauge(out, "db_sync_lag_seconds",
                      "Age of the first command that is not applied yet; 0: there is none.",
                      v.age_ms, 1000);
    metrics_add_gauge(out, "db_sync_neo4j_up", "Neo4j answers.", v.neo4j_is_up, 1);
    metrics_add_gauge(out, "db_sync_kafka_up", "Kafka answers.", v.kafka_is_up, 1);
    metrics_add_gauge(out, "db_sync_queue_bytes",
                      "Commands that were read from the log and are not in a transaction yet.",
                      (int64_t)queue_bytes(o->queue), 1);
    meters_add(report_meters(report), out);
}

static void add_status(void *arg, struct buf *out)
{
    const struct observe *o = arg;
    char *status = report_status(o->report);

    buf_adds(out, status != NULL ? status : "{}");
    free(status);
}

static bool is_ready(void *arg, int64_t min_offset, struct buf *why)
{
    const struct observe *o = arg;
    struct report_view v;

    report_look(o->report, &v);
    bool ready = min_offset < 0 ? strcmp(v.state, "in-sync") == 0 : v.offset >= min_offset;
    buf_addf(why, "%s, at offset %" PRId64, v.state, v.offset);
    if (!ready && v.lag > 0)
        buf_addf(why, ", %" PRId64 " behind the end of the log", v.lag);
    if (v.reason[0] != '\0')
        buf_addf(why, ": %s", v.reason);
    return ready;
}

int observe_start(struct httpd **out, struct observe *observe, struct err *err)
{
    const struct options *o = observe->options;
    const struct httpd_conf conf = {.listen = o->status_listen,
                                    .board = {.setup = &o->setup,
                                              .topic = o->status_topic,
                                              .client_id = "db_sync-board",
                                              .interval_ms = o->status_interval_ms},
                                    .arg = observe,
                                    .add_metrics = add_metrics,
                                    .add_status = add_status,
                                    .is_ready = is_ready};

    return httpd_start(out, &conf, err);
}
