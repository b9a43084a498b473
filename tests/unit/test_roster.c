/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/roster.h"

#include "base/json.h"

#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1800000000000) /* a step */
#define SILENT_MS 15000

static void take(struct roster *r, const char *key, const char *value, int64_t at_ms)
{
    roster_take(r, key, strlen(key), value, strlen(value), at_ms);
    roster_see(r, at_ms);
}

/* A db_sync's status of a few members. */
static void tell(struct roster *r, const char *replica, const char *state, const char *reason,
                 int64_t offset, int64_t at_ms)
{
    struct buf value = {0}, key = {0};

    buf_addf(&value,
             "{\"replica\":\"%s\",\"program\":\"db_sync\",\"state\":\"%s\",\"offset\":%" PRId64
             ",\"last_offset\":%" PRId64 ",\"lag\":10,\"reason\":\"%s\"}",
             replica, state, offset, offset - 1, reason);
    buf_addf(&key, "%s/db_sync", replica);
    take(r, buf_str(&key), buf_str(&value), at_ms);
    buf_fini(&value);
    buf_fini(&key);
}

static void tell_server(struct roster *r, const char *instance, int64_t at_ms)
{
    struct buf value = {0};

    buf_addf(&value,
             "{\"replica\":\"a\",\"program\":\"global_server\",\"instance\":\"%s\",\"state\":"
             "\"serving\",\"offset\":1}",
             instance);
    take(r, "a/global_server", buf_str(&value), at_ms);
    buf_fini(&value);
}

static json_t *look(struct roster *r, int64_t now_ms, int64_t since)
{
    struct buf out = {0};
    struct err err = {0};

    buf_addc(&out, '{');
    roster_add(r, now_ms, since, &out);
    buf_addc(&out, '}');
    json_t *answer = json_parse(buf_str(&out), out.len, &err);
    if (answer == NULL)
        fail_msg("%s: %s", err.text, buf_str(&out));
    buf_fini(&out);
    return answer;
}

static size_t status_count(struct roster *r, int64_t now_ms)
{
    json_t *answer = look(r, now_ms, -1);
    size_t count = json_array_size(json_object_get(answer, "statuses"));

    json_decref(answer);
    return count;
}

static json_t *status_at(const json_t *answer, size_t i)
{
    return json_array_get(json_object_get(answer, "statuses"), i);
}

static int64_t offset_at(const json_t *track, size_t i)
{
    return json_integer_value(json_array_get(json_object_get(track, "offsets"), i));
}

static double rate_of(const json_t *track)
{
    const json_t *rate = json_object_get(track, "rate");

    return rate != NULL ? json_number_value(rate) : -1;
}

/* 100 commands a second, told at odd moments. */
static void an_even_rate_stays_even(void **state)
{
    static const int64_t moments[] = {0,     4000,  5100,  9900,  15000, 15001,
                                      19999, 27000, 29800, 30100, 41000, 44000};
    struct roster *r = roster_new(SILENT_MS);

    (void)state;
    for (size_t i = 0; i < COUNT(moments); i++)
        tell(r, "a", "catching-up", "", 1000 + moments[i] / 10, T0 + moments[i]);
    json_t *answer = look(r, T0 + 46000, -1), *a = status_at(answer, 0);
    assert_int_equal(json_int(a, "first", 0), T0 / ROSTER_STEP_MS + 1);
    assert_int_equal(json_array_size(json_object_get(a, "offsets")), 8);
    for (size_t i = 0; i < 8; i++)
        assert_in_range(offset_at(a, i), 1500 + 500 * i - 1, 1500 + 500 * i + 1);
    assert_true(rate_of(a) > 99.5 && rate_of(a) < 100.5);
    const json_t *log = json_object_get(answer, "log");
    assert_int_equal(json_int(log, "offset", 0), 1000 + 4400 + 10);
    assert_true(rate_of(log) > 99.5 && rate_of(log) < 100.5);
    json_decref(answer);
    answer = look(r, T0 + 46000, T0 / ROSTER_STEP_MS + 6);
    a = status_at(answer, 0);
    assert_int_equal(json_array_size(json_object_get(a, "offsets")), 2);
    assert_int_equal(json_int(a, "first", 0), T0 / ROSTER_STEP_MS + 7);
    json_decref(answer);
    roster_free(r);
}

