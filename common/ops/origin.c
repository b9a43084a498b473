/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/origin.h"

#include "base/clock.h"
#include "kafka/reader.h"

#include <inttypes.h>
#include <string.h>

#define WAIT_MS 5000

/* The record's timestamp; -1: the log does not hold it any more. */
static int ask_timestamp(struct reader *reader, const struct manifest_position *p,
                         int64_t deadline_ms, int64_t *timestamp_ms, struct err *err)
{
    struct reader_look look;
    int64_t low, high;

    *timestamp_ms = -1;
    if (reader_watermarks(reader, &low, &high, err) < 0)
        return -1;
    if (p->last_offset < low) /* -1: there is none */
        return 0;
    if (reader_look_at(reader, p->last_offset, deadline_ms, &look, err) < 0)
        return -1;
    *timestamp_ms = look.timestamp_ms;
    if (strcmp(look.fingerprint, p->fingerprint) == 0)
        return 0;
    return err_set(err, ERR_DIFFERS, "log.another",
                   "%s[0]: the record at %" PRId64 " is not the one that this replica applied",
                   p->topic, p->last_offset);
}

int origin_ask(const struct setup *setup, struct manifest_position *position, struct err *err)
{
    struct kafka_conf kafka = setup_kafka(setup, "snapshot");
    struct reader_conf conf = {
        .kafka = &kafka, .topic = position->topic, .group_id = "snapshot", .queue_bytes = 1 << 20};
    int64_t deadline = clock_mono_ms() + WAIT_MS, timestamp;
    struct reader *reader = NULL;
    int rc = -1;

    if (reader_open(&reader, &conf, err) == 0 && reader_check_topic(reader, deadline, err) == 0 &&
        ask_timestamp(reader, position, deadline, &timestamp, err) == 0) {
        reader_cluster_id(reader, position->cluster_id, sizeof position->cluster_id, WAIT_MS);
        position->timestamp_ms = timestamp;
        rc = 0;
    }
    reader_close(reader);
    return rc;
}
