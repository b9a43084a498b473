/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_SHAPE_H
#define CYPHERLOG_CYPHER_SHAPE_H

/* cypher/shape.h: texts that differ from one seen before in plain literals alone. What was found
 * out about that one, by reading its tokens several times, holds for them as it stands: no
 * judgement of this room looks into a plain literal, nor does what may stand in its place depend on
 * it.
 *
 * Plain are: a string without quotes, backslashes and control characters inside, without two
 * underscores in a row, and with neither a blank nor a minus at its beginning; an integer of up to
 * 18 digits and a decimal fraction of up to 15, which begin with 1 to 9 and have a blank, a comma
 * or a bracket behind them. A number with a minus directly before it is of another shape than one
 * without. */

#include "cypher/lift.h"

#define SHAPES_MAX 32    /* least recently used out */
#define SHAPE_VALUES 24  /* a text with more literals has no shape */
#define SHAPE_BYTES 4096 /* nor has a longer one */

struct shape {
    bool ends_tx; /* policy.h */
    char *key;    /* lift.h: what all texts of its template have equal */
    size_t key_len;
    size_t count; /* of literals */
};

/* Where a literal is in a text, a string with its quotes. */
struct shape_value {
    size_t start, len;
};

struct shapes; /* opaque; one thread */

struct shapes *shapes_new(void);
void shapes_free(struct shapes *s);

/* The shape of a text, and where its literals are; NULL: it has none that is known. Borrowed, until
 * the next shapes_find or shapes_add. */
const struct shape *shapes_find(struct shapes *s, const char *text, size_t len,
                                struct shape_value values[static SHAPE_VALUES]);

/* Notes the shape of a text that policy lets pass, not alone and no schema command, in which
 * nothing was frozen and nothing can be (chance_is_possible), with what lift_text made of it. Texts
 * in which a literal is not plain, or with parameters, are passed over. */
void shapes_add(struct shapes *s, const char *text, size_t len, struct lift *l, bool ends_tx);

/* Appends a literal as JSON. */
void shape_add_value(const char *text, const struct shape_value *value, struct buf *out);

#endif