static void a_history_is_a_quarter_of_an_hour(void **state)
{
    struct roster *r = roster_new(SILENT_MS);
    int64_t day = 86400000;

    (void)state;
    tell(r, "a", "in-sync", "", 1, T0);
    tell(r, "a", "in-sync", "", 86401, T0 + day);
    json_t *answer = look(r, T0 + day, -1), *a = status_at(answer, 0);
    assert_int_equal(json_array_size(json_object_get(a, "offsets")), ROSTER_STEPS);
    assert_int_equal(json_int(a, "first", 0), (T0 + day) / ROSTER_STEP_MS - ROSTER_STEPS + 1);
    assert_int_equal(offset_at(a, ROSTER_STEPS - 1), 86401);
    assert_int_equal(offset_at(a, 0), 86401 - 5 * (ROSTER_STEPS - 1));
    assert_true(rate_of(a) == 1.0);
    json_decref(answer);
    roster_free(r);
}

/* Nothing overflows, whatever the numbers are; what is no offset is none. */
static void numbers_that_are_none_are_left_out(void **state)
{
    static const char *const offsets[] = {
        "-1", "9007199254740993", "9223372036854775807", "1e300", "\"7\"", "null", "[1]", "true"};
    struct roster *r = roster_new(SILENT_MS);
    char value[200];

    (void)state;
    tell(r, "a", "in-sync", "", (INT64_C(1) << 53) - 1, T0);
    for (size_t i = 0; i < COUNT(offsets); i++) {
        snprintf(value, sizeof value,
                 "{\"replica\":\"a\",\"program\":\"db_sync\",\"state\":\"in-sync\",\"since\":0,"
                 "\"offset\":%s,\"lag\":3,\"age_ms\":3,\"in_flight\":%s}",
                 offsets[i], offsets[i]);
        take(r, "a/db_sync", value, T0 + 1000 * (int64_t)i);
        json_t *answer = look(r, T0 + 9000, -1), *a = status_at(answer, 0);
        assert_null(json_object_get(a, "offset"));
        assert_null(json_object_get(a, "lag"));
        assert_null(json_object_get(a, "age_ms"));
        assert_null(json_object_get(a, "in_flight"));
        assert_null(json_object_get(json_object_get(answer, "log"), "offset"));
        json_decref(answer);
    }
    tell(r, "a", "in-sync", "", 1, T0 + 3600000);
    tell(r, "a", "in-sync", "", (INT64_C(1) << 53) - 1, T0 + 3700000);
    json_decref(look(r, T0 + 3700000, -1));
    roster_free(r);
}

/* A start is no fall to 0 and no leap back. */
static void a_replica_not_met_yet_has_no_offset(void **state)
{
    struct roster *r = roster_new(SILENT_MS);

    (void)state;
    tell(r, "a", "in-sync", "", 1000000, T0);
    tell(r, "a", "starting", "", 0, T0 + 6000);
    json_t *answer = look(r, T0 + 6000, -1);
    assert_null(json_object_get(status_at(answer, 0), "offset"));
    json_decref(answer);
    tell(r, "a", "in-sync", "", 1000000, T0 + 12000);
    answer = look(r, T0 + 12000, -1);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(offset_at(status_at(answer, 0), i), 1000000);
    assert_true(rate_of(status_at(answer, 0)) == 0.0);
    json_decref(answer);
    take(r, "b/db_sync",
         "{\"replica\":\"b\",\"program\":\"db_sync\",\"state\":\"in-sync\",\"offset\":0,"
         "\"last_offset\":-1,\"since\":0}",
         T0);
    answer = look(r, T0 + 12000, -1);
    assert_int_equal(json_int(status_at(answer, 1), "offset", -1), 0); /* an empty log */
    json_decref(answer);
    roster_free(r);
}

