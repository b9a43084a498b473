/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_BACKUP_EXPORT_H
#define CYPHERLOG_OPS_BACKUP_EXPORT_H

/* ops/backup_export.h: the subcommand export, as those of backup.h. */

#include "ops/backup.h"

MUST_CHECK int backup_export(const struct backup_program *p, char *const *words, int count,
                             struct err *err);

#endif
