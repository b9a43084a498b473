/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "snapshot/jolt_row.h"
#include "snapshot/shape.h"

#include <string.h>

#define NODE(labels, props) "{\"data\":[{\"()\":[7,[" labels "],{" props "}]}]}"
#define RELATIONSHIP(type, props) "{\"data\":[{\"->\":[3,7,\"" type "\",8,{" props "}]}]}"
#define TEXT(labels, map) "UNWIND $rows AS r CREATE (n" labels map ") RETURN r[0], id(n)"

static const struct {
    const char *name, *jolt, *text, *row;
    size_t bytes;
} cases[] = {
    {"nothing", NODE("", ""), TEXT("", ""), "[1]", 0},
    {"plain", NODE("\"A\",\"a`b\"", "\"i\":1,\"s\":\"x\\\"\",\"l\":[1,2]"),
     TEXT(":`A`:`a``b`", " {`i`: r[1], `l`: r[2], `s`: r[3]}"), "[1,1,[1,2],\"x\\\"\"]", 0},
    {"backslash: the server decodes \\u in names too", NODE("\"a\\\\u0041\"", "\"k\\\\\":1"),
     TEXT(":`a\\u005cu0041`", " {`k\\u005c`: r[1]}"), "[1,1]", 0},
    {"no JSON numbers", NODE("\"A\"", "\"f\":{\"R\":\"NaN\"},\"l\":[1.5,\"Infinity\"]"),
     TEXT(":`A`", " {`f`: toFloat(r[1]), `l`: [x IN r[2] | toFloat(x)]}"),
     "[1,\"NaN\",[\"1.5\",\"Infinity\"]]", 0},
    {"temporal", NODE("\"A\"", "\"d\":{\"T\":\"2020-01-01\"},\"l\":[{\"T\":\"12:00:00\"}]"),
     TEXT(":`A`", " {`d`: date(r[1]), `l`: [x IN r[2] | localtime(x)]}"),
     "[1,\"2020-01-01\",[\"12:00:00\"]]", 0},
    {"offset with seconds",
     NODE("\"A\"", "\"d\":{\"T\":\"1890-01-01T00:00:00.5+00:17:30[Europe/Amsterdam]\"}"),
     TEXT(":`A`",
          " {`d`: datetime({epochSeconds: r[1][0], nanosecond: r[1][1], timezone: r[1][2]})}"),
     "[1,[-2524522650,500000000,\"Europe/Amsterdam\"]]", 0},
    {"offset with seconds, west, far away",
     NODE("\"A\"", "\"d\":{\"T\":\"-0001-02-28T23:59:59-05:50:36[America/Chicago]\"}"),
     TEXT(":`A`",
          " {`d`: datetime({epochSeconds: r[1][0], nanosecond: r[1][1], timezone: r[1][2]})}"),
     "[1,[-62193636565,0,\"America/Chicago\"]]", 0},
    {"time of day whose offset has seconds",
     NODE("\"A\"", "\"l\":[{\"T\":\"12:00:00Z\"},{\"T\":\"00:00:00.5+00:17:30\"}],\"t\":{"
                   "\"T\":\"23:59:59-05:50:36\"}"),
     TEXT(":`A`", " {`l`: [x IN r[1] | time({time: localtime(x[0]), timezone: x[1]})], `t`: "
                  "time({time: localtime(r[2][0]), timezone: r[2][1]})}"),
     "[1,[[\"12:00:00\",\"Z\"],[\"00:00:00.5\",\"+00:17:30\"]],[\"23:59:59\",\"-05:50:36\"]]", 0},
    {"one of a list",
     NODE("\"A\"", "\"d\":[{\"T\":\"1970-01-01T01:00:00+01:00[Europe/"
                   "Paris]\"},{\"T\":\"1970-01-02T00:17:30+00:17:30[Europe/"
                   "Amsterdam]\"},{\"T\":\"1970-01-01T00:00:01Z\"}]"),
     TEXT(":`A`",
          " {`d`: [x IN r[1] | datetime({epochSeconds: x[0], nanosecond: x[1], timezone: x[2]})]}"),
     "[1,[[0,0,\"Europe/Paris\"],[86400,0,\"Europe/Amsterdam\"],[1,0,\"Z\"]]]", 0},
    {"duration", NODE("\"A\"", "\"d\":{\"T\":\"P1M-2DT-0.5S\"}"),
     TEXT(":`A`", " {`d`: duration({months: r[1][0], days: r[1][1], seconds: r[1][2], nanoseconds: "
                  "r[1][3]})}"),
     "[1,[1,-2,-1,500000000]]", 0},
    {"points",
     NODE("\"A\"", "\"p\":{\"@\":\"SRID=4979;POINT Z (2.0 1.0 "
                   "3.0)\"},\"q\":{\"@\":\"SRID=7203;POINT(NaN 1.0)\"}"),
     TEXT(":`A`", " {`p`: point({x: r[1][0], y: r[1][1], z: r[1][2], srid: 4979}), `q`: point({x: "
                  "toFloat(r[2][0]), y: toFloat(r[2][1]), srid: 7203})}"),
     "[1,[2.0,1.0,3.0],[\"NaN\",\"1.0\"]]", 0},
    {"bytes", NODE("\"A\"", "\"b\":{\"#\":\"00\"},\"c\":1"), TEXT(":`A`", " {`c`: r[1]}"), "[1,1]",
     1},
    {"bytes alone", NODE("\"A\"", "\"b\":{\"#\":\"00\"}"), TEXT(":`A`", ""), "[1]", 1},
    {"relationship", RELATIONSHIP("T`", "\"a\":true"),
     "UNWIND $rows AS r MATCH (a) WHERE id(a) = r[0] MATCH (b) WHERE id(b) = r[1] CREATE "
     "(a)-[:`T```"
     " {`a`: r[2]}]->(b) RETURN count(*)",
     "[1,2,true]", 0},
};

