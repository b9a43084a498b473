/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "cypher/literal.h"
#include "cypher/policy.h"
#include "snapshot/cypher_text.h"
#include "snapshot/jolt_row.h"

#include <string.h>

#define NODE(labels, props) "{\"data\":[{\"()\":[7,[" labels "],{" props "}]}]}"
#define RELATIONSHIP(type, props) "{\"data\":[{\"->\":[3,7,\"" type "\",8,{" props "}]}]}"
#define FIELD "\\u001f"
#define ELEMENT "\\u001d"
#define HELPER ":`__cypherlog_export` {`__cypherlog_id`: toInteger(r["
#define SPLIT "\", \"\\u001e\") AS l WITH split(l, \"\\u001f\") AS r "
#define MADE(labels, map) SPLIT "CREATE (" labels HELPER "0])" map "})"
#define PART(function, i) function "(split(r[1], \",\")[" i "])"

static const struct {
    const char *name, *jolt, *row, *tail;
} cases[] = {
    {"nothing", NODE("", ""), "7", MADE("", "")},
    {"plain", NODE("\"A\",\"a`b\"", "\"b\":true,\"i\":-9223372036854775808,\"s\":\"x\\\"\\\\\""),
     "7" FIELD "true" FIELD "-9223372036854775808" FIELD "x\\\"\\\\",
     MADE(":`A`:`a``b`", ", `b`: toBoolean(r[1]), `i`: toInteger(r[2]), `s`: r[3]")},
    {"odd names", NODE("\"a\\\\u0041\"", "\"k\\\\\":1"), "7" FIELD "1",
     MADE(":`a\\u005cu0041`", ", `k\\u005c`: toInteger(r[1])")},
    {"control characters, and what looks like an escape", NODE("", "\"s\":\"\\u0000\\n\\\\u0041\""),
     "7" FIELD "\\u0000\\n\\\\u0041", MADE("", ", `s`: r[1]")},
    {"numbers",
     NODE("", "\"f\":{\"R\":\"NaN\"},\"g\":{\"R\":\"-0.0\"},\"h\":{\"R\":\"-Infinity\"}"),
     "7" FIELD "NaN" FIELD "-0.0" FIELD "-Infinity",
     MADE("", ", `f`: toFloat(r[1]), `g`: toFloat(r[2]), `h`: toFloat(r[3])")},
    {"separators in a text", NODE("", "\"s\":\"\\u001a\\u001d\\u001e\\u001f1\""),
     "7" FIELD "\\u001a0\\u001a1\\u001a2\\u001a31",
     MADE("", ", `s`: replace(replace(replace(replace(r[1], \"\\u001a1\", \"\\u001d\"), "
              "\"\\u001a2\", \"\\u001e\"), \"\\u001a3\", \"\\u001f\"), \"\\u001a0\", "
              "\"\\u001a\")")},
    {"lists", NODE("", "\"e\":[],\"i\":[1,-2],\"s\":[\"\",\"a\"]"),
     "7" FIELD ELEMENT "1" ELEMENT "-2" FIELD ELEMENT ELEMENT "a",
     MADE("", ", `e`: [], `i`: [x IN split(r[1], \"\\u001d\")[1..] | toInteger(x)], `s`: "
              "split(r[2], \"\\u001d\")[1..]")},
    {"temporal",
     NODE("", "\"d\":{\"T\":\"2020-01-01\"},\"l\":[{\"T\":\"12:00:00\"}],\"z\":{\"T\":\"2020-01-"
              "01T00:00:00+01:00[Europe/Paris]\"}"),
     "7" FIELD "2020-01-01" FIELD ELEMENT "12:00:00" FIELD
     "2020-01-01T00:00:00+01:00[Europe/Paris]",
     MADE("", ", `d`: date(r[1]), `l`: [x IN split(r[2], \"\\u001d\")[1..] | localtime(x)], `z`: "
              "datetime(r[3])")},
    {"offset with seconds",
     NODE("", "\"d\":{\"T\":\"1890-01-01T00:00:00.5+00:17:30[Europe/Amsterdam]\"}"),
     "7" FIELD "-2524522650,500000000,Europe/Amsterdam",
     MADE("", ", `d`: datetime({epochSeconds: " PART("toInteger", "0") ", nanosecond: " PART(
                  "toInteger", "1") ", timezone: split(r[1], \",\")[2]})")},
    {"time of day whose offset has seconds",
     NODE("", "\"d\":[{\"T\":\"12:00:00.5+00:17:30\"},{\"T\":\"12:00:00Z\"}]"),
     "7" FIELD ELEMENT "12:00:00.5,+00:17:30" ELEMENT "12:00:00,Z",
     MADE("", ", `d`: [x IN split(r[1], \"\\u001d\")[1..] | time({time: localtime(split(x, "
              "\",\")[0]), timezone: split(x, \",\")[1]})]")},
    {"duration", NODE("", "\"d\":{\"T\":\"P1M-2DT-0.5S\"}"), "7" FIELD "1,-2,-1,500000000",
     MADE("", ", `d`: duration({months: " PART("toInteger", "0") ", days: " PART(
                  "toInteger", "1") ", seconds: " PART("toInteger",
                                                       "2") ", nanoseconds: " PART("toInteger",
                                                                                   "3") "})")},
    {"point", NODE("", "\"p\":{\"@\":\"SRID=4979;POINT Z (2.0 1.0 3.0)\"}"),
     "7" FIELD "2.0,1.0,3.0",
     MADE("", ", `p`: point({x: " PART("toFloat", "0") ", y: " PART("toFloat", "1") ", z: " PART(
                  "toFloat", "2") ", srid: 4979})")},
    {"bytes are left out", NODE("", "\"b\":{\"#\":\"00\"},\"c\":1"), "7" FIELD "1",
     MADE("", ", `c`: toInteger(r[1])")},
    {"relationship", RELATIONSHIP("T`", "\"a\":true"), "7" FIELD "8" FIELD "true",
     SPLIT "MATCH (a" HELPER "0])}) MATCH (b" HELPER
           "1])}) CREATE (a)-[:`T``` {`a`: toBoolean(r[2])}]->(b)"},
    {"relationship without properties", RELATIONSHIP("T", "\"b\":{\"#\":\"00\"}"), "7" FIELD "8",
     SPLIT "MATCH (a" HELPER "0])}) MATCH (b" HELPER "1])}) CREATE (a)-[:`T`]->(b)"},
};

