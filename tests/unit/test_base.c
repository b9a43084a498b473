/* SPDX-License-Identifier: Apache-2.0 */

/* err, mem, buf, backoff, clock, hash: the small ones. */
#include "base/backoff.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void first_error_stays(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err_set(&err, ERR_GUARD, "a.b", "n is %d", 7), -1);
    err_set(&err, ERR_FATAL, "c", "later");
    assert_int_equal(err.class, ERR_GUARD);
    assert_string_equal(err.code, "a.b");
    assert_string_equal(err.text, "n is 7");
    err_wrap(&err, "line %d", 3);
    assert_string_equal(err.text, "line 3: n is 7");
    assert_int_equal(err_exit_code(err.class), 5);
    assert_int_equal(err_set(NULL, ERR_GUARD, "a", "b"), -1);
}

/* jansson quotes a wrong escape up to its second byte, be that half a character. */
static void text_is_utf8_whatever_is_put_in(void **state)
{
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_POISON, "c", "near '\\\xd4' and \xc3\xa4, \xed\xa0\x80");
    assert_string_equal(err.text, "near '\\?' and \xc3\xa4, ???");
    err_wrap(&err, "file \xff");
    assert_string_equal(err.text, "file ?: near '\\?' and \xc3\xa4, ???");
}

static void ends_in_mark(const char *text, size_t size)
{
    size_t len = strlen(text), mark = strlen("…");

    assert_in_range(len, size - 5, size - 1);
    assert_string_equal(text + len - mark, "…");
    assert_int_equal((len - mark) % 2, 1); /* no half character before it */
}

static void long_text_is_cut_at_a_character(void **state)
{
    struct err err = {0};
    char text[600], small[20];

    (void)state;
    /* one byte, then two-byte characters: the limit falls inside one */
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = i == 0 ? 'x' : i % 2 == 1 ? '\xc3' : '\xa4';
    text[sizeof text - 1] = '\0';
    err_set(&err, ERR_FATAL, "c", "%s", text);
    ends_in_mark(err.text, sizeof err.text);
    err_wrap(&err, "a1");
    ends_in_mark(err.text, sizeof err.text);
    err_wrap(&err, "%s", text);
    ends_in_mark(err.text, sizeof err.text);
    err_copy_text(small, sizeof small, text);
    ends_in_mark(small, sizeof small);
    err_copy_text(small, sizeof small, "it just fits in now");
    assert_string_equal(small, "it just fits in now");
}

static void sums_and_products_do_not_wrap(void **state)
{
    size_t out = 5;

    (void)state;
    assert_true(mem_add(2, 3, &out) && out == 5);
    assert_true(mem_mul(2, 3, &out) && out == 6);
    assert_false(mem_add(SIZE_MAX, 1, &out));
    assert_false(mem_mul(SIZE_MAX / 2, 3, &out));
    assert_int_equal(out, 6);
    assert_null(mem_try_alloc(SIZE_MAX / 2, 3));
}

static void buffer_grows_and_fails_once(void **state)
{
    struct buf b = {.limit = 10};
    struct err err = {0};

    (void)state;
    assert_string_equal(buf_str(&b), "");
    buf_adds(&b, "12345");
    buf_addi(&b, -42);
    assert_string_equal(buf_str(&b), "12345-42");
    buf_addf(&b, "%s", "xyz");
    buf_addc(&b, 'q');
    assert_true(b.failed);
    assert_string_equal(buf_str(&b), "12345-42");
    assert_int_equal(buf_check(&b, "thing", &err), -1);
    assert_string_equal(err.code, "memory.limit");
    buf_reset(&b);
    buf_adds(&b, "again");
    buf_consume(&b, 2);
    assert_string_equal(buf_str(&b), "ain");
    char *taken = buf_take(&b);
    assert_string_equal(taken, "ain");
    free(taken);
    buf_fini(&b);
}

