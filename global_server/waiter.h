/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_WAITER_H
#define GLOBAL_SERVER_WAITER_H

/* global_server/waiter.h: the thread that holds requests whose min_offset the replica has not
 * reached. It reads the position for all of them, so none of them holds a connection. */

#include "base/queue.h"
#include "global_server/lanes.h"
#include "global_server/replica.h"

struct waiter; /* opaque */

struct waiter_conf {
    const struct setup *setup;
    const char *command_topic; /* full name */
    struct queue *waiting;     /* taken from; ends the thread when it is closed */
    struct lanes *lanes;       /* gets back what need not wait any more, or has waited too long */
    struct flight *flight;
};

MUST_CHECK int waiter_start(struct waiter **out, const struct waiter_conf *conf, struct err *err);
void waiter_stop(struct waiter *w);

#endif
