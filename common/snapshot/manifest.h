/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_MANIFEST_H
#define CYPHERLOG_SNAPSHOT_MANIFEST_H

/* snapshot/manifest.h: manifest.json, which is written last and says what a snapshot holds, of
 * which moment, and how to prove it. Its form: snapshot/manifest.schema.json. */

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "snapshot/digest.h"
#include "snapshot/layout.h"

#include <stdbool.h>
#include <stdint.h>

#define MANIFEST_NAME "manifest.json"
#define MANIFEST_MAJOR                                                                             \
    1 /* a reader refuses a higher one, and passes over members it does not know */
#define MANIFEST_MINOR 0

/* Where in the log of commands the snapshot is. */
struct manifest_position {
    char cluster_id[64]; /* of Kafka; "": not known */
    char topic[256];
    int64_t next_offset; /* first command that is not in it */
    int64_t last_offset; /* of the last one that is; -1: none */
    char fingerprint[HASH_HEX_SIZE];
    int64_t timestamp_ms; /* of that record; -1: not known */
    char outcome[HASH_ID_SIZE];
    int64_t since;
    char replica[256];
};

enum manifest_kind { MANIFEST_NODES, MANIFEST_RELATIONSHIPS, MANIFEST_OTHER };

struct manifest_file {
    char *name; /* "data/nodes_100000.json.gz": relative, with "/" */
    enum manifest_kind kind;
    int64_t rows;
    int64_t raw_bytes, stored_bytes;
    char raw_sha256[HASH_HEX_SIZE], stored_sha256[HASH_HEX_SIZE];
};

struct manifest {
    char id[HASH_ID_SIZE]; /* of this snapshot */
    enum layout layout;
    bool compressed;
    bool part; /* not the whole graph: --labels, --types */
    char program[32], program_version[32];
    char server_version[32];
    char database[80], database_id[80];
    char started[CLOCK_TEXT_SIZE], ended[CLOCK_TEXT_SIZE];
    bool has_position;
    struct manifest_position position;
    int64_t nodes, relationships;
    json_t *label_sets, *types; /* as tally_json has them */
    struct digest digest;
    struct manifest_file *files;
    size_t file_count;
};

void manifest_fini(struct manifest *m);

/* Adds a file, whose other members the caller sets. Borrowed until the next. */
struct manifest_file *manifest_add_file(struct manifest *m, const char *name,
                                        enum manifest_kind kind);

/* The file with that name; NULL: none. Borrowed. */
const struct manifest_file *manifest_file(const struct manifest *m, const char *name);

/* Appends the manifest as JSON for people and programs. */
void manifest_write(struct buf *out, const struct manifest *m);

/* Reads p[0..len-1]; *out is filled, end it with manifest_fini also after an error. ERR_DAMAGED: it
 * is no manifest, or names a file that could lie outside the snapshot; ERR_GUARD,
 * "manifest.version": a later version wrote it. */
MUST_CHECK int manifest_read(const char *p, size_t len, struct manifest *out, struct err *err);

#endif
