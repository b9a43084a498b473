/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/pack.c: pieces get a number when they come in. Workers take them in order and finish in
 * any; the writer thread keeps what comes early until its turn. There are never more pieces about
 * than PIECES_PER_WORKER a worker: the giver waits for a free one. */
#include "snapshot/pack.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define PIECES_PER_WORKER 3
#define WAIT_MS 3600000 /* queues are closed to end a wait */

enum what { WHAT_BEGIN, WHAT_TEXT, WHAT_END };

struct piece {
    enum what what;
    uint64_t number;
    int fd;            /* of WHAT_BEGIN, when the giver has opened it; else -1 */
    char *path, *name; /* of WHAT_BEGIN and WHAT_END */
    struct buf text, stored;
    bool failed; /* to compress */
};

/* The file that the writer thread has open. */
struct target {
    int fd;
    char *path;
    struct pack_file file;
    struct hash *raw, *stored;
};

struct pack {
    int level;
    size_t worker_count, piece_count;
    struct queue *idle, *work, *done; /* pieces: empty, to be compressed, to be written */
    pthread_t *workers, writer;
    size_t workers_started;
    bool writer_started;
    uint64_t next_number;
    /* the writer's, until it has ended */
    struct target target;
    struct pack_file *files;
    size_t file_count;
    struct err err;
};

static void free_piece(void *item)
{
    struct piece *piece = item;

    if (piece->fd >= 0)
        close(piece->fd);
    free(piece->path);
    free(piece->name);
    buf_fini(&piece->text);
    buf_fini(&piece->stored);
    free(piece);
}

/* ---- workers ---- */

