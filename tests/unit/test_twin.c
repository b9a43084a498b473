/* SPDX-License-Identifier: Apache-2.0 */

/* twin: which texts are twins of one before. That they are then decoded alike is for
 * tests/fuzz/fuzz_twin.c, whose corpus `make check` runs. */
#include "cypher/twin.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

static void add(struct twins *s, const char *text)
{
    struct lift l = {0};
    struct twin twin = {0};

    assert_true(lift_text(&l, text, strlen(text)));
    twin.key = lift_key(&l, text, &twin.key_len);
    twin.count = l.hole_count;
    twins_add(s, text, strlen(text), &l, &twin);
    lift_fini(&l);
}

/* The values as JSON, with a bar between them; NULL: they are no twins. */
static const struct row {
    const char *first, *second, *values;
} rows[] = {
    {"CREATE (:P {a: 1, b: 'x'})", "CREATE (:P {a: 23, b: 'yz'})", "23|\"yz\""},
    {"CREATE (:P {a: 1, b: 'x'})", "CREATE (:P {a: 1, b: 'x'})", "1|\"x\""},
    {"CREATE (:P {a: 1, b: 'x'})", "CREATE (:P {a: 1, b: 'x'}) ", NULL},
    {"CREATE (:P {a: 1, b: 'x'})", "CREATE (:Q {a: 1, b: 'x'})", NULL},
    {"CREATE (:P {a: 1, b: 'x'})", "CREATE (:P {a: 1, b: 'x'", NULL},
    {"CREATE (:P {a: 1, b: 'x'})", "CREATE (:P {a: ", NULL},
    {"CREATE (:P {a: 1})", "CREATE (:P {a: 1, b: 2})", NULL},
    {"CREATE (:P)", "CREATE (:P)", ""},
    {"CREATE (:P)", "CREATE (:PQ)", NULL},
    /* what a literal is decides with it */
    {"CREATE (:P {a: 1})", "CREATE (:P {a: 'x'})", NULL},
    {"CREATE (:P {a: 1})", "CREATE (:P {a: 1.5})", NULL},
    {"CREATE (:P {a: 1})", "CREATE (:P {a: -1})", NULL},
    {"CREATE (:P {a: 1.5})", "CREATE (:P {a: 20.25})", "20.25"},
    {"CREATE (:P {a: -1})", "CREATE (:P {a: -20})", "-20"},
    {"CREATE (:P {a: -1.5})", "CREATE (:P {a: -20.5})", "-20.5"},
    {"CREATE (:P {a: -1})", "CREATE (:P {a: 20})", NULL},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: \"x\"})", NULL},
    {"CREATE (:P {a: \"x\"})", "CREATE (:P {a: \"yz\"})", "\"yz\""},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: '\xc3\xb6'})", "\"\xc3\xb6\""},
    {"MATCH (n) WHERE n.x = 1", "MATCH (n) WHERE n.x = 12", "12"},
    /* numbers that are not plain */
    {"CREATE (:P {a: 1})", "CREATE (:P {a: 0})", NULL},
    {"CREATE (:P {a: 1})", "CREATE (:P {a: 01})", NULL},
    {"CREATE (:P {a: 1})", "CREATE (:P {a: 1_0})", NULL},
    {"CREATE (:P {a: 1})", "CREATE (:P {a: 1e3})", NULL},
    {"CREATE (:P {a: 1})", "CREATE (:P {a: 0x1})", NULL},
    {"CREATE (:P {a: 1})", "CREATE (:P {a: 999999999999999999})", "999999999999999999"},
    {"CREATE (:P {a: 1})", "CREATE (:P {a: 1000000000000000000})", NULL},
    {"CREATE (:P {a: 1.5})", "CREATE (:P {a: 0.5})", NULL},
    {"CREATE (:P {a: 1.5})", "CREATE (:P {a: 1.})", NULL},
    {"CREATE (:P {a: 1.5})", "CREATE (:P {a: 1.5.5})", NULL},
    {"CREATE (:P {a: 1.5})", "CREATE (:P {a: 1.5f})", NULL},
    {"CREATE (:P {a: -1})", "CREATE (:P {a: - 1})", NULL},
    {"CREATE (:P {a: 0})", "CREATE (:P {a: 1})", NULL},
    {"CREATE (:P {a: 1/* b */})", "CREATE (:P {a: 2/* b */})", NULL},
    /* strings that are not plain */
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: 'it\\'s'})", NULL},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: 'say \"x\"'})", NULL},
    {"CREATE (:P {a: \"x\"})", "CREATE (:P {a: \"it's\"})", NULL},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: 'a\\nb'})", NULL},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: 'a\nb'})", NULL},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: '-1'})", NULL},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: ' x'})", NULL},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: '__db_sync'})", NULL},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: 'a__b'})", NULL},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: 'a_b_'})", "\"a_b_\""},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: ''})", "\"\""},
    {"CREATE (:P {a: 'x'})", "CREATE (:P {a: 'x", NULL},
    /* what has no twins */
    {"CREATE (:P {a: $x, b: 1})", "CREATE (:P {a: $x, b: 1})", NULL},
    {"CREATE (:P {a: [1]})", "CREATE (:P {a: [1]})", NULL},
    {"CREATE (:P {a: true})", "CREATE (:P {a: true})", NULL},
};

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct twins *s = twins_new();
        struct twin_value values[TWIN_VALUES];
        struct buf told = {0};
        add(s, rows[i].first);
        const char *text = rows[i].second;
        const struct twin *twin = twins_find(s, text, strlen(text), values);
        if ((twin != NULL) != (rows[i].values != NULL))
            fail_msg("%s and then %s", rows[i].first, text);
        for (size_t v = 0; twin != NULL && v < twin->count; v++) {
            buf_adds(&told, v > 0 ? "|" : "");
            twin_add_value(text, &values[v], &told);
        }
        assert_string_equal(buf_str(&told), twin != NULL ? rows[i].values : "");
        buf_fini(&told);
        twins_free(s);
    }
}

