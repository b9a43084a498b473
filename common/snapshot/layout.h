/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_LAYOUT_H
#define CYPHERLOG_SNAPSHOT_LAYOUT_H

/* snapshot/layout.h: an entity as a row of a backup's data files, in the two layouts of
 * neo4j-backup: typed (its versions 0.2) and literal (1.0). Pure.
 *
 * What its importer would read wrongly, or fail at, and what the layout cannot say stands in one
 * more field of the row, which it passes over:
 *
 *   "cypherlog": {"labels": [exact labels], "type": "exact type",
 *                 "props": {key: value in the notation of snapshot/exact.h}}
 *
 * each member only where the plain fields are not exact. A property there replaces the plain one;
 * one that its importer would fail at stands there alone. A node without a label that it could take
 * has LAYOUT_STAND_IN in the plain field. */

#include "snapshot/entity.h"

enum layout { LAYOUT_TYPED, LAYOUT_LITERAL };

#define LAYOUT_STAND_IN "_unlabelled"

/* Names in settings and the manifest: "typed", "literal". */
const char *layout_name(enum layout layout);

/* Whether the older tool can splice a name into its Cypher as it is. */
bool layout_is_plain_name(const char *p, size_t len);

/* Appends the labels that the older tool is to see, as its layout has them: a JSON array, or one
 * string. */
void layout_add_labels(struct buf *out, enum layout layout, const struct entity *node);

/* Appends a type as the older tool is to splice it: in backticks where it needs them. */
void layout_add_type_name(struct buf *out, const char *type, size_t len);

/* The ends of a relationship as the typed layout wants them: each a JSON array that
 * layout_add_labels wrote. */
struct layout_ends {
    const char *start_labels, *end_labels;
};

/* Appends the entity as one JSON object on one line. id takes the place of a relationship's own.
 * ends is for relationships in the typed layout; NULL otherwise. */
void layout_write(struct buf *out, enum layout layout, const struct entity *e, int64_t id,
                  const struct layout_ends *ends);

#endif
