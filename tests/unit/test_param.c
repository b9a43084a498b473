/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/param.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* A typed value as JSON. */
#define T(type, value) "{\"$type\":\"" type "\",\"_value\":" value "}"
#define DATE T("Date", "\"2020-01-01\"")
#define NAN_FLOAT T("Float", "\"NaN\"")

static const struct {
    const char *params, *carried, *code; /* one of the two */
} plain[] = {
    {"{}", "{}", NULL},
    {"{\"a\":[1,{\"b\":null}]}", "{\"a\":[1,{\"b\":null}]}", NULL},
    {"{\"a\":{\"$type\":\"Integer\",\"_value\":\"9223372036854775807\"}}",
     "{\"a\":9223372036854775807}", NULL},
    {"{\"a\":{\"_value\":\"-9223372036854775808\",\"$type\":\"Integer\"}}",
     "{\"a\":-9223372036854775808}", NULL},
    {"{\"a\":{\"$type\":\"Integer\",\"_value\":7}}", "{\"a\":7}", NULL},
    {"{\"a\":{\"$type\":\"Integer\",\"_value\":\"9223372036854775808\"}}", NULL, "param.value"},
    {"{\"a\":{\"$type\":\"Integer\",\"_value\":\"1.5\"}}", NULL, "param.value"},
    {"{\"a\":{\"$type\":\"Integer\",\"_value\":\"\"}}", NULL, "param.value"},
    {"{\"a\":{\"$type\":\"Integer\"}}", NULL, "param.value"},
    {"{\"a\":{\"$type\":\"Float\",\"_value\":\"1.0E10\"}}", "{\"a\":10000000000.0}", NULL},
    {"{\"a\":{\"$type\":\"Float\",\"_value\":\"1\"}}", "{\"a\":1.0}", NULL},
    {"{\"a\":{\"$type\":\"Float\",\"_value\":1}}", "{\"a\":1.0}", NULL},
    {"{\"a\":{\"$type\":\"Float\",\"_value\":\"-0.0\"}}", "{\"a\":-0.0}", NULL},
    {"{\"a\":{\"$type\":\"Float\",\"_value\":\"1e999\"}}", NULL, "param.value"},
    {"{\"a\":{\"$type\":\"Float\",\"_value\":\"nan\"}}", NULL, "param.value"},
    {"{\"a\":{\"$type\":\"Null\",\"_value\":null}}", "{\"a\":null}", NULL},
    {"{\"a\":{\"$type\":\"Boolean\",\"_value\":true}}", "{\"a\":true}", NULL},
    {"{\"a\":{\"$type\":\"Boolean\",\"_value\":\"true\"}}", NULL, "param.value"},
    {"{\"a\":{\"$type\":\"String\",\"_value\":\"x\\u0000y\"}}", "{\"a\":\"x\\u0000y\"}", NULL},
    {"{\"a\":{\"$type\":\"String\",\"_value\":1}}", NULL, "param.value"},
    {"{\"a\":{\"$type\":\"List\",\"_value\":[{\"$type\":\"Integer\",\"_value\":\"1\"},2]}}",
     "{\"a\":[1,2]}", NULL},
    {"{\"a\":{\"$type\":\"List\",\"_value\":{}}}", NULL, "param.value"},
    {"{\"a\":{\"$type\":\"Map\",\"_value\":{\"$type\":\"x\",\"b\":{\"$type\":\"Null\"}}}}",
     "{\"a\":{\"$type\":\"x\",\"b\":null}}", NULL},
    {"{\"a\":{\"b\":[{\"$type\":\"Base64\",\"_value\":\"Cv8=\"}]}}", NULL, "param.bytes"},
    {"{\"a\":{\"$type\":\"Node\",\"_value\":{}}}", NULL, "param.type"},
    {"{\"a\":{\"$type\":1}}", NULL, "param.type"},
    {"{\"$type\":\"a parameter of this name\"}", "{\"$type\":\"a parameter of this name\"}", NULL},
};

