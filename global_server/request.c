/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/request.h"

#include "base/buf.h"
#include "base/mem.h"
#include "kafka/topics.h"
#include "neo4j/param.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARSED_MAX 32 /* values in parameters that are not packed */

static char *full_name(const struct request_rules *rules, const char *topic)
{
    struct buf name = {0};

    buf_adds(&name, rules->prefix);
    buf_adds(&name, topic);
    return buf_take(&name);
}

static void set_text(char **text, size_t *len, const char *p, size_t n)
{
    free(*text);
    *text = mem_strndup(p != NULL ? p : "", n);
    *len = n;
}

/* Where nothing else is known: the record's key, else where the record stands. */
static void set_defaults(struct request *r, const struct request_rules *rules,
                         const struct request_source *s)
{
    char place[TOPIC_NAME_MAX + 64];
    int len = snprintf(place, sizeof place, "%s%s/%" PRId32 "/%" PRId64, rules->prefix,
                       rules->request_topic, s->partition, s->offset);
    size_t place_len = (size_t)len < sizeof place ? (size_t)len : sizeof place - 1;

    *r = (struct request){.to = full_name(rules, rules->response_topic),
                          .min_offset = -1,
                          .max_age_ms = -1,
                          .timeout_ms = rules->timeout_ms,
                          .page_rows = rules->page_rows};
    set_text(&r->id, &r->id_len, place, place_len);
    if (s->key != NULL && s->key_len <= REQUEST_KEY_MAX)
        set_text(&r->key, &r->key_len, s->key, s->key_len);
    else
        set_text(&r->key, &r->key_len, place, place_len);
}

/* A member that is a text of at most max bytes; *value is NULL when it is absent. */
static int text_member(const json_t *body, const char *name, size_t max, const json_t **value,
                       struct err *err)
{
    *value = json_member(body, name);
    if (*value == NULL)
        return 0;
    if (!json_is_string(*value))
        return err_set(err, ERR_POISON, "request.type", "\"%s\" must be a string", name);
    if (json_string_length(*value) > max)
        return err_set(err, ERR_POISON, "request.too-long", "\"%s\" is longer than %zu bytes", name,
                       max);
    return 0;
}

/* Before anything else that can fail, so that the error reply finds its reader. */
static int read_names(struct request *r, const json_t *body, struct err *err)
{
    const json_t *id, *key;

    /* One that is good counts though the other is not; the first error is told. */
    int id_rc = text_member(body, "id", REQUEST_ID_MAX, &id, err);
    int key_rc = text_member(body, "with_key", REQUEST_KEY_MAX, &key, err);
    if (id_rc == 0 && id != NULL)
        set_text(&r->id, &r->id_len, json_string_value(id), json_string_length(id));
    if (key_rc == 0 && key != NULL)
        set_text(&r->key, &r->key_len, json_string_value(key), json_string_length(key));
    else if (id_rc == 0 && key_rc == 0)
        set_text(&r->key, &r->key_len, r->id, r->id_len);
    return id_rc < 0 || key_rc < 0 ? -1 : 0;
}

static bool matches(const char *pattern, size_t len, const char *name)
{
    if (len > 0 && pattern[len - 1] == '*')
        return strncmp(pattern, name, len - 1) == 0;
    return strlen(name) == len && memcmp(pattern, name, len) == 0;
}

static bool is_listed(const char *list, const char *name)
{
    for (const char *p = list; p != NULL && *p != '\0';) {
        p += strspn(p, ", ");
        size_t len = strcspn(p, ", ");
        if (len > 0 && matches(p, len, name))
            return true;
        p += len;
    }
    return false;
}

/* Topics whose readers would take a reply for something else, and Kafka's own. */
static bool is_forbidden(const struct request_rules *rules, const char *name)
{
    const char *const ours[] = {rules->command_topic, rules->request_topic, rules->fail_topic,
                                rules->status_topic};
    char *full = full_name(rules, name);
    bool forbidden = strncmp(name, "__", 2) == 0 || strncmp(full, "__", 2) == 0;

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        forbidden = forbidden || strcmp(name, ours[i]) == 0;
    free(full);
    return forbidden;
}

static int read_to(struct request *r, const struct request_rules *rules, const json_t *body,
                   struct err *err)
{
    const json_t *to = json_member(body, "to");
    const char *name = json_string_value(to);

    if (to == NULL)
        return 0;
    if (name == NULL)
        return err_set(err, ERR_POISON, "request.type", "\"to\" must be a string");
    if (!topic_name_is_legal(name, json_string_length(to)))
        return err_set(err, ERR_POISON, "request.topic-name", "\"to\" is no name of a Kafka topic");
    if (is_forbidden(rules, name))
        return err_set(err, ERR_POISON, "request.topic-refused",
                       "replies never go to topic %s: it is one of cypherlog's or Kafka's own; use "
                       "%s or a topic that the server's REPLY_TOPICS names",
                       name, rules->response_topic);
    if (strcmp(name, rules->response_topic) != 0 && !is_listed(rules->reply_topics, name))
        return err_set(err, ERR_POISON, "request.topic-refused",
                       "replies to topic %s are not allowed here; the server's REPLY_TOPICS must "
                       "name it",
                       name);
    free(r->to);
    r->to = full_name(rules, name);
    return 0;
}

