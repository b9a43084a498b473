/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_IDMAP_H
#define CYPHERLOG_SNAPSHOT_IDMAP_H

/* snapshot/idmap.h: what is known of each node, by its id: in a file that is mapped into memory, so
 * that three hundred million nodes need disk and not memory. Ids are any integers. Belongs to one
 * thread. */

#include "base/err.h"
#include "snapshot/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap; /* opaque */

struct idmap_node {
    struct digest hash; /* of the node */
    uint64_t tag;       /* the caller's */
};

/* Makes the file in folder, with room for count nodes; it grows, has no name and is gone with the
 * process. ERR_FATAL: "io". */
MUST_CHECK int idmap_open(struct idmap **out, const char *folder, size_t count, struct err *err);

/* The same with a name, for the next process, if this one is killed: what idmap_add added before is
 * in it. One that is there already is opened, whole as it is. */
MUST_CHECK int idmap_open_named(struct idmap **out, const char *folder, const char *name,
                                struct err *err);

void idmap_close(struct idmap *map);

/* Removes the name of a map that has one. */
void idmap_remove_name(struct idmap *map);

/* Removes the file that a process left with that name, if there is one. */
void idmap_forget(const char *folder, const char *name);

/* 0; 1: the id is there already, with what it had; -1: ERR_FATAL, "io", such as a full disk. */
MUST_CHECK int idmap_add(struct idmap *map, int64_t id, const struct idmap_node *node,
                         struct err *err);

/* NULL: there is none. Valid until the next idmap_add. */
struct idmap_node *idmap_find(const struct idmap *map, int64_t id);

size_t idmap_count(const struct idmap *map);

#endif
