/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/timing.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void percentile_is_a_value_that_was_seen(void **state)
{
    static const struct {
        size_t n;
        unsigned percent;
        int64_t value;
    } cases[] = {{1, 50, 1},     {1, 99, 1},     {2, 50, 1},     {2, 51, 2},    {3, 50, 2},
                 {4, 0, 1},      {4, 100, 4},    {100, 50, 50},  {100, 99, 99}, {101, 50, 51},
                 {101, 99, 100}, {200, 99, 198}, {1000, 99, 990}};
    int64_t values[1000];

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++)
        values[i] = (int64_t)i + 1;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (timing_percentile(values, cases[i].n, cases[i].percent) != cases[i].value)
            fail_msg("%u %% of %zu values: got %lld, not %lld", cases[i].percent, cases[i].n,
                     (long long)timing_percentile(values, cases[i].n, cases[i].percent),
                     (long long)cases[i].value);
}

static void a_row_a_replica_and_one_for_all(void **state)
{
    struct timing *t = timing_new();
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    timing_print(t, out); /* nothing yet */
    timing_add(t, "b", 4000, true);
    timing_add(t, "a", 3000, false);
    timing_add(t, "a", 1000, false);
    timing_add(t, NULL, 200, false);
    assert_int_equal(timing_count(t), 4);
    timing_print(t, out);
    fclose(out);
    assert_string_equal(text, "REPLICA  REPLIES  ERRORS  P50_MS  P99_MS  MAX_MS\n"
                              "a              2       0     1.0     3.0     3.0\n"
                              "b              1       1     4.0     4.0     4.0\n"
                              "unknown        1       0     0.2     0.2     0.2\n"
                              "all            4       1     1.0     4.0     4.0\n");
    free(text);
    timing_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(percentile_is_a_value_that_was_seen),
                                       cmocka_unit_test(a_row_a_replica_and_one_for_all)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
