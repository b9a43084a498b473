/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_DIGEST_H
#define CYPHERLOG_SNAPSHOT_DIGEST_H

/* snapshot/digest.h: a number that equal graphs have in common, whatever their internal ids and the
 * order they are read in: the sum, modulo 2^128, of the hashes of all entities. Two graphs that
 * differ only in which of two identical nodes a relationship ends at have the same one too. Pure.
 *
 * The hash of an entity is the first 16 bytes of a SHA-256 (FIPS 180-4), as a little-endian number,
 * over: 'n' or 'r'; of a relationship the hashes of its start and its end node; u32 how many labels
 * (of a relationship 1: its type), each as u32 length and UTF-8, sorted by their bytes; u32 how
 * many properties, each as u32 length and UTF-8 of its key and then its value as neo4j/value.h
 * has it, sorted by the keys' bytes. All numbers little-endian. */

#include "base/hash.h"
#include "snapshot/entity.h"

#include <stdbool.h>
#include <stdint.h>

#define DIGEST_TEXT_SIZE 33

struct digest {
    uint64_t low, high;
};

/* The hash of an entity that entity_finish has seen; start and end are the hashes of a
 * relationship's nodes. h is empty before and after. */
struct digest digest_entity(struct hash *h, const struct entity *e, const struct digest *start,
                            const struct digest *end);

void digest_add(struct digest *sum, const struct digest *one);
bool digest_equal(const struct digest *a, const struct digest *b);

/* 32 lower-case hexadecimal digits, the highest first. */
void digest_text(const struct digest *d, char out[static DIGEST_TEXT_SIZE]);
MUST_CHECK bool digest_parse(const char *text, struct digest *out);

#endif