static void errors_are_told_once_a_time(void **state)
{
    struct roster *r = roster_new(SILENT_MS);
    int64_t at = T0;

    (void)state;
    tell(r, "a", "waiting-neo4j", "refused", 1, at += 1000);
    tell(r, "a", "waiting-neo4j", "refused", 1, at += 1000);
    tell(r, "a", "waiting-neo4j", "no answer", 1, at += 1000);
    tell(r, "a", "waiting-neo4j", "refused", 1, at += 1000);
    tell(r, "a", "snapshot", "a snapshot reads this replica", 1, at += 1000);
    tell(r, "a", "in-sync", "", 1, at += 1000);
    json_t *answer = look(r, at, -1), *errors = json_object_get(status_at(answer, 0), "errors");
    assert_int_equal(json_array_size(errors), 2);
    assert_string_equal(json_text(json_array_get(errors, 0), "reason"), "no answer");
    assert_int_equal(json_int(json_array_get(errors, 0), "ago_ms", -1), 3000);
    assert_string_equal(json_text(json_array_get(errors, 1), "state"), "waiting-neo4j");
    assert_int_equal(json_int(json_array_get(errors, 1), "ago_ms", -1), 5000);
    json_decref(answer);
    for (int i = 0; i < 7; i++) {
        tell(r, "a", "waiting-neo4j", "refused", 1, at += 1000);
        tell(r, "a", "in-sync", "", 1, at += 1000);
    }
    answer = look(r, at, -1);
    errors = json_object_get(status_at(answer, 0), "errors");
    assert_int_equal(json_array_size(errors), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(json_int(json_array_get(errors, i), "ago_ms", -1), 1000 + 2000 * i);
    json_decref(answer);
    roster_free(r);
}

static bool is_silent(struct roster *r, size_t i, int64_t now_ms)
{
    json_t *answer = look(r, now_ms, -1);
    bool silent = json_is_true(json_object_get(status_at(answer, i), "silent"));

    json_decref(answer);
    return silent;
}

static void silence_is_of_one_while_the_topic_is_read(void **state)
{
    struct roster *r = roster_new(SILENT_MS);

    (void)state;
    tell(r, "a", "in-sync", "", 1, T0);
    tell(r, "b", "stopped", "", 1, T0);
    tell(r, "c", "in-sync", "", 1, T0 + SILENT_MS);
    assert_false(is_silent(r, 0, T0 + 60000)); /* nothing is known of what came since */
    roster_see(r, T0 + SILENT_MS + 1);
    roster_see(r, T0); /* read again: later news are news still */
    assert_true(is_silent(r, 0, T0 + 60000));
    assert_false(is_silent(r, 1, T0 + 60000));
    assert_false(is_silent(r, 2, T0 + 60000));
    roster_free(r);
}

static void what_is_read_again_changes_nothing(void **state)
{
    struct roster *r = roster_new(SILENT_MS);

    (void)state;
    tell(r, "a", "waiting-neo4j", "refused", 5, T0);
    for (int round = 0; round < 2; round++) {
        tell(r, "a", "in-sync", "", 10, T0 + 1000);
        tell(r, "a", "waiting-neo4j", "refused", 5, T0);
        json_t *answer = look(r, T0 + 2000, -1), *a = status_at(answer, 0);
        assert_string_equal(json_text(a, "state"), "in-sync");
        assert_int_equal(json_int(a, "offset", -1), 10);
        assert_int_equal(json_int(a, "state_ms", -1), 1000);
        assert_int_equal(json_array_size(json_object_get(a, "errors")), 1);
        json_decref(answer);
    }
    roster_free(r);
}

static void instances_stand_beside_each_other(void **state)
{
    struct roster *r = roster_new(SILENT_MS);
    int64_t history_ms = (int64_t)ROSTER_STEPS * ROSTER_STEP_MS;

    (void)state;
    tell_server(r, "one", T0);
    tell_server(r, "two", T0 + 1);
    tell_server(r, "one", T0 + 2);
    tell(r, "a", "in-sync", "", 1, T0);
    assert_int_equal(status_count(r, T0 + 2), 3);
    assert_int_equal(status_count(r, T0 + history_ms + 1), 3);
    assert_int_equal(status_count(r, T0 + history_ms + 2), 2); /* the topic has only `one` */
    roster_take(r, "a/global_server", 15, NULL, 0, T0 + 3);
    json_t *answer = look(r, T0 + 3, -1);
    assert_int_equal(json_array_size(json_object_get(answer, "statuses")), 1);
    assert_string_equal(json_text(status_at(answer, 0), "program"), "db_sync");
    json_decref(answer);
    roster_free(r);
}

static void who_tells_is_not_pushed_out(void **state)
{
    struct roster *r = roster_new(SILENT_MS);
    char name[20];

    (void)state;
    tell(r, "mine", "in-sync", "", 1, T0);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        tell(r, name, "in-sync", "", 1, T0 + 1);
    }
    json_t *answer = look(r, T0 + 1, -1);
    assert_int_equal(json_array_size(json_object_get(answer, "statuses")), ROSTER_MAX);
    assert_true(json_is_true(json_object_get(answer, "left_out")));
    assert_string_equal(json_text(status_at(answer, 0), "replica"), "mine");
    json_decref(answer);
    tell(r, "mine", "in-sync", "", 1, T0 + 10000);
    for (int i = 1000; i < 2000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        tell(r, name, "in-sync", "", 1, T0 + SILENT_MS + 2);
    }
    answer = look(r, T0 + SILENT_MS + 2, -1);
    size_t mine = 0, late = 0;
    for (size_t i = 0; i < ROSTER_MAX; i++) {
        const char *replica = json_text(status_at(answer, i), "replica");
        mine += strcmp(replica, "mine") == 0;
        late += strlen(replica) == 5;
    }
    assert_int_equal(mine, 1);
    assert_int_equal(late, ROSTER_MAX - 1);
    json_decref(answer);
    roster_free(r);
}

