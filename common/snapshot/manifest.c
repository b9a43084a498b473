/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/manifest.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {[MANIFEST_NODES] = "nodes",
                                    [MANIFEST_RELATIONSHIPS] = "relationships",
                                    [MANIFEST_OTHER] = "other"};

void manifest_fini(struct manifest *m)
{
    for (size_t i = 0; i < m->file_count; i++)
        free(m->files[i].name);
    free(m->files);
    json_decref(m->label_sets);
    json_decref(m->types);
    *m = (struct manifest){0};
}

struct manifest_file *manifest_add_file(struct manifest *m, const char *name,
                                        enum manifest_kind kind)
{
    m->files = mem_realloc(m->files, m->file_count + 1, sizeof *m->files);
    struct manifest_file *file = &m->files[m->file_count++];
    *file = (struct manifest_file){.name = mem_strdup(name), .kind = kind};
    return file;
}

const struct manifest_file *manifest_file(const struct manifest *m, const char *name)
{
    for (size_t i = 0; i < m->file_count; i++)
        if (strcmp(m->files[i].name, name) == 0)
            return &m->files[i];
    return NULL;
}

/* ---- writing ---- */

static json_t *position_object(const struct manifest_position *p)
{
    json_t *object = json_pack("{s:s,s:I,s:I,s:s,s:s,s:I,s:s}", "topic", p->topic, "next_offset",
                               (json_int_t)p->next_offset, "last_offset",
                               (json_int_t)p->last_offset, "fingerprint", p->fingerprint, "outcome",
                               p->outcome, "since", (json_int_t)p->since, "replica", p->replica);

    json_object_set_new(object, "cluster_id",
                        p->cluster_id[0] != '\0' ? json_string(p->cluster_id) : json_null());
    json_object_set_new(object, "timestamp_ms",
                        p->timestamp_ms >= 0 ? json_integer(p->timestamp_ms) : json_null());
    return object;
}

static json_t *file_object(const struct manifest_file *f)
{
    return json_pack("{s:s,s:s,s:I,s:I,s:I,s:s,s:s}", "name", f->name, "kind", kinds[f->kind],
                     "rows", (json_int_t)f->rows, "raw_bytes", (json_int_t)f->raw_bytes,
                     "stored_bytes", (json_int_t)f->stored_bytes, "sha256", f->stored_sha256,
                     "raw_sha256", f->raw_sha256);
}

static json_t *files_array(const struct manifest *m)
{
    json_t *files = json_array();

    for (size_t i = 0; i < m->file_count; i++)
        json_array_append_new(files, file_object(&m->files[i]));
    return files;
}

/* Over everything but itself, so that an offset that was changed is found as well. */
static void hash_of(const json_t *root, char out[static HASH_HEX_SIZE])
{
    json_t *rest = json_copy((json_t *)(uintptr_t)root);
    struct buf text = {0};

    json_object_del(rest, "check");
    json_add_as(&text, rest, JSON_COMPACT | JSON_SORT_KEYS);
    hash_text(buf_str(&text), text.len, out);
    buf_fini(&text);
    json_decref(rest);
}