static void entities_become_statements(void **state)
{
    struct tape tape = {0};
    struct entity e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf text = {0}, row = {0};
        struct err err = {0};
        if (jolt_row_read(&tape, cases[i].jolt, strlen(cases[i].jolt), false, &e, &err) != 0)
            fail_msg("%s: %s", cases[i].name, err.text);
        shape_add_text(&text, &e, false);
        shape_add_row(&row, &e, 1, 2, false);
        if (strcmp(buf_str(&text), cases[i].text) != 0 ||
            strcmp(buf_str(&row), cases[i].row) != 0 || shape_bytes_count(&e) != cases[i].bytes)
            fail_msg("%s: got\n%s\n%s", cases[i].name, buf_str(&text), buf_str(&row));
        buf_fini(&text);
        buf_fini(&row);
    }
    tape_fini(&tape);
    entity_fini(&e);
}

#define TYPED(type, value) "{\"$type\":\"" type "\",\"_value\":" value "}"
#define INTEGER(n) TYPED("Integer", "\"" n "\"")
#define STRING(s) TYPED("String", "\"" s "\"")

/* Every kind of JSON that a row may hold, for the Query API. */
static void rows_in_typed_json(void **state)
{
    static const char jolt[] =
        NODE("", "\"a\":{\"#\":\"00ff\"},\"b\":true,\"c\":1.5,\"d\":{\"R\":\"NaN\"},"
                 "\"e\":[1,2],\"f\":\"x\",\"g\":{\"T\":\"P1M\"}");
    static const char want[] =
        TYPED(
            "List",
            "[" INTEGER("1") "," TYPED("Base64", "\"AP8=\"") "," TYPED("Boolean", "true") "," TYPED("Float", "\"1.5\"") "," STRING(
                "NaN") "," TYPED("List",
                                 "[" INTEGER("1") "," INTEGER(
                                     "2") "]") "," STRING("x") "," TYPED("List",
                                                                         "[" INTEGER("1") "," INTEGER("0") "," INTEGER(
                                                                             "0") "," INTEGER("0") "]") "]");
    struct tape tape = {0};
    struct entity e = {0};
    struct buf text = {0}, row = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(jolt_row_read(&tape, jolt, strlen(jolt), false, &e, &err), 0);
    shape_add_text(&text, &e, true);
    shape_add_row(&row, &e, 1, 2, true);
    assert_string_equal(buf_str(&row), want);
    assert_string_equal(buf_str(&text),
                        TEXT("",
                             " {`a`: r[1], `b`: r[2], `c`: r[3], `d`: toFloat(r[4]), `e`: r[5], "
                             "`f`: r[6], `g`: duration({months: r[7][0], days: r[7][1], "
                             "seconds: r[7][2], nanoseconds: r[7][3]})}"));
    buf_fini(&text);
    buf_fini(&row);
    tape_fini(&tape);
    entity_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(entities_become_statements),
                                       cmocka_unit_test(rows_in_typed_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
