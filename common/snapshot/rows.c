/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/rows.c: three stages, each called with what the one before has: bytes of the file, text,
 * rows. A row is cut out by counting brackets outside of strings; the tape then checks it. */
#include "snapshot/rows.h"

#include "base/mem.h"
#include "base/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define CHUNK 262144

enum state { BEFORE_ARRAY, BEFORE_FIRST, BEFORE_ROW, IN_ROW, AFTER_ROW, AFTER_ARRAY };

struct reading {
    const struct rows_conf *conf;
    struct rows_result *result;
    struct hash *raw, *stored;
    enum state state;
    size_t depth; /* brackets open in the row */
    bool in_string, escaped;
    struct buf row;
    struct tape tape;
    struct err *err;
};

static int refuse(struct reading *r, const char *what)
{
    return err_set(r->err, ERR_DAMAGED, "snapshot.file", "%s: byte %" PRId64 " of the text: %s",
                   r->conf->name, r->result->raw_bytes, what);
}

static int give_row(struct reading *r)
{
    struct err why = {0};

    if (tape_read(&r->tape, buf_str(&r->row), r->row.len, TAPE_NONFINITE, &why) < 0)
        return err_set(r->err, ERR_DAMAGED, "snapshot.file", "%s: row %" PRId64 ": %s",
                       r->conf->name, r->result->rows + 1, why.text);
    if (r->conf->on_row != NULL && r->conf->on_row(r->conf->arg, &r->tape, r->err) < 0)
        return err_wrap(r->err, "%s: row %" PRId64, r->conf->name, r->result->rows + 1);
    r->result->rows++;
    buf_reset(&r->row);
    return r->result->rows % 1024 == 0 ? stop_check(r->err) : 0;
}

/* Takes characters of a row; returns how many, up to its end. */
static size_t take_row(struct reading *r, const char *p, size_t len)
{
    size_t i = 0;

    while (i < len && r->state == IN_ROW) {
        char c = p[i++];
        if (r->in_string) {
            if (r->escaped)
                r->escaped = false;
            else if (c == '\\')
                r->escaped = true;
            else if (c == '"')
                r->in_string = false;
        } else if (c == '"') {
            r->in_string = true;
        } else if (c == '{' || c == '[') {
            r->depth++;
        } else if ((c == '}' || c == ']') && --r->depth == 0) {
            r->state = AFTER_ROW;
        }
    }
    buf_add(&r->row, p, i);
    return i;
}

/* A character between rows. */
static int take_between(struct reading *r, char c)
{
    bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';

    if (blank)
        return 0;
    switch (r->state) {
    case BEFORE_ARRAY:
        if (c != '[')
            return refuse(r, "not an array of rows");
        r->state = BEFORE_FIRST;
        return 0;
    case BEFORE_FIRST:
    case BEFORE_ROW:
        if (c == ']' && r->state == BEFORE_FIRST) {
            r->state = AFTER_ARRAY;
            return 0;
        }
        if (c != '{')
            return refuse(r, "a row is no object");
        buf_addc(&r->row, c);
        r->depth = 1;
        r->state = IN_ROW;
        return 0;
    case AFTER_ROW:
        if (c != ',' && c != ']')
            return refuse(r, "neither a comma nor the end of the array after a row");
        r->state = c == ',' ? BEFORE_ROW : AFTER_ARRAY;
        return 0;
    default:
        return refuse(r, "something after the end of the array");
    }
}

static int take_text(struct reading *r, const char *p, size_t len)
{
    hash_add(r->raw, p, len);
    r->result->raw_bytes += (int64_t)len;
    if (r->conf->raw_limit >= 0 && r->result->raw_bytes > r->conf->raw_limit)
        return refuse(r, "it has more text than the manifest says");
    for (size_t i = 0; i < len;) {
        if (r->state == IN_ROW)
            i += take_row(r, p + i, len - i);
        else if (take_between(r, p[i++]) < 0)
            return -1;
        if (r->row.failed)
            return refuse(r, "a row is longer than 64 MiB");
        if (r->state == AFTER_ROW && r->row.len > 0 && give_row(r) < 0)
            return -1;
    }
    return 0;
}

static int take_stored(struct reading *r, const char *p, size_t len)
{
    hash_add(r->stored, p, len);
    r->result->stored_bytes += (int64_t)len;
    if (r->conf->stored_limit >= 0 && r->result->stored_bytes > r->conf->stored_limit)
        return refuse(r, "it is longer than the manifest says");
    return 0;
}

