/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/cmd_send.h"

#include "base/json.h"
#include "db_sync/sender.h"
#include "ops/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *open_input(const struct options *o, int n, struct err *err)
{
    if (o->file == NULL && n == 0 && isatty(STDIN_FILENO)) {
        err_set(err, ERR_USAGE, "usage.input",
                "no commands: give them as words, with --file, or on standard input; see db_sync "
                "send --help");
        return NULL;
    }
    if (o->file == NULL || strcmp(o->file, "-") == 0)
        return stdin;
    FILE *in = fopen(o->file, "re");
    if (in == NULL)
        err_set(err, ERR_USAGE, "usage.file", "%s: %s", o->file, strerror(errno));
    return in;
}

/* A file's size gives the bar its end; a pipe has none. */
static int64_t input_size(FILE *in)
{
    struct stat st;

    return fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : 0;
}

static int send_file(struct sender *s, const struct options *o, const json_t *params, int n,
                     struct err *err)
{
    FILE *in = open_input(o, n, err);
    struct progress progress;
    char *line = NULL;
    size_t size = 0;
    int64_t read = 0, number = 0;
    ssize_t len;
    int rc = 0;

    if (in == NULL)
        return -1;
    int64_t total = input_size(in);
    progress_start(&progress, total > 0 ? "bytes" : "commands", total);
    while (rc == 0 && (len = getline(&line, &size, in)) >= 0) {
        number++;
        read += len;
        rc = sender_send(s, line, (size_t)len, params, NULL, err);
        if (rc < 0)
            err_wrap(err, "line %" PRId64, number);
        progress_set(&progress, total > 0 ? read : sender_count(s));
    }
    if (rc == 0 && ferror(in))
        rc = err_set(err, ERR_FATAL, "io", "%s: %s", o->file, strerror(errno));
    progress_end(&progress);
    free(line);
    if (in != stdin)
        fclose(in);
    return rc;
}

static int read_params(const char *text, json_t **params, struct err *err)
{
    if (text == NULL)
        return 0;
    *params = json_parse(text, strlen(text), err);
    if (json_is_object(*params))
        return 0;
    err_clear(err);
    return err_set(err, ERR_USAGE, "usage.params", "--params: \"%s\" is no JSON object", text);
}

int cmd_send(const struct options *options, char *const *words, int n, struct err *err)
{
    struct sender *sender = NULL;
    json_t *params = NULL;
    struct err why = {0};
    int rc = -1;

    if (options->offsets != NULL || options->code != NULL || options->dry_run)
        err_set(err, ERR_USAGE, "usage.input",
                "--offsets, --code and --dry-run belong to --dead-letters");
    else if (n > 0 && options->file != NULL)
        err_set(err, ERR_USAGE, "usage.input", "commands are given as words and with --file");
    else if (read_params(options->params, &params, err) == 0)
        rc = sender_open(&sender, options, err);
    for (int i = 0; rc == 0 && i < n; i++)
        rc = sender_send(sender, words[i], strlen(words[i]), params, NULL, err);
    if (rc == 0 && n == 0)
        rc = send_file(sender, options, params, n, err);
    if (sender_finish(sender, &why) < 0 && rc == 0) {
        *err = why;
        rc = -1;
    }
    json_decref(params);
    return rc;
}
