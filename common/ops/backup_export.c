/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/backup_export.h"

#include "base/file.h"
#include "ops/progress.h"
#include "snapshot/export.h"
#include "snapshot/script_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define COMMAND_BYTES (8 << 20) /* what MAX_COMMAND_BYTES is unless it is set */

static void print_exported(const struct backup_program *p, const char *path, const char *topic,
                           const struct export_result *r, int64_t bytes)
{
    char digest[DIGEST_TEXT_SIZE];

    digest_text(&r->digest, digest);
    if (p->json) {
        printf("{\"nodes\": %" PRId64 ", \"relationships\": %" PRId64 ", \"statements\": %" PRId64
               ", \"bytes\": %" PRId64 ", \"largest_statement_bytes\": %" PRId64
               ", \"lost\": %" PRId64 ", \"digest\": \"%s\", \"offset\": ",
               r->nodes, r->relationships, r->statements, bytes, r->largest_bytes, r->lost, digest);
        if (r->has_position)
            printf("%" PRId64 "}\n", r->position.next_offset);
        else
            printf("null}\n");
        return;
    }
    printf("%s: %" PRId64 " nodes, %" PRId64 " relationships in %" PRId64 " statements, %.1f MB",
           path, r->nodes, r->relationships, r->statements, (double)bytes / 1e6);
    if (r->lost > 0)
        printf(", without %" PRId64 " properties that hold BYTES", r->lost);
    if (r->has_position)
        printf(", at offset %" PRId64 " of topic %s\n", r->position.next_offset, topic);
    else
        printf("; no position in a log: one moment only if nobody wrote\n");
    if (r->largest_bytes > COMMAND_BYTES)
        printf("its largest statement has %.1f MB: db_sync send takes it with a larger "
               "MAX_COMMAND_BYTES, which every db_sync then needs\n",
               (double)r->largest_bytes / 1e6);
}

static int add_text(void *arg, struct buf *text, struct err *err)
{
    return script_file_add_take(arg, text, err);
}

static int write_script(const struct backup_program *p, const char *path, struct script_file *file,
                        struct tx *hold, struct tx *scan, struct err *err)
{
    struct progress_phases phases = {.mode = (enum progress_mode)p->options->progress};
    char *topic = setup_topic(p->setup, p->command_topic);
    struct tx_server server;
    struct export_result result;
    int64_t bytes = 0;
    int rc = setup_tx_await(p->setup, scan, &server, err);

    if (rc == 0) {
        struct export_conf conf = {.on_text = add_text,
                                   .arg = file,
                                   .topic = topic,
                                   .program = p->program->name,
                                   .program_version = p->program->version,
                                   .server_version = server.version,
                                   .work = file_work_folder(),
                                   .allow_loss = p->options->allow_loss,
                                   .limit_ms = p->options->snapshot_timeout_ms,
                                   .sink = progress_sink(&phases)};
        rc = export_script(&conf, hold, scan, &result, err);
    }
    progress_end_phases(&phases);
    if (rc == 0)
        rc = script_file_publish(file, &bytes, err);
    if (rc == 0)
        print_exported(p, path, topic, &result, bytes);
    free(topic);
    return rc;
}

int backup_export(const struct backup_program *p, char *const *words, int count, struct err *err)
{
    struct script_file_conf conf = {.replace = p->options->yes,
                                    .level = (int)p->options->gzip_level,
                                    .workers = setup_worker_count()};
    struct script_file *file = NULL;
    struct tx *hold = NULL, *scan = NULL;
    int rc = -1;

    if (count != 1 || words[0][0] == '\0')
        return err_set(err, ERR_USAGE, "usage.words",
                       "export: one file is to be named, such as backups/monday.cypher.gz");
    conf.path = words[0];
    if (setup_tx_open(p->setup, &hold, err) == 0 && setup_tx_open(p->setup, &scan, err) == 0 &&
        script_file_open(&file, &conf, err) == 0)
        rc = write_script(p, conf.path, file, hold, scan, err);
    script_file_close(file);
    tx_close(hold);
    tx_close(scan);
    return rc;
}
