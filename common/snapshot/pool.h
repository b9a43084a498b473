/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_POOL_H
#define CYPHERLOG_SNAPSHOT_POOL_H

/* snapshot/pool.h: the nodes of a database by what they hold, equal ones many times: to find which
 * of them a snapshot's nodes became when nobody knows their ids any more. On disk, as idmap is.
 * Belongs to one thread. */

#include "snapshot/digest.h"

struct pool; /* opaque */

/* ERR_FATAL: "io". */
MUST_CHECK int pool_open(struct pool **out, const char *folder, struct err *err);
void pool_close(struct pool *p);

/* Adds the node with that hash and id(). */
MUST_CHECK int pool_put(struct pool *p, const struct digest *hash, int64_t id, struct err *err);

/* Takes one with that hash out; false: there is none. */
MUST_CHECK bool pool_take(struct pool *p, const struct digest *hash, int64_t *id);

#endif
