/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/answer: pages in memory and in a file read back the same, however often. */
#include "global_server/answer.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static struct answer_stock stock;

static const struct answer_limits limits = {.page_bytes = 16384,
                                            .max_bytes = 4 << 20,
                                            .max_rows = 100000,
                                            .spool_dir = "/tmp",
                                            .stock = &stock};

static const struct answer_head head = {
    .id = "i", .id_len = 1, .key = "k", .key_len = 1, .replica = "a", .offset = 7, .age_ms = -1};

static struct answer *begin(const struct answer_limits *l, enum answer_format format, int64_t rows)
{
    struct answer *a = answer_new(l, format, rows);
    struct err err = {0};
    json_t *fields = json_pack("[s,s]", "n", "t");

    assert_int_equal(answer_set_fields(a, fields, answer_head_bytes(&head), &err), 0);
    json_decref(fields);
    return a;
}

static int add(struct answer *a, int64_t n, size_t text_len, struct err *err)
{
    char *text = calloc(1, text_len + 1);

    assert_non_null(text);
    memset(text, 'x', text_len);
    json_t *row = json_pack("[I,s]", (json_int_t)n, text);
    int rc = answer_add_row(a, row, err);
    json_decref(row);
    free(text);
    return rc;
}

/* Reads every message; checks sequence, numbers and rows. Returns how many messages. */
static int64_t check_messages(struct answer *a, int64_t rows)
{
    struct buf out = {0};
    int64_t seq = 0, row = 0;
    bool more;

    answer_rewind(a);
    for (;; seq++) {
        struct err err = {0};
        assert_int_equal(answer_next(a, &head, &out, &more, &err), 0);
        if (!more)
            break;
        assert_true(out.len <= limits.page_bytes);
        json_t *message = json_parse(buf_str(&out), out.len, &err);
        assert_non_null(message);
        assert_int_equal(json_int(message, "seq", -1), seq);
        assert_int_equal(json_int(message, "offset", -1), 7);
        assert_true(json_is_null(json_object_get(message, "age_ms")));
        size_t i;
        json_t *values;
        json_array_foreach (json_object_get(message, "rows"), i, values)
            assert_int_equal(json_integer_value(json_array_get(values, 0)), row++);
        bool last = json_is_true(json_object_get(message, "last"));
        assert_int_equal(json_int(message, "total", -1), last ? rows : -1);
        assert_true(last == (row == rows));
        json_decref(message);
    }
    assert_int_equal(row, rows);
    buf_fini(&out);
    return seq;
}

