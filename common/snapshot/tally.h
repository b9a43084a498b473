/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_TALLY_H
#define CYPHERLOG_SNAPSHOT_TALLY_H

/* snapshot/tally.h: how many entities there are of each label set, or of each type. Pure. */

#include "base/json.h"
#include "snapshot/entity.h"

#include <stddef.h>
#include <stdint.h>

struct tally; /* opaque */

struct tally_set {
    size_t index; /* from 0, in the order of first appearance */
    int64_t count;
    json_t *labels; /* an array of texts, sorted; of relationships the type alone */
    char *plain;    /* as layout_add_labels has them: for the caller to set, freed with the tally */
};

struct tally *tally_new(void);
void tally_free(struct tally *t);

/* Counts the entity. Borrowed. */
struct tally_set *tally_add(struct tally *t, const struct entity *e);

/* The set with that index; NULL beyond the last. Borrowed. */
struct tally_set *tally_at(const struct tally *t, size_t index);

/* [{"labels": […], "count": n}, …], sorted by labels; with type true [{"type": "T", "count": n},
 * …]. The caller owns it. */
json_t *tally_json(const struct tally *t, bool type);

#endif
