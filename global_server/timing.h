/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_TIMING_H
#define GLOBAL_SERVER_TIMING_H

/* global_server/timing.h: how long replies took, by the replica that gave them, for `ask --repeat`.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct timing; /* opaque; one thread */

struct timing *timing_new(void);
void timing_free(struct timing *t);

/* A complete reply after took_us; replica NULL: it did not say which. error: an error reply. */
void timing_add(struct timing *t, const char *replica, int64_t took_us, bool error);

/* How many were added. */
int64_t timing_count(const struct timing *t);

/* A row a replica: how many replies and errors, and the median, 99th percentile and longest time; a
 * row for all where there are several. Nothing when none was added. */
void timing_print(struct timing *t, FILE *out);

/* The least of n > 0 sorted values that percent of them do not exceed (nearest rank). Pure. */
int64_t timing_percentile(const int64_t *sorted, size_t n, unsigned percent);

#endif