static void what_is_no_status_is_counted(void **state)
{
    static const char *const wrong[] = {
        "null",
        "[]",
        "{}",
        "{\"replica\":\"a\",\"program\":\"db_sync\"}",
        "{\"replica\":\"\",\"program\":\"db_sync\",\"state\":\"in-sync\"}",
        "{\"replica\":1,\"program\":\"db_sync\",\"state\":\"in-sync\"}",
        "{\"replica\":\"a\",\"replica\":\"b\",\"program\":\"db_sync\",\"state\":\"in-sync\"}",
        "\xff",
    };
    static const char good[] = "{\"replica\":\"a\",\"program\":\"p\",\"state\":\"s\"}";
    struct roster *r = roster_new(SILENT_MS);
    char long_key[600];

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        take(r, "a", wrong[i], T0);
    memset(long_key, 'k', sizeof long_key);
    roster_take(r, long_key, sizeof long_key, good, sizeof good - 1, T0);
    roster_take(r, NULL, 0, good, sizeof good - 1, T0);
    roster_take(r, NULL, 0, NULL, 0, T0);
    roster_take(r, "\xc3", 1, good, sizeof good - 1, T0);
    struct buf large = {0};
    buf_adds(&large, "{\"replica\":\"a\",\"program\":\"p\",\"state\":\"s\",\"reason\":\"");
    while (large.len < ROSTER_STATUS_BYTES_MAX)
        buf_addc(&large, 'x');
    buf_adds(&large, "\"}");
    roster_take(r, "a", 1, large.data, large.len, T0);
    buf_fini(&large);
    json_t *answer = look(r, T0, -1);
    assert_int_equal(json_int(answer, "unreadable", 0), COUNT(wrong) + 5);
    assert_int_equal(json_array_size(json_object_get(answer, "statuses")), 0);
    json_decref(answer);
    roster_free(r);
}

static void texts_are_cut_and_clean(void **state)
{
    struct roster *r = roster_new(SILENT_MS);
    struct buf value = {0};

    (void)state;
    buf_adds(&value, "{\"replica\":\"a\\u0000b\",\"program\":\"x\\ny\\u007f\",\"state\":\"");
    for (int i = 0; i < 100; i++)
        buf_adds(&value, "\xc3\xa4");
    buf_adds(&value, "\",\"reason\":\"\\\"\\\\</script>\\u202e\"}");
    roster_take(r, "k\n\0\"", 4, value.data, value.len, T0);
    buf_fini(&value);
    json_t *answer = look(r, T0, -1), *a = status_at(answer, 0);
    assert_string_equal(json_text(a, "replica"), "a");
    assert_string_equal(json_text(a, "program"), "x y ");
    assert_int_equal(json_string_length(json_object_get(a, "key")), 4);
    assert_true(json_string_length(json_object_get(a, "state")) < 64);
    assert_string_equal(json_text(a, "reason"), "\"\\</script>\xe2\x80\xae");
    json_decref(answer);
    roster_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_even_rate_stays_even),
        cmocka_unit_test(a_history_is_a_quarter_of_an_hour),
        cmocka_unit_test(numbers_that_are_none_are_left_out),
        cmocka_unit_test(a_replica_not_met_yet_has_no_offset),
        cmocka_unit_test(errors_are_told_once_a_time),
        cmocka_unit_test(silence_is_of_one_while_the_topic_is_read),
        cmocka_unit_test(what_is_read_again_changes_nothing),
        cmocka_unit_test(instances_stand_beside_each_other),
        cmocka_unit_test(who_tells_is_not_pushed_out),
        cmocka_unit_test(what_is_no_status_is_counted),
        cmocka_unit_test(texts_are_cut_and_clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
