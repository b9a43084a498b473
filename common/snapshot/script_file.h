/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_SCRIPT_FILE_H
#define CYPHERLOG_SNAPSHOT_SCRIPT_FILE_H

/* snapshot/script_file.h: the file of an export, written as FILE.partial, which becomes FILE when
 * all of it is on disk. Compressed when its name ends in ".gz". Belongs to one thread. */

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_FILE_MARK "// cypherlog export " /* how the text must begin */

struct script_file; /* opaque */

struct script_file_conf {
    const char *path;
    bool replace;   /* a file that is there already */
    int level;      /* of gzip, 1 to 9 */
    size_t workers; /* threads that compress */
};

/* ERR_GUARD: FILE exists, and is not to be replaced or is no export; or another process writes it.
 * ERR_CONFIG: its folder is missing or may not be written. */
MUST_CHECK int script_file_open(struct script_file **out, const struct script_file_conf *conf,
                                struct err *err);

/* Removes what did not become FILE. */
void script_file_close(struct script_file *f);

/* Appends the text and leaves it empty. ERR_FATAL: "io". */
MUST_CHECK int script_file_add_take(struct script_file *f, struct buf *text, struct err *err);

/* All text was given: makes it FILE. *bytes: how large it is. */
MUST_CHECK int script_file_publish(struct script_file *f, int64_t *bytes, struct err *err);

#endif