/* A whole number within low and high; absent leaves *out as it is. */
static int int_member(const json_t *body, const char *name, int64_t low, int64_t high, int64_t *out,
                      struct err *err)
{
    const json_t *value = json_member(body, name);

    if (value == NULL)
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < low ||
        json_integer_value(value) > high)
        return err_set(err, ERR_POISON, "request.type",
                       "\"%s\" must be a whole number from %" PRId64 " to %" PRId64, name, low,
                       high);
    *out = json_integer_value(value);
    return 0;
}

/* The parameters as Neo4j gets them, and with them the text. */
static int read_query(struct request *r, struct approved *approved, const json_t *text,
                      json_t *params, struct err *err)
{
    const char *query = json_string_value(text);
    size_t len = json_string_length(text);
    struct param_sent sent;

    if (approved_judge(approved, query, len, err) < 0 ||
        param_carry(query, len, params, &sent, err) < 0)
        return -1;
    r->params = json_incref(sent.params);
    if (sent.rewritten) {
        query = buf_str(&sent.text);
        len = sent.text.len;
    }
    int rc = 0;
    if (sent.rewritten && approved_judge(approved, query, len, err) < 0) /* it is nested deeper */
        rc = err_wrap(err, "with its typed parameters built in the text");
    else
        set_text(&r->text, &r->text_len, query, len);
    param_fini(&sent);
    return rc;
}

static int read_text(struct request *r, struct approved *approved, const json_t *body,
                     struct err *err)
{
    json_t *params = json_member(body, "params");
    const json_t *text;

    if (params != NULL && !json_is_object(params))
        return err_set(err, ERR_POISON, "request.type", "\"params\" must be an object");
    if (text_member(body, "command", SIZE_MAX, &text, err) < 0)
        return -1;
    if (text == NULL && text_member(body, "execute", SIZE_MAX, &text, err) < 0)
        return -1;
    if (text == NULL)
        return err_set(err, ERR_POISON, "request.no-command",
                       "the request has no \"command\" with a Cypher query");
    return read_query(r, approved, text, params, err);
}

static int read_body(struct request *out, const struct request_rules *rules,
                     struct approved *approved, const json_t *body, struct err *err)
{
    int64_t timeout_ms = rules->timeout_ms;

    if (!json_is_object(body))
        return err_set(err, ERR_POISON, "request.type", "a request must be a JSON object");
    if (read_names(out, body, err) < 0 || read_to(out, rules, body, err) < 0 ||
        int_member(body, "min_offset", 0, INT64_MAX, &out->min_offset, err) < 0 ||
        int_member(body, "max_age_ms", 0, INT64_MAX, &out->max_age_ms, err) < 0 ||
        int_member(body, "timeout_ms", 1, INT64_MAX, &timeout_ms, err) < 0 ||
        int_member(body, "page_rows", 1, 1000000, &out->page_rows, err) < 0)
        return -1;
    out->timeout_ms = timeout_ms < rules->timeout_max_ms ? timeout_ms : rules->timeout_max_ms;
    return read_text(out, approved, body, err);
}

int request_read(struct request *out, const struct request_rules *rules, struct approved *approved,
                 const struct request_source *source, struct err *err)
{
    set_defaults(out, rules, source);
    json_t *body = json_parse(source->value != NULL ? source->value : "", source->value_len, err);
    if (body == NULL)
        return -1;
    int rc = read_body(out, rules, approved, body, err);
    if (rules->keep_body && json_is_object(body)) {
        json_object_del(body, "result"); /* names of the reply's own */
        json_object_del(body, "error");
        out->body = json_incref(body);
    }
    json_decref(body);
    return rc;
}

/* Values in it, itself included, or more than most. */
static size_t count_values(json_t *value, size_t most)
{
    size_t count = 1;

    for (size_t i = 0; i < json_array_size(value) && count <= most; i++)
        count += count_values(json_array_get(value, i), most - count);
    for (void *at = json_object_iter(value); at != NULL && count <= most;
         at = json_object_iter_next(value, at))
        count += count_values(json_object_iter_value(at), most - count);
    return count;
}

void request_pack(struct request *r)
{
    if (r->params == NULL || count_values(r->params, PARSED_MAX) <= PARSED_MAX)
        return;
    json_add(&r->packed, r->params);
    json_decref(r->params);
    r->params = NULL;
}

int request_params(const struct request *r, json_t **out, struct err *err)
{
    if (r->packed.len == 0) {
        *out = json_incref(r->params);
        return 0;
    }
    *out = json_parse(buf_str(&r->packed), r->packed.len, err);
    return *out != NULL ? 0 : -1;
}

void request_forget_query(struct request *r)
{
    free(r->text);
    r->text = NULL;
    r->text_len = 0;
    json_decref(r->params);
    r->params = NULL;
    buf_fini(&r->packed);
}

void request_fini(struct request *r)
{
    free(r->to);
    free(r->key);
    free(r->id);
    request_forget_query(r);
    json_decref(r->body);
    *r = (struct request){0};
}

void request_redirect(struct request *r, const struct request_rules *rules)
{
    free(r->to);
    r->to = full_name(rules, rules->response_topic);
}
