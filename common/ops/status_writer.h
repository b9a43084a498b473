/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_STATUS_WRITER_H
#define CYPHERLOG_OPS_STATUS_WRITER_H

/* ops/status_writer.h: the producer of a program's record on the status topic. Never fails: a
 * status that cannot be sent is logged (debug), and the next one tells more. Belongs to one thread.
 */

#include "ops/setup.h"

#include <stdint.h>

struct status_writer; /* opaque */

/* topic: full name. Both are copied, setup is borrowed. The record's key is <replica>/<program>. */
struct status_writer *status_writer_new(const struct setup *setup, const char *topic,
                                        const char *replica, const char *program);

/* Queues a status, JSON text; does not wait for Kafka. */
void status_writer_send(struct status_writer *w, const char *text);

/* Serves delivery reports; to be called now and then. */
void status_writer_serve(struct status_writer *w);

/* Waits up to flush_ms for what was queued, and frees w; NULL does nothing. */
void status_writer_close(struct status_writer *w, int64_t flush_ms);

#endif
