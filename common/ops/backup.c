/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/backup.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "ops/backup_verify.h"
#include "ops/origin.h"
#include "ops/progress.h"
#include "ops/table.h"
#include "snapshot/restore.h"
#include "snapshot/take.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN_SETS 20 /* label sets and types in the table of show; --json has all */

/* ---- snapshot ---- */

int backup_one_word(char *const *words, int count, const char *what, const char **out,
                    struct err *err)
{
    if (count != 1 || words[0][0] == '\0')
        return err_set(err, ERR_USAGE, "usage.words", "%s: one folder is to be named, such as %s",
                       what, "backups/monday");
    *out = words[0];
    return 0;
}

/* "A,B" as a NULL-terminated list of slices of *copy; NULL for NULL. */
static const char **split_list(const char *text, char **copy)
{
    size_t count = 0;

    *copy = mem_strdup(text);
    if (text == NULL)
        return NULL;
    const char **list = mem_alloc(strlen(text) + 2, sizeof *list);
    for (char *p = *copy; p != NULL;) {
        char *comma = strchr(p, ',');
        if (comma != NULL)
            *comma = '\0';
        if (*p != '\0')
            list[count++] = p;
        p = comma != NULL ? comma + 1 : NULL;
    }
    return list;
}

static bool is_counted(const json_t *counts, const char *name)
{
    const json_t *set, *label;
    size_t i, k;

    json_array_foreach (counts, i, set) {
        const char *type = json_text(set, "type");
        if (type != NULL && strcmp(type, name) == 0)
            return true;
        json_array_foreach (json_object_get(set, "labels"), k, label)
            if (strcmp(json_string_value(label), name) == 0)
                return true;
    }
    return false;
}

/* A name in --labels or --types that nothing bears is a slip of the pen more often than not. */
static void note_unknown(const struct manifest *m, const char *const *labels,
                         const char *const *types)
{
    for (; labels != NULL && *labels != NULL; labels++)
        if (!is_counted(m->label_sets, *labels))
            fprintf(stderr, "note: no node has the label %s\n", *labels);
    for (; types != NULL && *types != NULL; types++)
        if (!is_counted(m->types, *types))
            fprintf(stderr, "note: no relationship has the type %s\n", *types);
}

static void print_taken(const struct backup_program *p, const char *dest, const struct manifest *m)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < m->file_count; i++)
        bytes += m->files[i].stored_bytes;
    if (p->json) {
        struct buf text = {0};
        manifest_write(&text, m);
        fputs(buf_str(&text), stdout);
        buf_fini(&text);
        return;
    }
    printf("%s: %" PRId64 " nodes, %" PRId64 " relationships, %.1f MB in %zu files", dest, m->nodes,
           m->relationships, (double)bytes / 1e6, m->file_count);
    if (m->has_position)
        printf(", at offset %" PRId64 " of topic %s\n", m->position.next_offset, m->position.topic);
    else
        printf("; no position in a log: one moment only if nobody wrote\n");
}

static void ask_kafka(const void *arg, struct manifest_position *position)
{
    const struct setup *setup = arg;
    struct err why = {0};

    if (setup->brokers != NULL && *setup->brokers != '\0' && origin_ask(setup, position, &why) < 0)
        fprintf(stderr, "note: the manifest does not say what Kafka knows of this place: %s\n",
                why.text);
}

static int take(const struct backup_program *p, const char *dest, struct tx *hold, struct tx *scan,
                struct err *err)
{
    struct progress_phases phases = {.mode = (enum progress_mode)p->options->progress};
    struct manifest manifest = {0};
    struct tx_server server;
    char *labels, *types;
    const char **label_list = split_list(p->options->labels, &labels);
    const char **type_list = split_list(p->options->types, &types);
    char *topic = setup_topic(p->setup, p->command_topic);
    int rc = setup_tx_await(p->setup, scan, &server, err);

