/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_WORD_H
#define CYPHERLOG_CYPHER_WORD_H

/* cypher/word.h: slices of a text beside words of ours. In the first two the letters of ASCII count
 * in any case, as in Cypher's keywords and the names of functions, whatever the locale. Pure. */

#include <stdbool.h>
#include <stddef.h>

/* p[0..len-1] is the word, which is not empty. For each word of a text lists of ours are tried one
 * by one, and nearly all differ in their first letter; word_is_rest is for word_is. */
bool word_is_rest(const char *p, size_t len, const char *word);

static inline bool word_is(const char *p, size_t len, const char *word)
{
    return len > 0 && ((p[0] ^ word[0]) & ~0x20) == 0 && word_is_rest(p, len, word);
}

/* p[0..len-1] fits a pattern in lower case: it is the same, or begins so where the pattern ends in
 * a *. */
bool word_fits(const char *p, size_t len, const char *pattern);

/* The bytes of word stand somewhere in p[0..len-1]. word is not empty. */
bool word_occurs(const char *p, size_t len, const char *word);

#endif
