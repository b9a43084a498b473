/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/template.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* uthash asks how to end when memory is exhausted; mem_alloc has done so by then. */
#define uthash_malloc(size) mem_alloc(1, size)
#include <uthash.h>

struct entry {
    struct template template;
    char *key;
    size_t key_len;
    UT_hash_handle hh;
};

/* uthash keeps the order in which entries came: the first is the one used longest ago. */
struct templates {
    struct entry *entries, *last; /* last: the one used last, NULL: it is gone */
    size_t bytes;                 /* of the keys */
};

static void empty(struct template *t)
{
    for (size_t i = 0; i < t->name_count; i++)
        buf_fini(&t->names[i]);
    free(t->names);
    buf_fini(&t->head);
    buf_fini(&t->branch);
    t->names = NULL;
    t->name_count = 0;
}

static void drop(struct templates *t, struct entry *entry)
{
    HASH_DEL(t->entries, entry);
    t->last = t->last != entry ? t->last : NULL;
    t->bytes -= entry->key_len;
    empty(&entry->template);
    free(entry->key);
    free(entry);
}

struct templates *templates_new(void)
{
    return mem_alloc(1, sizeof(struct templates));
}

void templates_free(struct templates *t)
{
    while (t != NULL && t->entries != NULL)
        drop(t, t->entries);
    free(t);
}

static struct entry *add(struct templates *t, const struct command *c)
{
    struct entry *entry = mem_alloc(1, sizeof *entry);

    entry->template.slot = -1;
    entry->key_len = c->lifted.key_len;
    entry->key = mem_alloc(1, entry->key_len);
    memcpy(entry->key, c->lifted.bytes, entry->key_len);
    HASH_ADD_KEYPTR(hh, t->entries, entry->key, entry->key_len, entry);
    t->bytes += entry->key_len;
    return entry;
}

static struct entry *find(struct templates *t, const struct command *c)
{
    const struct command_lifted *lifted = &c->lifted;
    struct entry *entry = t->last;

    if (entry != NULL && entry->key_len == lifted->key_len &&
        memcmp(entry->key, lifted->bytes, lifted->key_len) == 0)
        return entry;
    HASH_FIND(hh, t->entries, lifted->bytes, lifted->key_len, entry);
    if (entry == NULL)
        return add(t, c);
    if (entry->hh.next != NULL) { /* to the end, as the one used last */
        HASH_DEL(t->entries, entry);
        HASH_ADD_KEYPTR(hh, t->entries, entry->key, entry->key_len, entry);
    }
    return entry;
}

struct template *templates_find(struct templates *t, const struct command *c)
{
    if (c->lifted.key_len == 0)
        return NULL;
    t->last = find(t, c);
    struct template *found = &t->last->template;
    if (++found->uses >= TEMPLATE_USES && found->state == TEMPLATE_NEW)
        found->state = TEMPLATE_READY;
    return found;
}

void templates_trim(struct templates *t)
{
    struct entry *entry = t->entries, *next;

    for (; entry != NULL &&
           (HASH_COUNT(t->entries) > TEMPLATES_MAX || t->bytes > TEMPLATES_MAX_BYTES);
         entry = next) {
        next = entry->hh.next;
        if (entry->template.slot < 0)
            drop(t, entry);
    }
}

void templates_retry(struct templates *t)
{
    for (struct entry *entry = t->entries; entry != NULL; entry = entry->hh.next)
        if (entry->template.state != TEMPLATE_NEW)
            entry->template.state = TEMPLATE_READY;
}

size_t templates_best(struct templates *t, struct template **best, size_t most)
{
    size_t n = 0;

    for (struct entry *entry = t->entries; entry != NULL; entry = entry->hh.next) {
        struct template *one = &entry->template;
        size_t at = n;
        if (one->state == TEMPLATE_TRUSTED && one->branch.len > 0) {
            while (at > 0 && best[at - 1]->uses < one->uses)
                at--;
            if (n < most)
                n++;
            if (at < n) {
                memmove(best + at + 1, best + at, (n - at - 1) * sizeof *best);
                best[at] = one;
            }
        }
    }
    for (struct entry *entry = t->entries; entry != NULL; entry = entry->hh.next)
        entry->template.uses = (entry->template.uses + 1) / 2;
    return n;
}

static void add_name(const struct lift *lift, size_t hole, const char *text, struct buf *out)
{
    const struct lift_hole *h = &lift->holes[hole];

    if (h->name_len > 0)
        buf_add_json(out, text + h->name, h->name_len);
    else
        buf_addf(out, "\"" LIFT_NAME "%zu\"", hole);
    buf_addc(out, ':');
}

void template_trust_take(struct template *t, const struct lift *lift, const char *text,
                         struct buf *branch)
{
    struct buf with = {0};

    empty(t);
    lift_add_text(lift, text, &with);
    buf_adds(&t->head, "{\"statement\":");
    buf_add_json(&t->head, buf_str(&with), with.len);
    buf_adds(&t->head, ",\"parameters\":{");
    t->name_count = lift->hole_count;
    t->names = mem_alloc(t->name_count, sizeof *t->names);
    for (size_t i = 0; i < t->name_count; i++)
        add_name(lift, i, text, &t->names[i]);
    t->branch = *branch;
    *branch = (struct buf){0};
    t->yields = lift->yields;
    t->state = TEMPLATE_TRUSTED;
    buf_fini(&with);
}

void template_add_statement(const struct template *t, const struct command *c, struct buf *out)
{
    const struct command_lifted *lifted = &c->lifted;
    size_t begin = lifted->key_len;

    buf_add(out, t->head.data, t->head.len);
    for (size_t i = 0; i < t->name_count; begin = lifted->ends[i++]) {
        buf_adds(out, i > 0 ? "," : "");
        buf_add(out, t->names[i].data, t->names[i].len);
        buf_add(out, lifted->bytes + begin, lifted->ends[i] - begin);
    }
    buf_adds(out, "}}");
}
