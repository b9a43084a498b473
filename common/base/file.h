/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_FILE_H
#define CYPHERLOG_BASE_FILE_H

/* base/file.h: what POSIX leaves to its caller about files. */

#include "base/err.h"

#include <stddef.h>

/* Writes p[0..len-1] to fd, whatever interrupts it. Blocks as fd does. -1: errno says why; a part
 * may be written. */
MUST_CHECK int file_write(int fd, const char *p, size_t len);

/* Syncs the folder that holds path, so that a name made or renamed there survives a loss of power.
 * Blocks. -1: errno says why. */
MUST_CHECK int file_sync_parent(const char *path);

/* The folder for working files: TMPDIR, or /tmp. */
const char *file_work_folder(void);

#endif
