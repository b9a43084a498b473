/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/agent.h"
#include "db_sync/cmd_explain.h"
#include "db_sync/cmd_resend.h"
#include "db_sync/cmd_send.h"
#include "db_sync/cmd_status.h"
#include "db_sync/cmd_topics.h"
#include "db_sync/options.h"

#include "base/json.h"
#include "base/log.h"
#include "base/stop.h"
#include "neo4j/http.h"
#include "ops/backup_export.h"
#include "ops/backup_verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int run_command(const struct conf_args *args, struct options *options, struct err *err)
{
    const struct backup_program backup = {
        .program = &options_program,
        .setup = &options->setup,
        .options = &options->backup,
        .command_topic = options->command_topic,
        .replica = options_replica(options) != NULL ? options_replica(options) : "restored",
        .json = options->json};

    if (options_check_topics(options, err) < 0)
        return -1;
    switch (args->command->bit) {
    case DB_SYNC_SEND:
        if (options->dead_letters && args->word_count == 0 && options->file == NULL)
            return cmd_resend(options, err);
        if (options->dead_letters)
            return err_set(err, ERR_USAGE, "usage.input",
                           "--dead-letters takes commands from the fail topic, not from words or "
                           "--file");
        return cmd_send(options, args->words, args->word_count, err);
    case DB_SYNC_EXPLAIN:
        return cmd_explain(options, args->words, args->word_count, err);
    case DB_SYNC_STATUS:
        return cmd_status(options, err);
    case DB_SYNC_SKIP:
        return agent_skip(options, args->words, args->word_count, err);
    case DB_SYNC_TOPICS:
        return cmd_topics(options, args->words, args->word_count, err);
    case DB_SYNC_SNAPSHOT:
        return backup_snapshot(&backup, args->words, args->word_count, err);
    case DB_SYNC_RESTORE:
        return backup_restore(&backup, args->words, args->word_count, err);
    case DB_SYNC_VERIFY:
        return backup_verify(&backup, args->words, args->word_count, err);
    case DB_SYNC_EXPORT:
        return backup_export(&backup, args->words, args->word_count, err);
    case DB_SYNC_SHOW:
        return backup_show(&backup, args->words, args->word_count, err);
    default:
        return agent_run(options, err);
    }
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct conf_args args;
    struct err err = {0};
    int rc = -1;

    enum conf_outcome outcome = conf_read(&options_program, argc, argv, &options, &args, &err);
    if (outcome == CONF_GO) {
        bool quiet = args.command->bit == DB_SYNC_SKIP && options.setup.log_level == LOG_LEVEL_INFO;
        log_init("db_sync", quiet ? LOG_LEVEL_WARN : (enum log_level)options.setup.log_level,
                 (enum log_format)options.setup.log_format);
        setup_raise_file_limit();
        json_init();
        http_global_init();
        stop_init();
        rc = run_command(&args, &options, &err);
        stop_fini();
    } else if (outcome == CONF_SHOWN) {
        rc = 0;
    }
    if (rc == 0 && fflush(stdout) != 0)
        rc = err_set(&err, ERR_FATAL, "io", "standard output: %s", strerror(errno));
    if (rc < 0 && outcome == CONF_GO && args.command->bit == DB_SYNC_RUN)
        log_error(log_event("end"), log_err(&err));
    else if (rc < 0)
        fprintf(stderr, "db_sync: %s\n", err.text);
    conf_fini(&options_program, &options);
    return rc < 0 ? err_exit_code(err.class) : 0;
}
