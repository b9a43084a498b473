/* SPDX-License-Identifier: Apache-2.0 */

/* db_sync/seed.c: which snapshot, may the log go on from it, is it whole; only then is anything
 * written. What restores it leaves the position, so that the start that follows is an ordinary
 * one. */
#include "db_sync/seed.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "db_sync/prepare.h"
#include "db_sync/start.h"
#include "neo4j/schema.h"
#include "snapshot/restore.h"
#include "snapshot/verify.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLUSTER_WAIT_MS 5000
#define READ_WAIT_MS 30000
#define TOLD_EVERY_MS 5000 /* log lines of progress */

struct seed {
    struct writer *writer;
    struct reader *reader;
    const struct options *options;
    struct source *sources; /* candidates, newest first */
    size_t count;
    bool folder; /* SEED_FROM holds snapshots, and is none */
    /* progress */
    const char *path, *phase;
    int64_t tell_at_ms;
};

/* ---- candidates ---- */

static bool ends_in(const char *name, const char *with)
{
    size_t len = strlen(name), n = strlen(with);

    return len >= n && strcmp(name + len - n, with) == 0;
}

/* What may never be the beginning of a replica, whatever the log holds. */
static int check_source(const struct seed *s, const struct source *source, struct err *err)
{
    const struct manifest *m = &source->manifest;

    if (source->foreign)
        return err_set(err, ERR_GUARD, "seed.no-manifest",
                       "%s has no manifest, which would name its place in the log", source->path);
    if (m->part)
        return err_set(err, ERR_GUARD, "seed.part", "%s is of a part of a graph", source->path);
    if (!m->has_position)
        return err_set(err, ERR_GUARD, "seed.no-position",
                       "%s is of a database that followed no log; restore it with db_sync restore, "
                       "then start once with --adopt OFFSET",
                       source->path);
    if (strcmp(m->position.topic, s->writer->topic) != 0)
        return err_set(err, ERR_GUARD, "seed.topic",
                       "%s is of topic %s, and COMMAND_TOPIC with B_TOPIC_PREFIX is %s",
                       source->path, m->position.topic, s->writer->topic);
    return 0;
}

/* Takes the source on success. */
static int add_source(struct seed *s, const char *path, struct err *err)
{
    struct source source;

    if (source_open(&source, path, err) < 0 || check_source(s, &source, err) < 0) {
        source_close(&source);
        return -1;
    }
    s->sources = mem_realloc(s->sources, s->count + 1, sizeof *s->sources);
    s->sources[s->count++] = source;
    return 0;
}

static void pass_by(const char *path, const struct err *why)
{
    log_warn(log_event("seed_passed_by"), log_str("path", path), log_err(why));
}

/* A folder that is no snapshot is nobody's mistake. */
static void consider(struct seed *s, const char *name)
{
    struct err why = {0};
    struct buf path = {0}, manifest = {0};

    buf_addf(&path, "%s/%s", s->options->seed_from, name);
    buf_addf(&manifest, "%s/%s", buf_str(&path), MANIFEST_NAME);
    if (name[0] != '.' && !ends_in(name, ".partial") && !ends_in(name, ".old") &&
        access(buf_str(&manifest), F_OK) == 0 && add_source(s, buf_str(&path), &why) < 0)
        pass_by(buf_str(&path), &why);
    buf_fini(&path);
    buf_fini(&manifest);
}

static int by_age(const void *a, const void *b)
{
    const struct manifest *x = &((const struct source *)a)->manifest,
                          *y = &((const struct source *)b)->manifest;

    if (x->position.next_offset != y->position.next_offset)
        return x->position.next_offset > y->position.next_offset ? -1 : 1;
    return strcmp(y->ended, x->ended);
}

static bool is_snapshot(const char *path)
{
    static const char *const names[] = {MANIFEST_NAME, "compressed.json"};
    bool found = false;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buf name = {0};
        buf_addf(&name, "%s/%s", path, names[i]);
        found |= access(buf_str(&name), F_OK) == 0;
        buf_fini(&name);
    }
    return found;
}

