/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/batch.h"

#include "base/mem.h"
#include "neo4j/jolt.h"
#include "snapshot/shape.h"

#define uthash_malloc(size) mem_alloc(1, size)
#include <uthash.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Entities of one shape. */
struct group {
    char *text;
    size_t text_len, index;
    struct buf rows; /* without brackets */
    size_t count, made;
    UT_hash_handle hh;
};

struct batch {
    bool nodes, typed;
    struct group *table;
    struct group **groups; /* in the order of their first row */
    size_t group_count, group_size;
    struct batch_node *members;
    size_t rows, member_size, bytes;
    struct buf text;
};

struct batch *batch_new(bool nodes, bool typed)
{
    struct batch *b = mem_alloc(1, sizeof *b);

    b->nodes = nodes;
    b->typed = typed;
    return b;
}

void batch_free(struct batch *b)
{
    if (b == NULL)
        return;
    HASH_CLEAR(hh, b->table);
    for (size_t i = 0; i < b->group_count; i++) {
        free(b->groups[i]->text);
        buf_fini(&b->groups[i]->rows);
        free(b->groups[i]);
    }
    free(b->groups);
    free(b->members);
    buf_fini(&b->text);
    free(b);
}

static struct group *find_group(struct batch *b, const struct entity *e)
{
    struct group *g;

    buf_reset(&b->text);
    shape_add_text(&b->text, e, b->typed);
    HASH_FIND(hh, b->table, buf_str(&b->text), b->text.len, g);
    return g;
}

static struct group *group_of(struct batch *b, const struct entity *e)
{
    struct group *g = find_group(b, e);

    if (g != NULL)
        return g;
    g = mem_alloc(1, sizeof *g);
    g->text_len = b->text.len;
    g->text = mem_strndup(buf_str(&b->text), b->text.len);
    g->index = b->group_count;
    HASH_ADD_KEYPTR(hh, b->table, g->text, g->text_len, g);
    if (b->group_count == b->group_size) {
        b->group_size = b->group_size > 0 ? b->group_size * 2 : 16;
        b->groups = mem_realloc(b->groups, b->group_size, sizeof *b->groups);
    }
    b->groups[b->group_count++] = g;
    b->bytes += g->text_len;
    return g;
}

static void add_row(struct batch *b, const struct entity *e, int64_t first, int64_t second)
{
    struct group *g = group_of(b, e);
    size_t before = g->rows.len;

    if (g->count > 0)
        buf_addc(&g->rows, ',');
    shape_add_row(&g->rows, e, first, second, b->typed);
    g->count++;
    b->rows++;
    b->bytes += g->rows.len - before;
}

void batch_add_node(struct batch *b, const struct entity *e, const struct digest *hash)
{
    if (b->rows == b->member_size) {
        b->member_size = b->member_size > 0 ? b->member_size * 2 : 64;
        b->members = mem_realloc(b->members, b->member_size, sizeof *b->members);
    }
    b->members[b->rows] = (struct batch_node){.id = e->id, .hash = *hash};
    add_row(b, e, (int64_t)b->rows, 0);
}

void batch_add_relationship(struct batch *b, const struct entity *e, int64_t start, int64_t end)
{
    add_row(b, e, start, end);
}

bool batch_takes(struct batch *b, const struct entity *e)
{
    return !b->typed || b->rows == 0 || find_group(b, e) != NULL;
}

bool batch_has_nodes(const struct batch *b)
{
    return b->nodes;
}

bool batch_is_typed(const struct batch *b)
{
    return b->typed;
}

size_t batch_rows(const struct batch *b)
{
    return b->rows;
}

size_t batch_bytes(const struct batch *b)
{
    return b->bytes;
}

size_t batch_shapes(const struct batch *b)
{
    return b->group_count;
}

/* The texts are of names alone: what goes between them is no JSON string yet. */
static void add_text(struct buf *out, const char *prefix, const char *guard, const struct group *g)
{
    struct buf text = {0};

    buf_adds(&text, prefix);
    buf_adds(&text, guard);
    buf_add(&text, g->text, g->text_len);
    buf_adds(out, "{\"statement\":");
    buf_add_json(out, buf_str(&text), text.len);
    buf_fini(&text);
}

void batch_add_statement(struct buf *out, const struct batch *b, size_t i, const char *prefix)
{
    add_text(out, prefix, "", b->groups[i]);
    buf_adds(out, ",\"parameters\":{\"rows\":[");
    buf_add(out, buf_str(&b->groups[i]->rows), b->groups[i]->rows.len);
    buf_adds(out, "]}}");
}

void batch_add_typed_statement(struct buf *out, const struct batch *b, const char *prefix,
                               const char *guard, const char *guard_params)
{
    add_text(out, prefix, guard, b->groups[0]);
    buf_addf(out, ",\"parameters\":{%s,\"rows\":{\"$type\":\"List\",\"_value\":[", guard_params);
    buf_add(out, buf_str(&b->groups[0]->rows), b->groups[0]->rows.len);
    buf_adds(out, "]}}}");
}

static int refuse(struct err *err)
{
    return err_set(err, ERR_FATAL, "restore.answer",
                   "Neo4j made other entities than it was asked to");
}

/* Of nodes [row, id()], of relationships [how many]. */
int batch_take_row(struct batch *b, size_t i, const json_t *row, struct err *err)
{
    struct group *g = i < b->group_count ? b->groups[i] : NULL;
    int64_t n = 0, id = 0;

    if (g == NULL || !jolt_integer(json_array_get(row, 0), &n) || n < 0)
        return refuse(err);
    if (!b->nodes) {
        g->made = (size_t)n;
        return 0;
    }
    if ((size_t)n >= b->rows || !jolt_integer(json_array_get(row, 1), &id))
        return refuse(err);
    b->members[n].made_id = id;
    b->members[n].made = true;
    return 0;
}

int batch_check(const struct batch *b, struct err *err)
{
    for (size_t i = 0; b->nodes && i < b->rows; i++)
        if (!b->members[i].made)
            return refuse(err);
    for (size_t i = 0; !b->nodes && i < b->group_count; i++)
        if (b->groups[i]->made != b->groups[i]->count)
            return refuse(err);
    return 0;
}

void batch_forget(struct batch *b)
{
    for (size_t i = 0; b->nodes && i < b->rows; i++)
        b->members[i].made = false;
    for (size_t i = 0; i < b->group_count; i++)
        b->groups[i]->made = 0;
}

struct batch_node *batch_nodes(struct batch *b)
{
    return b->members;
}
