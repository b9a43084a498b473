/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/lookout.h"

#include "global_server/traffic.h"
#include "ops/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const states[] = {"starting", "serving", "lagging", "waiting-neo4j",
                                     "waiting-replica"};

/* What is not known is left out: a gap tells more than a number that is none. */
static void add_freshness(struct buf *out, const struct standing_view *v)
{
    if (v->offset >= 0)
        metrics_add_gauge(out, "global_server_offset",
                          "The replica contains all commands before this offset, as last seen.",
                          v->offset, 1);
    if (v->age_ms >= 0)
        metrics_add_gauge(out, "global_server_age_seconds",
                          "Age of the first command that the replica does not contain; 0: there is "
                          "none.",
                          v->age_ms, 1000);
}

static void add_cache(struct cache *cache, struct buf *out)
{
    struct cache_counts counts = {0};

    if (cache != NULL)
        cache_count(cache, &counts);
    metrics_add_gauge(out, "global_server_cache_bytes", "What RESULT_CACHE holds.", counts.bytes,
                      1);
    metrics_add_gauge(out, "global_server_cache_answers", "Answers in it.", counts.entries, 1);
    metrics_add_counter(out, "global_server_cache_evictions_total",
                        "Answers that went for want of room.", counts.evicted);
}

static void add_waiting(struct lanes *lanes, struct buf *out)
{
    static const char name[] = "global_server_waiting_requests";
    static const char *const names[LANES] = {[LANE_QUICK] = "quick", [LANE_SOLO] = "solo"};

    metrics_add_family(out, name, METRICS_GAUGE,
                       "Requests that wait for a worker: quick ones, which are asked many at once, "
                       "and those that are asked alone.");
    for (enum lane lane = LANE_QUICK; lane < LANES; lane++) {
        const struct metrics_label label = {"lane", names[lane]};
        metrics_add_sample(out, name, &label, 1, (int64_t)lanes_count(lanes, lane), 1);
    }
}

static void add_metrics(void *arg, struct buf *out)
{
    struct lookout *l = arg;
    struct standing_view v;

    standing_look(l->standing, &v);
    const struct metrics_label about[] = {{"version", CYPHERLOG_VERSION},
                                          {"replica", v.replica},
                                          {"server", l->instance},
                                          {"group", l->group_id},
                                          {"neo4j", v.server}};
    metrics_add_family(out, "global_server_info", METRICS_GAUGE,
                       "Which program this is, and where.");
    metrics_add_sample(out, "global_server_info", about, sizeof about / sizeof *about, 1, 1);
    metrics_add_states(out, "global_server_state", "1 for the state that this server is in.",
                       states, sizeof states / sizeof *states, v.state);
    add_freshness(out, &v);
    metrics_add_gauge(out, "global_server_neo4j_up", "Neo4j answers, and its replica can be used.",
                      v.replica_is_well, 1);
    metrics_add_gauge(out, "global_server_kafka_up", "Kafka answers.", v.kafka_is_up, 1);
    metrics_add_gauge(out, "global_server_claim",
                      "1 while this server is a member of the group and has its partitions.",
                      atomic_load(&l->flight->claim) != 0, 1);
    metrics_add_gauge(out, "global_server_in_flight_requests",
                      "Requests that were read and have no committed reply yet.",
                      atomic_load(&l->flight->jobs), 1);
    metrics_add_gauge(out, "global_server_in_flight_bytes", "Their size.",
                      atomic_load(&l->flight->bytes), 1);
    add_cache(l->cache, out);
    add_waiting(l->lanes, out);
    traffic_add(l->flight->traffic, out);
}

static void add_status(void *arg, struct buf *out)
{
    const struct lookout *l = arg;
    char *status = standing_status(l->standing);

    buf_adds(out, status != NULL ? status : "{}");
    free(status);
}

static bool is_ready(void *arg, int64_t min_offset, struct buf *why)
{
    const struct lookout *l = arg;
    struct standing_view v;

    standing_look(l->standing, &v);
    buf_addf(why, "%s", v.state);
    if (v.offset >= 0)
        buf_addf(why, ", at offset %" PRId64, v.offset);
    if (v.reason[0] != '\0')
        buf_addf(why, ": %s", v.reason);
    return v.serves && v.offset >= min_offset;
}

int lookout_start(struct httpd **out, struct lookout *lookout, struct err *err)
{
    const struct server_conf *c = lookout->conf;
    const struct httpd_conf conf = {.listen = c->status_listen,
                                    .board = {.setup = &c->setup,
                                              .topic = c->status_topic,
                                              .client_id = "global_server-board",
                                              .interval_ms = c->status_interval_ms},
                                    .arg = lookout,
                                    .add_metrics = add_metrics,
                                    .add_status = add_status,
                                    .is_ready = is_ready};

    return httpd_start(out, &conf, err);
}
