/* SPDX-License-Identifier: Apache-2.0 */

/* neo4j/tx.c: there are two kinds of answer. Jolt is a series of lines: {"header"}, {"data"}…,
 * {"summary"} for each statement, {"error"} if one failed, and {"info"} at the very end. Plain JSON
 * is one object with "results" and "errors" (outcome.h). What lacks its end was cut off, and then
 * nobody knows whether the transaction committed. */
#include "neo4j/tx.h"

#include "neo4j/code.h"
#include "neo4j/outcome.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tx {
    struct http *http;
    char *path; /* of the database's transaction endpoint */
    char *open; /* of the transaction that is open; NULL: none */
    int64_t open_limit_ms;
    struct buf body;
};

/* v2 gives element ids; 4.4 has v1 alone. */
#define JOLT_TYPES                                                                                 \
    "application/vnd.neo4j.jolt-v2, application/vnd.neo4j.jolt;q=0.5, application/json;q=0.1"

#define JOLT_TYPES_STRICT                                                                          \
    "application/vnd.neo4j.jolt-v2;strict=true, application/vnd.neo4j.jolt;strict=true;q=0.5, "    \
    "application/json;q=0.1"

/* An entity's id is 20 bytes shorter in v1, twice that in a relationship. */
#define JOLT_TYPE_V1 "application/vnd.neo4j.jolt, application/json;q=0.1"
#define JOLT_TYPE_V1_STRICT "application/vnd.neo4j.jolt;strict=true, application/json;q=0.1"

#define ROLLBACK_TIMEOUT_MS 10000
#define SERVER_TIMEOUT_MS 5000
#define FORGET_TIMEOUT_MS 10000
#define PAGE_KEEP 8192 /* bytes of a page that may be an error in JSON */

struct answer {
    const struct tx_reader *reader;
    size_t headers;
    size_t rows;            /* of the statement in hand */
    size_t done;            /* statements that finished */
    struct buf header_text; /* of the last header, and what it says */
    json_t *header;
    struct buf page; /* the lines that are no JSON each by itself */
    bool complete, which;
    char code[96];
    char message[400];
    char commit[256]; /* address of the open transaction's commit */
};

static void add_path_segment(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++)
        if (isalnum((unsigned char)*s) || *s == '-' || *s == '_' || *s == '.')
            buf_addc(out, *s);
        else
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)*s);
}

int tx_open(struct tx **out, const struct tx_conf *conf, struct err *err)
{
    struct tx *tx = mem_alloc(1, sizeof *tx);
    struct buf path = {0};

    if (http_open(&tx->http, &conf->http, err) < 0) {
        free(tx);
        return -1;
    }
    buf_adds(&path, "/db/");
    add_path_segment(&path, conf->database);
    buf_adds(&path, "/tx/commit");
    tx->path = buf_take(&path);
    *out = tx;
    return 0;
}

void tx_close(struct tx *tx)
{
    if (tx == NULL)
        return;
    http_close(tx->http);
    free(tx->path);
    free(tx->open);
    buf_fini(&tx->body);
    free(tx);
}

void tx_set_password(struct tx *tx, const char *password)
{
    http_set_password(tx->http, password);
}

void tx_add_stmt(struct buf *out, const char *text, size_t len, const json_t *params)
{
    buf_adds(out, "{\"statement\":");
    buf_add_json(out, text, len);
    if (params != NULL && json_object_size(params) > 0) {
        buf_adds(out, ",\"parameters\":");
        json_add(out, params);
    }
    buf_addc(out, '}');
}

void tx_add_stmt_json(struct buf *out, const char *text, size_t len, const struct buf *params)
{
    buf_adds(out, "{\"statement\":");
    buf_add_json(out, text, len);
    buf_adds(out, ",\"parameters\":");
    buf_add(out, buf_str(params), params->len);
    buf_addc(out, '}');
}

static void take_error(struct answer *a, const json_t *errors)
{
    const json_t *first = json_array_get(errors, 0);
    const char *code = json_text(first, "code"), *message = json_text(first, "message");

    if (first == NULL || a->code[0] != '\0')
        return;
    snprintf(a->code, sizeof a->code, "%s", code != NULL ? code : "neo4j.no-code");
    err_copy_text(a->message, sizeof a->message, message != NULL ? message : "");
}

