/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/backup_verify.h"

#include "base/file.h"
#include "base/json.h"
#include "ops/progress.h"
#include "ops/table.h"
#include "snapshot/against.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SHOWN_DIFFERENCES 50 /* --json has all */

/* ---- results ---- */

static void print_proved(const struct source *s, const struct verify_result *r)
{
    char digest[DIGEST_TEXT_SIZE];

    digest_text(&r->digest, digest);
    printf("%s: %s: %" PRId64 " nodes, %" PRId64 " relationships in %" PRId64 " files, digest %s\n",
           s->path, s->foreign ? "readable, but there is no manifest to prove it by" : "whole",
           r->nodes, r->relationships, r->files, digest);
}

static json_t *json_offset(bool known, int64_t offset)
{
    return known ? json_integer(offset) : json_null();
}

/* a: NULL when it was not compared. */
static void print_json(const struct source *s, const struct verify_result *r,
                       const struct against_result *a)
{
    const struct manifest *m = &s->manifest;
    char digest[DIGEST_TEXT_SIZE];
    struct buf text = {0};

    digest_text(&r->digest, digest);
    json_t *root =
        json_pack("{s:I,s:I,s:I,s:I,s:s,s:b}", "nodes", (json_int_t)r->nodes, "relationships",
                  (json_int_t)r->relationships, "files", (json_int_t)r->files, "bytes",
                  (json_int_t)r->bytes, "digest", digest, "proved", !s->foreign);
    if (a != NULL) {
        digest_text(&a->digest, digest);
        json_object_set_new(
            root, "database",
            json_pack("{s:b,s:I,s:I,s:s,s:o,s:o,s:O}", "equal", a->equal, "nodes",
                      (json_int_t)a->nodes, "relationships", (json_int_t)a->relationships, "digest",
                      digest, "offset", json_offset(a->has_position, a->position.next_offset),
                      "snapshot_offset", json_offset(m->has_position, m->position.next_offset),
                      "differences", a->differences));
    }
    json_add(&text, root);
    printf("%s\n", buf_str(&text));
    buf_fini(&text);
    json_decref(root);
}

static void add_place(struct buf *out, bool known, int64_t offset)
{
    if (known)
        buf_addf(out, "offset %" PRId64, offset);
    else
        buf_adds(out, "no position");
}

static void print_places(const struct manifest *m, const struct against_result *a)
{
    struct buf text = {0};

    buf_adds(&text, "snapshot: ");
    add_place(&text, m->has_position, m->position.next_offset);
    buf_adds(&text, "; database: ");
    add_place(&text, a->has_position, a->position.next_offset);
    if (!against_is_same_place(m, a))
        buf_adds(&text, ": not the same place in the log, so differences are to be expected");
    printf("%s\n", buf_str(&text));
    buf_fini(&text);
}

/* ":A:B", "[:T]" */
static void add_name(struct buf *out, const json_t *entry)
{
    const json_t *labels = json_object_get(entry, "labels"), *label;
    const char *type = json_text(entry, "type");
    size_t i;

    json_array_foreach (labels, i, label)
        buf_addf(out, ":%s", json_is_string(label) ? json_string_value(label) : "?");
    if (type != NULL)
        buf_addf(out, "[:%s]", type);
    else if (json_array_size(labels) == 0)
        buf_adds(out, "(no label)");
}

static void set_count(struct table *t, size_t column, const json_t *entry, const char *key)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, json_int(entry, key, 0));
    table_set(t, column, text);
}

static void print_differences(const json_t *differences)
{
    struct table *t = table_new();
    const json_t *entry;
    size_t i;

    table_add_column(t, "LABELS OR TYPE", false);
    table_add_column(t, "SNAPSHOT", true);
    table_add_column(t, "DATABASE", true);
    json_array_foreach (differences, i, entry) {
        struct buf name = {0};
        if (i == SHOWN_DIFFERENCES)
            break;
        add_name(&name, entry);
        table_add_row(t);
        table_set(t, 0, buf_str(&name));
        set_count(t, 1, entry, "snapshot");
        set_count(t, 2, entry, "database");
        buf_fini(&name);
    }
    table_print(t, stdout);
    table_free(t);
    if (json_array_size(differences) > SHOWN_DIFFERENCES)
        printf("… and %zu more: --json shows all\n",
               json_array_size(differences) - SHOWN_DIFFERENCES);
}

