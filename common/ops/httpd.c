/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/httpd.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "ops/metrics.h"
#include "ops/page.h"

#include <microhttpd.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 32
#define IDLE_S 15
#define CONNECTION_BYTES 16384 /* of a request's head, too */
#define BACKLOG 16

struct httpd {
    struct httpd_conf conf;
    struct board *board;
    struct MHD_Daemon *daemon;
    int64_t process_start_ms;
};

/* ---- answers ---- */

struct answer {
    unsigned code; /* HTTP's */
    const char *type;
    struct buf body;
};

static void add_line(struct answer *a, unsigned code, const char *text)
{
    a->code = code;
    buf_adds(&a->body, text);
    buf_addc(&a->body, '\n');
}

static void health(const struct httpd *h, struct MHD_Connection *c, struct answer *a)
{
    (void)h;
    (void)c;
    add_line(a, MHD_HTTP_OK, "alive");
}

/* The whole number name of the query into *out, which stays as it is where there is none; false,
 * and the answer says so, when it is no such number. */
static bool number_of(struct MHD_Connection *c, const char *name, int64_t *out, struct answer *a)
{
    const struct conf_option number = {.name = name, .type = CONF_INT, .min = "0"};
    const char *wanted;
    size_t len;

    if (MHD_lookup_connection_value_n(c, MHD_GET_ARGUMENT_KIND, name, strlen(name), &wanted,
                                      &len) != MHD_YES)
        return true;
    if (wanted != NULL && strlen(wanted) == len &&
        conf_parse_number(&number, wanted, out, NULL) == 0)
        return true;
    a->code = MHD_HTTP_BAD_REQUEST;
    buf_addf(&a->body, "%s must be a whole number from 0: ?%s=1200\n", name, name);
    return false;
}

static void readiness(const struct httpd *h, struct MHD_Connection *c, struct answer *a)
{
    int64_t min_offset = -1;

    if (!number_of(c, "min_offset", &min_offset, a))
        return;
    bool ready = h->conf.is_ready(h->conf.arg, min_offset, &a->body);
    a->code = ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    buf_addc(&a->body, '\n');
}

static void replicas(const struct httpd *h, struct MHD_Connection *c, struct answer *a)
{
    int64_t since = -1;

    if (!number_of(c, "since", &since, a))
        return;
    a->type = "application/json";
    board_add(h->board, since, &a->body);
    buf_addc(&a->body, '\n');
}

static void status(const struct httpd *h, struct MHD_Connection *c, struct answer *a)
{
    (void)c;
    a->type = "application/json";
    h->conf.add_status(h->conf.arg, &a->body);
    buf_addc(&a->body, '\n');
}

static void metrics(const struct httpd *h, struct MHD_Connection *c, struct answer *a)
{
    (void)c;
    a->type = METRICS_CONTENT_TYPE;
    h->conf.add_metrics(h->conf.arg, &a->body);
    metrics_add_process(&a->body, h->process_start_ms);
}

static const struct {
    const char *path;
    void (*give)(const struct httpd *h, struct MHD_Connection *c, struct answer *a);
} places[] = {
    {"/replicas", replicas}, {"/metrics", metrics}, {"/healthz", health},
    {"/readyz", readiness},  {"/status", status},
};

static void find_answer(const struct httpd *h, struct MHD_Connection *c, const char *path,
                        struct answer *a)
{
    size_t len;
    const char *file = page_find(path, &a->type, &len);

    if (file != NULL) {
        buf_add(&a->body, file, len);
        return;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(path, places[i].path) == 0) {
            places[i].give(h, c, a);
            return;
        }
    add_line(a, MHD_HTTP_NOT_FOUND,
             "nothing is here; there are /, /replicas, /metrics, /healthz, /readyz, /status");
}

/* ---- libmicrohttpd ---- */

