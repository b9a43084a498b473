/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_ENTITY_H
#define CYPHERLOG_SNAPSHOT_ENTITY_H

/* snapshot/entity.h: one node or relationship on its way between a database and a backup. Its
 * memory is used again for the next one. Pure. */

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes inside entity.bytes, which may move while it grows. */
struct entity_slice {
    size_t at, len;
};

struct entity_property {
    struct entity_slice key;   /* UTF-8 */
    struct entity_slice value; /* one value, as value.h has it */
};

struct entity {
    bool relationship;
    int64_t id;         /* of the database it was read from, or of the backup */
    int64_t start, end; /* of a relationship: ids of its nodes */
    size_t label_count; /* of a node; of a relationship 1, which is its type */
    struct entity_slice *labels;
    size_t property_count;
    struct entity_property *properties;
    struct buf bytes;
    size_t label_size, property_size; /* what is allocated */
};

/* `struct entity e = {0};` is a node with nothing. */
void entity_fini(struct entity *e);

/* Forgets all but the memory. */
void entity_reset(struct entity *e, bool relationship);

/* Adds a label; of a relationship its type. */
void entity_add_label(struct entity *e, const char *p, size_t len);

/* Whether it is a node with that label. */
bool entity_has_label(const struct entity *e, const char *label);

/* A property: its key, then exactly one value appended to e->bytes, then its end. */
void entity_begin_property(struct entity *e, const char *key, size_t len);
void entity_end_property(struct entity *e);

/* Sorts labels and properties by their bytes: equal entities are then equal in memory. -1 with
 * ERR_DAMAGED: a label or key twice, empty or with a NUL, a relationship without exactly one
 * type, or no room. */
MUST_CHECK int entity_finish(struct entity *e, struct err *err);

/* The beginning of a slice. */
const char *entity_text(const struct entity *e, struct entity_slice slice);

/* "node 12", "relationship 7": for error texts. */
void entity_name(const struct entity *e, char *out, size_t size);

#endif
