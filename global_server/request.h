/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_REQUEST_H
#define GLOBAL_SERVER_REQUEST_H

/* global_server/request.h: what a record of the request topic asks for. Pure. */

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "global_server/approved.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest `id` and `with_key`: both stand in each page of a reply. */
#define REQUEST_ID_MAX 1024
#define REQUEST_KEY_MAX 16384

/* Settings; topics are named without B_TOPIC_PREFIX, as requests name them. Borrowed. */
struct request_rules {
    const char *prefix; /* B_TOPIC_PREFIX; "" when none */
    const char *request_topic, *response_topic, *command_topic, *fail_topic, *status_topic;
    const char *reply_topics; /* REPLY_TOPICS: names with commas between, `*` at an end is any
                                 ending; NULL: RESPONSE_TOPIC alone */
    int64_t timeout_ms, timeout_max_ms;
    int64_t page_rows;
    bool keep_body; /* replies carry the request: REPLY_FORMAT=row */
};

/* The record; key NULL: none. Borrowed during the call. */
struct request_source {
    int32_t partition;
    int64_t offset;
    const char *key, *value;
    size_t key_len, value_len;
};

struct request {
    char *to; /* full name of the topic that gets the reply */
    char *key;
    size_t key_len;
    char *id;
    size_t id_len;
    char *text; /* of the query, UTF-8; NULL when the request was refused */
    size_t text_len;
    json_t *params;    /* an object; NULL: none, or they are packed */
    struct buf packed; /* their JSON instead */
    json_t *body;      /* with keep_body: the request but for names that the reply gives; or NULL */
    int64_t min_offset; /* -1: none */
    int64_t max_age_ms; /* -1: none */
    int64_t timeout_ms;
    int64_t page_rows;
};

/* Fills *out, which the caller ends with request_fini on failure too: to, key and id always say
 * where an error reply goes. 0, or -1 with ERR_POISON and what to change in the request. */
MUST_CHECK int request_read(struct request *out, const struct request_rules *rules,
                            struct approved *approved, const struct request_source *source,
                            struct err *err);
void request_fini(struct request *r);

/* Keeps parameters as JSON from here on, but for a few: parsed they take up to thirty times the
 * memory, and a request may wait for long. */
void request_pack(struct request *r);

/* The parameters, an object or NULL; the caller's. -1: packed ones are nested too deep to parse. */
MUST_CHECK int request_params(const struct request *r, json_t **out, struct err *err);

/* The text and the parameters are not needed any more. */
void request_forget_query(struct request *r);

/* The reply goes to RESPONSE_TOPIC, since the topic that was asked for cannot take it. */
void request_redirect(struct request *r, const struct request_rules *rules);

#endif