static const struct {
    const char *name, *text, *params, *sent, *carried;
} built[] = {
    {"date", "RETURN $d AS d", "{\"d\":" DATE "}", "RETURN  date($`d`) AS d",
     "{\"d\":\"2020-01-01\"}"},
    {"each type", "CREATE (:A {a: $a, b: $b, c: $c, d: $d, e: $e})",
     "{\"a\":" T("LocalTime", "\"12:00\"") ",\"b\":" T("Time", "\"12:00:00.50+01:00\"") ",\"c\":" T(
         "LocalDateTime",
         "\"2020-01-01T12:00\"") ",\"d\":" T("OffsetDateTime",
                                             "\"2020-01-01T12:00:00-00:00\"") ",\"e\":" T("ZonedDat"
                                                                                          "eTime",
                                                                                          "\"2020-"
                                                                                          "10-"
                                                                                          "25T02:"
                                                                                          "30:00+"
                                                                                          "01:00["
                                                                                          "Europe/"
                                                                                          "Paris]"
                                                                                          "\"") "}",
     "CREATE (:A {a:  localtime($`a`), b:  time($`b`), c:  localdatetime($`c`), d:  "
     "datetime($`d`), e:  datetime($`e`)})",
     "{\"a\":\"12:00:00\",\"b\":\"12:00:00.5+01:00\",\"c\":\"2020-01-01T12:00:00\",\"d\":"
     "\"2020-01-01T12:00:00Z\",\"e\":\"2020-10-25T02:30:00+01:00[Europe/Paris]\"}"},
    {"offsets with seconds", "SET n.a=$a,n.b=$b",
     "{\"a\":" T("Time", "\"12:00:00+00:17:30\"") ",\"b\":" T(
         "OffsetDateTime", "\"1970-01-01T00:17:30.000000001+00:17:30\"") "}",
     "SET n.a= time({time: localtime($`a`[0]), timezone: $`a`[1]}),n.b= datetime({epochSeconds: "
     "$`b`[0], nanosecond: $`b`[1], timezone: $`b`[2]})",
     "{\"a\":[\"12:00:00\",\"+00:17:30\"],\"b\":[0,1,\"+00:17:30\"]}"},
    {"duration", "RETURN $d AS d", "{\"d\":" T("Duration", "\"P1Y2M-3DT-1.5S\"") "}",
     "RETURN  duration({months: $`d`[0], days: $`d`[1], seconds: $`d`[2], nanoseconds: $`d`[3]}) "
     "AS d",
     "{\"d\":[14,-3,-2,500000000]}"},
    {"points", "RETURN $p AS p, $q AS q",
     "{\"p\":" T("Point", "\"SRID=7203;POINT (1.0 -0.0)\"") ",\"q\":" T(
         "Point", "\"SRID=4979;POINT Z (1 2 3)\"") "}",
     "RETURN  point({x: $`p`[0], y: $`p`[1], srid: 7203}) AS p,  point({x: $`q`[0], y: $`q`[1], z: "
     "$`q`[2], srid: 4979}) AS q",
     "{\"p\":[1.0,-0.0],\"q\":[1.0,2.0,3.0]}"},
    {"no number", "RETURN $f AS f", "{\"f\":" NAN_FLOAT "}", "RETURN  toFloat($`f`) AS f",
     "{\"f\":\"NaN\"}"},
    {"only what is used, as often as it is", "SET a.d=$d, b.d=$d, c.n=$n",
     "{\"d\":" DATE ",\"n\":1,\"x\":" DATE "}", "SET a.d= date($`d`), b.d= date($`d`), c.n=$n",
     "{\"d\":\"2020-01-01\",\"n\":1,\"x\":\"2020-01-01\"}"},
    {"in a map", "CREATE (n $p)", "{\"p\":{\"when\":" DATE ",\"n\":1,\"a`b\":{\"c\":" DATE "}}}",
     "CREATE (n  {`when`: date($`p`.`when`), `n`: $`p`.`n`, `a``b`: {`c`: date($`p`.`a``b`.`c`)}})",
     "{\"p\":{\"when\":\"2020-01-01\",\"n\":1,\"a`b\":{\"c\":\"2020-01-01\"}}}"},
    {"a list of one form", "UNWIND $r AS r CREATE (n) SET n = r",
     "{\"r\":[{\"d\":" DATE ",\"n\":1},{\"d\":" DATE ",\"n\":\"x\"},{\"d\":null,\"n\":[]}]}",
     "UNWIND  [__typed0 IN $`r` | {`d`: date(__typed0.`d`), `n`: __typed0.`n`}] AS r CREATE (n) "
     "SET "
     "n = r",
     "{\"r\":[{\"d\":\"2020-01-01\",\"n\":1},{\"d\":\"2020-01-01\",\"n\":\"x\"},{\"d\":null,\"n\":["
     "]"
     "}]}"},
    {"a list of several forms", "UNWIND $r AS r CREATE (n) SET n = r",
     "{\"r\":[{\"d\":" DATE "},{\"n\":1},{\"d\":" DATE "},null]}",
     "UNWIND  [__typed0 IN $`r` | CASE __typed0[0] WHEN 0 THEN {`d`: date(__typed0[1].`d`)} WHEN 1 "
     "THEN __typed0[1] END] AS r CREATE (n) SET n = r",
     "{\"r\":[[0,{\"d\":\"2020-01-01\"}],[1,{\"n\":1}],[0,{\"d\":\"2020-01-01\"}],[1,null]]}"},
    {"null is no duration", "RETURN $l AS l", "{\"l\":[" T("Duration", "\"PT1S\"") ",null]}",
     "RETURN  [__typed0 IN $`l` | CASE __typed0[0] WHEN 0 THEN duration({months: __typed0[1][0], "
     "days: __typed0[1][1], seconds: __typed0[1][2], nanoseconds: __typed0[1][3]}) WHEN 1 THEN "
     "__typed0[1] END] AS l",
     "{\"l\":[[0,[0,0,1,0]],[1,null]]}"},
    {"lists in lists", "RETURN $l AS l", "{\"l\":[[],[[" DATE "]],null,[[null," DATE "]]]}",
     "RETURN  [__typed0 IN $`l` | [__typed1 IN __typed0 | [__typed2 IN __typed1 | "
     "date(__typed2)]]] AS l",
     "{\"l\":[[],[[\"2020-01-01\"]],null,[[null,\"2020-01-01\"]]]}"},
    {"floats and one that is none", "RETURN $l AS l", "{\"l\":[1.5," NAN_FLOAT ",null,-2.0]}",
     "RETURN  [__typed0 IN $`l` | toFloat(__typed0)] AS l", "{\"l\":[1.5,\"NaN\",null,-2.0]}"},
    {"an integer stays one", "RETURN $l AS l", "{\"l\":[" NAN_FLOAT ",1]}",
     "RETURN  [__typed0 IN $`l` | CASE __typed0[0] WHEN 0 THEN toFloat(__typed0[1]) WHEN 1 THEN "
     "__typed0[1] END] AS l",
     "{\"l\":[[0,\"NaN\"],[1,1]]}"},
    {"null first, then a map", "RETURN $l AS l", "{\"l\":[{\"n\":1},null,{\"n\":" DATE "}]}",
     "RETURN  [__typed0 IN $`l` | CASE __typed0[0] WHEN 0 THEN __typed0[1] WHEN 1 THEN {`n`: "
     "date(__typed0[1].`n`)} END] AS l",
     "{\"l\":[[0,{\"n\":1}],[0,null],[1,{\"n\":\"2020-01-01\"}]]}"},
    {"names", "RETURN $`odd name` AS a, $ /* c */ d AS b, $`a``b` AS c, $0 AS d, '$d' AS e",
     "{\"odd name\":" DATE ",\"d\":" DATE ",\"a`b\":" DATE ",\"0\":" DATE "}",
     "RETURN  date($`odd name`) AS a,  date($`d`) AS b,  date($`a``b`) AS c,  date($`0`) AS d, "
     "'$d' "
     "AS e",
     "{\"odd "
     "name\":\"2020-01-01\",\"d\":\"2020-01-01\",\"a`b\":\"2020-01-01\",\"0\":\"2020-01-01\"}"},
    {"comments", "RETURN /* $d */ $d AS d // $d", "{\"d\":" DATE "}",
     "RETURN /* $d */  date($`d`) AS d // $d", "{\"d\":\"2020-01-01\"}"},
    {"no parameter", "MATCH (n:$any($any)) SET n.d=$any", "{\"any\":" DATE "}",
     "MATCH (n:$any( date($`any`))) SET n.d= date($`any`)", "{\"any\":\"2020-01-01\"}"},
    {"columns keep their names", "RETURN  n.x, $d . year , count( $d ) ORDER BY $d",
     "{\"d\":" DATE "}",
     "RETURN  n.x,  date($`d`) . year AS `$d . year` , count(  date($`d`) ) AS `count( $d )` ORDER "
     "BY  date($`d`)",
     "{\"d\":\"2020-01-01\"}"},
    {"columns of DISTINCT and UNION", "RETURN DISTINCT $d UNION RETURN DISTINCT $d;",
     "{\"d\":" DATE "}",
     "RETURN DISTINCT  date($`d`) AS `$d` UNION RETURN DISTINCT  date($`d`) AS `$d`;",
     "{\"d\":\"2020-01-01\"}"},
    {"columns with names", "RETURN [x IN [1] | $d] AS order, {return: $d} AS a, {a: $d}, n.return",
     "{\"d\":" DATE "}",
     "RETURN [x IN [1] |  date($`d`)] AS order, {return:  date($`d`)} AS a, {a:  date($`d`)} AS "
     "`{a: $d}`, n.return",
     "{\"d\":\"2020-01-01\"}"},
    {"columns of subqueries", "CALL { RETURN $d AS d } RETURN COUNT { RETURN $d }, d",
     "{\"d\":" DATE "}",
     "CALL { RETURN  date($`d`) AS d } RETURN COUNT { RETURN  date($`d`) AS `$d` } AS `COUNT { "
     "RETURN $d }`, d",
     "{\"d\":\"2020-01-01\"}"},
};

