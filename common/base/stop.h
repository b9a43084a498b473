/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_STOP_H
#define CYPHERLOG_BASE_STOP_H

/* base/stop.h: the request to stop, the one thing besides the log level that every thread may look
 * at. SIGINT and SIGTERM set it; a second one has its default action and ends the process. */

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Blocks SIGINT and SIGTERM for this and all later threads, ignores SIGPIPE and starts the thread
 * `signals` that waits for them. Call once, before any other thread exists. */
void stop_init(void);

/* Ends that thread; once, after all others have ended. Signals stay blocked. */
void stop_fini(void);

/* Asks for the stop from inside the program, as a signal would. Any thread. */
void stop_request(void);

bool stop_requested(void);

/* Waits wait_ms, less when a stop is asked for; returns stop_requested(). Any thread. */
bool stop_wait(int64_t wait_ms);

/* 0, or -1 with ERR_STOPPING once a stop was asked for. */
int stop_check(struct err *err);

#endif
