/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_PROGRESS_H
#define CYPHERLOG_OPS_PROGRESS_H

/* ops/progress.h: a bar on stderr for work that takes longer than a moment. Shown only when stderr
 * is a terminal, and only once a second has passed. Belongs to one thread; log lines of others do
 * not break it. */

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *unit;    /* "commands" */
    int64_t done, total; /* total 0: not known, a counter is shown */
    int64_t start_ms, drawn_ms;
    bool terminal, shown;
};

void progress_start(struct progress *p, const char *unit, int64_t total);

/* done so far; draws at most ten times a second. */
void progress_set(struct progress *p, int64_t done);

/* Takes the bar away. */
void progress_end(struct progress *p);

#endif