static const struct {
    const char *params, *place; /* what the text of the error begins with */
} wrong[] = {
    {"{\"d\":" T("Date", "\"2021-02-29\"") "}", "params.d: "},
    {"{\"d\":" T("Date", "\"2020-01-01T12:00\"") "}", "params.d: "},
    {"{\"d\":" T("Date", "20200101") "}", "params.d: "},
    {"{\"d\":{\"$type\":\"Date\"}}", "params.d: "},
    {"{\"rows\":[1,2,3,{\"when\":" T("Date", "\"x\"") "}]}", "params.rows[3].when: "},
    {"{\"m\":" T("Map", "{\"l\":" T("List", "[1," T("Time", "\"24:00:00Z\"") "]") "}") "}",
     "params.m.l[1]: "},
    {"{\"p\":" T("Point", "\"SRID=4326;POINT (0.0 90.5)\"") "}", "params.p: "},
    {"{\"p\":" T("Duration", "\"P3507324295524M\"") "}", "params.p: "},
};

static const struct {
    const char *text, *params, *code;
} refused[] = {
    {"RETURN 1 AS a LIMIT $d", "{\"d\":" DATE "}", "param.place"},
    {"RETURN 1 AS a SKIP /**/ $d", "{\"d\":" DATE "}", "param.place"},
    {"RETURN '\\u0041', $d", "{\"d\":" DATE "}", "param.place"},
    {"RETURN $m", "{\"m\":{\"a\":{\"\":" DATE "}}}", "param.place"},
    {"RETURN $`a`", "{\"a\":[{\"$type\":\"Base64\",\"_value\":\"\"}]}", "param.bytes"},
};

