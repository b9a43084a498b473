/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/cmd_send.h"

#include "base/json.h"
#include "base/stop.h"
#include "db_sync/sender.h"
#include "ops/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct input {
    const struct options *options;
    const json_t *params;
    char *const *words;
    int word_count;
    FILE *file; /* NULL: the words count */
    const char *name;
    int64_t size, start; /* of a regular file, which can be read twice; else size is 0 */
};

static int open_file(struct input *in, struct err *err)
{
    const char *path = in->options->file;
    struct stat st;

    if (path == NULL && isatty(STDIN_FILENO))
        return err_set(err, ERR_USAGE, "usage.input",
                       "no commands: give them as words, with --file, or on standard input; see "
                       "db_sync send --help");
    bool named = path != NULL && strcmp(path, "-") != 0;
    in->name = named ? path : "standard input";
    in->file = named ? fopen(path, "re") : stdin;
    if (in->file == NULL)
        return err_set(err, ERR_USAGE, "usage.file", "%s: %s", path, strerror(errno));
    if (fstat(fileno(in->file), &st) == 0 && S_ISREG(st.st_mode)) {
        in->size = (int64_t)st.st_size;
        in->start = (int64_t)ftello(in->file);
    }
    return 0;
}

static void close_file(struct input *in)
{
    if (in->file != NULL && in->file != stdin)
        fclose(in->file);
}

/* Sends a line, or checks it where there is no sender yet. */
static int take_line(const struct input *in, struct sender *s, const char *line, size_t len,
                     struct err *err)
{
    bool empty;

    return s != NULL ? sender_send(s, line, len, in->params, NULL, err)
                     : sender_check(in->options, line, len, in->params, &empty, err);
}

static int each_line(const struct input *in, struct sender *s, struct err *err)
{
    struct progress progress;
    char *line = NULL;
    size_t size = 0;
    int64_t read = 0, number = 0;
    ssize_t len;
    int rc = 0;

    progress_start(&progress, PROGRESS_AUTO,
                   s == NULL      ? "bytes checked"
                   : in->size > 0 ? "bytes"
                                  : "commands",
                   in->size);
    while (rc == 0 && (len = getline(&line, &size, in->file)) >= 0) {
        number++;
        read += len;
        rc = stop_check(err) < 0 ? -1 : take_line(in, s, line, (size_t)len, err);
        if (rc < 0 && err->class != ERR_STOPPING)
            err_wrap(err, "line %" PRId64, number);
        progress_set(&progress, in->size > 0 ? read : sender_count(s));
    }
    if (rc == 0 && ferror(in->file))
        rc = err_set(err, ERR_USAGE, "usage.file", "%s cannot be read: %s", in->name,
                     strerror(errno));
    progress_end(&progress);
    free(line);
    return rc;
}

static int check_words(const struct input *in, struct err *err)
{
    for (int i = 0; i < in->word_count; i++) {
        bool empty;
        if (strcmp(in->words[i], "-") == 0)
            return err_set(err, ERR_USAGE, "usage.input",
                           "\"-\" is no command; standard input is read with --file -");
        if (sender_check(in->options, in->words[i], strlen(in->words[i]), in->params, &empty, err) <
            0)
            return in->word_count > 1 ? err_wrap(err, "command %d", i + 1) : -1;
        if (empty)
            return err_set(err, ERR_USAGE, "usage.input", "command %d is empty", i + 1);
    }
    return 0;
}

/* So that a mistake is found before anything is sent; a pipe can be read only once. */
static int check_all(const struct input *in, struct err *err)
{
    if (in->file == NULL)
        return check_words(in, err);
    if (in->size == 0)
        return 0;
    if (each_line(in, NULL, err) < 0)
        return err_wrap(err, "nothing was sent");
    if (fseeko(in->file, (off_t)in->start, SEEK_SET) < 0)
        return err_set(err, ERR_FATAL, "io", "%s: %s", in->name, strerror(errno));
    return 0;
}

static int send_all(const struct input *in, struct sender *s, struct err *err)
{
    int rc = 0;

    if (in->file != NULL)
        return each_line(in, s, err);
    for (int i = 0; rc == 0 && i < in->word_count; i++)
        rc = take_line(in, s, in->words[i], strlen(in->words[i]), err);
    return rc;
}

int cmd_send(const struct options *options, char *const *words, int n, struct err *err)
{
    struct input in = {.options = options, .words = words, .word_count = n};
    struct sender *sender = NULL;
    json_t *params = NULL;
    struct err why = {0};
    int rc = -1;

    if (options->offsets != NULL || options->code != NULL || options->dry_run)
        return err_set(err, ERR_USAGE, "usage.input",
                       "--offsets, --code and --dry-run belong to --dead-letters");
    if (n > 0 && options->file != NULL)
        return err_set(err, ERR_USAGE, "usage.input",
                       "commands are given as words and with --file");
    if (options_params(options, &params, err) < 0)
        goto out;
    in.params = params;
    if ((n == 0 && open_file(&in, err) < 0) || check_all(&in, err) < 0 ||
        sender_open(&sender, options, err) < 0)
        goto out;
    rc = send_all(&in, sender, err);
    if (sender_finish(sender, rc == 0, &why) < 0 && rc == 0) {
        *err = why;
        rc = -1;
    }
out:
    close_file(&in);
    json_decref(params);
    return rc;
}
