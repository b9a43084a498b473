/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/rate.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

#define START_US 5000000000 /* the machine has been up for a while */

static int64_t ask(struct rate *r, const char *key, int64_t after_ms)
{
    return rate_ask(r, key, strlen(key), START_US + after_ms * 1000);
}

/* How many of so many that come at once may be asked. */
static int burst(struct rate *r, const char *key, int64_t after_ms, int count)
{
    int passed = 0;

    for (int i = 0; i < count; i++)
        passed += ask(r, key, after_ms) == 0;
    return passed;
}

static void a_second_at_once_then_the_rate(void **state)
{
    static const int64_t rates[] = {1, 2, 10, 1000, RATE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct rate *r = rate_new(rates[i], 7);
        int most = (int)rates[i], passed = 0;
        assert_int_equal(burst(r, "a", 0, 2 * most + 5), most);
        assert_int_equal(burst(r, "a", 1000, 2 * most + 5), most);
        assert_int_equal(burst(r, "a", 60000, 2 * most + 5), most); /* no more after a pause */
        for (int64_t ms = 60001; ms <= 70000; ms++)
            passed += burst(r, "a", ms, most / 1000 + 2);
        assert_int_equal(passed, 10 * most);
        rate_free(r);
    }
}

static void who_is_refused_is_told_when_to_come(void **state)
{
    struct rate *r = rate_new(4, 7);

    (void)state;
    assert_int_equal(burst(r, "a", 0, 4), 4);
    assert_int_equal(ask(r, "a", 0), 250);
    assert_int_equal(ask(r, "a", 0), 250); /* asking in vain costs nothing */
    assert_int_equal(ask(r, "a", 249), 1);
    assert_int_equal(rate_ask(r, "a", 1, START_US + 249999), 1); /* never 0, which is yes */
    assert_int_equal(ask(r, "a", 250), 0);
    assert_int_equal(ask(r, "a", 250), 250);
    rate_free(r);
}

static void keys_are_counted_apart(void **state)
{
    struct rate *r = rate_new(3, 7);

    (void)state;
    assert_int_equal(burst(r, "a", 0, 100), 3);
    assert_int_equal(burst(r, "b", 0, 100), 3);
    assert_int_equal(rate_ask(r, NULL, 0, START_US), 0);
    assert_int_equal(rate_ask(r, "", 0, START_US), 0);
    assert_int_equal(rate_ask(r, NULL, 0, START_US), 0);
    assert_int_not_equal(rate_ask(r, NULL, 0, START_US), 0);
    assert_int_equal(rate_ask(r, "a\0b", 3, START_US), 0);
    rate_forget(r);
    assert_int_equal(burst(r, "a", 0, 100), 3);
    rate_free(r);
}

/* Many more keys than buckets: each gets its due, and the one that asks all the time not much more
 * than that. */
static void a_million_keys_at_once(void **state)
{
    struct rate *r = rate_new(2, 7);
    char key[32];
    int greedy = 0;

    (void)state;
    for (int i = 0; i < 1000000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(burst(r, key, i / 1000, 2), 2);
    }
    rate_forget(r);
    for (int i = 0; i < RATE_KEYS; i++) { /* as many others in a second as there are buckets */
        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(ask(r, key, 2000 + i * 1000 / RATE_KEYS), 0);
        greedy += ask(r, "greedy", 2000 + i * 1000 / RATE_KEYS) == 0;
    }
    assert_in_range(greedy, 3, 6);
    rate_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_at_once_then_the_rate),
        cmocka_unit_test(who_is_refused_is_told_when_to_come),
        cmocka_unit_test(keys_are_counted_apart),
        cmocka_unit_test(a_million_keys_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
