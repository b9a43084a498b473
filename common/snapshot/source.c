/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/source.h"

#include "base/mem.h"
#include "neo4j/position.h"
#include "snapshot/foreign.h"
#include "snapshot/layout_read.h"
#include "snapshot/sidecar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST_BYTES_MAX ((size_t)64 << 20)
#define SMALL_BYTES_MAX ((size_t)64 << 20)
#define CONSTRAINTS_TYPED "constraints.json"
#define CONSTRAINTS_NAMES "constraints_names.json"
#define CONSTRAINTS_LITERAL "uniqueness_constraints.json"

static bool has_file(const struct source *s, const char *name)
{
    struct stat st;

    return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int read_manifest(struct source *s, struct err *err)
{
    struct rows_result ignored;
    struct buf text = {0};
    int rc = rows_read_text(s->fd, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text, &ignored, err);

    if (rc == 0)
        rc = manifest_read(buf_str(&text), text.len, &s->manifest, err);
    buf_fini(&text);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct manifest_file *)a)->name, ((const struct manifest_file *)b)->name);
}

/* The older tool's importer takes what has one of the words in its name. */
static int list_files(struct source *s, struct err *err)
{
    int fd = openat(s->fd, "data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (dir == NULL)
        return err_set(err, ERR_DAMAGED, "snapshot.none", "%s: no snapshot: data: %s", s->path,
                       strerror(errno));
    while ((entry = readdir(dir)) != NULL) {
        bool relationships = strstr(entry->d_name, "relationship") != NULL;
        if (entry->d_name[0] == '.' || (!relationships && strstr(entry->d_name, "node") == NULL))
            continue;
        struct buf name = {0};
        buf_addf(&name, "data/%s", entry->d_name);
        manifest_add_file(&s->manifest, buf_str(&name),
                          relationships ? MANIFEST_RELATIONSHIPS : MANIFEST_NODES);
        buf_fini(&name);
    }
    closedir(dir);
    if (s->manifest.file_count > 0)
        qsort(s->manifest.files, s->manifest.file_count, sizeof *s->manifest.files, by_name);
    return 0;
}

static json_t *read_small(const struct source *s, const char *name, struct err *err)
{
    struct rows_result ignored;
    struct buf text = {0};
    struct err why = {0};
    int rc = rows_read_text(s->fd, name, SMALL_BYTES_MAX, &text, &ignored, err);
    json_t *value = rc == 0 ? json_parse(buf_str(&text), text.len, &why) : NULL;

    if (rc == 0 && value == NULL)
        err_set(err, ERR_DAMAGED, "snapshot.file", "%s: %s", name, why.text);
    buf_fini(&text);
    return value;
}

static int read_compressed(struct source *s, struct err *err)
{
    json_t *value = read_small(s, "compressed.json", err);

    if (value != NULL && !json_is_boolean(value))
        err_set(err, ERR_DAMAGED, "snapshot.file", "compressed.json: neither true nor false");
    s->manifest.compressed = json_is_true(value);
    json_decref(value);
    return err_is_set(err) ? -1 : 0;
}

static json_t *read_kind(const struct source *s, const char *name, json_type type, struct err *err)
{
    json_t *value = read_small(s, name, err);

    if (value == NULL || json_typeof(value) == type)
        return value;
    json_decref(value);
    err_set(err, ERR_DAMAGED, "snapshot.file", "%s: no %s", name,
            type == JSON_ARRAY ? "array" : "object");
    return NULL;
}

/* An array; an empty one where the file is not there. */
static json_t *read_list(const struct source *s, const char *name, struct err *err)
{
    return has_file(s, name) ? read_kind(s, name, JSON_ARRAY, err) : json_array();
}

json_t *source_schema(const struct source *s, json_t *left_out, struct err *err)
{
    bool typed = s->manifest.layout == LAYOUT_TYPED;
    json_t *schema = NULL;

    if (!s->foreign)
        return read_kind(s, SIDECAR_SCHEMA, JSON_OBJECT, err);
    json_t *list = read_list(s, typed ? CONSTRAINTS_TYPED : CONSTRAINTS_LITERAL, err);
    json_t *names = list != NULL && typed ? read_list(s, CONSTRAINTS_NAMES, err) : NULL;
    if (list != NULL && !typed)
        schema = foreign_literal(list, left_out);
    else if (names != NULL)
        schema = foreign_typed(list, names, left_out);
    json_decref(list);
    json_decref(names);
    return schema;
}

static int read_foreign(struct source *s, struct err *err)
{
    s->foreign = true;
    if (!has_file(s, "compressed.json") || !has_file(s, "data"))
        return err_set(err, ERR_DAMAGED, "snapshot.none",
                       "no snapshot: neither %s nor compressed.json and data are there",
                       MANIFEST_NAME);
    s->manifest.layout = has_file(s, CONSTRAINTS_LITERAL) ? LAYOUT_LITERAL : LAYOUT_TYPED;
    return read_compressed(s, err) < 0 ? -1 : list_files(s, err);
}

int source_open(struct source *out, const char *path, struct err *err)
{
    *out = (struct source){.path = mem_strdup(path)};
    out->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->fd < 0)
        return err_set(err, ERR_CONFIG, "snapshot.missing", "%s: %s", path, strerror(errno));
    int rc = has_file(out, MANIFEST_NAME) ? read_manifest(out, err) : read_foreign(out, err);
    return rc < 0 ? err_wrap(err, "%s", path) : 0;
}

void source_close(struct source *s)
{
    if (s->fd >= 0)
        close(s->fd);
    free(s->path);
    manifest_fini(&s->manifest);
    *s = (struct source){.fd = -1};
}

/* ---- data files ---- */

struct reading {
    const struct source *source;
    const struct manifest_file *file;
    source_entity_fn on_entity;
    void *arg;
    struct entity entity;
};

static int on_row(void *arg, const struct tape *row, struct err *err)
{
    struct reading *r = arg;
    bool relationships = r->file->kind == MANIFEST_RELATIONSHIPS;
    enum layout layout;

    if (layout_read(row, 0, &r->entity, &layout, err) < 0)
        return -1;
    if (r->entity.relationship != relationships)
        return err_set(err, ERR_DAMAGED, "snapshot.kind", "a %s among %s",
                       relationships ? "node" : "relationship",
                       relationships ? "relationships" : "nodes");
    if (layout != r->source->manifest.layout)
        return err_set(err, ERR_DAMAGED, "snapshot.layout", "a row in the %s layout, not the %s",
                       layout_name(layout), layout_name(r->source->manifest.layout));
    if (r->source->foreign && entity_has_label(&r->entity, POSITION_LABEL))
        return 0;
    return r->on_entity(r->arg, &r->entity, err);
}

int source_read(const struct source *s, const struct manifest_file *file,
                source_entity_fn on_entity, void *arg, struct rows_result *got, struct err *err)
{
    struct reading r = {.source = s, .file = file, .on_entity = on_entity, .arg = arg};
    struct rows_conf conf = {.folder = s->fd,
                             .name = file->name,
                             .compressed = s->manifest.compressed,
                             .raw_limit = s->foreign ? -1 : file->raw_bytes,
                             .stored_limit = s->foreign ? -1 : file->stored_bytes,
                             .on_row = on_row,
                             .arg = &r};
    int rc = rows_read(&conf, got, err);

    entity_fini(&r.entity);
    return rc;
}