    if (rc == 0) {
        struct take_conf conf = {
            .dest = dest,
            .replace = p->options->yes,
            .layout = (enum layout)p->options->layout,
            .level = p->options->no_compress ? 0 : (int)p->options->gzip_level,
            .workers = setup_worker_count(),
            .labels = label_list,
            .types = type_list,
            .topic = topic,
            .program = p->program->name,
            .program_version = p->program->version,
            .server_version = server.version,
            .database = p->setup->neo4j_database,
            .limit_ms = p->options->snapshot_timeout_ms,
            .describe_position = ask_kafka,
            .describe_arg = p->setup,
            .sink = progress_sink(&phases),
        };
        rc = take_snapshot(&conf, hold, scan, &manifest, err);
    }
    progress_end_phases(&phases);
    if (rc == 0) {
        note_unknown(&manifest, label_list, type_list);
        print_taken(p, dest, &manifest);
    }
    manifest_fini(&manifest);
    free(label_list);
    free(type_list);
    free(labels);
    free(types);
    free(topic);
    return rc;
}

int backup_snapshot(const struct backup_program *p, char *const *words, int count, struct err *err)
{
    struct tx *hold = NULL, *scan = NULL;
    const char *dest = NULL;
    int rc = -1;

    if (backup_one_word(words, count, "snapshot", &dest, err) < 0)
        return -1;
    if (setup_tx_open(p->setup, &hold, err) == 0 && setup_tx_open(p->setup, &scan, err) == 0)
        rc = take(p, dest, hold, scan, err);
    tx_close(hold);
    tx_close(scan);
    return rc;
}

/* ---- restore ---- */

/* Everything in the database will go: a person must have said so. */
static int confirm(const struct backup_program *p, struct err *err)
{
    char answer[128] = "";

    if (!p->options->force || p->options->yes || p->options->dry_run)
        return 0;
    if (isatty(STDIN_FILENO) == 1) {
        fprintf(
            stderr,
            "This removes everything in database %s at %s.\nType the database's name to go on: ",
            p->setup->neo4j_database, p->setup->neo4j_uri);
        if (fgets(answer, sizeof answer, stdin) != NULL)
            answer[strcspn(answer, "\n")] = '\0';
        if (strcmp(answer, p->setup->neo4j_database) == 0)
            return 0;
    }
    return err_set(err, ERR_GUARD, "restore.not-confirmed",
                   "--force removes everything in database %s, which was not confirmed; a script "
                   "says --yes",
                   p->setup->neo4j_database);
}

static void print_restored(const struct backup_program *p, const struct restore_conf *conf,
                           const struct restore_result *r)
{
    const struct source *s = conf->source;
    const struct manifest *m = &s->manifest;
    const char *what = p->options->dry_run ? "would be restored" : "restored";

    size_t i, left_out = json_array_size(r->left_out);
    const json_t *text;

    json_array_foreach (r->left_out, i, text)
        log_warn(log_event("constraint_left_out"), log_str("constraint", json_string_value(text)));
    if (p->json) {
        struct buf texts = {0};
        json_add(&texts, r->left_out);
        printf("{\"nodes\": %" PRId64 ", \"relationships\": %" PRId64 ", \"lost\": %" PRId64
               ", \"left_out\": %s, \"resumed\": %" PRId64 ", \"dry_run\": %s}\n",
               r->nodes, r->relationships, r->lost, buf_str(&texts), r->resumed,
               p->options->dry_run ? "true" : "false");
        buf_fini(&texts);
        return;
    }
    bool some = p->options->dry_run && (conf->labels != NULL || conf->types != NULL);
    printf("%s: %s%" PRId64 " nodes and %" PRId64 " relationships %s", s->path, some ? "of " : "",
           r->nodes, r->relationships,
           some ? "those with the labels and types named would be restored" : what);
    if (r->resumed > 0)
        printf(" (%" PRId64 " nodes were there from an interrupted restore)", r->resumed);
    if (r->lost > 0)
        printf(", without %" PRId64 " properties that hold BYTES", r->lost);
    if (restore_gives_position(conf))
        printf(", at offset %" PRId64 " of topic %s", m->position.next_offset, m->position.topic);
    else if (m->part || conf->labels != NULL || conf->types != NULL)
        printf("; a part of a graph, which cannot follow the log");
    if (left_out > 0)
        printf("; without %zu constraints that are not understood, see the log", left_out);
    if (s->foreign)
        printf("; there is no manifest to prove it by, and no position in a log");
    printf("\n");
}