static void print_compared(const struct backup_program *p, const struct source *s,
                           const struct against_result *a)
{
    char digest[DIGEST_TEXT_SIZE];

    digest_text(&a->digest, digest);
    printf("database %s: %s: %" PRId64 " nodes, %" PRId64 " relationships, digest %s\n",
           p->setup->neo4j_database, a->equal ? "equal" : "differs", a->nodes, a->relationships,
           digest);
    print_places(&s->manifest, a);
    if (json_array_size(a->differences) > 0)
        print_differences(a->differences);
}

/* ---- comparing ---- */

static int check_comparable(const struct backup_program *p, const struct source *s, struct err *err)
{
    if (p->setup->neo4j_password.value == NULL)
        return err_set(err, ERR_CONFIG, "config.missing",
                       "NEO4J_PASS is not set: --against-replica asks a database (environment "
                       "NEO4J_PASS, or NEO4J_PASS_FILE with a file's name)");
    if (s->foreign)
        return err_set(err, ERR_GUARD, "verify.no-manifest",
                       "%s: there is no manifest to compare a database with", s->path);
    if (s->manifest.part)
        return err_set(err, ERR_GUARD, "verify.part",
                       "%s: a part of a graph, which no whole database equals; only a snapshot "
                       "taken without --labels and --types can be compared with one",
                       s->path);
    return 0;
}

static int read_database(const struct backup_program *p, const struct source *s, struct tx *hold,
                         struct tx *scan, struct against_result *out, struct err *err)
{
    struct progress_phases phases = {.mode = (enum progress_mode)p->options->progress};
    char *topic = setup_topic(p->setup, p->command_topic);
    struct tx_server server;
    int rc = setup_tx_await(p->setup, scan, &server, err);

    if (rc == 0) {
        struct against_conf conf = {.manifest = &s->manifest,
                                    .topic = topic,
                                    .server_version = server.version,
                                    .work = file_work_folder(),
                                    .limit_ms = p->options->snapshot_timeout_ms,
                                    .sink = progress_sink(&phases)};
        rc = against_database(&conf, hold, scan, out, err);
    }
    progress_end_phases(&phases);
    free(topic);
    return rc;
}

static int compare(const struct backup_program *p, const struct source *s,
                   struct against_result *out, struct err *err)
{
    struct tx *hold = NULL, *scan = NULL;
    int rc = -1;

    if (setup_tx_open(p->setup, &hold, err) == 0 && setup_tx_open(p->setup, &scan, err) == 0)
        rc = read_database(p, s, hold, scan, out, err);
    tx_close(hold);
    tx_close(scan);
    return rc;
}

static int tell_difference(const struct against_result *a, struct err *err)
{
    if (a->equal)
        return 0;
    if (json_array_size(a->differences) == 0)
        return err_set(err, ERR_DIFFERS, "verify.differs",
                       "the database is not what the snapshot holds: all counts are equal, values "
                       "differ");
    return err_set(err, ERR_DIFFERS, "verify.differs",
                   "the database is not what the snapshot holds: %zu label sets or types differ "
                   "in how many there are",
                   json_array_size(a->differences));
}

int backup_verify_source(const struct backup_program *p, const struct source *source,
                         struct verify_result *result, struct err *err)
{
    struct progress_phases phases = {.mode = (enum progress_mode)p->options->progress};
    struct verify_conf conf = {
        .source = source, .work = file_work_folder(), .sink = progress_sink(&phases)};
    int rc = verify_snapshot(&conf, result, err);

    progress_end_phases(&phases);
    return rc < 0 ? err_wrap(err, "%s", source->path) : 0;
}

int backup_verify(const struct backup_program *p, char *const *words, int count, struct err *err)
{
    bool against = p->options->against_replica;
    const char *path = NULL;
    struct source source = {.fd = -1};
    struct verify_result result;
    struct against_result compared = {0};

    if (backup_one_word(words, count, "verify", &path, err) < 0)
        return -1;
    int rc = source_open(&source, path, err);
    if (rc == 0 && against)
        rc = check_comparable(p, &source, err);
    if (rc == 0)
        rc = backup_verify_source(p, &source, &result, err);
    if (rc == 0 && !p->json)
        print_proved(&source, &result);
    if (rc == 0 && against)
        rc = compare(p, &source, &compared, err);
    if (rc == 0 && p->json)
        print_json(&source, &result, against ? &compared : NULL);
    else if (rc == 0 && against)
        print_compared(p, &source, &compared);
    if (rc == 0 && against)
        rc = tell_difference(&compared, err);
    against_fini(&compared);
    source_close(&source);
    return rc;
}