static int find_sources(struct seed *s, struct err *err)
{
    const char *path = s->options->seed_from;

    if (is_snapshot(path))
        return add_source(s, path, err);
    s->folder = true;
    DIR *dir = opendir(path);
    if (dir == NULL)
        return err_set(err, ERR_CONFIG, "seed.missing", "SEED_FROM %s: %s", path, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        consider(s, entry->d_name);
    closedir(dir);
    if (s->count > 1)
        qsort(s->sources, s->count, sizeof *s->sources, by_age);
    if (s->count > 0)
        return 0;
    return err_set(err, ERR_GUARD, "seed.none",
                   "SEED_FROM %s holds no whole snapshot of a replica of topic %s; to begin with "
                   "the start of the log, start without it",
                   path, s->writer->topic);
}

/* ---- the log ---- */

static int check_cluster(struct seed *s, const struct source *source, struct err *err)
{
    const char *theirs = source->manifest.position.cluster_id;
    char ours[sizeof source->manifest.position.cluster_id];

    if (theirs[0] == '\0')
        return 0;
    reader_cluster_id(s->reader, ours, sizeof ours, CLUSTER_WAIT_MS);
    if (ours[0] == '\0' || strcmp(ours, theirs) == 0)
        return 0;
    return err_set(
        err, ERR_GUARD, "seed.cluster",
        "%s was made beside Kafka cluster %s, and BROKERS is cluster %s: its offset would "
        "mean another command there",
        source->path, theirs, ours);
}

static int check_bounds(struct seed *s, const struct source *source, struct err *err)
{
    int64_t low, high, next = source->manifest.position.next_offset;

    if (reader_watermarks(s->reader, &low, &high, err) < 0)
        return -1;
    if (low > next)
        return err_set(err, ERR_GUARD, "log.starts-after",
                       "%s[0]: the log starts at %" PRId64 ", and snapshot %s needs %" PRId64
                       ": what lies between is lost to it; take a newer one from a replica that "
                       "runs",
                       s->writer->topic, low, source->path, next);
    if (high < next)
        return err_set(err, ERR_GUARD, "log.ends-before",
                       "%s[0]: the log ends at %" PRId64 ", and snapshot %s already contains all "
                       "before %" PRId64 ": the topic was truncated or made anew",
                       s->writer->topic, high, source->path, next);
    return 0;
}

/* The position that the replica will have. */
static void position_of(const struct manifest_position *m, struct position *out)
{
    position_init(out, m->next_offset, m->replica);
    out->last_offset = m->last_offset;
    memcpy(out->fingerprint, m->fingerprint, sizeof out->fingerprint);
}

/* When the last command of the snapshot was written: from its manifest, or the log; else it was not
 * later than when the snapshot began. */
static int written_at(struct seed *s, const struct manifest *m, int64_t *ms, struct err *err)
{
    struct reader_look look = {0};
    int64_t low, high;

    *ms = m->position.timestamp_ms;
    if (*ms >= 0)
        return 0;
    if (reader_watermarks(s->reader, &low, &high, err) < 0 ||
        (m->position.last_offset >= low &&
         reader_look_at(s->reader, m->position.last_offset, clock_mono_ms() + READ_WAIT_MS, &look,
                        err) < 0))
        return -1;
    if (look.found)
        *ms = look.timestamp_ms;
    else if (!clock_parse(m->started, ms))
        *ms = clock_wall_ms();
    return 0;
}

static int check_target(struct seed *s, const struct source *source, struct err *err)
{
    const struct manifest_position *m = &source->manifest.position;
    const struct options *o = s->options;
    char time[CLOCK_TEXT_SIZE];
    int64_t written;

    if (o->to_offset >= 0 && m->next_offset > o->to_offset)
        return err_set(err, ERR_GUARD, "target.passed",
                       "snapshot %s is beyond --to-offset %" PRId64 ": it contains all before "
                       "%" PRId64,
                       source->path, o->to_offset, m->next_offset);
    if (o->to_time == NULL || m->last_offset < 0)
        return 0;
    if (written_at(s, &source->manifest, &written, err) < 0)
        return -1;
    if (written <= o->to_time_ms)
        return 0;
    return err_set(err, ERR_GUARD, "target.passed",
                   "snapshot %s is beyond --to-time %s: it contains the command at %" PRId64
                   ", which was written at %s",
                   source->path, o->to_time, m->last_offset,
                   clock_text(written, time, sizeof time));
}

static int check_log(struct seed *s, const struct source *source, struct err *err)
{
    struct position position;
    struct err why = {0};

    if (check_bounds(s, source, err) < 0 || check_cluster(s, source, err) < 0 ||
        check_target(s, source, err) < 0)
        return -1;
    position_of(&source->manifest.position, &position);
    if (prepare_check_log(s->reader, s->writer->topic, &position, &why) == 0)
        return 0;
    if (strcmp(why.code, "log.another") == 0)
        return err_set(err, ERR_GUARD, "log.another",
                       "%s[0]: the record at %" PRId64 " is not the one that snapshot %s contains: "
                       "the topic was deleted and made anew, or belongs to another graph",
                       s->writer->topic, position.last_offset, source->path);
    *err = why;
    return -1;
}

/* ---- progress ---- */

static void on_progress(void *arg, const char *phase, int64_t done, int64_t total)
{
    struct seed *s = arg;
    int64_t now = clock_mono_ms();
    char text[256];

    if (phase == s->phase && now < s->tell_at_ms)
        return;
    s->phase = phase;
    s->tell_at_ms = now + TOLD_EVERY_MS;
    snprintf(text, sizeof text, "%s from %.160s: %" PRId64 " of %" PRId64, phase, s->path, done,
             total);
    report_restoring(s->writer->report, text);
    log_info(log_event("seeding"), log_str("phase", phase), log_int("done", done),
             log_int("total", total));
}

/* ---- the work ---- */

/* Reads all of it before anything is written. */
static int prove(struct seed *s, const struct source *source, struct verify_result *proved,
                 struct err *err)
{
    struct verify_conf conf = {
        .source = source, .work = file_work_folder(), .sink = {on_progress, s}};

    return verify_snapshot(&conf, proved, err) < 0 ? err_wrap(err, "%s", source->path) : 0;
}

static int restore_through(struct seed *s, struct tx *const *lanes, const struct source *source,
                           const struct verify_result *proved, struct restore_result *result,
                           struct err *err)
{
    struct tx_server server;
    struct restore_conf conf = {.source = source,
                                .tx = s->writer->tx,
                                .lanes = lanes,
                                .server = &server,
                                .topic = s->writer->topic,
                                .replica = options_replica(s->options),
                                .work = file_work_folder(),
                                .proved = proved,
                                .limit_ms = s->options->seed_timeout_ms,
                                .sink = {on_progress, s}};

    return tx_server(s->writer->tx, &server, err) < 0 ? -1 : restore_snapshot(&conf, result, err);
}

static int restore(struct seed *s, const struct source *source, const struct verify_result *proved,
                   struct err *err)
{
    const struct setup *setup = &s->options->setup;
    struct restore_result result = {0};
    struct tx *lanes[RESTORE_LANES] = {NULL};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < RESTORE_LANES; i++)
        rc = setup_tx_open(setup, &lanes[i], err);
    if (rc == 0)
        rc = restore_through(s, lanes, source, proved, &result, err);
    for (size_t i = 0; i < RESTORE_LANES; i++)
        tx_close(lanes[i]);
    if (rc == 0)
        log_info(log_event("seeded"), log_str("path", source->path),
                 log_int("next_offset", source->manifest.position.next_offset),
                 log_int("nodes", result.nodes), log_int("relationships", result.relationships),
                 log_int("resumed", result.resumed));
    restore_result_fini(&result);
    return rc;
}

