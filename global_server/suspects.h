/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_SUSPECTS_H
#define GLOBAL_SERVER_SUSPECTS_H

/* global_server/suspects.h: requests during which Neo4j went away, and how often. One that takes
 * Neo4j down would otherwise do so for ever, on each server of the group in turn. Any thread. */

#include <stdint.h>

#define SUSPECTS_MAX 256 /* remembered; the oldest is forgotten first */

struct suspects; /* opaque */

struct suspects *suspects_new(void);
void suspects_free(struct suspects *s);

/* Neo4j went away once more during the request at this place of the request topic. */
void suspects_add(struct suspects *s, int32_t partition, int64_t offset);

unsigned suspects_times(struct suspects *s, int32_t partition, int64_t offset);

#endif
