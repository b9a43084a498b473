/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_BOARD_H
#define CYPHERLOG_OPS_BOARD_H

/* ops/board.h: what all programs tell on the status topic, followed on a thread of its own
 * (`board`) for those who look at this program's page. */

#include "base/buf.h"
#include "ops/setup.h"

#include <stdint.h>

struct board; /* opaque */

struct board_conf {
    const struct setup *setup; /* outlives the board */
    const char *topic;         /* STATUS_TOPIC, without prefix */
    const char *client_id;
    int64_t interval_ms; /* STATUS_INTERVAL, taken for everyone's */
};

struct board *board_new(const struct board_conf *conf);

/* Starts the thread, which waits for Kafka by itself; where it may not read the topic it says so
 * once in the log (`statuses_unread`), and to those who look. ERR_FATAL: no thread. */
MUST_CHECK int board_start(struct board *b, struct err *err);

/* Ends the thread, if it was started, after a stop was requested (base/stop); NULL does nothing. */
void board_free(struct board *b);

/* Appends what is known, a JSON object: README, "Operate it". Of the histories only what is later
 * than the step since; -1: all. Any thread; waits for no one. */
void board_add(struct board *b, int64_t since, struct buf *out);

#endif