/* One gzip member: 15 window bits and 16 for gzip's header (zlib.h, deflateInit2). */
static bool compress_text(z_stream *z, const struct buf *text, struct buf *out)
{
    unsigned char chunk[65536];

    if (deflateReset(z) != Z_OK)
        return false;
    buf_reset(out);
    z->next_in = (unsigned char *)text->data;
    z->avail_in = (uInt)text->len;
    for (int rc = Z_OK; rc != Z_STREAM_END;) {
        z->next_out = chunk;
        z->avail_out = sizeof chunk;
        rc = deflate(z, Z_FINISH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return false;
        buf_add(out, chunk, sizeof chunk - z->avail_out);
    }
    return !out->failed;
}

static void *work(void *arg)
{
    struct pack *pack = arg;
    z_stream z = {0};
    bool closed = false, ready;

    ready = pack->level == 0 ||
            deflateInit2(&z, pack->level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    for (;;) {
        struct piece *piece = queue_pop(pack->work, WAIT_MS, &closed);
        if (piece == NULL && closed)
            break;
        if (piece == NULL)
            continue;
        if (piece->what == WHAT_TEXT && pack->level > 0)
            piece->failed = !ready || !compress_text(&z, &piece->text, &piece->stored);
        struct err ignored = {0}; /* closed: nobody waits for the piece any more */
        if (queue_push_take(pack->done, piece, 1, &ignored) < 0)
            break;
    }
    if (pack->level > 0 && ready)
        deflateEnd(&z);
    return NULL;
}

/* ---- the writer ---- */

static int write_all(const struct target *t, const char *p, size_t len, struct err *err)
{
    if (file_write(t->fd, p, len) == 0)
        return 0;
    return err_set(err, ERR_FATAL, "io", "%s: %s", t->path, strerror(errno));
}

static int begin_file(struct pack *pack, struct piece *piece, struct err *err)
{
    struct target *t = &pack->target;

    t->path = piece->path;
    piece->path = NULL;
    t->fd = piece->fd;
    piece->fd = -1;
    if (t->fd < 0)
        t->fd = open(t->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return t->fd < 0 ? err_set(err, ERR_FATAL, "io", "%s: %s", t->path, strerror(errno)) : 0;
}

static int write_text(struct pack *pack, const struct piece *piece, struct err *err)
{
    struct target *t = &pack->target;
    const struct buf *stored = pack->level > 0 ? &piece->stored : &piece->text;

    if (piece->failed)
        return err_set(err, ERR_FATAL, "zlib", "%s: zlib could not compress", t->path);
    hash_add(t->raw, piece->text.data, piece->text.len);
    hash_add(t->stored, stored->data, stored->len);
    t->file.raw_bytes += (int64_t)piece->text.len;
    t->file.stored_bytes += (int64_t)stored->len;
    return write_all(t, stored->data, stored->len, err);
}

static void drop_file(struct target *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    free(t->path);
    t->path = NULL;
    free(t->file.name);
    t->file = (struct pack_file){0};
}

static int end_file(struct pack *pack, struct piece *piece, struct err *err)
{
    struct target *t = &pack->target;

    hash_finish(t->raw, t->file.raw_sha256);
    hash_finish(t->stored, t->file.stored_sha256);
    if (fsync(t->fd) < 0 || rename(t->path, piece->path) < 0)
        return err_set(err, ERR_FATAL, "io", "%s: %s", piece->path, strerror(errno));
    t->file.name = piece->name;
    piece->name = NULL;
    pack->files = mem_realloc(pack->files, pack->file_count + 1, sizeof *pack->files);
    pack->files[pack->file_count++] = t->file;
    t->file.name = NULL; /* it went along */
    drop_file(t);
    return 0;
}

static int write_piece(struct pack *pack, struct piece *piece, struct err *err)
{
    switch (piece->what) {
    case WHAT_BEGIN:
        return begin_file(pack, piece, err);
    case WHAT_TEXT:
        return write_text(pack, piece, err);
    case WHAT_END:
        break;
    }
    return end_file(pack, piece, err);
}

static void *write_in_order(void *arg)
{
    struct pack *pack = arg;
    struct piece **early = mem_alloc(pack->piece_count, sizeof *early);
    uint64_t next = 0;
    bool closed = false, failed = false;

    while (!failed) {
        struct piece *piece = queue_pop(pack->done, WAIT_MS, &closed);
        if (piece == NULL && closed)
            break;
        if (piece == NULL)
            continue;
        early[piece->number % pack->piece_count] = piece;
        while (!failed && (piece = early[next % pack->piece_count]) != NULL &&
               piece->number == next) {
            struct err ignored = {0};
            early[next++ % pack->piece_count] = NULL;
            failed = write_piece(pack, piece, &pack->err) < 0;
            if (queue_push_take(pack->idle, piece, 1, &ignored) < 0)
                failed = true;
        }
    }
    for (size_t i = 0; i < pack->piece_count; i++)
        if (early[i] != NULL)
            free_piece(early[i]);
    free(early);
    if (failed) { /* whoever gives or compresses must not wait for this thread */
        queue_close(pack->idle);
        queue_close(pack->work);
        queue_close(pack->done);
    }
    return NULL;
}

/* ---- the giver ---- */

static int start_thread(pthread_t *thread, void *(*run)(void *), struct pack *pack, struct err *err)
{
    int error = pthread_create(thread, NULL, run, pack);

    return error == 0 ? 0 : err_set(err, ERR_FATAL, "thread", "a thread: %s", strerror(error));
}

int pack_open(struct pack **out, const struct pack_conf *conf, struct err *err)
{
    struct pack *pack = mem_alloc(1, sizeof *pack);

    pack->level = conf->level;
    pack->worker_count = conf->workers;
    pack->piece_count = conf->workers * PIECES_PER_WORKER;
    pack->idle = queue_new(SIZE_MAX, pack->piece_count, free_piece);
    pack->work = queue_new(SIZE_MAX, pack->piece_count, free_piece);
    pack->done = queue_new(SIZE_MAX, pack->piece_count, free_piece);
    pack->workers = mem_alloc(conf->workers, sizeof *pack->workers);
    pack->target.fd = -1;
    pack->target.raw = hash_new();
    pack->target.stored = hash_new();
    for (size_t i = 0; i < pack->piece_count; i++) {
        struct piece *piece = mem_alloc(1, sizeof *piece);
        piece->fd = -1;
        if (queue_push_take(pack->idle, piece, 1, err) < 0)
            goto fail;
    }
    for (; pack->workers_started < pack->worker_count; pack->workers_started++)
        if (start_thread(&pack->workers[pack->workers_started], work, pack, err) < 0)
            goto fail;
    if (start_thread(&pack->writer, write_in_order, pack, err) < 0)
        goto fail;
    pack->writer_started = true;
    *out = pack;
    return 0;
fail:
    pack_close(pack);
    return -1;
}

/* After this the threads are gone, and what the writer had is the caller's thread's. */
static void join(struct pack *pack)
{
    for (size_t i = 0; i < pack->workers_started; i++)
        pthread_join(pack->workers[i], NULL);
    pack->workers_started = 0;
    queue_close(pack->done);
    if (pack->writer_started)
        pthread_join(pack->writer, NULL);
    pack->writer_started = false;
}

void pack_close(struct pack *pack)
{
    if (pack == NULL)
        return;
    queue_close(pack->idle);
    queue_close(pack->work);
    queue_close(pack->done);
    join(pack);
    drop_file(&pack->target);
    hash_free(pack->target.raw);
    hash_free(pack->target.stored);
    pack_free_files(pack->files, pack->file_count);
    queue_free(pack->idle);
    queue_free(pack->work);
    queue_free(pack->done);
    free(pack->workers);
    free(pack);
}

/* The threads have ended early: why. */
static int fail_give(struct pack *pack, struct err *err)
{
    join(pack);
    if (!err_is_set(&pack->err))
        return err_set(err, ERR_FATAL, "pack.closed", "the threads that write files have ended");
    *err = pack->err;
    return -1;
}

/* fd is taken. */
static int give(struct pack *pack, enum what what, struct buf *text, int fd, const char *path,
                const char *name, struct err *err)
{
    struct err closing = {0};
    bool closed = false;
    struct piece *piece = NULL;

    while (piece == NULL && !closed)
        piece = queue_pop(pack->idle, WAIT_MS, &closed);
    if (closed) { /* an idle piece that was still inside goes with the queue */
        if (piece != NULL)
            free_piece(piece);
        if (fd >= 0)
            close(fd);
        return fail_give(pack, err);
    }
    piece->what = what;
    piece->failed = false;
    piece->fd = fd;
    piece->number = pack->next_number++;
    free(piece->path);
    free(piece->name);
    piece->path = mem_strdup(path);
    piece->name = mem_strdup(name);
    buf_reset(&piece->text);
    if (text != NULL) { /* they change places: the giver gets memory to go on with */
        struct buf swap = piece->text;
        piece->text = *text;
        *text = swap;
    }
    if (queue_push_take(pack->work, piece, 1, &closing) < 0)
        return fail_give(pack, err);
    return 0;
}

int pack_begin(struct pack *pack, const char *path, struct err *err)
{
    return give(pack, WHAT_BEGIN, NULL, -1, path, NULL, err);
}

int pack_begin_take(struct pack *pack, int fd, const char *path, struct err *err)
{
    return give(pack, WHAT_BEGIN, NULL, fd, path, NULL, err);
}

int pack_add_take(struct pack *pack, struct buf *text, struct err *err)
{
    if (buf_check(text, "data file", err) < 0)
        return -1;
    return text->len > 0 ? give(pack, WHAT_TEXT, text, -1, NULL, NULL, err) : 0;
}

int pack_end(struct pack *pack, const char *path, const char *name, struct err *err)
{
    return give(pack, WHAT_END, NULL, -1, path, name, err);
}

int pack_finish(struct pack *pack, struct pack_file **files, size_t *count, struct err *err)
{
    queue_close(pack->work); /* what is inside is still taken */
    join(pack);
    if (err_is_set(&pack->err)) {
        *err = pack->err;
        return -1;
    }
    *files = pack->files;
    *count = pack->file_count;
    pack->files = NULL;
    pack->file_count = 0;
    return 0;
}

void pack_free_files(struct pack_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(files[i].name);
    free(files);
}
