/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_HTTP_H
#define CYPHERLOG_NEO4J_HTTP_H

/* neo4j/http.h: one keep-alive connection to one Neo4j, by libcurl. Knows HTTP, logins and
 * time-outs, not what is in a body. A struct http belongs to one thread. */

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct http; /* opaque */

struct http_conf {
    const char *base;     /* "http://host:7474"; copied */
    const char *user;     /* copied */
    const char *password; /* copied; http_set_password changes it */
    const char *ca_file;  /* for https; NULL: the system's */
    int64_t connect_timeout_ms;
};

/* Gets each line of the body without its newline, also the last one without any. p is valid during
 * the call. -1 with err ends the transfer. */
typedef int (*http_line_fn)(void *arg, const char *p, size_t len, struct err *err);

/* Gets the body as it comes, in pieces of any size. */
typedef void (*http_bytes_fn)(void *arg, const char *p, size_t len);

struct http_request {
    const char *path;         /* "/db/neo4j/tx/commit" */
    const char *accept;       /* media types; NULL: JSON */
    const char *content_type; /* of the body; NULL: JSON */
    const char *body;         /* NULL: GET, else POST of body_len bytes of JSON */
    bool delete;              /* DELETE, without a body */
    size_t body_len;
    bool read_mode;          /* Access-Mode: READ */
    int64_t server_limit_ms; /* max-execution-time; 0: none. The server looks every 2 s */
    int64_t deadline_ms;     /* monotonic; 0: none. An answer that is later counts as lost */
    size_t line_limit;       /* longest line taken; 0: 64 MiB */
    bool cut_lines;          /* of a longer one its beginning is given; else the request fails */
    http_line_fn on_line;
    http_bytes_fn on_bytes; /* instead of on_line, when set */
    void *arg;
};

/* Before the first thread. */
void http_global_init(void);

MUST_CHECK int http_open(struct http **out, const struct http_conf *conf, struct err *err);
void http_close(struct http *http);
void http_set_password(struct http *http, const char *password);

/* Sends and reads to the end; blocks until then, the deadline, or a stop plus HTTP_STOP_GRACE_MS.
 * 0: *status holds the HTTP status and all lines were given. -1: ERR_RETRY, nothing was sent;
 * ERR_UNKNOWN, it was sent and the answer lost; ERR_CONFIG, TLS refused; ERR_STOPPING; or what
 * on_line said. */
MUST_CHECK int http_send(struct http *http, const struct http_request *request, long *status,
                         struct err *err);

#define HTTP_STOP_GRACE_MS 5000

#endif
