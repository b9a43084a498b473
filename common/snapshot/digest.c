/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/digest.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put(unsigned char *out, uint64_t n, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(n >> (8 * i));
}

static uint64_t get(const unsigned char *p)
{
    uint64_t n = 0;

    for (size_t i = 0; i < 8; i++)
        n |= (uint64_t)p[i] << (8 * i);
    return n;
}

static void add_count(struct hash *h, size_t n)
{
    unsigned char le[4];

    put(le, n, sizeof le);
    hash_add(h, le, sizeof le);
}

static void add_text(struct hash *h, const struct entity *e, struct entity_slice s)
{
    add_count(h, s.len);
    hash_add(h, entity_text(e, s), s.len);
}

static void add_node(struct hash *h, const struct digest *node)
{
    unsigned char le[16];

    put(le, node->low, 8);
    put(le + 8, node->high, 8);
    hash_add(h, le, sizeof le);
}

struct digest digest_entity(struct hash *h, const struct entity *e, const struct digest *start,
                            const struct digest *end)
{
    unsigned char bytes[HASH_SIZE];

    hash_add(h, e->relationship ? "r" : "n", 1);
    if (e->relationship) {
        add_node(h, start);
        add_node(h, end);
    }
    add_count(h, e->label_count);
    for (size_t i = 0; i < e->label_count; i++)
        add_text(h, e, e->labels[i]);
    add_count(h, e->property_count);
    for (size_t i = 0; i < e->property_count; i++) {
        const struct entity_property *p = &e->properties[i];
        add_text(h, e, p->key);
        hash_add(h, entity_text(e, p->value), p->value.len);
    }
    hash_finish_bytes(h, bytes);
    return (struct digest){.low = get(bytes), .high = get(bytes + 8)};
}

void digest_add(struct digest *sum, const struct digest *one)
{
    sum->low += one->low;
    sum->high += one->high + (sum->low < one->low);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return a->low == b->low && a->high == b->high;
}

void digest_text(const struct digest *d, char out[static DIGEST_TEXT_SIZE])
{
    snprintf(out, DIGEST_TEXT_SIZE, "%016" PRIx64 "%016" PRIx64, d->high, d->low);
}

bool digest_parse(const char *text, struct digest *out)
{
    return strlen(text) == DIGEST_TEXT_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == DIGEST_TEXT_SIZE - 1 &&
           sscanf(text, "%16" SCNx64 "%16" SCNx64, &out->high, &out->low) == 2;
}
