/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/main.c: launches, and turns an error into an exit code. */
#include "base/json.h"
#include "base/log.h"
#include "base/stop.h"
#include "global_server/agent.h"
#include "global_server/ask.h"
#include "global_server/options.h"
#include "neo4j/http.h"
#include "ops/backup_export.h"
#include "ops/backup_verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static int run(const struct server_conf *conf, const struct conf_args *args, bool *hung,
               struct err *err)
{
    const struct backup_program backup = {.program = &server_program,
                                          .setup = &conf->setup,
                                          .options = &conf->backup,
                                          .command_topic = conf->command_topic,
                                          .replica = "restored",
                                          .json = conf->json};

    if (options_check_topics(conf, err) < 0)
        return -1;
    switch (args->command->bit) {
    case COMMAND_ASK:
        return ask_run(conf, args->words, args->word_count, err);
    case COMMAND_SNAPSHOT:
        return backup_snapshot(&backup, args->words, args->word_count, err);
    case COMMAND_RESTORE:
        return backup_restore(&backup, args->words, args->word_count, err);
    case COMMAND_VERIFY:
        return backup_verify(&backup, args->words, args->word_count, err);
    case COMMAND_EXPORT:
        return backup_export(&backup, args->words, args->word_count, err);
    case COMMAND_SHOW:
        return backup_show(&backup, args->words, args->word_count, err);
    default:
        return agent_run(conf, hung, err);
    }
}

/* The reason is a line of the log for a daemon, a sentence for a person. */
static void tell_end(const struct conf_args *args, int rc, const struct err *err)
{
    bool daemon = args->command != NULL && args->command->bit == COMMAND_RUN;

    if (rc == 0 && daemon)
        log_info(log_event("end"));
    else if (daemon)
        log_error(log_event("end"), log_err(err));
    else if (rc < 0)
        fprintf(stderr, "global_server: %s\n", err->text);
}

#define KEPT_BYTES (1 << 20)

/* glibc keeps more and more of what was freed, the larger it was, and so for each thread: a large
 * request that each of the workers had once would stay nine times. */
static void give_memory_back(void)
{
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
#endif
}

int main(int argc, char **argv)
{
    struct server_conf conf = {0};
    struct conf_args args = {0};
    struct err err = {0};
    bool hung = false;
    int rc = -1, code;

    switch (conf_read(&server_program, argc, argv, &conf, &args, &err)) {
    case CONF_GO:
        log_init("global_server", (enum log_level)conf.setup.log_level,
                 (enum log_format)conf.setup.log_format);
        give_memory_back();
        setup_raise_file_limit();
        json_init();
        http_global_init();
        stop_init();
        rc = run(&conf, &args, &hung, &err);
        stop_fini();
        break;
    case CONF_SHOWN:
        args.command = NULL;
        rc = 0;
        break;
    case CONF_FAILED:
        args.command = NULL;
        break;
    }
    if (rc == 0 && fflush(stdout) != 0)
        rc = err_set(&err, ERR_FATAL, "io", "standard output: %s", strerror(errno));
    tell_end(&args, rc, &err);
    code = rc < 0 ? err_exit_code(err.class) : 0;
    if (hung)
        _exit(code); /* a thread hangs in librdkafka: nothing of it can be freed */
    conf_fini(&server_program, &conf);
    return code;
}
