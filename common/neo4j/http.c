/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/http.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LIMIT_DEFAULT ((size_t)64 << 20)
#define LINE_KEEP ((size_t)1 << 20) /* a buffer that grew beyond this is given back */

struct http {
    CURL *curl;
    char *base;
    char reason[CURL_ERROR_SIZE];
    /* the transfer in hand */
    const struct http_request *request;
    struct buf line;       /* the part of a line that came so far */
    struct err *err;       /* of on_line */
    int64_t stop_deadline; /* 0 until a stop is seen */
    bool timed_out, stopped;
    int begun; /* how often libcurl set out to send the request */
};

void http_global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* The part of a line that came so far. */
static bool keep_part(struct http *http, const char *p, size_t len)
{
    size_t room = http->line.limit - http->line.len;

    buf_add(&http->line, p, http->request->cut_lines && len > room ? room : len);
    return buf_check(&http->line, "line of Neo4j's answer", http->err) == 0;
}

/* Gives whole lines on; returns false when the reader refused one. */
static bool give_lines(struct http *http, const char *p, size_t len)
{
    const struct http_request *r = http->request;
    const char *newline;

    while ((newline = memchr(p, '\n', len)) != NULL) {
        size_t part = (size_t)(newline - p);
        int rc;
        if (http->line.len > 0) {
            if (!keep_part(http, p, part))
                return false;
            rc = r->on_line(r->arg, buf_str(&http->line), http->line.len, http->err);
            buf_reset(&http->line);
        } else {
            rc = r->on_line(r->arg, p, part, http->err);
        }
        if (rc < 0)
            return false;
        p += part + 1;
        len -= part + 1;
    }
    return keep_part(http, p, len);
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct http *http = arg;

    if (http->request->on_bytes != NULL) {
        http->request->on_bytes(http->request->arg, p, size * n);
        return size * n;
    }
    return give_lines(http, p, size * n) ? size * n : 0; /* libcurl: 0 ends the transfer */
}

/* libcurl calls this about once a second while nothing moves, more often otherwise: a stop may wait
 * so long. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct http *http = arg;
    int64_t now = clock_mono_ms();

    (void)a, (void)b, (void)c, (void)d;
    if (stop_requested() && http->stop_deadline == 0)
        http->stop_deadline = now + HTTP_STOP_GRACE_MS;
    if (http->stop_deadline > 0 && now >= http->stop_deadline)
        http->stopped = true;
    return http->stopped;
}

/* libcurl sends a request again, also a POST, when a connection that it had kept breaks before the
 * first byte of an answer (Curl_retry_request): Neo4j may have got both. It calls this before each
 * try; one is enough, and what became of it is the caller's to find out. */
static int on_begin(void *arg, char *peer_ip, char *local_ip, int peer_port, int local_port)
{
    struct http *http = arg;

    (void)peer_ip, (void)local_ip, (void)peer_port, (void)local_port;
    return http->begun++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

int http_open(struct http **out, const struct http_conf *conf, struct err *err)
{
    struct http *http = mem_alloc(1, sizeof *http);
    CURL *curl = curl_easy_init();

    if (curl == NULL) {
        free(http);
        return err_set(err, ERR_FATAL, "http.init", "libcurl gives no handle");
    }
    http->curl = curl;
    http->base = mem_strdup(conf->base);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->reason);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_begin);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, http);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY,
                     ""); /* the database is beside us, whatever http_proxy says */
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)conf->connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 131072L);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 262144L);
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERNAME, conf->user);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, conf->password);
    if (conf->ca_file != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, conf->ca_file);
    *out = http;
    return 0;
}

void http_close(struct http *http)
{
    if (http == NULL)
        return;
    curl_easy_cleanup(http->curl);
    buf_fini(&http->line);
    free(http->base);
    free(http);
}

void http_set_password(struct http *http, const char *password)
{
    curl_easy_setopt(http->curl, CURLOPT_PASSWORD, password);
}

static struct curl_slist *headers_of(const struct http_request *r)
{
    struct curl_slist *list = NULL;
    char line[256];