/* The newest that will do. */
static int seed_from_any(struct seed *s, struct err *err)
{
    struct err kept = {0}; /* of the newest, or of the oldest where all are beyond the target */

    for (size_t i = 0; i < s->count; i++) {
        const struct source *source = &s->sources[i];
        struct verify_result proved;
        struct err why = {0};
        s->path = source->path;
        if (check_log(s, source, &why) == 0 && prove(s, source, &proved, &why) == 0) {
            log_info(log_event("seed"), log_str("path", source->path),
                     log_int("next_offset", source->manifest.position.next_offset),
                     log_str("id", source->manifest.id));
            return restore(s, source, &proved, err);
        }
        if (!s->folder || (why.class != ERR_GUARD && why.class != ERR_DAMAGED)) {
            *err = why;
            return -1;
        }
        pass_by(source->path, &why);
        if (!err_is_set(&kept) || strcmp(kept.code, "target.passed") == 0)
            kept = why;
    }
    *err = kept;
    return err_wrap(err, "none of the %zu snapshots in SEED_FROM %s will do", s->count,
                    s->options->seed_from);
}

/* One try, without the waiting. */
static int seed_once(struct seed *s, struct err *err)
{
    struct writer *w = s->writer;
    struct position position;
    bool found, empty;
    char what[128];

    if (position_read(w->tx, w->topic, &position, &found, err) < 0 ||
        schema_database_empty(w->tx, &empty, what, sizeof what, err) < 0)
        return -1;
    if (found && position.state[0] == '\0') {
        log_info(log_event("seed_ignored"), log_int("offset", position.next_offset),
                 log_str("why", "this replica has a position"));
        return 0;
    }
    if (!found && !empty)
        return 0; /* start_position refuses it */
    return find_sources(s, err) < 0 ? -1 : seed_from_any(s, err);
}

static void forget_sources(struct seed *s)
{
    for (size_t i = 0; i < s->count; i++)
        source_close(&s->sources[i]);
    free(s->sources);
    s->sources = NULL;
    s->count = 0;
}

int seed_replica(struct writer *writer, struct reader *reader, const struct options *options,
                 struct err *err)
{
    struct seed s = {.writer = writer, .reader = reader, .options = options};
    struct err why = {0};
    int rc = 0;

    if (options->seed_from == NULL || *options->seed_from == '\0')
        return 0;
    while (rc == 0 && seed_once(&s, &why) < 0) {
        forget_sources(&s);
        if (why.class == ERR_RETRY && strncmp(why.code, "kafka.", 6) == 0) {
            rc = start_kafka(reader, options, writer->report, err);
            err_clear(&why);
        } else {
            rc = outage_again(&writer->outage, &why, err);
        }
    }
    forget_sources(&s);
    if (rc == 0)
        outage_over(&writer->outage);
    report_restoring(writer->report, NULL);
    return rc;
}
