/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "neo4j/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The value as text: its kind, then what it holds. */
static void show(const struct buf *bytes, char *out, size_t size)
{
    const char *p = buf_str(bytes);
    struct value v;
    struct buf text = {0};

    value_next(&p, &v);
    assert_ptr_equal(p, buf_str(bytes) + bytes->len);
    buf_addf(&text, "%c ", v.kind);
    if (v.kind == VALUE_DURATION)
        value_write_duration(&text, &v.duration);
    else if (v.kind == VALUE_POINT)
        for (size_t i = 0; i < v.point.dimensions; i++) {
            buf_addf(&text, i == 0 ? "%d " : ",", v.point.srid);
            value_write_float(&text, v.point.c[i]);
        }
    else
        buf_add(&text, v.p, v.len);
    snprintf(out, size, "%s", buf_str(&text));
    buf_fini(&text);
}

static const struct {
    const char *text, *shown; /* NULL: refused */
} temporals[] = {
    {"2020-01-31", "d 2020-01-31"},
    {"-0044-03-15", "d -0044-03-15"},
    {"+20200-01-31", "d +20200-01-31"},
    {"+999999999-12-31", "d +999999999-12-31"},
    {"12:50", "t 12:50:00"},
    {"12:50:35", "t 12:50:35"},
    {"12:50:35.556000000", "t 12:50:35.556"},
    {"12:50:35.000000000", "t 12:50:35"},
    {"12:50:35.000000001", "t 12:50:35.000000001"},
    {"12:50:35.5+01:00", "o 12:50:35.5+01:00"},
    {"12:50:35Z", "o 12:50:35Z"},
    {"12:50:35.100000000+00:00", "o 12:50:35.1Z"},
    {"12:50:35-18:00", "o 12:50:35-18:00"},
    {"12:50:35+00:53:28", "o 12:50:35+00:53:28"},
    {"2020-07-01T12:00:00", "l 2020-07-01T12:00:00"},
    {"2020-07-01T12:00", "l 2020-07-01T12:00:00"},
    {"2020-07-01T12:00:00.500000000+02:00", "z 2020-07-01T12:00:00.5+02:00"},
    {"2020-07-01T12:00:00Z", "z 2020-07-01T12:00:00Z"},
    {"2020-07-01T12:00:00+02:00[Europe/Paris]", "Z 2020-07-01T12:00:00+02:00[Europe/Paris]"},
    {"2020-07-01T12:00:00Z[Etc/GMT+5]", "Z 2020-07-01T12:00:00Z[Etc/GMT+5]"},
    {"P1Y2M3DT4.000000005S", "D P14M3DT4.000000005S"},
    {"P1Y2M-3DT-0.999999995S", "D P14M-3DT-0.999999995S"},
    {"PT-1.5S", "D P0M0DT-1.500000000S"},
    {"P-1DT1.5S", "D P0M-1DT1.500000000S"},
    {"PT1H2M3S", "D P0M0DT3723S"},
    {"PT0S", "D P0M0DT0S"},
    {"P2W", "D P0M14DT0S"},
    {"-P1M", "D P-1M0DT0S"},
    {"-PT0.5S", "D P0M0DT-0.500000000S"},
    {"PT-9223372036854775808S", "D P0M0DT-9223372036854775808S"},
    {"P9223372036854775807M", "D P9223372036854775807M0DT0S"},
    {"P9223372036854775808M", NULL},
    {"P9223372036854775807Y", NULL},
    {"-PT-9223372036854775808S", NULL},
    {"P", NULL},
    {"P1", NULL},
    {"P1.5D", NULL},
    {"P1H", NULL},
    {"PT1D", NULL},
    {"P1D1M", NULL},
    {"P1D1D", NULL},
    {"PT1S1M", NULL},
    {"P1DT", NULL},
    {"PT1.S", NULL},
    {"", NULL},
    {"2020", NULL},
    {"2020-01", NULL},
    {"2020-01-31 ", NULL},
    {"20200-01-31", NULL},
    {"2020-01-31T", NULL},
    {"2020-01-31T12", NULL},
    {"2020-01-31T12:00:00+02", NULL},
    {"2020-01-31T12:00:00[Europe/Paris]", NULL},
    {"2020-01-31T12:00:00Z[]", NULL},
    {"2020-01-31T12:00:00Z[a') SET n:X //]", NULL},
    {"12:50:35.0000000001", NULL},
    {"12:50:35.", NULL},
    {"12:50:35Z[Europe/Paris]", NULL},
    {"2020-01-01') SET n:PWNED //", NULL},
};

