/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_SOURCE_H
#define CYPHERLOG_SNAPSHOT_SOURCE_H

/* snapshot/source.h: an existing snapshot in a folder, of ours or of the older tool. */

#include "base/json.h"
#include "snapshot/entity.h"
#include "snapshot/manifest.h"
#include "snapshot/rows.h"

#include <stdbool.h>

struct source {
    char *path;
    int fd;                   /* of the folder */
    bool foreign;             /* no manifest: the older tool made it, nothing in it can be proved */
    struct manifest manifest; /* of a foreign one: layout, compressed and the files' names alone */
};

/* Opens the folder and reads what it is. ERR_DAMAGED: it is no snapshot, or its manifest is
 * damaged; ERR_GUARD: a later version made it; ERR_CONFIG: it is not there. End it with
 * source_close, also after an error. */
MUST_CHECK int source_open(struct source *out, const char *path, struct err *err);

/* The indexes and constraints that it names, as rebuild_schema takes them; the caller's.
 * Constraints that a foreign one has in a form that is not known are appended to left_out, as
 * texts. NULL with ERR_DAMAGED: a file of it is. */
MUST_CHECK json_t *source_schema(const struct source *s, json_t *left_out, struct err *err);
void source_close(struct source *s);

/* Gets each entity of a data file; valid during the call. -1 ends the reading. */
typedef int (*source_entity_fn)(void *arg, const struct entity *e, struct err *err);

/* Reads a data file to its end: every row an entity of the file's kind, in the snapshot's layout.
 * A replica's position node, which the older tool reads like any other, is passed over. *got is
 * what was read; nothing of it was compared with the manifest but that there is no more.
 * ERR_DAMAGED and the errors of rows_read. */
MUST_CHECK int source_read(const struct source *s, const struct manifest_file *file,
                           source_entity_fn on_entity, void *arg, struct rows_result *got,
                           struct err *err);

#endif
