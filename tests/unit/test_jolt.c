/* SPDX-License-Identifier: Apache-2.0 */

/* neo4j/jolt and jolt_text: every row of the table in jolt.h, sparse and strict. */
#include "neo4j/jolt.h"
#include "neo4j/jolt_text.h"

#include "unit.h"

#include <string.h>

static const struct {
    const char *name, *jolt, *want;
} cases[] = {
    {"null", "null", "null"},
    {"true", "true", "true"},
    {"false, strict", "{\"?\":\"false\"}", "false"},
    {"string", "\"a\\u0000\\\"b\"", "\"a\\u0000\\\"b\""},
    {"string, strict", "{\"U\":\"x\"}", "\"x\""},
    {"integer", "-7", "-7"},
    {"integer, strict", "{\"Z\":\"12\"}", "12"},
    {"integer beyond 31 bits", "{\"Z\":\"2147483648\"}", "2147483648"},
    {"integer under R", "{\"R\":\"2147483647\"}", "2147483647"},
    {"2^53", "{\"Z\":\"9007199254740992\"}", "9007199254740992"},
    {"2^53 + 1", "{\"Z\":\"9007199254740993\"}",
     "{\"$type\":\"Integer\",\"_value\":\"9007199254740993\"}"},
    {"-2^53 - 1, bare in a stored list", "[-9007199254740993]",
     "[{\"$type\":\"Integer\",\"_value\":\"-9007199254740993\"}]"},
    {"largest under R", "{\"R\":\"9223372036854775807\"}",
     "{\"$type\":\"Integer\",\"_value\":\"9223372036854775807\"}"},
    {"float", "{\"R\":\"1.0\"}", "1.0"},
    {"float with exponent", "{\"R\":\"1.0E10\"}", "1.0E10"},
    {"tiny float", "{\"R\":\"4.9E-324\"}", "4.9E-324"},
    {"minus zero", "{\"R\":\"-0.0\"}", "-0.0"},
    {"NaN", "{\"R\":\"NaN\"}", "{\"$type\":\"Float\",\"_value\":\"NaN\"}"},
    {"-Infinity", "{\"R\":\"-Infinity\"}", "{\"$type\":\"Float\",\"_value\":\"-Infinity\"}"},
    {"list", "[1,[\"a\",null]]", "[1,[\"a\",null]]"},
    {"list, strict", "{\"[]\":[{\"Z\":\"1\"},{\"U\":\"[]\"}]}", "[1,\"[]\"]"},
    {"stored floats", "[1.0,2.5,1.0E300,0.1]", "[1.0,2.5,1e+300,0.1]"},
    {"stored floats with NaN", "[1.5,\"NaN\",\"Infinity\"]",
     "[1.5,{\"$type\":\"Float\",\"_value\":\"NaN\"},{\"$type\":\"Float\",\"_value\":\"Infinity\"}"
     "]"},
    {"texts, some of which look like floats", "[\"NaN\",\"x\"]", "[\"NaN\",\"x\"]"},
    {"texts that look like floats, strict", "[{\"U\":\"NaN\"}]", "[\"NaN\"]"},
    {"labels that look like floats", "{\"()\":[1,[\"NaN\"],{}]}",
     "{\"$type\":\"Node\",\"_value\":{\"_element_id\":\"1\",\"_labels\":[\"NaN\"],\"_properties\":{"
     "}"
     "}}"},
    {"map", "{\"{}\":{\"a\":1,\"b\":{\"R\":\"2.5\"}}}", "{\"a\":1,\"b\":2.5}"},
    {"empty map", "{\"{}\":{}}", "{}"},
    {"map with a sigil's name", "{\"{}\":{\"Z\":\"1\"}}", "{\"Z\":\"1\"}"},
    {"map with $type", "{\"{}\":{\"$type\":\"Date\",\"_value\":{\"Z\":\"1\"}}}",
     "{\"$type\":\"Map\",\"_value\":{\"$type\":\"Date\",\"_value\":1}}"},
    {"bytes", "{\"#\":\"0aFF\"}", "{\"$type\":\"Base64\",\"_value\":\"Cv8=\"}"},
    {"no bytes", "{\"#\":\"\"}", "{\"$type\":\"Base64\",\"_value\":\"\"}"},
    {"date", "{\"T\":\"2020-01-01\"}", "{\"$type\":\"Date\",\"_value\":\"2020-01-01\"}"},
    {"date long ago", "{\"T\":\"-9999-01-01\"}", "{\"$type\":\"Date\",\"_value\":\"-9999-01-01\"}"},
    {"local time", "{\"T\":\"12:00:00\"}", "{\"$type\":\"LocalTime\",\"_value\":\"12:00:00\"}"},
    {"time", "{\"T\":\"12:00:00.5+01:00\"}",
     "{\"$type\":\"Time\",\"_value\":\"12:00:00.5+01:00\"}"},
    {"time, Z", "{\"T\":\"12:00:00Z\"}", "{\"$type\":\"Time\",\"_value\":\"12:00:00Z\"}"},
    {"local datetime", "{\"T\":\"2020-01-01T12:00:00\"}",
     "{\"$type\":\"LocalDateTime\",\"_value\":\"2020-01-01T12:00:00\"}"},
    {"local datetime long ago", "{\"T\":\"-9999-01-01T12:00:00\"}",
     "{\"$type\":\"LocalDateTime\",\"_value\":\"-9999-01-01T12:00:00\"}"},
    {"datetime with offset", "{\"T\":\"+20200-01-01T12:00:00-02:00\"}",
     "{\"$type\":\"OffsetDateTime\",\"_value\":\"+20200-01-01T12:00:00-02:00\"}"},
    {"datetime, Z", "{\"T\":\"2020-01-01T12:00:00Z\"}",
     "{\"$type\":\"OffsetDateTime\",\"_value\":\"2020-01-01T12:00:00Z\"}"},
    {"datetime with zone", "{\"T\":\"2020-01-01T12:00:00+01:00[Europe/Paris]\"}",
     "{\"$type\":\"ZonedDateTime\",\"_value\":\"2020-01-01T12:00:00+01:00[Europe/Paris]\"}"},
    {"duration", "{\"T\":\"P1Y2M-3DT-0.999999995S\"}",
     "{\"$type\":\"Duration\",\"_value\":\"P1Y2M-3DT-0.999999995S\"}"},
    {"point", "{\"@\":\"SRID=7203;POINT(1.0 2.0)\"}",
     "{\"$type\":\"Point\",\"_value\":\"SRID=7203;POINT (1.0 2.0)\"}"},
    {"point in space", "{\"@\":\"SRID=4979;POINT Z (2.0 1.0 3.0)\"}",
     "{\"$type\":\"Point\",\"_value\":\"SRID=4979;POINT Z (2.0 1.0 3.0)\"}"},
    {"node, labels sorted",
     "{\"()\":[\"4:x:1\",[\"B\",\"A\"],{\"n\":1,\"d\":{\"T\":\"2020-01-01\"}}]}",
     "{\"$type\":\"Node\",\"_value\":{\"_element_id\":\"4:x:1\",\"_labels\":[\"A\",\"B\"],"
     "\"_properties\":{\"n\":1,\"d\":{\"$type\":\"Date\",\"_value\":\"2020-01-01\"}}}}"},
    {"node of v1", "{\"()\":[7,[],{}]}",
     "{\"$type\":\"Node\",\"_value\":{\"_element_id\":\"7\",\"_labels\":[],\"_properties\":{}}}"},
    {"relationship", "{\"->\":[\"5:x:0\",\"4:x:1\",\"R\",\"4:x:2\",{}]}",
     "{\"$type\":\"Relationship\",\"_value\":{\"_element_id\":\"5:x:0\","
     "\"_start_node_element_id\":\"4:x:1\",\"_end_node_element_id\":\"4:x:2\",\"_type\":\"R\","
     "\"_properties\":{}}}"},
    {"relationship against the walk", "{\"<-\":[5,2,\"R\",1,{\"k\":[1,2]}]}",
     "{\"$type\":\"Relationship\",\"_value\":{\"_element_id\":\"5\","
     "\"_start_node_element_id\":\"1\",\"_end_node_element_id\":\"2\",\"_type\":\"R\","
     "\"_properties\":{\"k\":[1,2]}}}"},
    {"path", "{\"..\":[{\"()\":[1,[],{}]}]}",
     "{\"$type\":\"Path\",\"_value\":[{\"$type\":\"Node\",\"_value\":{\"_element_id\":\"1\","
     "\"_labels\":[],\"_properties\":{}}}]}"},
};

