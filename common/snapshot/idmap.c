/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/idmap.c: open addressing with linear probing; at seven tenths full the table moves to a
 * file twice as large. Blocks are allocated when the file is made: a full disk is an error there,
 * and not a SIGBUS at some later store. */
#include "snapshot/idmap.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS_MIN 1024

struct slot {
    int64_t id;
    struct idmap_node node;
    uint64_t used;
};

struct idmap {
    char *folder;
    struct slot *slots;
    size_t size, count; /* size: a power of two */
};

/* splitmix64's finisher (Steele, Lea, Flood 2014): ids are often dense. */
static size_t spread(int64_t id)
{
    uint64_t x = (uint64_t)id;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (size_t)(x ^ (x >> 31));
}

static int fail(const struct idmap *map, int error, struct err *err)
{
    return err_set(err, ERR_FATAL, "io", "working file in %s: %s", map->folder, strerror(error));
}

static int map_file(const struct idmap *map, size_t size, struct slot **out, struct err *err)
{
    struct buf name = {0};
    char *path = NULL;
    size_t bytes;
    int rc = -1, fd = -1, error;

    if (!mem_mul(size, sizeof(struct slot), &bytes))
        return fail(map, ENOMEM, err);
    buf_addf(&name, "%s/.cypherlog-ids-XXXXXX", map->folder);
    path = buf_take(&name);
    fd = mkstemp(path);
    if (fd < 0) {
        fail(map, errno, err);
        goto out;
    }
    unlink(path);
    error = posix_fallocate(fd, 0, (off_t)bytes);
    if (error != 0) {
        fail(map, error, err);
        goto out;
    }
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        fail(map, errno, err);
        goto out;
    }
    *out = p;
    rc = 0;
out:
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

int idmap_open(struct idmap **out, const char *folder, size_t count, struct err *err)
{
    struct idmap *map = mem_alloc(1, sizeof *map);

    map->folder = mem_strdup(folder);
    map->size = SLOTS_MIN;
    while (map->size / 10 * 7 <= count && map->size <= SIZE_MAX / 4)
        map->size *= 2;
    if (map_file(map, map->size, &map->slots, err) < 0) {
        idmap_close(map);
        return -1;
    }
    *out = map;
    return 0;
}

void idmap_close(struct idmap *map)
{
    if (map == NULL)
        return;
    if (map->slots != NULL)
        munmap(map->slots, map->size * sizeof *map->slots);
    free(map->folder);
    free(map);
}

/* The slot of id, or the empty one where it belongs. */
static struct slot *place(struct slot *slots, size_t size, int64_t id)
{
    size_t at = spread(id) & (size - 1);

    while (slots[at].used && slots[at].id != id)
        at = (at + 1) & (size - 1);
    return &slots[at];
}

static int grow(struct idmap *map, struct err *err)
{
    struct slot *slots;

    if (map_file(map, map->size * 2, &slots, err) < 0)
        return -1;
    for (size_t i = 0; i < map->size; i++)
        if (map->slots[i].used)
            *place(slots, map->size * 2, map->slots[i].id) = map->slots[i];
    munmap(map->slots, map->size * sizeof *map->slots);
    map->slots = slots;
    map->size *= 2;
    return 0;
}

int idmap_add(struct idmap *map, int64_t id, const struct idmap_node *node, struct err *err)
{
    if (map->count >= map->size / 10 * 7 && grow(map, err) < 0)
        return -1;
    struct slot *slot = place(map->slots, map->size, id);
    if (slot->used)
        return 1;
    *slot = (struct slot){.id = id, .node = *node, .used = 1};
    map->count++;
    return 0;
}

const struct idmap_node *idmap_find(const struct idmap *map, int64_t id)
{
    const struct slot *slot = place(map->slots, map->size, id);

    return slot->used ? &slot->node : NULL;
}

size_t idmap_count(const struct idmap *map)
{
    return map->count;
}
