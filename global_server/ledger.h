/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_LEDGER_H
#define GLOBAL_SERVER_LEDGER_H

/* global_server/ledger.h: which requests of a claim are settled, and what to commit for them. Pure.
 *
 * Requests finish in any order, but Kafka keeps one offset for each partition: the first request
 * that is not settled. What is settled beyond it goes into the metadata of that offset, in the same
 * transaction, and whoever owns the partition next skips it. So a slow request holds up none of the
 * others, and each is answered once.
 *
 * The metadata: "2;" and for each run of settled offsets two numbers: how far its first one is from
 * the last of the run before (of the first run: from the committed offset), and how far its last
 * one is from its first. Commit 10 with 12, 13 and 20 settled is "2;2,1,7,0". Every record between
 * the ends of a run is settled; offsets that are no records (of transactions' markers) may lie
 * there too. So it is short however much is settled, as long as few requests are not. */

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many pairs of 19 digits and a comma fit in Kafka's offset.metadata.max.bytes (4096). */
#define LEDGER_RUNS_MAX 101
#define LEDGER_METADATA_SIZE 4096

/* Offsets from first to last. */
struct ledger_run {
    int64_t first, last;
};

/* Ascending, and apart from each other. */
struct ledger_set {
    struct ledger_run runs[LEDGER_RUNS_MAX];
    size_t count;
};

/* Reads what a former owner left beside its committed offset. "" and what is not in this form (a
 * person's own commit) is an empty set; an offset that is read anew is answered twice, one that is
 * skipped wrongly never: in doubt nothing is skipped. */
void ledger_set_read(struct ledger_set *set, int64_t committed, const char *metadata);

bool ledger_set_has(const struct ledger_set *set, int64_t offset);

struct ledger; /* opaque: all partitions of one claim */

struct ledger *ledger_new(void);
struct ledger *ledger_dup(const struct ledger *l);
void ledger_free(struct ledger *l);

/* committed: -1 when the group has none for the partition; commits then begin at 0, which a log
 * that starts later answers with its start (auto.offset.reset=earliest). */
void ledger_add_partition(struct ledger *l, int32_t partition, int64_t committed,
                          const struct ledger_set *skip);

/* False when too much is settled beyond the first request that is not: this one must wait.
 * sequence counts the requests of its partition in the claim: 0, 1, 2, …, skipped ones left out.
 * spare: runs that it must leave to others, who may settle as many requests before it does. */
bool ledger_may_settle(const struct ledger *l, int32_t partition, int64_t sequence, size_t spare);

/* The request is settled; ledger_may_settle must have said so. */
void ledger_settle(struct ledger *l, int32_t partition, int64_t sequence, int64_t offset);

struct ledger_commit {
    int32_t partition;
    int64_t offset;
    char metadata[LEDGER_METADATA_SIZE];
};

/* What changed since the last call: fills out[0..max-1], returns how many; call again for more. */
size_t ledger_take_commits(struct ledger *l, struct ledger_commit *out, size_t max);

#endif
