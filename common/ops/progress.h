/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_PROGRESS_H
#define CYPHERLOG_OPS_PROGRESS_H

/* ops/progress.h: how far work is that takes longer than a moment, on stderr: a bar when that is a
 * terminal, once a second has passed; or, when asked for, lines of JSON for programs. Belongs to
 * one thread; log lines of others do not break it. */

#include "snapshot/phase.h"

#include <stdbool.h>
#include <stdint.h>

/* The names that an option has for them, in this order. */
#define PROGRESS_MODES "auto|json|none"
enum progress_mode {
    PROGRESS_AUTO, /* a bar on a terminal, else nothing */
    PROGRESS_JSON, /* {"phase":"nodes","done":1000,"total":5000,"rate":480.1,"eta_s":8.3} once a
                      second and at the end; total and eta_s are null when they are not known */
    PROGRESS_NONE,
};

struct progress {
    const char *unit;    /* "commands" */
    int64_t done, total; /* total 0: not known, a counter is shown */
    int64_t start_ms, drawn_ms;
    enum progress_mode mode;
    bool shown;
};

void progress_start(struct progress *p, enum progress_mode mode, const char *unit, int64_t total);

/* done so far; draws at most ten times a second. */
void progress_set(struct progress *p, int64_t done);

/* Takes the bar away, or writes the last line. */
void progress_end(struct progress *p);

/* Work in several phases, one after the other: `struct progress_phases p = {.mode = …};` */
struct progress_phases {
    enum progress_mode mode;
    struct progress progress;
    const char *phase; /* NULL before the first */
};

/* Where the work tells; borrows p. */
struct phase_sink progress_sink(struct progress_phases *p);

void progress_end_phases(struct progress_phases *p);

#endif
