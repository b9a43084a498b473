/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_SIDECAR_H
#define CYPHERLOG_SNAPSHOT_SIDECAR_H

/* snapshot/sidecar.h: the small files beside the data: those that the older tool's importer reads,
 * compressed.json, node_labels.json and so on, and schema.json, in which all indexes and
 * constraints stand as they are. Pure. */

#include "base/json.h"
#include "snapshot/layout.h"
#include "snapshot/tally.h"

#define SIDECAR_SCHEMA "schema.json"

struct sidecar_conf {
    enum layout layout;
    bool compressed;
    const char *database_id;
    const struct tally *label_sets, *types;
    const json_t *property_keys; /* array of texts */
    const json_t *schema;        /* as schema_read has it */
};

struct sidecar_file {
    const char *name;
    struct buf text;
};

#define SIDECAR_MAX 10

/* Makes the files; returns how many. The caller ends each text. */
size_t sidecar_make(const struct sidecar_conf *conf, struct sidecar_file out[static SIDECAR_MAX]);

#endif
