/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_HTTPD_H
#define CYPHERLOG_OPS_HTTPD_H

/* ops/httpd.h: a program's HTTP endpoint for those who watch over it: a page that shows every
 * replica, /replicas that it reads, /metrics, /healthz, /readyz, /status. Reads only, GET and HEAD.
 * One thread, libmicrohttpd's, in which all functions below run; they must not wait. */

#include "base/buf.h"
#include "base/err.h"
#include "ops/board.h"

#include <stdbool.h>
#include <stdint.h>

struct httpd; /* opaque */

struct httpd_conf {
    const char *listen; /* PORT, which means the loopback, HOST:PORT or [HOST]:PORT; HOST is an
                           address, or localhost. Port 0: any that is free */
    struct board_conf board;
    void *arg; /* of the functions; lives as long as the endpoint */

    void (*add_metrics)(void *arg, struct buf *out); /* metrics.h */
    void (*add_status)(void *arg, struct buf *out);  /* a JSON object */

    /* Caught up, and at min_offset (-1: whatever offset) or beyond it? Adds a few words, how far it
     * is or why not. */
    bool (*is_ready)(void *arg, int64_t min_offset, struct buf *why);
};

/* The setting; type is the program's struct, member a char * of it. */
#define HTTPD_ROW(type, member, commands)                                                          \
    {                                                                                              \
        "STATUS_LISTEN", CONF_TEXT, offsetof(type, member), NULL, NULL, NULL, 0, commands,         \
            "Where to serve a page of all replicas, /metrics, /healthz, /readyz and /status over " \
            "HTTP: PORT on the loopback, or HOST:PORT, an IPv6 HOST in brackets; not set: nowhere" \
    }

/* Starts to listen, and logs where (`listening`). conf->listen NULL: *out is NULL. ERR_CONFIG: what
 * the setting says is no address, or not one to listen on. */
MUST_CHECK int httpd_start(struct httpd **out, const struct httpd_conf *conf, struct err *err);

/* Ends the threads, after a stop was requested (base/stop); NULL does nothing. */
void httpd_stop(struct httpd *h);

#endif
