/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/question.h"

#include "base/hash.h"
#include "base/mem.h"
#include "cypher/line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_LIMIT ((size_t)16 << 20)

struct input {
    const struct server_conf *conf;
    json_t *params; /* --params, or NULL */
    struct questions *questions;
};

static void set_number(json_t *request, const char *name, int64_t value)
{
    if (value >= 0 && json_object_get(request, name) == NULL)
        json_object_set_new(request, name, json_integer(value));
}

/* Adds what the flags say and the request does not; takes it. */
static int add_request_take(struct input *in, json_t *request, struct err *err)
{
    struct questions *qs = in->questions;
    char id[HASH_ID_SIZE];
    const char *to = json_text(request, "to");

    if (to != NULL && strcmp(to, in->conf->response_topic) != 0) {
        json_decref(request);
        return err_set(err, ERR_USAGE, "ask.to",
                       "ask waits for replies on %s (RESPONSE_TOPIC); leave \"to\" out",
                       in->conf->response_topic);
    }
    hash_random_id(id);
    if (json_text(request, "id") == NULL)
        json_object_set_new(request, "id", json_string(id));
    json_object_set_new(request, "to", json_string(in->conf->response_topic));
    if (in->conf->key != NULL && json_object_get(request, "with_key") == NULL)
        json_object_set_new(request, "with_key", json_string(in->conf->key));
    if (in->params != NULL && json_object_get(request, "params") == NULL)
        json_object_set(request, "params", in->params);
    set_number(request, "min_offset", in->conf->min_offset);
    set_number(request, "max_age_ms", in->conf->max_age_ms);
    set_number(request, "timeout_ms", in->conf->timeout_ms);
    int64_t wait_ms = json_int(request, "timeout_ms", 0);
    qs->wait_ms = wait_ms > qs->wait_ms ? wait_ms : qs->wait_ms;
    qs->list = mem_realloc(qs->list, qs->count + 1, sizeof *qs->list);
    qs->list[qs->count++] = (struct question){
        .id = mem_strdup(json_text(request, "id")), .request = request, .messages = json_array()};
    return 0;
}

/* NULL with err. */
static json_t *read_request(enum line_kind kind, const char *text, size_t len, struct err *err)
{
    json_t *request, *command;

    if (kind == LINE_JSON) {
        request = json_parse(text, len, err);
        if (request == NULL)
            err->class = ERR_USAGE;
        return request;
    }
    if (line_check_whole(text, len, err) < 0)
        return NULL;
    command = json_stringn(text, len);
    if (command == NULL)
        err_set(err, ERR_USAGE, "ask.not-utf8", "the query is no UTF-8 text");
    return command != NULL ? json_pack("{s:o}", "command", command) : NULL;
}

/* A query as Cypher, or a request as JSON; *empty: neither. */
static int add_text(struct input *in, const char *text, size_t len, bool *empty, struct err *err)
{
    enum line_kind kind;

    if (line_read(&text, &len, &kind, err) < 0)
        return -1;
    *empty = kind == LINE_NOTHING;
    if (*empty)
        return 0;
    json_t *request = read_request(kind, text, len, err);
    return request != NULL ? add_request_take(in, request, err) : -1;
}

static int add_words(struct input *in, char **words, int n, struct err *err)
{
    for (int i = 0; i < n; i++) {
        bool empty;
        if (strcmp(words[i], "-") == 0)
            return err_set(err, ERR_USAGE, "ask.word",
                           "\"-\" is no query; standard input is read with --file -");
        if (add_text(in, words[i], strlen(words[i]), &empty, err) < 0)
            return n > 1 ? err_wrap(err, "query %d", i + 1) : -1;
        if (empty)
            return err_set(err, ERR_USAGE, "ask.word", "query %d is empty", i + 1);
    }
    return 0;
}

static int add_lines(struct input *in, const char *path, struct err *err)
{
    bool is_stdin = path == NULL || strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    char *line = NULL;
    size_t size = 0, number = 0;
    bool empty;
    ssize_t len;
    int rc = 0;

    if (file == NULL)
        return err_set(err, ERR_USAGE, "ask.file", "%s: %s", path, strerror(errno));
    if (path == NULL && isatty(STDIN_FILENO))
        return err_set(err, ERR_USAGE, "ask.nothing",
                       "no queries: give them as words, with --file, or on standard input; see "
                       "global_server ask --help");
    while (rc == 0 && (len = getline(&line, &size, file)) >= 0) {
        number++;
        rc = (size_t)len > LINE_LIMIT
                 ? err_set(err, ERR_USAGE, "ask.line", "longer than %zu bytes", LINE_LIMIT)
                 : add_text(in, line, (size_t)len, &empty, err);
        if (rc < 0)
            err_wrap(err, "%s, line %zu", is_stdin ? "stdin" : path, number);
    }
    if (rc == 0 && ferror(file))
        rc = err_set(err, ERR_USAGE, "ask.file", "%s cannot be read: %s",
                     is_stdin ? "standard input" : path, strerror(errno));
    free(line);
    if (!is_stdin)
        fclose(file);
    return rc;
}

static int read_params(struct input *in, struct err *err)
{
    if (in->conf->params == NULL)
        return 0;
    in->params = json_parse(in->conf->params, strlen(in->conf->params), err);
    if (in->params == NULL) {
        err->class = ERR_USAGE;
        return err_wrap(err, "--params");
    }
    if (!json_is_object(in->params))
        return err_set(err, ERR_USAGE, "ask.params", "--params must be a JSON object");
    return 0;
}

int questions_read(struct questions *qs, const struct server_conf *conf, char **words, int n,
                   struct err *err)
{
    struct input in = {.conf = conf, .questions = qs};
    int rc = read_params(&in, err);

    if (rc == 0)
        rc = add_words(&in, words, n, err);
    if (rc == 0 && (n == 0 || conf->file != NULL))
        rc = add_lines(&in, conf->file, err);
    if (rc == 0 && qs->count == 0)
        rc = err_set(err, ERR_USAGE, "ask.nothing", "there is no query; see --help");
    json_decref(in.params);
    return rc;
}

void questions_fini(struct questions *qs)
{
    for (size_t i = 0; i < qs->count; i++) {
        free(qs->list[i].id);
        json_decref(qs->list[i].request);
        json_decref(qs->list[i].messages);
    }
    free(qs->list);
}

/* A late message of an earlier reply is then nobody's. */
void questions_renew(struct questions *qs)
{
    char id[HASH_ID_SIZE];

    for (size_t i = 0; i < qs->count; i++) {
        struct question *q = &qs->list[i];
        hash_random_id(id);
        free(q->id);
        q->id = mem_strdup(id);
        json_object_set_new(q->request, "id", json_string(id));
        json_array_clear(q->messages);
        q->complete = false;
    }
}