static int take_data(struct answer *a, const char *p, size_t len, struct err *err)
{
    a->rows++;
    if (a->reader != NULL && a->reader->on_line != NULL)
        return a->reader->on_line(a->reader->arg, p, len, err);
    if (a->reader == NULL || a->reader->on_row == NULL)
        return 0;
    json_t *line = json_parse(p, len, err);
    if (line == NULL)
        return err_wrap(err, "row of Neo4j's answer");
    int rc = a->reader->on_row(a->reader->arg, a->headers - 1, json_object_get(line, "data"), err);
    json_decref(line);
    return rc;
}

static void drop_header(struct answer *a)
{
    json_decref(a->header);
    a->header = NULL;
    buf_fini(&a->header_text);
}

/* Of many statements of one shape the headers are equal: such are parsed once. */
static int take_header(struct answer *a, const char *p, size_t len, struct err *err)
{
    a->headers++;
    a->rows = 0;
    if (a->reader == NULL || a->reader->on_fields == NULL)
        return 0;
    if (a->header == NULL || a->header_text.len != len ||
        memcmp(buf_str(&a->header_text), p, len) != 0) {
        drop_header(a);
        a->header = json_parse(p, len, err);
        if (a->header == NULL)
            return err_wrap(err, "header of Neo4j's answer");
        buf_add(&a->header_text, p, len);
    }
    const json_t *fields = json_object_get(json_object_get(a->header, "header"), "fields");
    return a->reader->on_fields(a->reader->arg, a->headers - 1, fields, err);
}

static int take_summary(struct answer *a, const char *p, size_t len, struct err *err)
{
    size_t stmt = a->done++;

    a->rows = 0;
    if (a->reader == NULL || a->reader->on_summary == NULL)
        return 0;
    json_t *line = json_parse(p, len, err);
    if (line == NULL)
        return err_wrap(err, "summary of Neo4j's answer");
    int rc = a->reader->on_summary(a->reader->arg, stmt, json_object_get(line, "summary"), err);
    json_decref(line);
    return rc;
}

static bool begins(const char *p, size_t len, const char *with)
{
    size_t n = strlen(with);

    return len >= n && memcmp(p, with, n) == 0;
}

static int on_line(void *arg, const char *p, size_t len, struct err *err)
{
    struct answer *a = arg;

    if (len > 0 && (unsigned char)p[0] == 0x1e) { /* record separator of a JSON sequence */
        p++;
        len--;
    }
    if (begins(p, len, "{\"data\":") && a->headers > 0)
        return take_data(a, p, len, err);
    if (begins(p, len, "{\"header\":"))
        return take_header(a, p, len, err);
    if (begins(p, len, "{\"summary\":"))
        return take_summary(a, p, len, err);
    json_t *line = json_parse(p, len, NULL);
    if (line == NULL) {
        if (a->page.len + len <= PAGE_KEEP)
            buf_add(&a->page, p, len);
        return 0;
    }
    take_error(a, json_object_get(line, "errors"));
    take_error(a, json_object_get(json_object_get(line, "error"), "errors"));
    const json_t *info = json_object_get(line, "info");
    const char *commit = json_text(info, "commit");
    if (info != NULL)
        a->complete = true;
    if (commit != NULL)
        snprintf(a->commit, sizeof a->commit, "%s", commit);
    json_decref(line);
    return 0;
}

/* 4.4 refuses a login with one JSON object over several lines. A proxy's page is none: it is judged
 * by its HTTP status. */
static void take_page(struct answer *a)
{
    json_t *page = a->page.len > 0 ? json_parse(buf_str(&a->page), a->page.len, NULL) : NULL;

    take_error(a, json_object_get(page, "errors"));
    json_decref(page);
    buf_fini(&a->page);
}

/* Plain JSON says how many results there are, that of a failed statement perhaps among them. */
static void take_outcome(struct answer *a, const struct outcome *outcome)
{
    json_t *errors = json_parse(buf_str(&outcome->errors), outcome->errors.len, NULL);

    take_error(a, errors);
    if (errors == NULL && outcome->errors.len > 0) /* more than is kept: something failed */
        snprintf(a->code, sizeof a->code, "neo4j.error-too-long");
    a->done = outcome->results;
    a->complete = outcome->complete;
    json_decref(errors);
}

