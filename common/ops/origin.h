/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_ORIGIN_H
#define CYPHERLOG_OPS_ORIGIN_H

/* ops/origin.h: what Kafka knows of a snapshot's place in the log. */

#include "ops/setup.h"
#include "snapshot/manifest.h"

/* Fills cluster_id, and timestamp_ms where the record at last_offset is still in the log. Blocks a
 * few seconds. ERR_RETRY: Kafka does not answer; ERR_DIFFERS: the topic holds another record there,
 * and then neither is filled; ERR_CONFIG: Kafka refuses. */
MUST_CHECK int origin_ask(const struct setup *setup, struct manifest_position *position,
                          struct err *err);

#endif