/* gzip members, one after another. */
static int inflate_some(struct reading *r, z_stream *z, bool *within, const char *p, size_t len)
{
    char text[CHUNK];

    z->next_in = (unsigned char *)(uintptr_t)p;
    z->avail_in = (uInt)len;
    while (z->avail_in > 0 || z->avail_out == 0) {
        if (!*within && inflateReset(z) != Z_OK)
            return err_set(r->err, ERR_FATAL, "zlib", "zlib could not begin");
        *within = true;
        z->next_out = (unsigned char *)text;
        z->avail_out = sizeof text;
        int rc = inflate(z, Z_NO_FLUSH);
        if (rc == Z_MEM_ERROR)
            return err_set(r->err, ERR_FATAL, "memory.exhausted", "zlib: memory exhausted");
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return refuse(r, "not gzip, or damaged");
        if (take_text(r, text, sizeof text - z->avail_out) < 0)
            return -1;
        *within = rc != Z_STREAM_END;
        if (rc == Z_BUF_ERROR || (rc == Z_STREAM_END && z->avail_in == 0))
            break;
    }
    z->avail_out = 1;
    return 0;
}

static int read_chunks(struct reading *r, int fd)
{
    char chunk[CHUNK];
    z_stream z = {.avail_out = 1};
    bool within = false;
    ssize_t n;
    int rc = 0;

    if (r->conf->compressed && inflateInit2(&z, 15 + 16) != Z_OK) /* gzip's header and trailer */
        return err_set(r->err, ERR_FATAL, "zlib", "zlib could not begin");
    while (rc == 0 && (n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_set(r->err, ERR_FATAL, "io", "%s: %s", r->conf->name, strerror(errno));
        else if (take_stored(r, chunk, (size_t)n) < 0)
            rc = -1;
        else
            rc = r->conf->compressed ? inflate_some(r, &z, &within, chunk, (size_t)n)
                                     : take_text(r, chunk, (size_t)n);
    }
    if (r->conf->compressed)
        inflateEnd(&z);
    if (rc == 0 && within)
        return refuse(r, "the gzip data is cut off");
    return rc;
}

/* A plain file below folder; no part of its name may be a link. */
static int open_file(int folder, const char *name, int *out, struct err *err)
{
    const char *slash = strchr(name, '/');
    char first[256];
    struct stat st;
    int dir = -1, fd;

    if (slash != NULL) {
        if ((size_t)(slash - name) >= sizeof first)
            return err_set(err, ERR_DAMAGED, "snapshot.file", "%s: no such place", name);
        memcpy(first, name, (size_t)(slash - name));
        first[slash - name] = '\0';
        dir = openat(folder, first, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    fd = slash == NULL ? openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
         : dir >= 0    ? openat(dir, slash + 1, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
                       : -1;
    int error = errno;
    if (dir >= 0)
        close(dir);
    if (fd < 0)
        return err_set(
            err, error == ENOENT || error == ELOOP || error == ENOTDIR ? ERR_DAMAGED : ERR_CONFIG,
            "snapshot.file", "%s: %s", name,
            error == ELOOP || error == ENOTDIR ? "a link, which is not followed"
            : error == ENOENT                  ? "the file is missing"
                                               : strerror(error));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(err, ERR_DAMAGED, "snapshot.file", "%s: not a plain file", name);
    }
    *out = fd;
    return 0;
}

int rows_read(const struct rows_conf *conf, struct rows_result *out, struct err *err)
{
    struct reading r = {.conf = conf, .result = out, .row = {.limit = ROWS_ROW_MAX}, .err = err};
    int fd;

    *out = (struct rows_result){0};
    if (open_file(conf->folder, conf->name, &fd, err) < 0)
        return -1;
    r.raw = hash_new();
    r.stored = hash_new();
    int rc = read_chunks(&r, fd);
    if (rc == 0 && r.state != AFTER_ARRAY)
        rc = refuse(&r, "the text ends before the array does");
    hash_finish(r.raw, out->raw_sha256);
    hash_finish(r.stored, out->stored_sha256);
    hash_free(r.raw);
    hash_free(r.stored);
    buf_fini(&r.row);
    tape_fini(&r.tape);
    close(fd);
    return rc;
}

int rows_read_text(int folder, const char *name, size_t limit, struct buf *out,
                   struct rows_result *result, struct err *err)
{
    struct hash *hash;
    char chunk[16384];
    ssize_t n;
    int fd, rc = 0;

    *result = (struct rows_result){0};
    if (open_file(folder, name, &fd, err) < 0)
        return -1;
    hash = hash_new();
    while (rc == 0 && (n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_set(err, ERR_FATAL, "io", "%s: %s", name, strerror(errno));
        else if (result->raw_bytes + n > (int64_t)limit)
            rc = err_set(err, ERR_DAMAGED, "snapshot.file", "%s: longer than %zu bytes", name,
                         limit);
        else {
            buf_add(out, chunk, (size_t)n);
            hash_add(hash, chunk, (size_t)n);
            result->raw_bytes += n;
        }
    }
    result->stored_bytes = result->raw_bytes;
    hash_finish(hash, result->raw_sha256);
    memcpy(result->stored_sha256, result->raw_sha256, sizeof result->raw_sha256);
    hash_free(hash);
    close(fd);
    return rc;
}