/* The options, and what was made of them for the caller to free. */
struct restore_words {
    char *labels, *types, *topic;
    const char **label_list, **type_list;
};

static void fill_restore(const struct backup_program *p, struct restore_conf *conf,
                         struct restore_words *w)
{
    w->label_list = split_list(p->options->labels, &w->labels);
    w->type_list = split_list(p->options->types, &w->types);
    w->topic = setup_topic(p->setup, p->command_topic);
    conf->topic = w->topic;
    conf->replica = p->replica;
    conf->work = file_work_folder();
    conf->labels = w->label_list;
    conf->types = w->type_list;
    conf->wipe = p->options->force;
    conf->allow_loss = p->options->allow_loss;
    conf->dry_run = p->options->dry_run;
    conf->limit_ms = p->options->snapshot_timeout_ms;
}

static void free_words(struct restore_words *w)
{
    free(w->label_list);
    free(w->type_list);
    free(w->labels);
    free(w->types);
    free(w->topic);
}

static int restore(const struct backup_program *p, struct restore_conf *conf, struct err *err)
{
    struct progress_phases phases = {.mode = (enum progress_mode)p->options->progress};
    struct tx_server server;
    struct restore_words words;
    struct restore_result result = {0};
    int rc = setup_tx_await(p->setup, conf->tx, &server, err);

    fill_restore(p, conf, &words);
    conf->server = &server;
    conf->sink = progress_sink(&phases);
    if (rc == 0 && !conf->source->foreign)
        note_unknown(&conf->source->manifest, conf->labels, conf->types);
    if (rc == 0)
        rc = restore_snapshot(conf, &result, err);
    progress_end_phases(&phases);
    if (rc == 0 && conf->dry_run && conf->proved != NULL) {
        result.nodes = conf->proved->nodes;
        result.relationships = conf->proved->relationships;
    }
    if (rc == 0)
        print_restored(p, conf, &result);
    restore_result_fini(&result);
    free_words(&words);
    return rc;
}

int backup_restore(const struct backup_program *p, char *const *words, int count, struct err *err)
{
    const char *path = NULL;
    struct source source = {.fd = -1};
    struct verify_result proved = {0};
    struct tx *tx = NULL, *lanes[RESTORE_LANES] = {NULL};

    if (backup_one_word(words, count, "restore", &path, err) < 0)
        return -1;
    int rc = source_open(&source, path, err);
    if (rc == 0 && !p->options->no_verify)
        rc = backup_verify_source(p, &source, &proved, err);
    if (rc == 0)
        rc = confirm(p, err);
    if (rc == 0)
        rc = setup_tx_open(p->setup, &tx, err);
    for (size_t i = 0; rc == 0 && i < RESTORE_LANES; i++)
        rc = setup_tx_open(p->setup, &lanes[i], err);
    if (rc == 0) {
        struct restore_conf conf = {.source = &source,
                                    .tx = tx,
                                    .lanes = lanes,
                                    .proved = p->options->no_verify ? NULL : &proved};
        rc = restore(p, &conf, err);
    }
    for (size_t i = 0; i < RESTORE_LANES; i++)
        tx_close(lanes[i]);
    tx_close(tx);
    source_close(&source);
    return rc;
}

/* ---- show ---- */

static void add_line(struct table *t, const char *name, const char *value)
{
    table_add_row(t);
    table_set(t, 0, name);
    table_set(t, 1, value);
}

static void add_count(struct table *t, const char *name, int64_t n)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, n);
    add_line(t, name, text);
}

