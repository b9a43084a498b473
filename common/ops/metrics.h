/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_METRICS_H
#define CYPHERLOG_OPS_METRICS_H

/* ops/metrics.h: numbers as Prometheus reads them: its text exposition format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Names and units by its
 * conventions: base units, `_total` for counters. Values are integers of a smaller unit and a
 * scale (1000: they are thousandths), so that no locale and no rounding comes in. */

#include "base/buf.h"
#include "base/err.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE };

/* Begins a family: its HELP and TYPE. Samples of it follow; a family is given once. help: a
 * sentence without line breaks and backslashes. */
void metrics_add_family(struct buf *out, const char *name, enum metrics_type type,
                        const char *help);

struct metrics_label {
    const char *name;
    const char *value; /* UTF-8; is escaped here */
};

/* A sample: value / scale. labels: count of them, may be 0. */
void metrics_add_sample(struct buf *out, const char *name, const struct metrics_label *labels,
                        size_t count, int64_t value, int64_t scale);

/* A family of one sample without labels. */
void metrics_add_counter(struct buf *out, const char *name, const char *help, int64_t value);
void metrics_add_gauge(struct buf *out, const char *name, const char *help, int64_t value,
                       int64_t scale);

#define METRICS_BUCKETS 16 /* at most, besides that without a bound */

/* How often which values were seen. The owner sets bounds, bound_count and scale; the rest begins
 * as zeros. */
struct metrics_histogram {
    const int64_t *bounds; /* ascending; a value that equals one is within it */
    size_t bound_count;
    int64_t scale; /* of values and bounds */
    atomic_llong counts[METRICS_BUCKETS + 1];
    atomic_llong sum;
};

/* Seconds, from a millisecond to five minutes; values are ms. */
void metrics_histogram_init_ms(struct metrics_histogram *h);

/* Any thread. */
void metrics_observe(struct metrics_histogram *h, int64_t value);

/* Its family, while others may observe. */
void metrics_add_histogram(struct buf *out, const char *name, const char *help,
                           struct metrics_histogram *h);

/* A gauge with the label state: 1 for the state of now, 0 for each of the others. */
void metrics_add_states(struct buf *out, const char *name, const char *help,
                        const char *const *states, size_t count, const char *now);

/* Failures by their class; begins as zeros. */
struct metrics_errors {
    atomic_llong counts[ERR_STOPPING + 1];
};

/* Any thread. */
void metrics_count_error(struct metrics_errors *e, enum err_class class);

/* A counter with the label class. */
void metrics_add_errors(struct buf *out, const char *name, const char *help,
                        struct metrics_errors *e);

/* When this process was started, ms since 1970; -1: the system does not tell. Two calls may differ
 * by a little, and a start that moves looks like another one: ask once. */
int64_t metrics_process_start_ms(void);

/* What Prometheus' own clients tell of their process, under the same names: CPU, memory, open
 * files, start. A value that the system does not tell is left out. */
void metrics_add_process(struct buf *out, int64_t start_ms);

#endif