static int judge(const struct answer *a, size_t n, long status, struct tx_failure *failure,
                 struct err *err)
{
    bool tells = a->which && status == 200;

    /* An HTTP error tells nothing about statements, though some may have run. */
    failure->stmt = tells ? a->done : TX_UNKNOWN_STMT;
    failure->rows = tells ? a->rows : 0;
    if (a->code[0] != '\0')
        return err_set(err, code_class(a->code, a->message), a->code, "%s", a->message);
    bool answered = status == 200 || status == 201; /* 201: a transaction was opened */
    if (answered && a->complete && a->done == n)
        return 0;
    if (answered && !a->complete)
        return err_set(err, ERR_UNKNOWN, "neo4j.answer-lost", "Neo4j's answer was cut off");
    if (answered)
        return err_set(err, ERR_UNKNOWN, "neo4j.protocol",
                       "Neo4j answered %zu of %zu statements and named no error", a->done, n);
    if (status == 500) /* too deep or too large for this server; it may still hold the locks */
        return err_set(err, ERR_SHRINK, CODE_HTTP_500, "Neo4j answered HTTP 500 without a code");
    if (status == 401 || status == 403)
        return err_set(err, ERR_CONFIG, "neo4j.login", "Neo4j answered HTTP %ld", status);
    char code[32];
    snprintf(code, sizeof code, "neo4j.http-%ld", status);
    return err_set(err, ERR_UNKNOWN, code, "Neo4j, or a proxy before it, answered HTTP %ld",
                   status);
}

static void feed_outcome(void *arg, const char *p, size_t len)
{
    outcome_feed(arg, p, len);
}

static const char *accept_types(const struct tx_opts *opts, bool jolt)
{
    if (!jolt)
        return "application/json";
    if (opts->short_ids)
        return opts->strict ? JOLT_TYPE_V1_STRICT : JOLT_TYPE_V1;
    return opts->strict ? JOLT_TYPES_STRICT : JOLT_TYPES;
}

static void write_body(struct tx *tx, const struct tx_stmt *stmts, size_t n)
{
    buf_reset(&tx->body);
    buf_adds(&tx->body, "{\"statements\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(&tx->body, ',');
        buf_add(&tx->body, stmts[i].json, stmts[i].len);
    }
    buf_adds(&tx->body, "]}");
}

/* Runs the statements at path, which says in which transaction. */
static int exchange(struct tx *tx, const char *path, const struct tx_stmt *stmts, size_t n,
                    const struct tx_opts *opts, struct answer *answer, struct tx_failure *failure,
                    struct err *err)
{
    struct outcome outcome = {0};
    long status = 0;

    *failure = (struct tx_failure){.stmt = TX_UNKNOWN_STMT};
    write_body(tx, stmts, n);
    if (buf_check(&tx->body, "request to Neo4j", err) < 0)
        return -1;
    struct http_request request = {.path = path,
                                   .accept = accept_types(opts, answer->which),
                                   .body = buf_str(&tx->body),
                                   .body_len = tx->body.len,
                                   .read_mode = opts->read,
                                   .server_limit_ms = opts->server_limit_ms,
                                   .deadline_ms = opts->deadline_ms,
                                   .line_limit = opts->row_limit_bytes,
                                   .cut_lines = opts->reader == NULL, /* rows are passed over */
                                   .on_line = on_line,
                                   .on_bytes = answer->which ? NULL : feed_outcome,
                                   .arg = answer->which ? (void *)answer : &outcome};
    int rc = http_send(tx->http, &request, &status, err);
    take_page(answer);
    drop_header(answer);
    if (rc == 0 && !answer->which)
        take_outcome(answer, &outcome);
    if (rc == 0)
        rc = judge(answer, n, status, failure, err);
    outcome_fini(&outcome);
    return rc;
}

/* After a breakdown: whoever sends a text that is in the cache as one that is being compiled waits
 * for that for ever. */
