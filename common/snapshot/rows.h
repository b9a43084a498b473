/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_ROWS_H
#define CYPHERLOG_SNAPSHOT_ROWS_H

/* snapshot/rows.h: reads one data file of a backup: decompresses it, hashes it, and gives its rows
 * one by one, as a stream: memory is that of the largest row. */

#include "base/hash.h"
#include "base/tape.h"

#include <stdbool.h>
#include <stdint.h>

/* Longest row taken: Neo4j takes no larger transaction than it has memory. */
#define ROWS_ROW_MAX ((size_t)64 << 20)

struct rows_conf {
    int folder;       /* an open directory, in which name is looked up; no link is followed */
    const char *name; /* "data/nodes_1.json.gz" */
    bool compressed;
    int64_t raw_limit;    /* a file with more text than this is refused: a bomb; -1: none */
    int64_t stored_limit; /* the same of the bytes on disk; -1: none */
    /* Gets each row, an object, on a tape that was read with TAPE_NONFINITE; valid during the call.
     * -1 ends it. NULL: rows are counted only, and checked to be JSON. */
    int (*on_row)(void *arg, const struct tape *row, struct err *err);
    void *arg;
};

struct rows_result {
    int64_t rows, raw_bytes, stored_bytes;
    char raw_sha256[HASH_HEX_SIZE], stored_sha256[HASH_HEX_SIZE];
};

/* Reads to the end of the file. ERR_DAMAGED: not gzip, cut off, not one JSON array of objects, a
 * row that is too long, or more than a limit says; the text names file and byte. ERR_CONFIG: it is
 * not there, or may not be read. Or what on_row said. */
MUST_CHECK int rows_read(const struct rows_conf *conf, struct rows_result *out, struct err *err);

/* The same of a small file that is no array of rows: appends its text to out, at most limit bytes.
 */
MUST_CHECK int rows_read_text(int folder, const char *name, size_t limit, struct buf *out,
                              struct rows_result *result, struct err *err);

#endif
