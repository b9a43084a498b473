/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/endpoint.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BOLT_PORT 7687
#define HTTP_PORT 7474

/* An address as errors may show it: without user and password, should somebody have put them in. */
static const char *without_login(const char *uri)
{
    const char *at = strrchr(uri, '@');

    return at != NULL ? at + 1 : uri;
}

static bool begins(const char *uri, const char *scheme, const char **rest)
{
    size_t len = strlen(scheme);

    if (strncasecmp(uri, scheme, len) != 0)
        return false;
    *rest = uri + len;
    return true;
}

/* host[:port] up to the end or a slash; the port is 0 when there is none. */
static int split_address(const char *address, char **host, long *port, struct err *err)
{
    size_t len = strcspn(address, "/?#");
    const char *bracket = memchr(address, ']', len); /* [::1]:7687 */
    const char *from = bracket != NULL ? bracket : address;
    const char *colon = memchr(from, ':', len - (size_t)(from - address));
    char *end;

    *port = 0;
    if (colon != NULL) {
        *port = strtol(colon + 1, &end, 10);
        if (end != address + len || *port < 1 || *port > 65535)
            return err_set(err, ERR_CONFIG, "config.uri", "NEO4J_URI: \"%s\" has no valid port",
                           without_login(address));
        len = (size_t)(colon - address);
    }
    if (len == 0 || memchr(address, '@', len) != NULL)
        return err_set(err, ERR_CONFIG, "config.uri",
                       "NEO4J_URI: \"%s\" must be a host and a port; the user goes into NEO4J_USER",
                       without_login(address));
    *host = mem_strndup(address, len);
    return 0;
}

static int from_http(struct endpoint *e, const char *uri, struct err *err)
{
    const char *rest;
    size_t len = strlen(uri);

    if (!begins(uri, "http://", &rest) && !begins(uri, "https://", &rest))
        return err_set(err, ERR_CONFIG, "config.uri",
                       "NEO4J_HTTP_URI: \"%s\" must begin with http:// or https://",
                       without_login(uri));
    if (*rest == '\0' || strchr(rest, '@') != NULL)
        return err_set(err, ERR_CONFIG, "config.uri",
                       "\"%s\" must be a scheme, a host and a port; the user goes into NEO4J_USER",
                       without_login(uri));
    while (len > 0 && uri[len - 1] == '/')
        len--;
    e->http = mem_strndup(uri, len);
    return 0;
}

static int from_bolt(struct endpoint *e, const char *uri, const char *address, struct err *err)
{
    struct buf http = {0};
    char *host = NULL;
    long port;

    if (split_address(address, &host, &port, err) < 0)
        return -1;
    if (port != 0 && port != BOLT_PORT) {
        free(host);
        return err_set(err, ERR_CONFIG, "config.uri",
                       "NEO4J_URI: %s is not the standard Bolt port %d, so the HTTP port cannot be "
                       "guessed; set NEO4J_HTTP_URI=http://HOST:PORT",
                       uri, BOLT_PORT);
    }
    buf_addf(&http, "http://%s:%d", host, HTTP_PORT);
    e->http = buf_take(&http);
    e->bolt_port = BOLT_PORT;
    free(host);
    return 0;
}

int endpoint_init(struct endpoint *e, const char *uri, const char *http_uri, struct err *err)
{
    const char *rest;

    *e = (struct endpoint){0};
    if (strchr(uri, '@') != NULL || (http_uri != NULL && strchr(http_uri, '@') != NULL))
        return err_set(
            err, ERR_CONFIG, "config.uri",
            "NEO4J_URI or NEO4J_HTTP_URI holds a user or password (there is an @ in it): "
            "give those as NEO4J_USER and NEO4J_PASS");
    if (http_uri != NULL)
        return from_http(e, http_uri, err);
    if (begins(uri, "http://", &rest) || begins(uri, "https://", &rest))
        return from_http(e, uri, err);
    if (begins(uri, "bolt://", &rest) || begins(uri, "neo4j://", &rest))
        return from_bolt(e, uri, rest, err);
    if (strncasecmp(uri, "bolt+", 5) == 0 || strncasecmp(uri, "neo4j+", 6) == 0)
        return err_set(err, ERR_CONFIG, "config.uri",
                       "NEO4J_URI: %s asks for TLS, which is https here; set "
                       "NEO4J_HTTP_URI=https://HOST:7473",
                       without_login(uri));
    return err_set(err, ERR_CONFIG, "config.uri",
                   "NEO4J_URI: \"%s\" must begin with http://, https://, bolt:// or neo4j://",
                   without_login(uri));
}

void endpoint_fini(struct endpoint *e)
{
    free(e->http);
    *e = (struct endpoint){0};
}
