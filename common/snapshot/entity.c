/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/entity.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void entity_fini(struct entity *e)
{
    free(e->labels);
    free(e->properties);
    buf_fini(&e->bytes);
    *e = (struct entity){0};
}

void entity_reset(struct entity *e, bool relationship)
{
    e->relationship = relationship;
    e->id = e->start = e->end = 0;
    e->label_count = e->property_count = 0;
    buf_reset(&e->bytes);
}

static struct entity_slice add_text(struct entity *e, const char *p, size_t len)
{
    struct entity_slice slice = {e->bytes.len, len};

    buf_add(&e->bytes, p, len);
    return slice;
}

void entity_add_label(struct entity *e, const char *p, size_t len)
{
    if (e->label_count == e->label_size) {
        e->label_size = e->label_size > 0 ? e->label_size * 2 : 8;
        e->labels = mem_realloc(e->labels, e->label_size, sizeof *e->labels);
    }
    e->labels[e->label_count++] = add_text(e, p, len);
}

bool entity_has_label(const struct entity *e, const char *label)
{
    size_t len = strlen(label);

    for (size_t i = 0; !e->relationship && i < e->label_count; i++)
        if (e->labels[i].len == len && memcmp(entity_text(e, e->labels[i]), label, len) == 0)
            return true;
    return false;
}

void entity_begin_property(struct entity *e, const char *key, size_t len)
{
    if (e->property_count == e->property_size) {
        e->property_size = e->property_size > 0 ? e->property_size * 2 : 16;
        e->properties = mem_realloc(e->properties, e->property_size, sizeof *e->properties);
    }
    struct entity_property *p = &e->properties[e->property_count++];
    p->key = add_text(e, key, len);
    p->value = (struct entity_slice){e->bytes.len, 0};
}

void entity_end_property(struct entity *e)
{
    struct entity_property *p = &e->properties[e->property_count - 1];

    p->value.len = e->bytes.len - p->value.at;
}

static int compare(const struct entity *e, struct entity_slice a, struct entity_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = memcmp(entity_text(e, a), entity_text(e, b), n);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Entities have few labels and keys, and come nearly in order. */
static void sort_labels(struct entity *e)
{
    for (size_t i = 1; i < e->label_count; i++)
        for (size_t j = i; j > 0 && compare(e, e->labels[j - 1], e->labels[j]) > 0; j--) {
            struct entity_slice swap = e->labels[j];
            e->labels[j] = e->labels[j - 1];
            e->labels[j - 1] = swap;
        }
}

static void sift_down(struct entity *e, size_t root, size_t count)
{
    struct entity_property *p = e->properties;

    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && compare(e, p[child].key, p[child + 1].key) < 0)
            child++;
        if (compare(e, p[root].key, p[child].key) >= 0)
            return;
        struct entity_property swap = p[root];
        p[root] = p[child];
        p[child] = swap;
    }
}

/* A heap sort: qsort takes no context, and a file may hold a row with a hundred thousand keys. */
static void sort_properties(struct entity *e)
{
    bool sorted = true;

    for (size_t i = 1; i < e->property_count && sorted; i++)
        sorted = compare(e, e->properties[i - 1].key, e->properties[i].key) < 0;
    if (sorted)
        return;
    for (size_t i = e->property_count / 2; i-- > 0;)
        sift_down(e, i, e->property_count);
    for (size_t last = e->property_count; last-- > 1;) {
        struct entity_property swap = e->properties[0];
        e->properties[0] = e->properties[last];
        e->properties[last] = swap;
        sift_down(e, 0, last);
    }
}

static int refuse_twice(const struct entity *e, const char *what, struct entity_slice name,
                        struct err *err)
{
    char who[64];

    entity_name(e, who, sizeof who);
    return err_set(err, ERR_DAMAGED, "snapshot.twice", "%s has the %s %.*s twice", who, what,
                   (int)(name.len < 100 ? name.len : 100), entity_text(e, name));
}

/* Neo4j has no empty names, and none with a NUL. */
static bool is_name(const struct entity *e, struct entity_slice name)
{
    return name.len > 0 && memchr(entity_text(e, name), '\0', name.len) == NULL;
}

static int check_names(const struct entity *e, struct err *err)
{
    char who[64];
    bool good = true;

    for (size_t i = 0; i < e->label_count; i++)
        good = good && is_name(e, e->labels[i]);
    for (size_t i = 0; i < e->property_count; i++)
        good = good && is_name(e, e->properties[i].key);
    if (good)
        return 0;
    entity_name(e, who, sizeof who);
    return err_set(err, ERR_DAMAGED, "snapshot.name",
                   "%s has a label, type or property key that is empty or holds a NUL", who);
}

int entity_finish(struct entity *e, struct err *err)
{
    char who[64];

    if (buf_check(&e->bytes, "row", err) < 0)
        return -1;
    if (e->relationship && e->label_count != 1) {
        entity_name(e, who, sizeof who);
        return err_set(err, ERR_DAMAGED, "snapshot.type", "%s has no type", who);
    }
    if (check_names(e, err) < 0)
        return -1;
    sort_labels(e);
    sort_properties(e);
    for (size_t i = 1; i < e->label_count; i++)
        if (compare(e, e->labels[i - 1], e->labels[i]) == 0)
            return refuse_twice(e, "label", e->labels[i], err);
    for (size_t i = 1; i < e->property_count; i++)
        if (compare(e, e->properties[i - 1].key, e->properties[i].key) == 0)
            return refuse_twice(e, "property", e->properties[i].key, err);
    return 0;
}

const char *entity_text(const struct entity *e, struct entity_slice slice)
{
    return buf_str(&e->bytes) + slice.at;
}

void entity_name(const struct entity *e, char *out, size_t size)
{
    snprintf(out, size, "%s %" PRId64, e->relationship ? "relationship" : "node", e->id);
}