static void entities_become_rows_of_a_text(void **state)
{
    struct tape tape = {0};
    struct entity e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf row = {0}, tail = {0}, text = {0};
        struct cypher_facts facts;
        struct err err = {0};
        if (jolt_row_read(&tape, cases[i].jolt, strlen(cases[i].jolt), false, &e, &err) != 0)
            fail_msg("%s: %s", cases[i].name, err.text);
        cypher_text_add_row(&row, &e);
        cypher_text_add_tail(&tail, &e);
        if (strcmp(buf_str(&row), cases[i].row) != 0 || strcmp(buf_str(&tail), cases[i].tail) != 0)
            fail_msg("%s: got %s and %s", cases[i].name, buf_str(&row), buf_str(&tail));
        buf_addf(&text, CYPHER_TEXT_HEAD "%s" CYPHER_TEXT_BETWEEN "%s%s;", buf_str(&row),
                 buf_str(&row), buf_str(&tail));
        if (policy_judge_command(buf_str(&text), text.len, &facts, &err) != 0)
            fail_msg("%s: no command: %s", cases[i].name, err.text);
        buf_fini(&row);
        buf_fini(&tail);
        buf_fini(&text);
    }
    tape_fini(&tape);
    entity_fini(&e);
}

static void texts_become_literals(void **state)
{
    static const char all[] = "a\"b\\c\\u0041\n\r\t\b\f\0\x1f\x7f\xc3\xa4'`/";
    struct buf text = {0};

    (void)state;
    literal_add_string(&text, all, sizeof all - 1);
    assert_string_equal(buf_str(&text), "\"a\\\"b\\\\c\\\\u0041\\n\\r\\t\\u0008\\u000c\\u0000"
                                        "\\u001f\\u007f\xc3\xa4'`/\"");
    buf_fini(&text);
}

static void texts_become_ascii(void **state)
{
    struct buf text = {0};

    (void)state;
    literal_add_ascii(&text, "a\\\\\xc3\xa4`\xe2\x80\xa8\xf0\x9f\x98\x80.\xff", 15);
    assert_string_equal(buf_str(&text), "a\\\\\\u00e4`\\u2028\\ud83d\\ude00.\\ufffd");
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entities_become_rows_of_a_text),
        cmocka_unit_test(texts_become_literals),
        cmocka_unit_test(texts_become_ascii),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
