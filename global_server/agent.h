/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_AGENT_H
#define GLOBAL_SERVER_AGENT_H

/* global_server/agent.h: `run`: owns every handle and thread, starts them in order and stops them
 * in reverse; while they work it watches the replica. */

#include "global_server/options.h"

/* Runs until a stop or an error that ends the program: 0, or -1 with err. *hung: a thread waits for
 * Kafka and could not be ended: the caller must _exit. */
MUST_CHECK int agent_run(const struct server_conf *conf, bool *hung, struct err *err);

#endif
