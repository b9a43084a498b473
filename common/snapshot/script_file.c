/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/script_file.c: FILE.partial is locked before anything is written: what a killed process
 * left is taken over, what a living one writes is not. Its lock ends with its name. */
#include "snapshot/script_file.h"

#include "base/file.h"
#include "base/mem.h"
#include "snapshot/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct script_file {
    char *path, *partial;
    int fd; /* of FILE.partial: its lock */
    bool ours, replace;
    struct pack *pack;
};

static int fail(const char *path, struct err *err)
{
    bool setting = errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == EROFS ||
                   errno == EISDIR || errno == ENAMETOOLONG;

    return err_set(err, setting ? ERR_CONFIG : ERR_FATAL, "io", "%s: %s", path, strerror(errno));
}

static bool ends_in_gz(const char *path)
{
    size_t len = strlen(path);

    return len > 3 && strcmp(path + len - 3, ".gz") == 0;
}

/* What --yes may replace: an export, anything that gzip wrote, or nothing. */
static bool is_replaceable(const char *path)
{
    static const char gzip[] = "\x1f\x8b";
    char head[sizeof SCRIPT_FILE_MARK - 1] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    ssize_t n = regular ? read(fd, head, sizeof head) : -1;

    if (fd >= 0)
        close(fd);
    return n == 0 || (n >= 2 && memcmp(head, gzip, 2) == 0) ||
           (n == sizeof head && memcmp(head, SCRIPT_FILE_MARK, sizeof head) == 0);
}

static int check_path(const struct script_file *f, struct err *err)
{
    size_t len = strlen(f->path);
    struct stat st;

    if (len > 0 && f->path[len - 1] == '/')
        return err_set(err, ERR_CONFIG, "export.folder",
                       "%s is the name of a folder; an export is a file, such as %sgraph.cypher.gz",
                       f->path, f->path);
    if (lstat(f->path, &st) < 0)
        return errno == ENOENT ? 0 : fail(f->path, err);
    if (!f->replace)
        return err_set(err, ERR_GUARD, "export.exists",
                       "%s exists; name another place, or replace it with --yes", f->path);
    if (!is_replaceable(f->path))
        return err_set(err, ERR_GUARD, "export.not-one",
                       "%s exists and is no export: it is not replaced", f->path);
    return 0;
}

/* Whether the file that is locked still has its name. */
static bool is_named(const struct script_file *f)
{
    struct stat opened, named;

    return fstat(f->fd, &opened) == 0 && lstat(f->partial, &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static int claim_partial(struct script_file *f, struct err *err)
{
    f->fd = open(f->partial, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->fd < 0)
        return fail(f->partial, err);
    if (flock(f->fd, LOCK_EX | LOCK_NB) < 0 || !is_named(f))
        return err_set(err, ERR_GUARD, "export.busy",
                       "%s is being written by another process right now", f->path);
    f->ours = true;
    return ftruncate(f->fd, 0) < 0 ? fail(f->partial, err) : 0;
}

static int open_pack(struct script_file *f, const struct script_file_conf *conf, struct err *err)
{
    struct pack_conf pack = {.level = ends_in_gz(conf->path) ? conf->level : 0,
                             .workers = conf->workers};
    int fd = dup(f->fd);

    if (fd < 0)
        return fail(f->partial, err);
    if (pack_open(&f->pack, &pack, err) == 0)
        return pack_begin_take(f->pack, fd, f->partial, err);
    close(fd);
    return -1;
}

int script_file_open(struct script_file **out, const struct script_file_conf *conf, struct err *err)
{
    struct script_file *f = mem_alloc(1, sizeof *f);
    struct buf partial = {0};

    buf_addf(&partial, "%s.partial", conf->path);
    f->path = mem_strdup(conf->path);
    f->partial = buf_take(&partial);
    f->fd = -1;
    f->replace = conf->replace;
    if (check_path(f, err) == 0 && claim_partial(f, err) == 0 && open_pack(f, conf, err) == 0) {
        *out = f;
        return 0;
    }
    script_file_close(f);
    return -1;
}

void script_file_close(struct script_file *f)
{
    if (f == NULL)
        return;
    pack_close(f->pack);
    if (f->ours)
        unlink(f->partial);
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f->partial);
    free(f);
}

int script_file_add_take(struct script_file *f, struct buf *text, struct err *err)
{
    return pack_add_take(f->pack, text, err);
}

int script_file_publish(struct script_file *f, int64_t *bytes, struct err *err)
{
    struct pack_file *files;
    size_t count;

    /* synced in its turn; the name stays */
    if (pack_end(f->pack, f->partial, f->path, err) < 0 ||
        pack_finish(f->pack, &files, &count, err) < 0)
        return -1;
    *bytes = files[0].stored_bytes;
    pack_free_files(files, count);
    if (check_path(f, err) < 0) /* it may have come while this ran */
        return -1;
    if (rename(f->partial, f->path) < 0)
        return fail(f->path, err);
    f->ours = false;
    return file_sync_parent(f->path) < 0 ? fail(f->path, err) : 0;
}
