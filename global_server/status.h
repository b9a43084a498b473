/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_STATUS_H
#define GLOBAL_SERVER_STATUS_H

/* global_server/status.h: how this server stands, kept up to date on the status topic by the thread
 * `status`. */

#include "global_server/standing.h"

struct status; /* opaque */

/* replica: the record's key begins with it. Borrows conf and standing. */
MUST_CHECK int status_start(struct status **out, const struct server_conf *conf,
                            const char *replica, struct standing *standing, struct err *err);

/* Tells the last state, unless why is ERR_FENCED: whoever took over tells how the server stands.
 * Ends the thread and frees s. NULL does nothing. */
void status_stop(struct status *s, const struct err *why);

#endif