static const char *const refused[] = {
    "{}",
    "{\"V\":\"1\"}",
    "{\"Z\":\"1\",\"U\":\"1\"}",
    "{\"Z\":1}",
    "{\"Z\":\"\"}",
    "{\"Z\":\"1x\"}",
    "{\"Z\":\" 1\"}",
    "{\"Z\":\"9223372036854775808\"}",
    "{\"R\":\"1.\"}",
    "{\"R\":\"01.5\"}",
    "{\"R\":\".5\"}",
    "{\"R\":\"1.0E\"}",
    "{\"R\":\"nan\"}",
    "{\"?\":\"yes\"}",
    "{\"?\":null}",
    "{\"U\":1}",
    "{\"#\":\"0\"}",
    "{\"#\":\"0g\"}",
    "{\"T\":\"\"}",
    "{\"@\":\"1 2\"}",
    "{\"[]\":{}}",
    "{\"{}\":[]}",
    "{\"()\":[1,[]]}",
    "{\"()\":[null,[],{}]}",
    "{\"()\":[1,[1],{}]}",
    "{\"()\":[1,[],[]]}",
    "{\"->\":[1,2,3,4,{}]}",
    "{\"->\":[1,2,\"R\",4]}",
    "{\"..\":1}",
    "[1.5,\"x\"]",
};

