/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_TAPE_H
#define CYPHERLOG_BASE_TAPE_H

/* base/tape.h: one JSON text as a flat list of its values, for streams of millions of rows: nothing
 * is copied or allocated a value, and numbers keep their text, which jansson's trees do not. The
 * text is checked as RFC 8259 asks (grammar, escapes, surrogate pairs, UTF-8), so what a tape holds
 * can be decoded without failure. Pure. Elsewhere base/json.h is what to use.
 *
 * A value is followed by what is inside it: an array by its elements, an object by key, value, key,
 * value … `next` is the index of what follows the value itself. */

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tape_kind {
    TAPE_NULL,
    TAPE_FALSE,
    TAPE_TRUE,
    TAPE_INTEGER, /* digits, with or without "-", of any length */
    TAPE_REAL,    /* a number with a fraction or an exponent */
    TAPE_NAN,     /* the bare words that Python writes; only with TAPE_NONFINITE */
    TAPE_INFINITY,
    TAPE_MINUS_INFINITY,
    TAPE_STRING,
    TAPE_ARRAY,
    TAPE_OBJECT,
};

struct tape_value {
    enum tape_kind kind;
    bool escaped;  /* a string that holds a backslash */
    const char *p; /* number, or what stands between a string's quotes; in the text given */
    size_t len;
    size_t count; /* elements of an array, members of an object */
    size_t next;
};

struct tape {
    struct tape_value *v; /* v[0] is the whole text */
    size_t count;
    size_t size;
};

#define TAPE_NONFINITE 1u

/* Reads exactly one value from p[0..len-1], which must stay while the tape is used; what the tape
 * held before is forgotten, its memory kept. `struct tape t = {0};` is empty and ready. -1 with
 * ERR_DAMAGED: "json.syntax", "json.encoding" or "json.depth" (over JSON_DEPTH_MAX), and at which
 * byte. Not recursive. */
MUST_CHECK int tape_read(struct tape *t, const char *p, size_t len, unsigned flags,
                         struct err *err);
void tape_fini(struct tape *t);

/* Appends the string v as UTF-8. */
void tape_add_text(struct buf *out, const struct tape_value *v);

/* Is v a string equal to text? */
bool tape_is(const struct tape_value *v, const char *text);

/* The value of the member key of the object at index at; NULL when it has none, or it is no object.
 * Of several the first. */
const struct tape_value *tape_member(const struct tape *t, size_t at, const char *key);

/* The index of a value that is on the tape. */
size_t tape_index(const struct tape *t, const struct tape_value *v);

/* Whether v is an integer of 64 bits, as a number or as the text of one, which *out then holds. */
bool tape_int(const struct tape_value *v, int64_t *out);

/* Whether v is a number, a word such as NaN, or the text of either, which *out then is nearest to.
 */
bool tape_double(const struct tape_value *v, double *out);

#endif