static bool add_headers(struct MHD_Response *response, const struct answer *a)
{
    const char *const headers[][2] = {
        {MHD_HTTP_HEADER_CONTENT_TYPE, a->type}, {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
        {"X-Content-Type-Options", "nosniff"},   {"Content-Security-Policy", PAGE_POLICY},
        {MHD_HTTP_HEADER_ALLOW, "GET, HEAD"}, /* with 405 alone */
    };
    size_t count = sizeof headers / sizeof *headers - (a->code != MHD_HTTP_METHOD_NOT_ALLOWED);

    for (size_t i = 0; i < count; i++)
        if (MHD_add_response_header(response, headers[i][0], headers[i][1]) != MHD_YES)
            return false;
    return true;
}

/* Gives the body away: libmicrohttpd frees it. */
static enum MHD_Result send_take(struct MHD_Connection *c, struct answer *a)
{
    size_t len = a->body.len;
    char *body = buf_take(&a->body);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result done = MHD_NO;

    if (response == NULL) {
        free(body);
        return MHD_NO;
    }
    if (add_headers(response, a))
        done = MHD_queue_response(c, a->code, response);
    MHD_destroy_response(response);
    return done;
}

/* libmicrohttpd: called once when a request's head is there, then for parts of its body, then at
 * its end; an answer at the first call ends the connection of one with a body. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **seen)
{
    static char head_is_seen;
    const struct httpd *h = arg;
    struct answer a = {.code = MHD_HTTP_OK, .type = "text/plain; charset=utf-8"};

    (void)version;
    (void)upload;
    if (*seen == NULL) {
        *seen = &head_is_seen;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0; /* nothing here reads a body */
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        add_line(&a, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD: nothing is changed here");
    else
        find_answer(h, c, url, &a);
    return send_take(c, &a);
}

/* The attribute: fmt is not ours, and clang takes no other one for vsnprintf. */
__attribute__((format(printf, 2, 0))) static void on_trouble(void *arg, const char *fmt,
                                                             va_list args)
{
    char text[256];

    (void)arg;
    int len = vsnprintf(text, sizeof text, fmt, args);
    if (len > 0 && text[strlen(text) - 1] == '\n')
        text[strlen(text) - 1] = '\0';
    log_debug(log_event("http_trouble"), log_str("error", text));
}

/* ---- the address ---- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int refuse(const char *listen, struct err *err)
{
    return err_set(err, ERR_CONFIG, "config.status-listen",
                   "STATUS_LISTEN is \"%s\"; it must be PORT, HOST:PORT or [HOST]:PORT, HOST an "
                   "address or localhost, such as 9474, 0.0.0.0:9474 or [::]:9474",
                   listen);
}

static int parse_listen(const char *text, union address *out, socklen_t *len, struct err *err)
{
    static const struct conf_option range = {
        .name = "port", .type = CONF_INT, .min = "0", .max = "65535"};
    const char *colon = strrchr(text, ':'), *port = colon != NULL ? colon + 1 : text;
    char host[64] = "127.0.0.1";
    size_t host_len = colon != NULL ? (size_t)(colon - text) : 0;
    bool bracketed = host_len > 1 && text[0] == '[' && text[host_len - 1] == ']';
    int64_t number;

    if (bracketed)
        host_len -= 2;
    if (conf_parse_number(&range, port, &number, NULL) < 0 || host_len >= sizeof host)
        return refuse(text, err);
    if (host_len > 0)
        snprintf(host, sizeof host, "%.*s", (int)host_len, text + (bracketed ? 1 : 0));
    if (strcmp(host, "localhost") == 0)
        snprintf(host, sizeof host, "127.0.0.1");
    memset(out, 0, sizeof *out);
    if (!bracketed && inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)number);
        *len = sizeof out->v4;
        return 0;
    }
    if (!bracketed || inet_pton(AF_INET6, host, &out->v6.sin6_addr) != 1)
        return refuse(text, err);
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons((uint16_t)number);
    *len = sizeof out->v6;
    return 0;
}

/* A socket that listens; -1 with err. */
static int open_socket(const char *listen_text, struct err *err)
{
    union address address;
    socklen_t len = 0;
    const int yes = 1;

    if (parse_listen(listen_text, &address, &len, err) < 0)
        return -1;
    int fd = socket(address.any.sa_family, SOCK_STREAM, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, &address.any, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    err_set(err, ERR_CONFIG, "config.status-listen",
            "STATUS_LISTEN is \"%s\": cannot listen there: %s", listen_text, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static void log_address(int fd)
{
    union address address = {0};
    socklen_t len = sizeof address;
    char host[INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN + 16];

    if (getsockname(fd, &address.any, &len) < 0)
        return;
    bool v6 = address.any.sa_family == AF_INET6;
    inet_ntop(address.any.sa_family,
              v6 ? (const void *)&address.v6.sin6_addr : (const void *)&address.v4.sin_addr, host,
              sizeof host);
    snprintf(text, sizeof text, v6 ? "http://[%s]:%u" : "http://%s:%u", host,
             (unsigned)ntohs(v6 ? address.v6.sin6_port : address.v4.sin_port));
    log_info(log_event("listening"), log_str("address", text));
}

static struct MHD_Daemon *start_daemon(struct httpd *h, int fd)
{
    return MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG, 0,
                            NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_trouble, NULL,
                            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                            MHD_OPTION_END);
}

int httpd_start(struct httpd **out, const struct httpd_conf *conf, struct err *err)
{
    *out = NULL;
    if (conf->listen == NULL)
        return 0;
    int fd = open_socket(conf->listen, err);
    if (fd < 0)
        return -1;
    struct httpd *h = mem_alloc(1, sizeof *h);
    h->conf = *conf;
    h->conf.listen = NULL;
    h->process_start_ms = metrics_process_start_ms();
    h->board = board_new(&conf->board);
    h->daemon = start_daemon(h, fd);
    if (h->daemon == NULL) {
        close(fd);
        err_set(err, ERR_FATAL, "thread.start", "the thread of STATUS_LISTEN cannot be started");
        goto fail;
    }
    if (board_start(h->board, err) < 0)
        goto fail;
    log_address(fd);
    *out = h;
    return 0;
fail:
    httpd_stop(h);
    return -1;
}

void httpd_stop(struct httpd *h)
{
    if (h == NULL)
        return;
    if (h->daemon != NULL)
        MHD_stop_daemon(h->daemon); /* closes the socket */
    board_free(h->board);
    free(h);
}
