/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/request: what is taken, where replies and refusals go. */
#include "global_server/request.h"

#include "unit.h"

#include <string.h>

static const struct request_rules rules = {.prefix = "p.",
                                           .request_topic = "request",
                                           .response_topic = "response",
                                           .command_topic = "command",
                                           .fail_topic = "fail",
                                           .status_topic = "status",
                                           .reply_topics = "other, team-*,_*",
                                           .timeout_ms = 30000,
                                           .timeout_max_ms = 60000,
                                           .page_rows = 1000};

/* key NULL: as the record's; code NULL: taken */
static const struct {
    const char *name, *value, *code, *to, *key, *id;
} cases[] = {
    {"command alone", "{\"command\":\"RETURN 1\"}", NULL, "p.response", "p.request/3/42",
     "p.request/3/42"},
    {"older shape",
     "{\"to\":\"response\",\"with_key\":\"query_key\",\"command\":\"MATCH (u:User {name :"
     "\\\"user_1\\\"}) return u\"}",
     NULL, "p.response", "query_key", "p.request/3/42"},
    {"execute", "{\"execute\":\"RETURN 1\",\"id\":\"i\"}", NULL, "p.response", "i", "i"},
    {"nulls are absent", "{\"command\":\"RETURN 1\",\"to\":null,\"with_key\":null,\"params\":null}",
     NULL, "p.response", "p.request/3/42", "p.request/3/42"},
    {"empty key", "{\"command\":\"RETURN 1\",\"with_key\":\"\"}", NULL, "p.response", "",
     "p.request/3/42"},
    {"unknown fields", "{\"command\":\"RETURN 1\",\"x\":{\"$type\":1}}", NULL, "p.response",
     "p.request/3/42", "p.request/3/42"},
    {"a listed topic", "{\"to\":\"other\",\"command\":\"RETURN 1\",\"id\":\"i\"}", NULL, "p.other",
     "i", "i"},
    {"a topic with a listed beginning", "{\"to\":\"team-x\",\"command\":\"RETURN 1\",\"id\":\"i\"}",
     NULL, "p.team-x", "i", "i"},
    {"a topic that is not listed", "{\"to\":\"others\",\"command\":\"RETURN 1\",\"id\":\"i\"}",
     "request.topic-refused", "p.response", "i", "i"},
    {"the command topic", "{\"to\":\"command\",\"command\":\"RETURN 1\"}", "request.topic-refused",
     "p.response", "p.request/3/42", "p.request/3/42"},
    {"the request topic", "{\"to\":\"request\",\"command\":\"RETURN 1\"}", "request.topic-refused",
     "p.response", "p.request/3/42", "p.request/3/42"},
    {"the fail topic", "{\"to\":\"fail\",\"command\":\"RETURN 1\"}", "request.topic-refused",
     "p.response", "p.request/3/42", "p.request/3/42"},
    {"the status topic", "{\"to\":\"status\",\"command\":\"RETURN 1\"}", "request.topic-refused",
     "p.response", "p.request/3/42", "p.request/3/42"},
    {"Kafka's own, though listed", "{\"to\":\"__consumer_offsets\",\"command\":\"RETURN 1\"}",
     "request.topic-refused", "p.response", "p.request/3/42", "p.request/3/42"},
    {"no topic name", "{\"to\":\"a b\",\"command\":\"RETURN 1\"}", "request.topic-name",
     "p.response", "p.request/3/42", "p.request/3/42"},
    {"a name that hides a NUL", "{\"to\":\"other\\u0000x\",\"command\":\"RETURN 1\"}",
     "request.topic-name", "p.response", "p.request/3/42", "p.request/3/42"},
    {"not JSON", "garbage", "json.invalid", "p.response", NULL, "p.request/3/42"},
    {"nothing", "", "json.invalid", "p.response", NULL, "p.request/3/42"},
    {"no object", "[1]", "request.type", "p.response", NULL, "p.request/3/42"},
    {"a key twice", "{\"to\":\"other\",\"to\":\"fail\"}", "json.duplicate-key", "p.response", NULL,
     "p.request/3/42"},
    {"no command", "{\"to\":\"other\",\"id\":\"i\"}", "request.no-command", "p.other", "i", "i"},
    {"command of a wrong type", "{\"command\":1}", "request.type", "p.response", "p.request/3/42",
     "p.request/3/42"},
    {"params of a wrong type", "{\"command\":\"RETURN 1\",\"params\":[1]}", "request.type",
     "p.response", "p.request/3/42", "p.request/3/42"},
    {"typed params", "{\"command\":\"RETURN 1\",\"params\":{\"l\":[{\"a\":{\"$type\":\"Date\"}}]}}",
     "param.value", "p.response", "p.request/3/42", "p.request/3/42"},
    {"min_offset of a wrong type", "{\"command\":\"RETURN 1\",\"min_offset\":\"7\"}",
     "request.type", "p.response", "p.request/3/42", "p.request/3/42"},
    {"a key of a wrong type", "{\"command\":\"RETURN 1\",\"id\":\"q\",\"with_key\":5}",
     "request.type", "p.response", NULL, "q"},
    {"an id of a wrong type", "{\"command\":\"RETURN 1\",\"id\":7,\"with_key\":\"k\"}",
     "request.type", "p.response", "k", "p.request/3/42"},
    {"negative age", "{\"command\":\"RETURN 1\",\"max_age_ms\":-1}", "request.type", "p.response",
     "p.request/3/42", "p.request/3/42"},
    {"no time", "{\"command\":\"RETURN 1\",\"timeout_ms\":0}", "request.type", "p.response",
     "p.request/3/42", "p.request/3/42"},
    {"files", "{\"command\":\"LOAD CSV FROM 'file:///x' AS l RETURN l\"}", "cypher.load-csv",
     "p.response", "p.request/3/42", "p.request/3/42"},
};