static bool finds(struct twins *s, const char *text)
{
    struct twin_value values[TWIN_VALUES];

    return twins_find(s, text, strlen(text), values) != NULL;
}

static void the_oldest_goes(void **state)
{
    struct twins *s = twins_new();
    char text[64];

    (void)state;
    add(s, "CREATE (:First {a: 1})");
    add(s, "CREATE (:Second {a: 1})");
    for (int i = 2; i < TWINS_MAX; i++) {
        snprintf(text, sizeof text, "CREATE (:P%d {a: 1})", i);
        add(s, text);
    }
    assert_true(finds(s, "CREATE (:First {a: 2})")); /* and is the one used last */
    add(s, "CREATE (:More {a: 1})");
    assert_true(finds(s, "CREATE (:First {a: 2})"));
    assert_false(finds(s, "CREATE (:Second {a: 2})"));
    twins_free(s);
}

static void bounds(void **state)
{
    struct twins *s = twins_new();
    struct buf text = {0};

    (void)state;
    buf_adds(&text, "CREATE (:P {a1: 1");
    for (int i = 2; i <= TWIN_VALUES; i++)
        buf_addf(&text, ", a%d: %d", i, i);
    size_t len = text.len;
    buf_adds(&text, "})");
    add(s, buf_str(&text));
    assert_true(finds(s, buf_str(&text)));
    buf_truncate(&text, len);
    buf_adds(&text, ", b: 1})");
    add(s, buf_str(&text));
    assert_false(finds(s, buf_str(&text)));

    buf_reset(&text);
    buf_adds(&text, "CREATE (:P {a: '");
    while (text.len < TWIN_BYTES - 3)
        buf_addc(&text, 'x');
    buf_adds(&text, "'})");
    add(s, "CREATE (:P {a: 'x'})");
    assert_int_equal(text.len, TWIN_BYTES);
    assert_true(finds(s, buf_str(&text)));
    buf_truncate(&text, TWIN_BYTES - 3);
    buf_adds(&text, "x'})");
    assert_false(finds(s, buf_str(&text)));
    buf_fini(&text);
    twins_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(the_oldest_goes),
        cmocka_unit_test(bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