static void forget_plans(struct tx *tx)
{
    static const char text[] = "{\"statement\":\"CALL db.clearQueryCaches()\"}";
    const struct tx_stmt stmt = {text, sizeof text - 1};
    const struct tx_opts opts = {.server_limit_ms = FORGET_TIMEOUT_MS,
                                 .deadline_ms = clock_mono_ms() + FORGET_TIMEOUT_MS};
    struct answer answer = {0};
    struct tx_failure failure;
    struct err ignored = {0};

    if (exchange(tx, tx->path, &stmt, 1, &opts, &answer, &failure, &ignored) < 0)
        log_debug(log_event("plans_kept"), log_err(&ignored));
}

static int run_at(struct tx *tx, const char *path, const struct tx_stmt *stmts, size_t n,
                  const struct tx_opts *opts, struct answer *answer, struct tx_failure *failure,
                  struct err *err)
{
    struct tx_failure ignored;
    int rc = exchange(tx, path, stmts, n, opts, answer, failure != NULL ? failure : &ignored, err);

    if (rc < 0 && code_is_breakdown(err->code))
        forget_plans(tx);
    return rc;
}

int tx_commit(struct tx *tx, const struct tx_stmt *stmts, size_t n, const struct tx_opts *opts,
              struct tx_failure *failure, struct err *err)
{
    struct answer answer = {.reader = opts->reader, .which = opts->which || opts->reader != NULL};

    return run_at(tx, tx->path, stmts, n, opts, &answer, failure, err);
}

static int keep_first_row(void *arg, size_t stmt, const json_t *row, struct err *err)
{
    json_t **keep = arg;

    (void)stmt, (void)err;
    if (*keep == NULL)
        *keep = json_incref((json_t *)row);
    return 0;
}

/* One statement at path, of which the first row is kept. */
static int query_row_at(struct tx *tx, const char *path, const char *text, const json_t *params,
                        const struct tx_opts *opts, json_t **row, struct err *err)
{
    struct tx_reader reader = {.on_row = keep_first_row, .arg = row};
    struct answer answer = {.reader = &reader, .which = true};
    struct tx_opts with_reader = *opts;
    struct buf json = {0};

    *row = NULL;
    with_reader.reader = &reader;
    tx_add_stmt(&json, text, strlen(text), params);
    struct tx_stmt stmt = {buf_str(&json), json.len};
    int rc = run_at(tx, path, &stmt, 1, &with_reader, &answer, NULL, err);
    buf_fini(&json);
    if (rc < 0) {
        json_decref(*row);
        *row = NULL;
    }
    return rc;
}

int tx_query_row(struct tx *tx, const char *text, const json_t *params, const struct tx_opts *opts,
                 json_t **row, struct err *err)
{
    return query_row_at(tx, tx->path, text, params, opts, row, err);
}

static int keep_line(void *arg, const char *p, size_t len, struct err *err)
{
    (void)err;
    buf_add(arg, p, len);
    return 0;
}

/* Errors that come after the first row stand beside the data, with a status of success. */
static int judge_typed(const json_t *root, long status, struct err *err)
{
    struct answer answer = {0};
    struct tx_failure ignored;

    if (status != 200 && status != 202 && root == NULL)
        return judge(&answer, 1, status, &ignored, err);
    if (root == NULL)
        return err_set(err, ERR_UNKNOWN, "neo4j.answer-lost", "Neo4j's answer was cut off");
    take_error(&answer, json_object_get(root, "errors"));
    if (answer.code[0] != '\0')
        return err_set(err, code_class(answer.code, answer.message), answer.code, "%s",
                       answer.message);
    if (!json_is_array(json_object_get(json_object_get(root, "data"), "values")))
        return err_set(err, ERR_UNKNOWN, "neo4j.protocol", "Neo4j's answer has no rows");
    return 0;
}

int tx_query_typed(struct tx *tx, const char *json, size_t len, json_t **rows, struct err *err)
{
    struct buf path = {0}, body = {0};
    struct http_request request = {.accept = "application/json",
                                   .content_type = "application/vnd.neo4j.query",
                                   .body = json,
                                   .body_len = len,
                                   .on_line = keep_line,
                                   .arg = &body};
    long status = 0;

    *rows = NULL;
    buf_add(&path, tx->path, strlen(tx->path) - strlen("/tx/commit"));
    buf_adds(&path, "/query/v2");
    request.path = buf_str(&path);
    int rc = http_send(tx->http, &request, &status, err);
    json_t *root = rc == 0 ? json_parse(buf_str(&body), body.len, NULL) : NULL;
    if (rc == 0)
        rc = judge_typed(root, status, err);
    if (rc == 0)
        *rows = json_incref(json_object_get(json_object_get(root, "data"), "values"));
    json_decref(root);
    buf_fini(&path);
    buf_fini(&body);
    return rc;
}

