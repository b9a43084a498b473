/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_GLANCE_H
#define GLOBAL_SERVER_GLANCE_H

/* global_server/glance.h: where the replica is now, for threads that want to know it at the same
 * time. One of them looks for all who came before it began. Any thread. */

#include "base/err.h"
#include "global_server/job.h"

struct glance; /* opaque */

struct glance_seen {
    char name[REPLICA_SIZE]; /* of the replica */
    int64_t position;
};

/* Looks, and blocks until it knows. 0, or -1 with err. */
typedef int glance_look_fn(void *arg, struct glance_seen *seen, struct err *err);

struct glance *glance_new(void);
void glance_free(struct glance *g);

/* What a look found that began after this call did: this thread's, by look(arg), or that of another
 * thread. Blocks, for two looks at most. -1: what that look failed with. */
MUST_CHECK int glance_share(struct glance *g, glance_look_fn *look, void *arg,
                            struct glance_seen *seen, struct err *err);

#endif