static void show_origin(const struct source *s)
{
    const struct manifest *m = &s->manifest;
    struct table *t = table_new();
    char digest[DIGEST_TEXT_SIZE];
    int64_t stored = 0, raw = 0;

    for (size_t i = 0; i < m->file_count; i++) {
        stored += m->files[i].stored_bytes;
        raw += m->files[i].raw_bytes;
    }
    digest_text(&m->digest, digest);
    table_add_column(t, "SNAPSHOT", false);
    table_add_column(t, s->path, false);
    add_line(t, "id", m->id);
    add_line(t, "layout", layout_name(m->layout));
    add_line(t, "whole graph", m->part ? "no, a part" : "yes");
    add_line(t, "database", m->database);
    add_line(t, "Neo4j", m->server_version);
    add_line(t, "made by", m->program);
    add_line(t, "version", m->program_version);
    add_line(t, "started", m->started);
    add_line(t, "ended", m->ended);
    if (m->has_position) {
        char time[CLOCK_TEXT_SIZE];
        add_line(t, "topic", m->position.topic);
        if (m->position.cluster_id[0] != '\0')
            add_line(t, "Kafka cluster", m->position.cluster_id);
        add_count(t, "next offset", m->position.next_offset);
        if (m->position.timestamp_ms >= 0)
            add_line(t, "last command", clock_text(m->position.timestamp_ms, time, sizeof time));
        add_line(t, "replica", m->position.replica);
    } else {
        add_line(t, "position", "none: one moment only if nobody wrote");
    }
    add_count(t, "nodes", m->nodes);
    add_count(t, "relationships", m->relationships);
    add_count(t, "files", (int64_t)m->file_count);
    add_count(t, "bytes on disk", stored);
    add_count(t, "bytes of text", raw);
    add_line(t, "digest", digest);
    table_print(t, stdout);
    table_free(t);
}

/* "Person:Admin" */
static void add_set(struct table *t, const json_t *entry)
{
    const json_t *labels = json_object_get(entry, "labels"), *label;
    const char *type = json_text(entry, "type");
    struct buf name = {0};
    char text[24];
    size_t i;

    buf_adds(&name, type != NULL ? type : "");
    json_array_foreach (labels, i, label)
        buf_addf(&name, ":%s", json_is_string(label) ? json_string_value(label) : "?");
    if (type == NULL && json_array_size(labels) == 0)
        buf_adds(&name, "(no label)");
    snprintf(text, sizeof text, "%" PRId64, json_int(entry, "count", 0));
    table_add_row(t);
    table_set(t, 0, buf_str(&name));
    table_set(t, 1, text);
    buf_fini(&name);
}

static void show_sets(const char *heading, const json_t *sets)
{
    struct table *t;
    size_t i;
    const json_t *entry;

    if (json_array_size(sets) == 0)
        return;
    t = table_new();
    table_add_column(t, heading, false);
    table_add_column(t, "COUNT", true);
    json_array_foreach (sets, i, entry)
        if (i < SHOWN_SETS)
            add_set(t, entry);
    printf("\n");
    table_print(t, stdout);
    if (json_array_size(sets) > SHOWN_SETS)
        printf("… and %zu more: --json shows all\n", json_array_size(sets) - SHOWN_SETS);
    table_free(t);
}

static void show(const struct backup_program *p, const struct source *s)
{
    struct buf text = {0};

    if (s->foreign) {
        printf(
            "%s: a snapshot of neo4j-backup in the %s layout, %zu data files; it has no manifest "
            "that would say more\n",
            s->path, layout_name(s->manifest.layout), s->manifest.file_count);
        return;
    }
    if (p->json) {
        manifest_write(&text, &s->manifest);
        fputs(buf_str(&text), stdout);
        buf_fini(&text);
        return;
    }
    show_origin(s);
    show_sets("LABELS", s->manifest.label_sets);
    show_sets("TYPE", s->manifest.types);
}

int backup_show(const struct backup_program *p, char *const *words, int count, struct err *err)
{
    struct source source = {.fd = -1};
    const char *path = NULL;

    if (backup_one_word(words, count, "show", &path, err) < 0)
        return -1;
    int rc = source_open(&source, path, err);
    if (rc == 0)
        show(p, &source);
    source_close(&source);
    return rc;
}