static void json_strings_are_escaped(void **state)
{
    static const struct {
        const char *raw;
        size_t len;
        const char *json;
    } cases[] = {
        {"", 0, "\"\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"\n\t\r\b\f", 5, "\"\\n\\t\\r\\b\\f\""},
        {"\0\x1f", 2, "\"\\u0000\\u001f\""},
        {"\xc3\xa4/", 3, "\"\xc3\xa4/\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf b = {0};
        buf_add_json(&b, cases[i].raw, cases[i].len);
        assert_string_equal(buf_str(&b), cases[i].json);
        buf_fini(&b);
    }
}

static void json_strings_in_ascii(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_add_json_ascii(&b, "a\n\xc3\xa4\xf0\x9f\x98\x80\xff\"/", 11);
    assert_string_equal(buf_str(&b), "\"a\\n\\u00e4\\ud83d\\ude00\\ufffd\\\"/\"");
    buf_fini(&b);
}

static void waits_double_up_to_the_cap(void **state)
{
    struct backoff b = {.first_ms = 100, .cap_ms = 1000};

    (void)state;
    for (int64_t whole = 100; b.attempts < 10; whole = whole * 2 < 1000 ? whole * 2 : 1000) {
        struct backoff copy = b;
        int64_t low = backoff_next_ms(&copy, 0), high = backoff_next_ms(&b, UINT32_MAX);
        assert_true(low >= whole / 2 && high <= whole && low <= high);
    }
    backoff_reset(&b);
    assert_true(backoff_next_ms(&b, 0) <= 100);
}

static void base64_and_hashes(void **state)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="}}; /* RFC 4648 */
    struct hash *hash = hash_new();
    char one[HASH_HEX_SIZE], two[HASH_HEX_SIZE], text[CLOCK_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct buf b = {0};
        hash_add_base64(&b, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(buf_str(&b), pairs[i][1]);
        buf_fini(&b);
    }
    hash_add(hash, "abc", 3); /* FIPS 180-2, B.1 */
    hash_finish(hash, one);
    assert_string_equal(one, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_add_field(hash, "ab", 2);
    hash_add_field(hash, "c", 1);
    hash_finish(hash, one);
    hash_add_field(hash, "a", 1);
    hash_add_field(hash, "bc", 2);
    hash_finish(hash, two);
    assert_string_not_equal(one, two);
    hash_free(hash);
    assert_string_equal(clock_text(86399123, text, sizeof text), "1970-01-01T23:59:59.123Z");
}

static void days_of_the_calendar(void **state)
{
    static const struct {
        int64_t year;
        int month, day;
        int64_t days;
    } cases[] = {
        {1970, 1, 1, 0},     {1969, 12, 31, -1},    {2000, 2, 29, 11016},
        {2000, 3, 1, 11017}, {1, 1, 1, -719162},    {0, 12, 31, -719163},
        {0, 2, 29, -719469}, {-1, 12, 31, -719529}, {-400, 3, 1, -865565},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(clock_days(cases[i].year, cases[i].month, cases[i].day), cases[i].days);
}

static void months_have_their_lengths(void **state)
{
    static const struct {
        int64_t year;
        int month, days;
    } cases[] = {
        {2026, 1, 31}, {2026, 2, 28}, {2026, 4, 30}, {2026, 12, 31},
        {2024, 2, 29}, {2024, 3, 31}, {1900, 2, 28}, {2000, 2, 29},
        {-4, 2, 29},   {-100, 2, 28}, {0, 2, 29},    {999999999, 2, 28},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(clock_month_length(cases[i].year, cases[i].month), cases[i].days);
}

static void moments_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"1767323045678", 1767323045678},
        {"1970-01-01T00:00:00Z", 0},
        {"2026-01-02T03:04:05.678Z", 1767323045678},
        {"2026-01-02t03:04:05.6789z", 1767323045678},
        {"2026-01-02 04:04:05.678+01:00", 1767323045678},
        {"2026-01-01T23:34:05.678-0330", 1767323045678},
        {"2024-02-29T00:00Z", 1709164800000},
        {"2000-03-01T00:00Z", 951868800000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"", -1},
        {"-1", -1},
        {"now", -1},
        {"2026-01-02", -1},
        {"2026-01-02T03:04:05", -1},
        {"2026-01-02T03:04:05.Z", -1},
        {"2026-01-02T03Z", -1},
        {"2025-02-29T00:00Z", -1},
        {"2026-13-01T00:00Z", -1},
        {"2026-01-00T00:00Z", -1},
        {"2026-01-02T24:00Z", -1},
        {"2026-01-02T03:60Z", -1},
        {"2026-01-02T03:04:60Z", -1},
        {"2026-01-02T03:04:05Zx", -1},
        {"2026-01-02T03:04:05+1", -1},
        {"2026-01-02T03:04:05+19:00", -1},
        {"1970-01-01T00:00+01:00", -1},
        {"1969-12-31T00:00Z", -1},
        {"9999999999999999", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        bool good = clock_parse(cases[i].text, &ms);
        if (good != (cases[i].ms >= 0) || (good && ms != cases[i].ms))
            fail_msg("%s: got %lld", cases[i].text, good ? (long long)ms : -1LL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_stays),
        cmocka_unit_test(days_of_the_calendar),
        cmocka_unit_test(months_have_their_lengths),
        cmocka_unit_test(moments_are_read),
        cmocka_unit_test(text_is_utf8_whatever_is_put_in),
        cmocka_unit_test(long_text_is_cut_at_a_character),
        cmocka_unit_test(sums_and_products_do_not_wrap),
        cmocka_unit_test(buffer_grows_and_fails_once),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(json_strings_in_ascii),
        cmocka_unit_test(waits_double_up_to_the_cap),
        cmocka_unit_test(base64_and_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
