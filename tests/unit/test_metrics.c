/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/metrics.h"

#include "unit.h"

#include <string.h>

static void numbers_are_in_base_units(void **state)
{
    static const struct {
        int64_t value, scale;
        const char *text;
    } cases[] = {
        {0, 1, "0"},
        {-7, 1, "-7"},
        {INT64_MAX, 1, "9223372036854775807"},
        {0, 1000, "0.000"},
        {1, 1000, "0.001"},
        {1500, 1000, "1.500"},
        {-1, 1000, "-0.001"},
        {-61001, 1000, "-61.001"},
        {INT64_MIN, 1000, "-9223372036854775.808"},
        {25, 1000000, "0.000025"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0}, expected = {0};
        metrics_add_sample(&out, "m", NULL, 0, cases[i].value, cases[i].scale);
        buf_addf(&expected, "m %s\n", cases[i].text);
        assert_string_equal(buf_str(&out), buf_str(&expected));
        buf_fini(&out);
        buf_fini(&expected);
    }
}

static void labels_are_escaped(void **state)
{
    const struct metrics_label labels[] = {{"a", "x"}, {"b", "\"c:\\d\"\ne"}};
    struct buf out = {0};

    (void)state;
    metrics_add_family(&out, "m", METRICS_GAUGE, "Of this.");
    metrics_add_sample(&out, "m", labels, 2, 1, 1);
    assert_string_equal(buf_str(&out), "# HELP m Of this.\n# TYPE m gauge\n"
                                       "m{a=\"x\",b=\"\\\"c:\\\\d\\\"\\ne\"} 1\n");
    buf_fini(&out);
}

static void a_bucket_holds_those_before_it(void **state)
{
    static const int64_t bounds[] = {10, 100};
    struct metrics_histogram h = {.bounds = bounds, .bound_count = 2, .scale = 1000};
    const int64_t values[] = {0, 10, 11, 100, 101, 5000};
    struct buf out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        metrics_observe(&h, values[i]);
    metrics_add_histogram(&out, "t_seconds", "Time.", &h);
    assert_string_equal(buf_str(&out), "# HELP t_seconds Time.\n# TYPE t_seconds histogram\n"
                                       "t_seconds_bucket{le=\"0.010\"} 2\n"
                                       "t_seconds_bucket{le=\"0.100\"} 4\n"
                                       "t_seconds_bucket{le=\"+Inf\"} 6\n"
                                       "t_seconds_sum 5.222\n"
                                       "t_seconds_count 6\n");
    buf_fini(&out);
}

static void the_process_is_told(void **state)
{
    static const char *const names[] = {"process_cpu_seconds_total", "process_open_fds",
                                        "process_resident_memory_bytes",
                                        "process_start_time_seconds"};
    struct buf out = {0};

    (void)state;
    metrics_add_process(&out, metrics_process_start_ms());
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(buf_str(&out), names[i]) == NULL)
            fail_msg("no %s in\n%s", names[i], buf_str(&out));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_in_base_units),
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(a_bucket_holds_those_before_it),
        cmocka_unit_test(the_process_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
