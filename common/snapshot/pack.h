/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_PACK_H
#define CYPHERLOG_SNAPSHOT_PACK_H

/* snapshot/pack.h: writes a snapshot's data files: takes their text in pieces, compresses the
 * pieces in worker threads, each as a gzip member of its own (RFC 1952, section 2.2: a file is a
 * series of members), and writes and hashes them in order in one more thread. What waits is bounded
 * by bytes. All functions are called by one thread. */

#include "base/buf.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>

struct pack; /* opaque */

#define PACK_PIECE_BYTES ((size_t)1 << 20) /* a good size for pack_add */

struct pack_conf {
    int level;      /* of zlib, 1 to 9; 0: files are not compressed */
    size_t workers; /* at least 1 */
};

/* What became of a file. */
struct pack_file {
    char *name; /* as given to pack_end */
    int64_t raw_bytes, stored_bytes;
    char raw_sha256[HASH_HEX_SIZE];    /* of the text */
    char stored_sha256[HASH_HEX_SIZE]; /* of the bytes on disk */
};

MUST_CHECK int pack_open(struct pack **out, const struct pack_conf *conf, struct err *err);

/* Ends the threads, whatever they have in hand; files without pack_end are left incomplete. */
void pack_close(struct pack *pack);

/* A new file, at path until it ends. Waits until there is room. Errors of any file so far come from
 * whatever is called next: ERR_FATAL, "io". */
MUST_CHECK int pack_begin(struct pack *pack, const char *path, struct err *err);

/* The same for one that the caller has opened at path, which must be empty. fd is taken. */
MUST_CHECK int pack_begin_take(struct pack *pack, int fd, const char *path, struct err *err);

/* Appends the text to the file and leaves it empty. */
MUST_CHECK int pack_add_take(struct pack *pack, struct buf *text, struct err *err);

/* The file has all its text; it is synced to disk in its turn, and renamed to path. name is how it
 * is told in pack_file. */
MUST_CHECK int pack_end(struct pack *pack, const char *path, const char *name, struct err *err);

/* Waits until all files are on disk. *files are what became of them, in order, the caller's:
 * pack_free_files releases them. */
MUST_CHECK int pack_finish(struct pack *pack, struct pack_file **files, size_t *count,
                           struct err *err);
void pack_free_files(struct pack_file *files, size_t count);

#endif