static int read_text(struct request *request, const char *value, struct err *err)
{
    struct request_source source = {.partition = 3,
                                    .offset = 42,
                                    .key = "record key",
                                    .key_len = 10,
                                    .value = value,
                                    .value_len = strlen(value)};

    struct approved none = {0};
    int rc = request_read(request, &rules, &none, &source, err);
    approved_fini(&none);
    return rc;
}

static void requests_are_taken_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct request request;
        struct err err = {0};
        int rc = read_text(&request, cases[i].value, &err);
        const char *key = cases[i].key != NULL ? cases[i].key : "record key";
        if ((rc < 0) != (cases[i].code != NULL) || (rc < 0 && strcmp(err.code, cases[i].code) != 0))
            fail_msg("%s: got %d %s %s", cases[i].name, rc, err.code, err.text);
        if (strcmp(request.to, cases[i].to) != 0 || strcmp(request.key, key) != 0 ||
            strcmp(request.id, cases[i].id) != 0)
            fail_msg("%s: goes to %s, key %s, id %s", cases[i].name, request.to, request.key,
                     request.id);
        assert_true((request.text != NULL) == (rc == 0));
        request_fini(&request);
    }
}

static void numbers_and_params_are_read(void **state)
{
    struct request r;
    struct err err = {0};

    (void)state;
    assert_int_equal(read_text(&r,
                               "{\"command\":\"RETURN $a\",\"params\":{\"a\":1},\"min_offset\":5,"
                               "\"max_age_ms\":0,\"timeout_ms\":100,\"page_rows\":3}",
                               &err),
                     0);
    assert_int_equal(r.min_offset, 5);
    assert_int_equal(r.max_age_ms, 0);
    assert_int_equal(r.timeout_ms, 100);
    assert_int_equal(r.page_rows, 3);
    assert_int_equal(json_int(r.params, "a", 0), 1);
    request_fini(&r);
    assert_int_equal(read_text(&r, "{\"command\":\"RETURN 1\",\"timeout_ms\":99999999}", &err), 0);
    assert_int_equal(r.timeout_ms, 60000); /* the server's limit */
    assert_int_equal(r.min_offset, -1);
    assert_int_equal(r.page_rows, 1000);
    request_fini(&r);
}

static void a_reply_is_redirected(void **state)
{
    struct request r;
    struct err err = {0};

    (void)state;
    assert_int_equal(read_text(&r, "{\"to\":\"other\",\"command\":\"RETURN 1\"}", &err), 0);
    request_redirect(&r, &rules);
    assert_string_equal(r.to, "p.response");
    request_fini(&r);
}

/* What they were before they were packed. */
static void check_packed(const char *params, bool packed)
{
    char text[4096];
    struct request r;
    struct err err = {0};
    json_t *after;

    snprintf(text, sizeof text, "{\"command\":\"RETURN 1\",\"params\":%s}", params);
    if (read_text(&r, text, &err) < 0)
        fail_msg("%s", err.text);
    json_t *before = json_incref(r.params);
    request_pack(&r);
    assert_int_equal(r.packed.len > 0, packed);
    assert_int_equal(r.params == NULL, packed || before == NULL);
    assert_int_equal(request_params(&r, &after, &err), 0);
    assert_true(json_equal(before, after) || before == after);
    json_decref(before);
    json_decref(after);
    request_forget_query(&r);
    assert_null(r.text);
    assert_int_equal(request_params(&r, &after, &err), 0);
    assert_null(after);
    request_fini(&r);
}

static void many_parameters_are_packed(void **state)
{
    struct buf many = {0}, deep = {0};

    (void)state;
    check_packed("null", false);
    check_packed("{\"a\":1,\"b\":[1,2,3]}", false);
    buf_adds(&many, "{\"a\":[0.1,-0.0,1e300,9007199254740993,\"x\\u0000y\",null,true");
    for (int i = 0; i < 100; i++)
        buf_addf(&many, ",{\"b\":%d}", i);
    buf_adds(&many, "]}");
    check_packed(buf_str(&many), true);
    buf_adds(&deep, "{\"a\":");
    for (int i = 0; i < 90; i++)
        buf_adds(&deep, "[{\"a\":");
    buf_adds(&deep, "0");
    for (int i = 0; i < 90; i++)
        buf_adds(&deep, "}]");
    buf_adds(&deep, "}");
    check_packed(buf_str(&deep), true);
    buf_fini(&many);
    buf_fini(&deep);
}

/* More texts than have places, each twice in a row; every third one reads a file. */
static void what_was_approved_says_nothing_of_other_texts(void **state)
{
    struct approved approved = {0};
    char text[64];

    (void)state;
    for (int i = 0; i < 6 * APPROVED_MAX; i++) {
        const bool bad = i / 2 % 3 == 0;
        snprintf(text, sizeof text, "%s x RETURN %d",
                 bad ? "LOAD CSV FROM 'f' AS" : "UNWIND [   1  ] AS  ", i / 2);
        struct err err = {0};
        assert_int_equal(approved_judge(&approved, text, strlen(text), &err), bad ? -1 : 0);
        assert_string_equal(err.code, bad ? "cypher.load-csv" : "");
    }
    approved_fini(&approved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_taken_or_refused),
        cmocka_unit_test(numbers_and_params_are_read),
        cmocka_unit_test(a_reply_is_redirected),
        cmocka_unit_test(many_parameters_are_packed),
        cmocka_unit_test(what_was_approved_says_nothing_of_other_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