void manifest_write(struct buf *out, const struct manifest *m)
{
    char version[16], digest[DIGEST_TEXT_SIZE], check[HASH_HEX_SIZE];
    json_t *root;

    snprintf(version, sizeof version, "%d.%d", MANIFEST_MAJOR, MANIFEST_MINOR);
    digest_text(&m->digest, digest);
    root = json_pack("{s:s,s:s,s:s,s:b,s:b}", "format", version, "id", m->id, "layout",
                     layout_name(m->layout), "compressed", m->compressed, "part", m->part);
    json_object_set_new(root, "program",
                        json_pack("{s:s,s:s}", "name", m->program, "version", m->program_version));
    json_object_set_new(root, "server", json_pack("{s:s}", "version", m->server_version));
    json_object_set_new(root, "database",
                        json_pack("{s:s,s:s}", "name", m->database, "id", m->database_id));
    json_object_set_new(root, "started", json_string(m->started));
    json_object_set_new(root, "ended", json_string(m->ended));
    json_object_set_new(root, "position",
                        m->has_position ? position_object(&m->position) : json_null());
    if (!m->has_position)
        json_object_set_new(root, "warning",
                            json_string("no position in a log of commands: this is one moment only "
                                        "if nobody wrote between started and ended"));
    json_object_set_new(root, "counts",
                        json_pack("{s:I,s:I,s:O,s:O}", "nodes", (json_int_t)m->nodes,
                                  "relationships", (json_int_t)m->relationships, "label_sets",
                                  m->label_sets, "types", m->types));
    json_object_set_new(root, "digest", json_string(digest));
    json_object_set_new(root, "files", files_array(m));
    hash_of(root, check);
    json_object_set_new(root, "check", json_string(check));
    json_add_as(out, root, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    buf_addc(out, '\n');
    json_decref(root);
}

/* ---- reading ---- */

static int refuse(struct err *err, const char *what)
{
    return err_set(err, ERR_DAMAGED, "manifest.content", "%s: %s", MANIFEST_NAME, what);
}

/* The member's text, which must be there and fit. */
static int read_text(const json_t *object, const char *key, char *out, size_t size, struct err *err)
{
    const char *text = json_text(object, key);

    if (text == NULL || strlen(text) >= size) {
        char what[96];
        snprintf(what, sizeof what, "%s is missing, no text, or too long", key);
        return refuse(err, what);
    }
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int read_count(const json_t *object, const char *key, int64_t least, int64_t *out,
                      struct err *err)
{
    const json_t *v = json_object_get(object, key);
    char what[96];

    *out = json_integer_value(v);
    if (json_is_integer(v) && *out >= least)
        return 0;
    snprintf(what, sizeof what, "%s is missing, or no such number", key);
    return refuse(err, what);
}

static bool is_hash(const char *text)
{
    return strlen(text) == HASH_HEX_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == HASH_HEX_SIZE - 1;
}

/* What a snapshot may name is inside it: no "..", no absolute path, nothing hidden. */
static bool is_inside(const char *name)
{
    if (*name == '\0' || *name == '/' || strchr(name, '\\') != NULL)
        return false;
    for (const char *part = name; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        if (*part == '.' || *part == '/' || *part == '\0')
            return false;
    }
    return true;
}

static int read_kind(const json_t *object, enum manifest_kind *out, struct err *err)
{
    const char *kind = json_text(object, "kind");

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kind != NULL && strcmp(kind, kinds[i]) == 0) {
            *out = (enum manifest_kind)i;
            return 0;
        }
    return refuse(err, "a file is of a kind that is not known");
}

static int read_file(const json_t *object, struct manifest *m, struct err *err)
{
    const char *name = json_text(object, "name");
    enum manifest_kind kind = MANIFEST_OTHER;

    if (name == NULL || strlen(name) > 200 || !is_inside(name))
        return refuse(err, "a file's name is missing, or leads out of the snapshot");
    if (manifest_file(m, name) != NULL)
        return refuse(err, "a file is named twice");
    if (read_kind(object, &kind, err) < 0)
        return -1;
    struct manifest_file *f = manifest_add_file(m, name, kind);
    if (read_count(object, "rows", 0, &f->rows, err) < 0 ||
        read_count(object, "raw_bytes", 0, &f->raw_bytes, err) < 0 ||
        read_count(object, "stored_bytes", 0, &f->stored_bytes, err) < 0 ||
        read_text(object, "sha256", f->stored_sha256, sizeof f->stored_sha256, err) < 0 ||
        read_text(object, "raw_sha256", f->raw_sha256, sizeof f->raw_sha256, err) < 0)
        return -1;
    return is_hash(f->stored_sha256) && is_hash(f->raw_sha256) ? 0
                                                               : refuse(err, "a SHA-256 is none");
}

static int read_files(const json_t *root, struct manifest *m, struct err *err)
{
    const json_t *files = json_object_get(root, "files"), *file;
    size_t i;

    if (!json_is_array(files))
        return refuse(err, "files is missing");
    json_array_foreach (files, i, file)
        if (read_file(file, m, err) < 0)
            return -1;
    return 0;
}

static int read_position(const json_t *root, struct manifest *m, struct err *err)
{
    const json_t *object = json_member(root, "position");
    struct manifest_position *p = &m->position;

    m->has_position = object != NULL;
    if (object == NULL)
        return 0;
    p->timestamp_ms = json_int(object, "timestamp_ms", -1);
    if (json_text(object, "cluster_id") != NULL &&
        read_text(object, "cluster_id", p->cluster_id, sizeof p->cluster_id, err) < 0)
        return -1;
    return read_text(object, "topic", p->topic, sizeof p->topic, err) < 0 ||
                   read_count(object, "next_offset", 0, &p->next_offset, err) < 0 ||
                   read_count(object, "last_offset", -1, &p->last_offset, err) < 0 ||
                   read_text(object, "fingerprint", p->fingerprint, sizeof p->fingerprint, err) <
                       0 ||
                   read_text(object, "outcome", p->outcome, sizeof p->outcome, err) < 0 ||
                   read_count(object, "since", 0, &p->since, err) < 0 ||
                   read_text(object, "replica", p->replica, sizeof p->replica, err) < 0
               ? -1
               : 0;
}

static int read_version(const json_t *root, struct err *err)
{
    const char *format = json_text(root, "format");
    int major = 0, minor = 0, used = 0;

    if (format == NULL || sscanf(format, "%9d.%9d%n", &major, &minor, &used) != 2 ||
        format[used] != '\0' || major < 1)
        return refuse(err, "format is missing, or no version");
    if (major > MANIFEST_MAJOR)
        return err_set(err, ERR_GUARD, "manifest.version",
                       "%s has format %s, and this program reads %d: use the version of cypherlog "
                       "that wrote it, or a later one",
                       MANIFEST_NAME, format, MANIFEST_MAJOR);
    return 0;
}

static int read_check(const json_t *root, struct err *err)
{
    const char *told = json_text(root, "check");
    char check[HASH_HEX_SIZE];

    hash_of(root, check);
    if (told != NULL && strcmp(told, check) == 0)
        return 0;
    return refuse(err, "it was changed: check is not the SHA-256 of the rest");
}

static int read_layout(const json_t *root, struct manifest *m, struct err *err)
{
    const char *layout = json_text(root, "layout");
    const json_t *compressed = json_object_get(root, "compressed");
    const json_t *part = json_object_get(root, "part");
    bool typed = layout != NULL && strcmp(layout, "typed") == 0;

    if (!typed && (layout == NULL || strcmp(layout, "literal") != 0))
        return refuse(err, "layout is neither typed nor literal");
    if (!json_is_boolean(compressed) || !json_is_boolean(part))
        return refuse(err, "compressed or part is neither true nor false");
    m->layout = typed ? LAYOUT_TYPED : LAYOUT_LITERAL;
    m->compressed = json_is_true(compressed);
    m->part = json_is_true(part);
    return 0;
}

static int read_counts(const json_t *root, struct manifest *m, struct err *err)
{
    const json_t *counts = json_object_get(root, "counts");
    const char *digest = json_text(root, "digest");

    if (read_count(counts, "nodes", 0, &m->nodes, err) < 0 ||
        read_count(counts, "relationships", 0, &m->relationships, err) < 0)
        return -1;
    m->label_sets = json_incref(json_object_get(counts, "label_sets"));
    m->types = json_incref(json_object_get(counts, "types"));
    if (!json_is_array(m->label_sets) || !json_is_array(m->types))
        return refuse(err, "label_sets or types is missing");
    if (digest == NULL || !digest_parse(digest, &m->digest))
        return refuse(err, "digest is missing, or none");
    return 0;
}

static int read_origin(const json_t *root, struct manifest *m, struct err *err)
{
    const json_t *program = json_object_get(root, "program");
    const json_t *server = json_object_get(root, "server");
    const json_t *database = json_object_get(root, "database");

    if (read_text(root, "id", m->id, sizeof m->id, err) < 0 ||
        read_text(program, "name", m->program, sizeof m->program, err) < 0 ||
        read_text(program, "version", m->program_version, sizeof m->program_version, err) < 0 ||
        read_text(server, "version", m->server_version, sizeof m->server_version, err) < 0 ||
        read_text(database, "name", m->database, sizeof m->database, err) < 0 ||
        read_text(database, "id", m->database_id, sizeof m->database_id, err) < 0)
        return -1;
    return read_text(root, "started", m->started, sizeof m->started, err) < 0
               ? -1
               : read_text(root, "ended", m->ended, sizeof m->ended, err);
}

int manifest_read(const char *p, size_t len, struct manifest *out, struct err *err)
{
    struct err why = {0};
    json_t *root = json_parse(p, len, &why);
    int rc = -1;

    *out = (struct manifest){0};
    if (!json_is_object(root))
        refuse(err, err_is_set(&why) ? why.text : "no JSON object");
    else if (read_version(root, err) == 0 && read_check(root, err) == 0 &&
             read_layout(root, out, err) == 0 && read_origin(root, out, err) == 0 &&
             read_position(root, out, err) == 0 && read_counts(root, out, err) == 0)
        rc = read_files(root, out, err);
    json_decref(root);
    return rc;
}