static void jolt_becomes_typed_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        struct err err = {0};
        json_t *value = json_parse(cases[i].jolt, strlen(cases[i].jolt), &err);
        if (value == NULL)
            fail_msg("%s: %s", cases[i].name, err.text);
        if (jolt_add(&out, value, &err) < 0)
            fail_msg("%s: %s", cases[i].name, err.text);
        if (strcmp(buf_str(&out), cases[i].want) != 0)
            fail_msg("%s: got %s", cases[i].name, buf_str(&out));
        json_decref(value);
        buf_fini(&out);
    }
}

static void other_shapes_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct buf out = {0};
        struct err err = {0};
        json_t *value = json_parse(refused[i], strlen(refused[i]), &err);
        assert_non_null(value);
        if (jolt_add(&out, value, &err) == 0)
            fail_msg("%s became %s", refused[i], buf_str(&out));
        assert_string_equal(err.code, "jolt.shape");
        json_decref(value);
        buf_fini(&out);
    }
}

#define NAN_TYPED "{\"$type\":\"Float\",\"_value\":\"NaN\"}"

static void floats_of_a_strict_answer_are_marked(void **state)
{
    static const struct {
        const char *strict, *want;
    } rows[] = {
        {"[[\"NaN\"],[{\"U\":\"NaN\"}],{\"U\":\"NaN\"}]", "[[" NAN_TYPED "],[\"NaN\"],\"NaN\"]"},
        {"[{\"{}\":{\"a\":[\"NaN\"]}},{\"[]\":[[\"NaN\",1.5]]}]",
         "[{\"a\":[" NAN_TYPED "]},[[" NAN_TYPED ",1.5]]]"},
        {"[{\"()\":[\"NaN\",[\"NaN\"],{\"()\":[\"NaN\"]}]}]",
         "[{\"$type\":\"Node\",\"_value\":{\"_element_id\":\"NaN\",\"_labels\":[\"NaN\"],"
         "\"_properties\":{\"()\":[" NAN_TYPED "]}}}]"},
        {"[{\"{}\":{\"()\":[\"NaN\",\"NaN\",\"NaN\"]}}]",
         "[{\"()\":[" NAN_TYPED "," NAN_TYPED "," NAN_TYPED "]}]"},
        {"[{\"<-\":[\"NaN\",\"NaN\",\"NaN\",\"x\",{\"p\":[\"NaN\"]}]}]",
         "[{\"$type\":\"Relationship\",\"_value\":{\"_element_id\":\"NaN\","
         "\"_start_node_element_id\":\"x\",\"_end_node_element_id\":\"NaN\",\"_type\":\"NaN\","
         "\"_properties\":{\"p\":[" NAN_TYPED "]}}}]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0};
        struct err err = {0};
        json_t *value = json_parse(rows[i].strict, strlen(rows[i].strict), &err);
        json_t *marked = jolt_mark_floats(value);
        assert_non_null(value);
        if (jolt_add(&out, marked, &err) < 0)
            fail_msg("%s: %s", rows[i].strict, err.text);
        assert_string_equal(buf_str(&out), rows[i].want);
        json_decref(marked);
        json_decref(value);
        buf_fini(&out);
    }
}

static void a_list_of_texts_or_floats_is_ambiguous(void **state)
{
    struct buf out = {0};
    struct err err = {0};
    json_t *value = json_parse("[\"NaN\",\"-Infinity\"]", 19, &err);

    (void)state;
    assert_int_equal(jolt_add(&out, value, &err), -1);
    assert_string_equal(err.code, JOLT_AMBIGUOUS);
    json_decref(value);
    buf_fini(&out);
}

static const struct {
    const char *jolt, *want;
} texts[] = {
    {"\"bare\"", "bare"},
    {"[\"quoted\",1,{\"R\":\"1.0\"},{\"R\":\"0.1\"}]", "[\"quoted\", 1, 1.0, 0.1]"},
    {"null", "null"},
    {"{\"T\":\"2020-01-01\"}", "2020-01-01"},
    {"{\"Z\":\"9223372036854775807\"}", "9223372036854775807"},
    {"{\"{}\":{\"a\":\"x\",\"$type\":2}}", "{a: \"x\", $type: 2}"},
    {"{\"()\":[1,[\"L\"],{\"name\":\"x\"}]}", "(:L {name: \"x\"})"},
    {"{\"->\":[1,2,\"R\",3,{\"d\":{\"T\":\"2020-01-01\"}}]}", "[:R {d: 2020-01-01}]"},
    {"{\"..\":[{\"()\":[1,[],{}]},{\"<-\":[9,1,\"R\",2,{}]},{\"()\":[2,[],{}]}]}", "()<-[:R]-()"},
    {"{\"..\":[{\"()\":[1,[],{}]},{\"->\":[9,1,\"R\",2,{}]},{\"()\":[2,[],{}]}]}", "()-[:R]->()"},
};

static void values_have_a_short_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf typed = {0}, out = {0};
        struct err err = {0};
        json_t *jolt = json_parse(texts[i].jolt, strlen(texts[i].jolt), &err);
        assert_int_equal(jolt_add(&typed, jolt, &err), 0);
        json_t *value = json_parse(buf_str(&typed), typed.len, &err);
        assert_non_null(value);
        jolt_text_add(&out, value);
        if (strcmp(buf_str(&out), texts[i].want) != 0)
            fail_msg("%s: got %s", texts[i].jolt, buf_str(&out));
        json_decref(jolt);
        json_decref(value);
        buf_fini(&typed);
        buf_fini(&out);
    }
}

static void integers_have_three_forms(void **state)
{
    static const struct {
        const char *jolt;
        bool is;
        int64_t n;
    } rows[] = {{"-7", true, -7},
                {"{\"Z\":\"9223372036854775807\"}", true, INT64_MAX},
                {"{\"R\":\"2147483647\"}", true, 2147483647},
                {"{\"R\":\"1.0\"}", false, 5},
                {"{\"Z\":\"9223372036854775808\"}", false, 5},
                {"{\"Z\":\"\"}", false, 5},
                {"\"7\"", false, 5}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *value = json_parse(rows[i].jolt, strlen(rows[i].jolt), NULL);
        int64_t n = 5;
        assert_int_equal(jolt_integer(value, &n), rows[i].is);
        assert_int_equal(n, rows[i].n);
        json_decref(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jolt_becomes_typed_json),
        cmocka_unit_test(other_shapes_are_refused),
        cmocka_unit_test(floats_of_a_strict_answer_are_marked),
        cmocka_unit_test(a_list_of_texts_or_floats_is_ambiguous),
        cmocka_unit_test(values_have_a_short_text),
        cmocka_unit_test(integers_have_three_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