static void pages_hold_their_rows(void **state)
{
    static const struct {
        int64_t rows, page_rows;
        size_t text_len;
        int64_t pages; /* 0: as many as they need */
    } cases[] = {
        {0, 10, 1, 1}, {1, 10, 1, 1},        {10, 10, 1, 1},     {11, 10, 1, 2},
        {5, 1, 1, 5},  {20, 1000, 9000, 20}, {2000, 1000, 4, 2}, {3000, 1000, 1000, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer *a = begin(&limits, ANSWER_PAGES, cases[i].page_rows);
        struct err err = {0};
        for (int64_t n = 0; n < cases[i].rows; n++)
            assert_int_equal(add(a, n, cases[i].text_len, &err), 0);
        assert_int_equal(answer_finish(a, &err), 0);
        int64_t pages = check_messages(a, cases[i].rows);
        if (cases[i].pages > 0 && pages != cases[i].pages)
            fail_msg("case %zu: %lld pages", i, (long long)pages);
        assert_int_equal(check_messages(a, cases[i].rows), pages); /* a replay */
        answer_free(a);
    }
}

static void limits_are_errors(void **state)
{
    struct answer_limits few = limits, small = limits;
    struct err err = {0};
    struct answer *a;

    (void)state;
    few.max_rows = 2;
    a = begin(&few, ANSWER_PAGES, 10);
    assert_int_equal(add(a, 0, 1, &err), 0);
    assert_int_equal(add(a, 1, 1, &err), 0);
    assert_int_equal(add(a, 2, 1, &err), -1);
    assert_string_equal(err.code, "answer.too-many-rows");
    answer_free(a);

    err_clear(&err);
    small.max_bytes = 20000;
    a = begin(&small, ANSWER_PAGES, 10);
    assert_int_equal(add(a, 0, 8000, &err), 0);
    assert_int_equal(add(a, 1, 8000, &err), 0);
    assert_int_equal(add(a, 2, 8000, &err), -1);
    assert_string_equal(err.code, "answer.too-large");
    answer_free(a);

    err_clear(&err);
    a = begin(&limits, ANSWER_PAGES, 10);
    assert_int_equal(add(a, 0, 16384, &err), -1);
    assert_string_equal(err.code, "answer.row-too-large");
    answer_free(a);
}

static void wide_columns_are_refused(void **state)
{
    char name[9000] = {0};
    struct err err = {0};
    struct answer *a = answer_new(&limits, ANSWER_PAGES, 10);

    (void)state;
    memset(name, 'c', sizeof name - 1);
    json_t *fields = json_pack("[s]", name);
    assert_int_equal(answer_set_fields(a, fields, answer_head_bytes(&head), &err), -1);
    assert_string_equal(err.code, "answer.head-too-large");
    json_decref(fields);
    answer_free(a);
}

static void a_spool_that_cannot_be_is_an_error(void **state)
{
    struct answer_limits nowhere = limits;
    struct err err = {0};
    int rc = 0;

    (void)state;
    nowhere.spool_dir = "/nowhere/at/all";
    struct answer *a = begin(&nowhere, ANSWER_PAGES, 1);
    for (int64_t n = 0; rc == 0 && n < 1000; n++)
        rc = add(a, n, 4000, &err);
    assert_int_equal(rc, -1);
    assert_string_equal(err.code, "answer.spool");
    answer_set_error(a, err.code, err.text); /* what the request gets then */
    answer_free(a);
}

static void an_error_replaces_rows(void **state)
{
    struct answer *a = begin(&limits, ANSWER_PAGES, 10);
    struct buf out = {0};
    struct err err = {0};
    bool more;

    (void)state;
    assert_int_equal(add(a, 0, 1, &err), 0);
    answer_set_error(a, "x.y", "told \"so\"");
    assert_int_equal(answer_next(a, &head, &out, &more, &err), 0);
    assert_string_equal(buf_str(&out),
                        "{\"id\":\"i\",\"with_key\":\"k\",\"replica\":\"a\",\"offset\":7,"
                        "\"age_ms\":null,\"seq\":0,\"error\":{\"code\":\"x.y\",\"message\":"
                        "\"told \\\"so\\\"\"},\"last\":true}");
    assert_int_equal(answer_next(a, &head, &out, &more, &err), 0);
    assert_false(more);
    buf_fini(&out);
    answer_free(a);
}

static void a_key_that_is_no_text_is_null(void **state)
{
    struct answer_head binary = head;
    struct answer *a = answer_new(&limits, ANSWER_PAGES, 10);
    struct buf out = {0};
    struct err err = {0};
    bool more;

    (void)state;
    binary.key = "\xff\x00";
    binary.key_len = 2;
    answer_set_error(a, "x", "y");
    assert_int_equal(answer_next(a, &binary, &out, &more, &err), 0);
    assert_non_null(strstr(buf_str(&out), "\"with_key\":null"));
    buf_fini(&out);
    answer_free(a);
}

static void rows_have_the_older_shape(void **state)
{
    static const char *const rows[] = {"[1,\"x\"]", "[{\"T\":\"2020-01-01\"},null]"};
    static const char *const want[] = {
        "{\"q\":1,\"result\":{\"properties\":{\"n\":1,\"t\":\"x\"}}}",
        "{\"q\":1,\"result\":{\"properties\":{\"n\":{\"$type\":\"Date\",\"_value\":\"2020-01-01\"},"
        "\"t\":null}}}"};
    json_t *request = json_pack("{s:i}", "q", 1);
    struct answer_head with_request = head;
    struct answer *a = begin(&limits, ANSWER_ROWS, 10);
    struct buf out = {0};
    struct err err = {0};
    bool more;

    (void)state;
    with_request.request = request;
    for (size_t i = 0; i < 2; i++) {
        json_t *row = json_parse(rows[i], strlen(rows[i]), &err);
        assert_int_equal(answer_add_row(a, row, &err), 0);
        json_decref(row);
    }
    assert_int_equal(answer_finish(a, &err), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(answer_next(a, &with_request, &out, &more, &err), 0);
        assert_string_equal(buf_str(&out), want[i]);
    }
    answer_clear(a);
    assert_int_equal(answer_next(a, &with_request, &out, &more, &err), 0);
    assert_string_equal(buf_str(&out), "{\"q\":1,\"result\":null}");
    json_decref(request);
    buf_fini(&out);
    answer_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_hold_their_rows),
        cmocka_unit_test(limits_are_errors),
        cmocka_unit_test(wide_columns_are_refused),
        cmocka_unit_test(a_spool_that_cannot_be_is_an_error),
        cmocka_unit_test(an_error_replaces_rows),
        cmocka_unit_test(a_key_that_is_no_text_is_null),
        cmocka_unit_test(rows_have_the_older_shape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