static void carry(const char *text, const char *json, struct param_sent *sent, struct buf *params,
                  struct err *err)
{
    json_t *value = json_parse(json, strlen(json), NULL);

    *err = (struct err){0};
    if (value == NULL)
        fail_msg("no JSON: %s", json);
    if (param_carry(text, strlen(text), value, sent, err) == 0)
        json_add(params, sent->params);
    else
        assert_int_equal(err->class, ERR_POISON);
    json_decref(value);
}

static void plain_values_leave_the_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(plain); i++) {
        struct err err;
        struct buf params = {0};
        struct param_sent sent;
        carry("RETURN $a", plain[i].params, &sent, &params, &err);
        const char *want = plain[i].carried != NULL ? plain[i].carried : plain[i].code;
        if (sent.rewritten || strcmp(sent.params != NULL ? buf_str(&params) : err.code, want) != 0)
            fail_msg("%s: got %s %s", plain[i].params, buf_str(&params), err.code);
        buf_fini(&params);
        param_fini(&sent);
    }
}

static void values_are_built_in_the_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(built); i++) {
        struct err err;
        struct buf params = {0};
        struct param_sent sent;
        carry(built[i].text, built[i].params, &sent, &params, &err);
        if (!sent.rewritten || strcmp(buf_str(&sent.text), built[i].sent) != 0 ||
            strcmp(buf_str(&params), built[i].carried) != 0)
            fail_msg("%s: got\n%s\nwith\n%s %s", built[i].name, buf_str(&sent.text),
                     buf_str(&params), err.text);
        buf_fini(&params);
        param_fini(&sent);
    }
}