static void temporal_texts(void **state)
{
    struct buf bytes = {0};
    char shown[100];

    (void)state;
    for (size_t i = 0; i < COUNT(temporals); i++) {
        buf_reset(&bytes);
        bool taken = value_add_temporal(&bytes, temporals[i].text, strlen(temporals[i].text));
        if (!taken) {
            if (temporals[i].shown != NULL || bytes.len != 0)
                fail_msg("%s: refused, %zu bytes left", temporals[i].text, bytes.len);
            continue;
        }
        show(&bytes, shown, sizeof shown);
        if (temporals[i].shown == NULL || strcmp(shown, temporals[i].shown) != 0)
            fail_msg("%s: got %s", temporals[i].text, shown);
    }
    buf_fini(&bytes);
}

static void temporal_kinds(void **state)
{
    (void)state;
    for (const char *kind = "dtolzZ"; *kind != '\0'; kind++)
        assert_true(value_is_temporal((enum value_kind) * kind));
    for (const char *kind = "FTIRSBDPL"; *kind != '\0'; kind++)
        assert_false(value_is_temporal((enum value_kind) * kind));
}

static const struct {
    const char *text, *shown;
} points[] = {
    {"SRID=7203;POINT(1.0 2.0)", "P 7203 1.0,2.0"},
    {"SRID=7203;POINT (1.0 2.0)", "P 7203 1.0,2.0"},
    {"SRID=4979;POINT Z (2.0 1.0 3.0)", "P 4979 2.0,1.0,3.0"},
    {"SRID=9157;POINT Z(1.0E10 -0.0 NaN)", "P 9157 10000000000.0,-0.0,NaN"},
    {"SRID=4326;POINT(Infinity -Infinity)", "P 4326 Infinity,-Infinity"},
    {"SRID=1234;POINT(1.0 2.0)", NULL},
    {"SRID=7203;POINT Z (1.0 2.0 3.0)", NULL},
    {"SRID=7203;POINT(1.0)", NULL},
    {"SRID=7203;POINT(1.0 2.0) ", NULL},
    {"SRID=7203;POINT(0x1 2.0)", NULL},
    {"SRID=7203;POINT( 2.0)", NULL},
    {"POINT(1.0 2.0)", NULL},
    {"", NULL},
};

static void point_texts(void **state)
{
    struct buf bytes = {0};
    char shown[100];

    (void)state;
    for (size_t i = 0; i < COUNT(points); i++) {
        buf_reset(&bytes);
        bool taken = value_add_wkt(&bytes, points[i].text, strlen(points[i].text));
        if (taken)
            show(&bytes, shown, sizeof shown);
        if (taken != (points[i].shown != NULL) || (taken && strcmp(shown, points[i].shown) != 0))
            fail_msg("%s: %s", points[i].text, taken ? shown : "refused");
    }
    buf_fini(&bytes);
}

static void what_goes_in_comes_out(void **state)
{
    struct buf bytes = {0};
    struct value v;

    (void)state;
    value_add_list(&bytes, 3);
    value_add_integer(&bytes, INT64_MIN);
    value_add_float(&bytes, -0.0);
    value_add_float(&bytes, -nan(""));
    value_add_boolean(&bytes, true);
    value_add_string(&bytes, "a\0b", 3);
    value_add_bytes(&bytes, "", 0);
    const char *p = buf_str(&bytes);
    value_next(&p, &v);
    assert_int_equal(v.kind, VALUE_LIST);
    assert_int_equal(v.count, 3);
    value_next(&p, &v);
    assert_true(v.kind == VALUE_INTEGER && v.integer == INT64_MIN);
    value_next(&p, &v);
    assert_true(v.kind == VALUE_FLOAT && v.real == 0.0 && signbit(v.real));
    value_next(&p, &v);
    assert_true(isnan(v.real) && !signbit(v.real)); /* one NaN for all */
    value_next(&p, &v);
    assert_int_equal(v.kind, VALUE_TRUE);
    value_next(&p, &v);
    assert_int_equal(v.len, 3);
    assert_memory_equal(v.p, "a\0b", 3);
    value_next(&p, &v);
    assert_true(v.kind == VALUE_BYTES && v.len == 0);
    assert_ptr_equal(p, buf_str(&bytes) + bytes.len);
    buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temporal_texts),
        cmocka_unit_test(temporal_kinds),
        cmocka_unit_test(point_texts),
        cmocka_unit_test(what_goes_in_comes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
