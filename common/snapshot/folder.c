/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/folder.c: the order of things that survives a crash at any moment: files are synced,
 * then the folders that name them, then DEST goes aside to DEST.old, DEST.partial becomes DEST, its
 * parent is synced, and DEST.old is removed. Between the two renames a crash leaves DEST.old, which
 * is whole: the next run puts it back. */
#include "snapshot/folder.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "snapshot/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char *dest, *partial, *old;
    int fd;    /* of DEST.partial */
    bool ours; /* it is locked: nobody else's, and to be removed unless it becomes DEST */
    bool replace;
};

static int fail(const char *path, struct err *err)
{
    return err_set(err, ERR_FATAL, "io", "%s: %s", path, strerror(errno));
}

static char *joined(const char *a, const char *b)
{
    struct buf text = {0};

    buf_adds(&text, a);
    buf_adds(&text, b);
    return buf_take(&text);
}

/* Removes the files of a folder and then itself; of folders inside only the one that snapshots
 * have. It follows no links. */
static int remove_folder(int at, const char *name, int depth)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return errno == ENOENT ? 0 : -1;
    }
    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        rc = unlinkat(fd, entry->d_name, 0);
        if (rc < 0 && (errno == EISDIR || errno == EPERM) && depth > 0)
            rc = remove_folder(fd, entry->d_name, depth - 1);
    }
    closedir(dir);
    return rc == 0 ? unlinkat(at, name, AT_REMOVEDIR) : -1;
}

static bool exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* What --yes may replace: a snapshot of ours or the older tool's, or nothing. */
static bool is_replaceable(const char *path)
{
    static const char *const files[] = {"/" MANIFEST_NAME, "/unique_prop_key.json"};
    bool found = false, empty = true;
    struct dirent *entry;
    struct stat st;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *file = joined(path, files[i]);
        found = found || lstat(file, &st) == 0;
        free(file);
    }
    DIR *dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        empty = empty && entry->d_name[0] == '.' &&
                (entry->d_name[1] == '\0' || entry->d_name[1] == '.');
    if (dir != NULL)
        closedir(dir);
    return dir != NULL && (found || empty);
}

static int check_dest(struct folder *f, struct err *err)
{
    /* a crash between two renames: what was there is whole, and comes back */
    if (!exists(f->dest) && exists(f->old) && rename(f->old, f->dest) < 0)
        return fail(f->old, err);
    if (!exists(f->dest))
        return 0;
    if (!f->replace)
        return err_set(err, ERR_GUARD, "snapshot.exists",
                       "%s exists; name another place, or replace it with --yes", f->dest);
    if (!is_replaceable(f->dest))
        return err_set(err, ERR_GUARD, "snapshot.not-one",
                       "%s exists and is no snapshot: it is not replaced", f->dest);
    return 0;
}

/* A folder of an earlier run is emptied once its lock is ours. */
static int claim_partial(struct folder *f, struct err *err)
{
    bool made = mkdir(f->partial, 0700) == 0;

    if (!made && errno != EEXIST)
        return err_set(err, errno == ENOENT || errno == EACCES ? ERR_CONFIG : ERR_FATAL, "io",
                       "%s: %s", f->partial, strerror(errno));
    f->fd = open(f->partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (f->fd < 0)
        return fail(f->partial, err);
    if (flock(f->fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_GUARD, "snapshot.busy",
                       "%s is being made by another process right now", f->dest);
    f->ours = made;
    if (made)
        return 0;
    close(f->fd);
    f->fd = -1;
    if (remove_folder(AT_FDCWD, f->partial, 1) < 0)
        return fail(f->partial, err);
    return claim_partial(f, err);
}

int folder_open(struct folder **out, const char *dest, bool replace, struct err *err)
{
    struct folder *f = mem_alloc(1, sizeof *f);
    size_t len = strlen(dest);

    while (len > 1 && dest[len - 1] == '/')
        len--;
    f->dest = mem_strndup(dest, len);
    f->partial = joined(f->dest, ".partial");
    f->old = joined(f->dest, ".old");
    f->fd = -1;
    f->replace = replace;
    if (check_dest(f, err) < 0 || claim_partial(f, err) < 0)
        goto fail;
    if (mkdirat(f->fd, "data", 0700) < 0) {
        fail(f->partial, err);
        goto fail;
    }
    *out = f;
    return 0;
fail:
    folder_close(f);
    return -1;
}

void folder_close(struct folder *f)
{
    if (f == NULL)
        return;
    if (f->ours)
        (void)!remove_folder(AT_FDCWD, f->partial, 1); /* what stays has no manifest */
    if (f->fd >= 0)
        close(f->fd);
    free(f->dest);
    free(f->partial);
    free(f->old);
    free(f);
}

const char *folder_path(const struct folder *f)
{
    return f->partial;
}

int folder_write(struct folder *f, const char *name, const char *p, size_t len, struct err *err)
{
    int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = fd < 0 ? -1 : file_write(fd, p, len);

    if (rc == 0)
        rc = fsync(fd);
    if (rc < 0)
        err_set(err, ERR_FATAL, "io", "%s/%s: %s", f->partial, name, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

static int sync_folder(int at, const char *name, const char *shown, struct err *err)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);

    if (rc < 0)
        fail(shown, err);
    if (fd >= 0)
        close(fd);
    return rc;
}

int folder_publish(struct folder *f, struct err *err)
{
    bool replaces = exists(f->dest);

    if (sync_folder(f->fd, "data", f->partial, err) < 0 ||
        sync_folder(f->fd, ".", f->partial, err) < 0)
        return -1;
    if (replaces && !f->replace) /* it came while this ran */
        return check_dest(f, err);
    if (replaces && (remove_folder(AT_FDCWD, f->old, 1) < 0 || rename(f->dest, f->old) < 0))
        return fail(f->dest, err);
    if (rename(f->partial, f->dest) < 0)
        return fail(f->partial, err);
    f->ours = false;
    if (file_sync_parent(f->dest) < 0)
        return fail(f->dest, err);
    if (replaces && remove_folder(AT_FDCWD, f->old, 1) < 0)
        return fail(f->old, err);
    return 0;
}
