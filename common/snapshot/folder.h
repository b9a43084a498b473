/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_FOLDER_H
#define CYPHERLOG_SNAPSHOT_FOLDER_H

/* snapshot/folder.h: the folder of a snapshot while it is being made: DEST.partial, which becomes
 * DEST by a rename when all is on disk. What is interrupted leaves nothing that looks complete. */

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct folder; /* opaque */

/* Makes dest.partial with the folder data in it; what an interrupted run left there goes.
 * ERR_GUARD: dest exists and replace is false, or another run makes it now; ERR_CONFIG: there is no
 * such place. With replace an existing dest must be a snapshot, or an empty folder. */
MUST_CHECK int folder_open(struct folder **out, const char *dest, bool replace, struct err *err);

/* Without folder_publish what was made is removed. */
void folder_close(struct folder *f);

/* "DEST.partial". Borrowed. */
const char *folder_path(const struct folder *f);

/* Writes one small file, whole and synced. */
MUST_CHECK int folder_write(struct folder *f, const char *name, const char *p, size_t len,
                            struct err *err);

/* Syncs the folders and puts dest in its place; an older one goes only then. */
MUST_CHECK int folder_publish(struct folder *f, struct err *err);

#endif
