/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_CMD_RESEND_H
#define CYPHERLOG_DB_SYNC_CMD_RESEND_H

/* db_sync/cmd_resend.h: `db_sync send --dead-letters`: sends again what lies on the fail topic,
 * once its cause is gone. */

#include "db_sync/options.h"

/* Reads the fail topic, chooses by --offsets and --code, shows a row a letter and sends the
 * commands again in the order of the log, or, with --dry-run, does not. A command that some replica
 * has applied is not sent, for it would be applied there twice, nor one that every db_sync would
 * refuse again, unless --unchecked. ERR_USAGE: nothing is chosen; ERR_CONFIG, ERR_RETRY;
 * ERR_POISON: some were not sent. */
MUST_CHECK int cmd_resend(const struct options *options, struct err *err);

#define RESEND_RANGES_MAX 100

struct resend_ranges {
    int64_t from[RESEND_RANGES_MAX], to[RESEND_RANGES_MAX]; /* both included */
    int count;
};

/* Reads "12,15,20-30". ERR_USAGE. Pure. */
MUST_CHECK int resend_read_ranges(const char *text, struct resend_ranges *out, struct err *err);

#endif
