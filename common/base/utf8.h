/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_UTF8_H
#define CYPHERLOG_BASE_UTF8_H

/* base/utf8.h: what is UTF-8 (RFC 3629, section 4). Pure. */

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* How many bytes the character at p[0] has, of left bytes that are there (at least one); 0: what
 * stands there is not UTF-8. */
size_t utf8_size(const char *p, size_t left);

/* Is all of p[0..len-1] UTF-8? */
bool utf8_is(const char *p, size_t len);

/* The code point of a character of size bytes, as utf8_size found it. */
uint32_t utf8_code_point(const char *p, size_t size);

/* Appends the character with that code point (at most 0x10ffff), half of a surrogate pair too. */
void utf8_add(struct buf *out, uint32_t code_point);

/* Puts "?" in the place of every byte of the string s that is not part of UTF-8. */
void utf8_clean(char *s);

#endif
