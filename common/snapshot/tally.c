/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/tally.h"

#include "base/mem.h"

/* uthash asks how to end when memory is exhausted; mem_alloc has done so by then. */
#define uthash_malloc(size) mem_alloc(1, size)
#include <uthash.h>

#include <stdlib.h>
#include <string.h>

struct entry {
    struct tally_set set;
    char *key; /* labels with a NUL between: names hold none */
    size_t len;
    UT_hash_handle hh;
};

struct tally {
    struct entry *table;
    struct entry **order;
    size_t count, size;
    struct buf key;
};

struct tally *tally_new(void)
{
    return mem_alloc(1, sizeof(struct tally));
}

void tally_free(struct tally *t)
{
    if (t == NULL)
        return;
    HASH_CLEAR(hh, t->table);
    for (size_t i = 0; i < t->count; i++) {
        json_decref(t->order[i]->set.labels);
        free(t->order[i]->set.plain);
        free(t->order[i]->key);
        free(t->order[i]);
    }
    free(t->order);
    buf_fini(&t->key);
    free(t);
}

static struct entry *add_entry(struct tally *t, const struct entity *e)
{
    struct entry *entry = mem_alloc(1, sizeof *entry);

    entry->len = t->key.len;
    entry->key = mem_strndup(buf_str(&t->key), t->key.len);
    entry->set.index = t->count;
    entry->set.labels = json_array();
    for (size_t i = 0; i < e->label_count; i++)
        json_array_append_new(entry->set.labels,
                              json_stringn(entity_text(e, e->labels[i]), e->labels[i].len));
    if (t->count == t->size) {
        t->size = t->size > 0 ? t->size * 2 : 16;
        t->order = mem_realloc(t->order, t->size, sizeof *t->order);
    }
    t->order[t->count++] = entry;
    HASH_ADD_KEYPTR(hh, t->table, entry->key, entry->len, entry);
    return entry;
}

struct tally_set *tally_add(struct tally *t, const struct entity *e)
{
    struct entry *entry;

    buf_reset(&t->key);
    for (size_t i = 0; i < e->label_count; i++) {
        if (i > 0)
            buf_addc(&t->key, '\0');
        buf_add(&t->key, entity_text(e, e->labels[i]), e->labels[i].len);
    }
    HASH_FIND(hh, t->table, buf_str(&t->key), t->key.len, entry);
    if (entry == NULL)
        entry = add_entry(t, e);
    entry->set.count++;
    return &entry->set;
}

struct tally_set *tally_at(const struct tally *t, size_t index)
{
    return index < t->count ? &t->order[index]->set : NULL;
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    int order = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);

    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

json_t *tally_json(const struct tally *t, bool type)
{
    struct entry **sorted = mem_alloc(t->count + 1, sizeof *sorted);
    json_t *list = json_array();

    for (size_t i = 0; i < t->count; i++)
        sorted[i] = t->order[i];
    qsort(sorted, t->count, sizeof *sorted, by_key);
    for (size_t i = 0; i < t->count; i++) {
        const struct tally_set *set = &sorted[i]->set;
        json_t *name = type ? json_array_get(set->labels, 0) : set->labels;
        json_array_append_new(list, json_pack("{s:O,s:I}", type ? "type" : "labels", name, "count",
                                              (json_int_t)set->count));
    }
    free(sorted);
    return list;
}