int tx_begin(struct tx *tx, int64_t limit_ms, struct err *err)
{
    struct answer answer = {.which = true};
    struct tx_opts opts = {.server_limit_ms = limit_ms};
    struct buf path = {0};
    size_t id;

    tx_rollback(tx);
    size_t root = strlen(tx->path) - strlen("/commit");
    buf_add(&path, tx->path, root);
    int rc = run_at(tx, buf_str(&path), NULL, 0, &opts, &answer, NULL, err);
    /* "http://host:port/db/neo4j/tx/12/commit": its host may be another name of the same server */
    const char *at = rc == 0 ? strstr(answer.commit, "/tx/") : NULL;
    id = at != NULL ? strspn(at + 4, "0123456789") : 0;
    if (id > 0) {
        buf_addc(&path, '/');
        buf_add(&path, at + 4, id);
        tx->open = buf_take(&path);
        tx->open_limit_ms = limit_ms;
    } else if (rc == 0) {
        rc = err_set(err, ERR_UNKNOWN, "neo4j.protocol", "Neo4j opened no transaction");
    }
    buf_fini(&path);
    return rc;
}

int tx_run_row(struct tx *tx, const char *text, const json_t *params, int64_t deadline_ms,
               json_t **row, struct err *err)
{
    struct tx_opts opts = {.deadline_ms = deadline_ms, .server_limit_ms = tx->open_limit_ms};

    *row = NULL;
    if (tx->open == NULL)
        return err_set(err, ERR_RETRY, "neo4j.no-transaction", "no transaction is open");
    return query_row_at(tx, tx->open, text, params, &opts, row, err);
}

void tx_rollback(struct tx *tx)
{
    struct answer answer = {.which = true};
    struct err ignored = {0};
    struct http_request request = {.delete = true,
                                   .path = tx->open,
                                   .accept = JOLT_TYPES,
                                   .deadline_ms = clock_mono_ms() + ROLLBACK_TIMEOUT_MS,
                                   .on_line = on_line,
                                   .arg = &answer};
    long status;

    if (tx->open == NULL)
        return;
    if (http_send(tx->http, &request, &status, &ignored) < 0)
        err_clear(&ignored);
    buf_fini(&answer.page);
    free(tx->open);
    tx->open = NULL;
}

int tx_server(struct tx *tx, struct tx_server *out, struct err *err)
{
    struct buf body = {.limit = 65536};
    struct http_request request = {.path = "/",
                                   .deadline_ms = clock_mono_ms() + SERVER_TIMEOUT_MS,
                                   .on_line = keep_line,
                                   .arg = &body};
    long status = 0;
    int rc = -1;
    json_t *root = NULL;

    *out = (struct tx_server){0};
    if (http_send(tx->http, &request, &status, err) < 0)
        goto out;
    root = json_parse(buf_str(&body), body.len, NULL);
    const char *version = json_text(root, "neo4j_version");
    const char *bolt = json_text(root, "bolt_direct");
    if (status != 200 || version == NULL) {
        err_set(err, status >= 500 ? ERR_RETRY : ERR_CONFIG, "neo4j.not-neo4j",
                "GET / answered HTTP %ld and no Neo4j version; is this Neo4j's HTTP port?", status);
        goto out;
    }
    snprintf(out->version, sizeof out->version, "%s", version);
    const char *colon = bolt != NULL ? strrchr(bolt, ':') : NULL;
    if (colon != NULL)
        out->bolt_port = strtol(colon + 1, NULL, 10);
    out->query_api = json_text(root, "query") != NULL;
    rc = 0;
out:
    json_decref(root);
    buf_fini(&body);
    return rc;
}

const char *tx_cypher_5(const char *server_version)
{
    return strtol(server_version, NULL, 10) >= 2025 ? "CYPHER 5 " : "";
}

bool tx_scopes_calls(const char *server_version)
{
    int major = 0, minor = 0;

    return sscanf(server_version, "%d.%d", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 23));
}
