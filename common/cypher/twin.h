/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_TWIN_H
#define CYPHERLOG_CYPHER_TWIN_H

/* cypher/twin.h: texts that differ from one seen before in plain literals alone. What was found out
 * about that one, by reading its tokens several times, holds for them as it stands: no judgement of
 * this room looks into a plain literal, nor does what may stand in its place depend on it.
 *
 * Plain are: a string without quotes, backslashes and control characters inside, without two
 * underscores in a row, and with neither a blank nor a minus at its beginning; an integer of up to
 * 18 digits and a decimal fraction of up to 15, which begin with 1 to 9 and have a blank, a comma
 * or a bracket behind them. A number with a minus directly before it is no twin of one without. */

#include "cypher/lift.h"

#define TWINS_MAX 32    /* least recently used out */
#define TWIN_VALUES 24  /* a text with more literals has no twins */
#define TWIN_BYTES 4096 /* nor has a longer one */

struct twin {
    bool starts_tx, ends_tx; /* policy.h */
    const char *key;         /* lift.h: what all texts of its template have equal */
    size_t key_len;
    size_t count; /* of literals */
};

/* Where a literal is in a text, a string with its quotes. */
struct twin_value {
    size_t start, len;
};

struct twins; /* opaque; one thread */

struct twins *twins_new(void);
void twins_free(struct twins *s);

/* What is known of the twins of a text, and where its literals are; NULL: none was noted. Borrowed,
 * until the next twins_find or twins_add. */
const struct twin *twins_find(struct twins *s, const char *text, size_t len,
                              struct twin_value values[static TWIN_VALUES]);

/* Notes a text that policy lets pass, not alone and no schema command, in which freeze had nothing
 * to look at, with what lift_text made of it and what is known, which is copied. Texts in which a
 * literal is not plain, or with parameters, are passed over. */
void twins_add(struct twins *s, const char *text, size_t len, const struct lift *l,
               const struct twin *twin);

/* Appends a literal as JSON. */
void twin_add_value(const char *text, const struct twin_value *value, struct buf *out);

#endif
