/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/idmap.c: open addressing with linear probing; at seven tenths full the table moves to a
 * file twice as large. Blocks are allocated when the file is made: a full disk is an error there,
 * and not a SIGBUS at some later store. */
#include "snapshot/idmap.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS_MIN 1024
#define NEXT ".next"
#define USED 0x736c6f7475736564u /* what no file of another kind has there */

struct slot {
    int64_t id;
    struct idmap_node node;
    _Atomic uint64_t used; /* written last: a process that is killed leaves whole slots */
};

struct idmap {
    char *folder;
    char *path, *next; /* of the file, if it has a name, and of the one that will take its place */
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

static int map_fd(const struct idmap *map, int fd, size_t bytes, struct slot **out, struct err *err)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (p == MAP_FAILED)
        return fail(map, errno, err);
    *out = p;
    return 0;
}

/* A new file: without a name from here on, or with one that only the next table of this map has, so
 * that a process that is killed leaves nothing that nobody looks for. */
static int new_file(const struct idmap *map, struct err *err)
{
    struct buf path = {0};
    int fd;

    if (map->next != NULL) {
        unlink(map->next);
        fd = open(map->next, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    } else {
        buf_addf(&path, "%s/.cypherlog-ids-XXXXXX", map->folder);
        fd = mkstemp(path.data);
        if (fd >= 0)
            unlink(path.data);
    }
    if (fd < 0)
        fail(map, errno, err);
    buf_fini(&path);
    return fd;
}

static int make_file(const struct idmap *map, size_t size, struct slot **out, struct err *err)
{
    size_t bytes;

    if (!mem_mul(size, sizeof(struct slot), &bytes))
        return fail(map, ENOMEM, err);
    int fd = new_file(map, err);
    if (fd < 0)
        return -1;
    int error = posix_fallocate(fd, 0, (off_t)bytes);
    int rc = error != 0 ? fail(map, error, err) : map_fd(map, fd, bytes, out, err);
    close(fd);
    if (rc < 0 && map->next != NULL)
        unlink(map->next);
    return rc;
}

/* A table is whole before it gets the map's name. */
static int settle_name(const struct idmap *map, struct err *err)
{
    return map->next != NULL && rename(map->next, map->path) < 0 ? fail(map, errno, err) : 0;
}

static int make_table(struct idmap *map, struct err *err)
{
    return make_file(map, map->size, &map->slots, err) < 0 ? -1 : settle_name(map, err);
}

int idmap_open(struct idmap **out, const char *folder, size_t count, struct err *err)
{
    struct idmap *map = mem_alloc(1, sizeof *map);

    map->folder = mem_strdup(folder);
    map->size = SLOTS_MIN;
    while (map->size / 10 * 7 <= count && map->size <= SIZE_MAX / 4)
        map->size *= 2;
    if (make_table(map, err) < 0) {
        idmap_close(map);
        return -1;
    }
    *out = map;
    return 0;
}

/* Takes what a process that was killed left; a file that is not one of these counts as none. */
static int open_table(struct idmap *map, bool *found, struct err *err)
{
    int fd = open(map->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    int rc = 0;

    *found = false;
    if (fd < 0)
        return 0;
    size_t size =
        fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (size_t)st.st_size / sizeof(struct slot) : 0;
    if (size >= SLOTS_MIN && (size & (size - 1)) == 0 && st.st_uid == geteuid()) {
        rc = map_fd(map, fd, size * sizeof(struct slot), &map->slots, err);
        map->size = size;
        *found = rc == 0;
    }
    close(fd);
    for (size_t i = 0; *found && i < size; i++)
        map->count += map->slots[i].used == USED;
    return rc;
}

int idmap_open_named(struct idmap **out, const char *folder, const char *name, struct err *err)
{
    struct idmap *map = mem_alloc(1, sizeof *map);
    struct buf path = {0};
    bool found;

    map->folder = mem_strdup(folder);
    buf_addf(&path, "%s/%s", folder, name);
    map->path = mem_strdup(buf_str(&path));
    buf_adds(&path, NEXT);
    map->next = buf_take(&path);
    int rc = open_table(map, &found, err);
    if (rc == 0 && !found) {
        map->size = SLOTS_MIN;
        rc = make_table(map, err);
    }
    if (rc < 0) {
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
    free(map->path);
    free(map->next);
    free(map);
}

void idmap_remove_name(struct idmap *map)
{
    unlink(map->path);
    unlink(map->next);
}

void idmap_forget(const char *folder, const char *name)
{
    struct buf path = {0};

    buf_addf(&path, "%s/%s", folder, name);
    unlink(buf_str(&path));
    buf_adds(&path, NEXT);
    unlink(buf_str(&path));
    buf_fini(&path);
}

/* The slot of id, or the empty one where it belongs. */
static struct slot *place(struct slot *slots, size_t size, int64_t id)
{
    size_t at = spread(id) & (size - 1);

    while (slots[at].used == USED && slots[at].id != id)
        at = (at + 1) & (size - 1);
    return &slots[at];
}

static void fill(struct slot *slot, int64_t id, const struct idmap_node *node)
{
    slot->id = id;
    slot->node = *node;
    atomic_store_explicit(&slot->used, USED, memory_order_release);
}

static int grow(struct idmap *map, struct err *err)
{
    struct slot *slots;

    if (make_file(map, map->size * 2, &slots, err) < 0)
        return -1;
    for (size_t i = 0; i < map->size; i++)
        if (map->slots[i].used == USED)
            fill(place(slots, map->size * 2, map->slots[i].id), map->slots[i].id,
                 &map->slots[i].node);
    munmap(map->slots, map->size * sizeof *map->slots);
    map->slots = slots;
    map->size *= 2;
    return settle_name(map, err);
}

int idmap_add(struct idmap *map, int64_t id, const struct idmap_node *node, struct err *err)
{
    if (map->count >= map->size / 10 * 7 && grow(map, err) < 0)
        return -1;
    struct slot *slot = place(map->slots, map->size, id);
    if (slot->used == USED)
        return 1;
    fill(slot, id, node);
    map->count++;
    return 0;
}

struct idmap_node *idmap_find(const struct idmap *map, int64_t id)
{
    struct slot *slot = place(map->slots, map->size, id);

    return slot->used == USED ? &slot->node : NULL;
}

size_t idmap_count(const struct idmap *map)
{
    return map->count;
}