static void wrong_values_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct err err;
        struct buf params = {0};
        struct param_sent sent;
        carry("RETURN 1", wrong[i].params, &sent, &params, &err);
        if (strcmp(err.code, "param.value") != 0 ||
            strncmp(err.text, wrong[i].place, strlen(wrong[i].place)) != 0)
            fail_msg("%s: got %s %s", wrong[i].params, err.code, err.text);
    }
}

static void places_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct err err;
        struct buf params = {0};
        struct param_sent sent;
        carry(refused[i].text, refused[i].params, &sent, &params, &err);
        if (strcmp(err.code, refused[i].code) != 0)
            fail_msg("%s: got %s %s", refused[i].text, err.code, err.text);
    }
}

/* A list of so many forms, each a map with a key of its own. */
static void forms_of_a_list_are_limited(void **state)
{
    (void)state;
    for (int count = 64; count <= 65; count++) {
        struct buf json = {0}, params = {0};
        struct param_sent sent;
        struct err err;
        for (int i = 0; i < count; i++)
            buf_addf(&json, "%s{\"k%d\":" DATE "}", i == 0 ? "{\"l\":[" : ",", i);
        buf_adds(&json, "]}");
        carry("RETURN $l AS l", buf_str(&json), &sent, &params, &err);
        assert_string_equal(err.code, count == 64 ? "" : "param.mixed");
        param_fini(&sent);
        buf_fini(&params);
        buf_fini(&json);
    }
}

/* Each use of a map is its whole text. */
static void texts_are_limited(void **state)
{
    struct buf json = {0}, text = {0}, params = {0};
    struct param_sent sent;
    struct err err;

    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_addf(&json, "%s\"key %d\":" DATE, i == 0 ? "{\"m\":{" : ",", i);
    buf_adds(&json, "}}");
    buf_adds(&text, "RETURN [$m");
    for (int i = 0; i < 1000; i++)
        buf_adds(&text, ",$m");
    buf_addc(&text, ']');
    carry(buf_str(&text), buf_str(&json), &sent, &params, &err);
    assert_string_equal(err.code, "param.too-long");
    buf_fini(&text);
    buf_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values_leave_the_text),
        cmocka_unit_test(values_are_built_in_the_text),
        cmocka_unit_test(wrong_values_are_named),
        cmocka_unit_test(places_are_refused),
        cmocka_unit_test(forms_of_a_list_are_limited),
        cmocka_unit_test(texts_are_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
