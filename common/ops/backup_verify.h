/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_BACKUP_VERIFY_H
#define CYPHERLOG_OPS_BACKUP_VERIFY_H

/* ops/backup_verify.h: the subcommand verify, as those of backup.h. */

#include "ops/backup.h"
#include "snapshot/verify.h"

/* Proves a snapshot and, with --against-replica, compares it with the database: ERR_DIFFERS. */
MUST_CHECK int backup_verify(const struct backup_program *p, char *const *words, int count,
                             struct err *err);

/* Proves an open source, with progress; an error names its folder. */
MUST_CHECK int backup_verify_source(const struct backup_program *p, const struct source *source,
                                    struct verify_result *result, struct err *err);

#endif