    snprintf(line, sizeof line, "Content-Type: %s",
             r->content_type != NULL ? r->content_type : "application/json");
    list = curl_slist_append(list, line);
    snprintf(line, sizeof line, "Accept: %s", r->accept != NULL ? r->accept : "application/json");
    list = curl_slist_append(list, line);
    list = curl_slist_append(list, "Expect:"); /* no round trip before a large body */
    if (r->read_mode)
        list = curl_slist_append(list, "Access-Mode: READ");
    if (r->server_limit_ms > 0) {
        snprintf(line, sizeof line, "max-execution-time: %" PRId64, r->server_limit_ms);
        list = curl_slist_append(list, line);
    }
    return list;
}

/* What libcurl's code means for the one who sent the request. */
static int judge(struct http *http, CURLcode code, struct err *err)
{
    const char *why = http->reason[0] != '\0' ? http->reason : curl_easy_strerror(code);

    if (http->timed_out)
        return err_set(err, http->begun > 0 ? ERR_UNKNOWN : ERR_RETRY, "neo4j.timeout",
                       "Neo4j at %s: no answer in time", http->base);
    if (code != CURLE_OK && http->begun > 0 && !http->stopped)
        return err_set(err, ERR_UNKNOWN, "neo4j.answer-lost", "Neo4j at %s: %s", http->base,
                       http->begun > 1 ? "the connection broke before an answer" : why);
    switch (code) { /* nothing was sent, unless it was aborted */
    case CURLE_OK:
        return 0;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return err_set(err, ERR_RETRY, "neo4j.unreachable", "Neo4j at %s: %s", http->base, why);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return err_set(err, ERR_CONFIG, "config.uri", "Neo4j at %s: %s", http->base, why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
        return err_set(err, ERR_CONFIG, "neo4j.tls",
                       "Neo4j at %s: %s; check NEO4J_CA_FILE and the server's certificate",
                       http->base, why);
    case CURLE_SSL_CONNECT_ERROR:
        return err_set(err, ERR_RETRY, "neo4j.unreachable", "Neo4j at %s: TLS: %s", http->base,
                       why);
    case CURLE_ABORTED_BY_CALLBACK:
        return err_set(err, ERR_STOPPING, "stopping", "asked to stop while Neo4j worked");
    default:
        return err_set(err, ERR_RETRY, "neo4j.unreachable", "Neo4j at %s: %s", http->base, why);
    }
}

static bool is_over(const struct http_request *r)
{
    return r->deadline_ms > 0 && clock_mono_ms() >= r->deadline_ms;
}

/* For libcurl, to which 0 is no limit. */
static long time_left_ms(const struct http_request *r)
{
    int64_t left_ms = r->deadline_ms - clock_mono_ms();

    if (r->deadline_ms == 0)
        return 0;
    return left_ms > 0 ? (long)left_ms : 1;
}

int http_send(struct http *http, const struct http_request *request, long *status, struct err *err)
{
    struct curl_slist *headers = headers_of(request);
    struct err line_err = {0};
    struct buf url = {0};

    buf_addf(&url, "%s%s", http->base, request->path);
    http->request = request;
    http->err = &line_err;
    http->timed_out = http->stopped = false;
    http->stop_deadline = 0;
    http->begun = 0;
    http->reason[0] = '\0';
    http->line.limit = request->line_limit > 0 ? request->line_limit : LINE_LIMIT_DEFAULT;
    curl_easy_setopt(http->curl, CURLOPT_URL, buf_str(&url));
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(http->curl, CURLOPT_CUSTOMREQUEST, request->delete ? "DELETE" : NULL);
    if (request->body != NULL) {
        curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, request->body);
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    } else {
        curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, time_left_ms(request));
    CURLcode code = curl_easy_perform(http->curl);
    http->timed_out = code == CURLE_OPERATION_TIMEDOUT &&
                      (http->begun > 0 || is_over(request)); /* else it was the connecting */
    if (code == CURLE_OK && http->line.len > 0 &&
        request->on_line(request->arg, buf_str(&http->line), http->line.len, &line_err) < 0)
        code = CURLE_WRITE_ERROR;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, status);
    curl_slist_free_all(headers);
    buf_fini(&url);
    buf_reset(&http->line);
    if (http->line.size > LINE_KEEP)
        buf_fini(&http->line);
    if (err_is_set(&line_err)) {
        *err = line_err;
        return -1;
    }
    return judge(http, code, err);
}
