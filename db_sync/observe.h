/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_OBSERVE_H
#define CYPHERLOG_DB_SYNC_OBSERVE_H

/* db_sync/observe.h: what STATUS_LISTEN serves of db_sync. */

#include "db_sync/report.h"
#include "ops/httpd.h"

/* httpd_stop ends it, before report is freed; both are borrowed. *out is NULL where
 * STATUS_LISTEN is not set. ERR_CONFIG as httpd_start. */
MUST_CHECK int observe_start(struct httpd **out, const struct options *options,
                             struct report *report, struct err *err);

#endif
