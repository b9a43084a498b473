/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_PHASE_H
#define CYPHERLOG_SNAPSHOT_PHASE_H

/* snapshot/phase.h: how far something is that goes through a whole graph, for whoever shows it. */

#include <stdint.h>

struct phase_sink {
    /* phase: a constant text such as "nodes"; total 0: not known. Called by the thread that does
     * the work. May be NULL. */
    void (*on_progress)(void *arg, const char *phase, int64_t done, int64_t total);
    void *arg;
};

/* Tells it each time that done is a multiple of some hundreds. */
void phase_tell(const struct phase_sink *sink, const char *phase, int64_t done, int64_t total);

/* All of them are done. */
void phase_end(const struct phase_sink *sink, const char *phase, int64_t done);

#endif
