/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/lift.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stays, with each hole as its type in {…}; the values. NULL: the text is sent as it is. */
static const struct row {
    const char *text, *template, *values;
} rows[] = {
    /* values of maps: any type is the same template */
    {"CREATE (:P {a: 1, b: 'x', c: 1.5, d: true, e: null})",
     "CREATE (:P {a: {*}, b: {*}, c: {*}, d: {*}, e: {*}})", "1|\"x\"|1.5|true|null"},
    {"MERGE (n:P {id: -5}) SET n.x = -0.5, n.y = 'it\\'s'",
     "MERGE (n:P {id: {I}}) SET n.x = {*}, n.y = {*}", "-5|-0.5|\"it's\""},
    {"MATCH (a {id: 1})-[r:R {w: .5}]->(b {id: \"2\"}) DELETE r",
     "MATCH (a {id: {I}})-[r:R {w: {F}}]->(b {id: {S}}) DELETE r", "1|0.5|\"2\""},
    {"CREATE (:P {tags: ['a', 'b'], none: []})", "CREATE (:P {tags: {*}, none: {*}})",
     "[\"a\",\"b\"]|[]"},
    {"SET n += {a: 1, b: {c: 2}}", "SET n += {a: {*}, b: {c: 2}}", "1"},
    /* white space and comments */
    {"CREATE\n\t(n:P/* a */{a : 1})// end", "CREATE (n:P {a : {*}})", "1"},
    {"CREATE (n);", "CREATE (n)", ""},
    /* strings */
    {"SET n.x = 'a\\tb\\\\c\\q\\\"'", "SET n.x = {*}", "\"a\\tb\\\\c\\\\q\\\"\""},
    {"SET n.x = \"// no 'comment' $p\"", "SET n.x = {*}", "\"// no 'comment' $p\""},
    {"SET n.x = 'a\nb'", "SET n.x = {*}", "\"a\\nb\""},
    {"SET n.x = 'a\\u0041'", NULL, ""},
    {"SET n.x = 'a\\\\u0041'", "SET n.x = {*}", "\"a\\\\u0041\""},
    /* numbers that stay */
    {"SET n.x = 017", "SET n.x = 017", ""},
    {"SET n.x = 0x1F", "SET n.x = 0x1F", ""},
    {"SET n.x = 1_000", "SET n.x = 1_000", ""},
    {"SET n.x = 1.5f", "SET n.x = 1.5f", ""},
    {"SET n.x = 1e400", "SET n.x = 1e400", ""},
    {"SET n.x = 1e-400", "SET n.x = {*}", "1e-400"},
    {"SET n.x = 9223372036854775807", "SET n.x = {*}", "9223372036854775807"},
    {"SET n.x = 9223372036854775808", "SET n.x = 9223372036854775808", ""},
    {"SET n.x = -9223372036854775808", "SET n.x = -9223372036854775808", ""},
    {"SET n.x = - 7", "SET n.x = {*}", "-7"},
    {"SET n.x = -n.y", "SET n.x = -n.y", ""},
    {"SET n.x = --7", "SET n.x = --7", ""},
    {"SET n.x = Infinity", "SET n.x = Infinity", ""},
    {"SET n.x = -7 ^ 2", "SET n.x = -7 ^ 2", ""},
    /* arithmetic: one literal of an expression, with an operand before it */
    {"SET n.x = n.x + 1", "SET n.x = n.x + {I}", "1"},
    {"SET n.x = n.x - 1", "SET n.x = n.x - {I}", "1"},
    {"SET n.x = n.x + -1.5", "SET n.x = n.x + {F}", "-1.5"},
    {"SET n.x = coalesce(n.x, 0) + 1", "SET n.x = coalesce(n.x, {I}) + {I}", "0|1"},
    {"SET n.x = 1 / 0", "SET n.x = 1 / 0", ""},
    {"SET n.x = n.x + 1 + 2", "SET n.x = n.x + 1 + 2", ""},
    {"SET n.x = (1) / 0", "SET n.x = (1) / 0", ""},
    {"SET n.x = n.y * 2, n.z = n.z * 3", "SET n.x = n.y * {I}, n.z = n.z * {I}", "2|3"},
    /* comparisons */
    {"MATCH (n) WHERE n.x = 1 AND n.y > 'a' OR n.z <> 2.0 DELETE n",
     "MATCH (n) WHERE n.x = {I} AND n.y > {S} OR n.z <> {F} DELETE n", "1|\"a\"|2.0"},
    {"MATCH (n) WHERE n.x IN [1, 'a', 2] AND n.y CONTAINS 'b' AND n.z STARTS WITH 'c' DELETE n",
     "MATCH (n) WHERE n.x IN {[IS]} AND n.y CONTAINS {S} AND n.z STARTS WITH {S} DELETE n",
     "[1,\"a\",2]|\"b\"|\"c\""},
    {"MATCH (n) WHERE n.v = 1 AND 'abc' DELETE n", "MATCH (n) WHERE n.v = {I} AND 'abc' DELETE n",
     "1"},
    {"MATCH (n) WHERE n.x =~ 'a.*' DELETE n", "MATCH (n) WHERE n.x =~ 'a.*' DELETE n", ""},
    {"MATCH (n) WHERE 'x' IN 1 DELETE n", "MATCH (n) WHERE 'x' IN 1 DELETE n", ""},
    {"MATCH (n) WHERE n.x = 1 IS NULL DELETE n", "MATCH (n) WHERE n.x = 1 IS NULL DELETE n", ""},
    /* lists of UNWIND and FOREACH */
    {"UNWIND [{id: 1, `a b`: 'x'}, {id: 2, `a b`: null}] AS r CREATE (:P {id: r.id})",
     "UNWIND {[{\"id\":I,\"a b\":S,}{\"id\":I,\"a b\":N,}]} AS r CREATE (:P {id: r.id})",
     "[{\"id\":1,\"a b\":\"x\"},{\"id\":2,\"a b\":null}]"},
    {"FOREACH (x IN [1, 2] | CREATE (:P {id: x}))", "FOREACH (x IN {[I]} | CREATE (:P {id: x}))",
     "[1,2]"},
    {"UNWIND [1, n.x] AS r CREATE (:P {id: r})", "UNWIND [1, n.x] AS r CREATE (:P {id: r})", ""},
    {"UNWIND range(1, 3) AS r CREATE (:P)", "UNWIND range(1, 3) AS r CREATE (:P)", ""},
    /* functions */
    {"SET n.d = date('2020-01-01'), n.p = point({x: 1, y: 2.0}), n.t = datetime ( 'x' )",
     "SET n.d = date({S}), n.p = point({x: {I}, y: {F}}), n.t = datetime ( {S} )",
     "\"2020-01-01\"|1|2.0|\"x\""},
    {"SET n.d = toBoolean(1.5), n.e = apoc.date('x'), n.f = substring('abc', 1)",
     "SET n.d = toBoolean(1.5), n.e = apoc.date('x'), n.f = substring('abc', 1)", ""},
    {"SET n.d = date.truncate('month', date('2020-01-02'))",
     "SET n.d = date.truncate('month', date('2020-01-02'))", ""},
    {"CALL proc(1, {a: 2})", "CALL proc(1, {a: 2})", ""},
    /* CASE */
    {"SET n.x = CASE WHEN n.y > 3 THEN 'a' ELSE 'b' END",
     "SET n.x = CASE WHEN n.y > {I} THEN {S} ELSE {S} END", "3|\"a\"|\"b\""},
    {"SET n.x = CASE WHEN n.y THEN'a'ELSE'b'END", "SET n.x = CASE WHEN n.y THEN {S} ELSE {S} END",
     "\"a\"|\"b\""},
    {"MATCH (n) WHERE n.x IN['a']OR n.y IN[1]SET n.x = 1",
     "MATCH (n) WHERE n.x IN {[S]} OR n.y IN {[I]} SET n.x = {*}", "[\"a\"]|[1]|1"},
    {"SET n.x = CASE n.y WHEN 1 THEN 2 END", "SET n.x = CASE n.y WHEN 1 THEN {I} END", "2"},
    /* projections */
    {"MATCH (n) WITH n, 5 AS x WHERE n.y = 6 SET n.x = x",
     "MATCH (n) WITH n, 5 AS x WHERE n.y = {I} SET n.x = x", "6"},
    {"MATCH (n {id: 1}) RETURN n.x + 1, [1, 2], {a: 1}, date('x') ORDER BY n.x + 1 SKIP 1 LIMIT 2",
     "MATCH (n {id: {I}}) RETURN n.x + 1, [1, 2], {a: 1}, date('x') ORDER BY n.x + 1 SKIP 1 LIMIT "
     "2",
     "1"},
    /* a column has the name of its text */
    {"MATCH  (n {id:  1})  RETURN  n.x\n +n.y,/* a */ size( [ 1,2 ] ), n.z+\n$p  ORDER  BY  n.x "
     "/**/",
     "MATCH (n {id: {I}}) RETURN  n.x\n +n.y,/* a */ size( [ 1,2 ] ), n.z+\n{}  ORDER  BY  n.x",
     "1|"},
    {"CALL { MATCH (n {id: 1}) RETURN n.x = 3 AS y } SET n.x = 4",
     "CALL { MATCH (n {id: {I}}) RETURN n.x = 3 AS y } SET n.x = {*}", "1|4"},
    /* paths, indexes, quantifiers */
    {"MATCH (a {id: 1})-[:R*1..3 {w: 2}]->(b) SET b.x = a.l[0]",
     "MATCH (a {id: {I}})-[:R*1..3 {w: {I}}]->(b) SET b.x = a.l[0]", "1|2"},
    {"MATCH ((a)-->(b)){1,3} SET a['k'] = 1", "MATCH ((a)-->(b)){1,3} SET a['k'] = {*}", "1"},
    {"MATCH p = shortestPath((a {id: 1})-[*..5]-(b {id: 2})) SET a.x = 3",
     "MATCH p = shortestPath((a {id: {I}})-[*..5]-(b {id: {I}})) SET a.x = {*}", "1|2|3"},
    {"MATCH (n:P) USING INDEX n:P(id) WHERE n.id = 1 SET n.x = 2",
     "MATCH (n:P) USING INDEX n:P(id) WHERE n.id = {I} SET n.x = {*}", "1|2"},
    /* names like keywords */
    {"CREATE (set:SET {set: 1, with: 2})", "CREATE (set:SET {set: {*}, with: {*}})", "1|2"},
    {"MATCH (n) WITH count(n) AS on, count(n) + 1 AS c CREATE (:P {c: c})", NULL, ""},
    {"MATCH (n) WITH count(n) AS set, count(n) = 1 AS c CREATE (:P {c: c})", NULL, ""},
    {"MATCH (n) WITH n, where, count(n) > 1 AS c CREATE (:P {c: c})", NULL, ""},
    {"MATCH (n) WITH with AS x, 1 AS y SET n.x = 1", NULL, ""},
    {"MATCH (set) SET set.x = 1", NULL, ""},
    {"MATCH (n) RETURN count(n) * on, 1 = n.x", NULL, ""},
    {"MERGE (n {id: 1}) ON CREATE SET n.x = 2 ON MATCH SET n.x = 3",
     "MERGE (n {id: {I}}) ON CREATE SET n.x = {*} ON MATCH SET n.x = {*}", "1|2|3"},
    {"MATCH (n) RETURN count(*) AS c UNION ALL MATCH (n {id: 1}) RETURN n.c AS c",
     "MATCH (n) RETURN count(*) AS c UNION ALL MATCH (n {id: {I}}) RETURN n.c AS c", "1"},
    {"OPTIONAL MATCH (n WHERE n.x = 1) WITH * WHERE n.y = 2 DETACH DELETE n",
     "OPTIONAL MATCH (n WHERE n.x = {I}) WITH * WHERE n.y = {I} DETACH DELETE n", "1|2"},
    {"MATCH (n) SET n.return = 1, n.x = 2", "MATCH (n) SET n.return = {*}, n.x = {*}", "1|2"},
    /* parameters */
    {"MERGE (n {id: $id}) SET n.x = n.x + $`a b`, n += $m, n.y = 1",
     "MERGE (n {id: {}}) SET n.x = n.x + {}, n += {}, n.y = {*}", "|||1"},
    /* a map alone may stand behind SET n = */
    {"SET n = $p, n.x = $p, n['x'] = $p, n = null", "SET n = {}, n.x = {*}, n['x'] = {*}, n = {N}",
     "|||null"},
    {"SET n.x = $ /* c */ p", NULL, ""},
    /* not for us */
    {"CYPHER 5 CREATE (n {id: 1})", NULL, ""},
    {"EXPLAIN CREATE (n {id: 1})", NULL, ""},
    {"CREATE (__cl0 {id: 1})", NULL, ""},
    {"CREATE (n {id: 1}", NULL, ""},
    {"CREATE (n {id: 'x)", NULL, ""},
    {"", NULL, ""},
};

static void shape_of(const struct lift *l, struct buf *template, struct buf *values)
{
    size_t done = 0;

    for (size_t i = 0; i < l->hole_count; i++) {
        const struct lift_hole *h = &l->holes[i];
        buf_add(template, buf_str(&l->template) + done, h->at - done);
        buf_addf(template, "{%.*s}", (int)h->type_len, buf_str(&l->types) + h->type);
        buf_addf(values, "%s%.*s", i > 0 ? "|" : "", (int)h->json_len,
                 buf_str(&l->values) + h->json);
        done = h->at;
    }
    buf_adds(template, buf_str(&l->template) + done);
}

static void literals_become_parameters(void **state)
{
    struct lift l = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf template = {0}, values = {0};
        bool lifted = lift_text(&l, rows[i].text, strlen(rows[i].text));
        if (lifted)
            shape_of(&l, &template, &values);
        if (lifted != (rows[i].template != NULL))
            fail_msg("%s: %s", rows[i].text, lifted ? buf_str(&template) : "not lifted");
        if (lifted && (strcmp(buf_str(&template), rows[i].template) != 0 ||
                       strcmp(buf_str(&values), rows[i].values) != 0))
            fail_msg("%s:\n%s\n%s", rows[i].text, buf_str(&template), buf_str(&values));
        buf_fini(&template);
        buf_fini(&values);
    }
    lift_fini(&l);
}

static void forms_of_a_template(void **state)
{
    static const char text[] = "MERGE (n:P {id: 7}) SET n.x = n.x + $y, n.z = 'a'";
    json_t *params = json_pack("{s:f,s:[i,s]}", "y", 1.5, "unused", 1, "x");
    struct lift l = {0};
    struct buf out = {0};

    (void)state;
    assert_true(lift_text(&l, text, strlen(text)));
    assert_false(lift_bind(&l, text, NULL));
    assert_true(lift_bind(&l, text, params));
    size_t literals = 0;
    for (size_t i = 0; i < l.hole_count; i++)
        literals += l.holes[i].name_len == 0;
    assert_int_equal(literals, 2);
    lift_add_text(&l, text, &out);
    buf_addc(&out, '\n');
    lift_add_params(&l, params, &out);
    buf_addc(&out, '\n');
    lift_add_params(&l, NULL, &out);
    buf_addc(&out, '\n');
    lift_add_row_text(&l, "r", 1, &out);
    buf_addc(&out, '\n');
    for (size_t i = 0; i < l.hole_count; i++) {
        buf_addc(&out, ',');
        lift_add_value(&l, i, text, params, &out);
    }
    assert_string_equal(buf_str(&out),
                        "MERGE (n:P {id: $__cl0}) SET n.x = n.x + $y, n.z = $__cl2\n"
                        "{\"y\":1.5,\"unused\":[1,\"x\"],\"__cl0\":7,\"__cl2\":\"a\"}\n"
                        "{\"__cl0\":7,\"__cl2\":\"a\"}\n"
                        "MERGE (n:P {id: r[1]}) SET n.x = n.x + r[2], n.z = r[3]\n"
                        ",7,1.5,\"a\"");
    json_decref(params);
    buf_fini(&out);
    lift_fini(&l);
}

static void what_a_branch_must_know_is_told(void **state)
{
    static const struct {
        const char *text;
        bool yields, projected;
    } cases[] = {
        {"MERGE (n:P {id: 7}) SET n.x = 1", false, false},
        {"MERGE (n:P {id: 7}) RETURN n", true, false},
        {"MATCH (n:P {id: 7}) WITH count(n) AS c CREATE (:Q {c: c})", true, false},
        {"MERGE (n:P {id: 7}) FINISH", true, false},
        {"CREATE (:A {x: 1}) UNION ALL CREATE (:B)", true, false},
        {"CREATE (:A {x: 1}) NEXT CREATE (:B)", true, false},
        {"WHEN true THEN { CREATE (:A {x: 1}) }", true, false},
        {"MATCH (n:P {id: 7}) SET n.x = CASE WHEN n.y THEN 1 ELSE 2 END", false, false},
        {"MATCH (n:P) WHERE n.s STARTS WITH 'x' SET n.finish = 1, n.return = 2", false, false},
        /* all variables */
        {"MATCH (n:P {id: 7}) WITH *, count(*) AS c CREATE (:Q {c: c})", true, true},
        {"MATCH (n:P {id: 7}) WITH DISTINCT *, 1 AS c CREATE (:Q {c: c})", true, true},
        {"MATCH (n:P) WHERE EXISTS { MATCH (m) WITH *, count(m) AS c RETURN c } SET n.x = 1", true,
         true},
        {"MATCH (n:P {id: 7}) RETURN *, count(n) AS c", true, true},
        {"MATCH (n:P {id: 7}) WITH * WHERE n.x > 1 SET n.y = 2", true, false},
        {"MATCH (n:P {id: 7}) WITH n.x * 2 AS x, 3 AS y CREATE (:Q {c: x})", true, false},
    };
    struct lift l = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(lift_text(&l, cases[i].text, strlen(cases[i].text)));
        if (l.yields != cases[i].yields || l.projected != cases[i].projected)
            fail_msg("%s", cases[i].text);
    }
    lift_fini(&l);
}

static void lists_of_maps_stay_where_keys_are_read(void **state)
{
    static const char *const texts[] = {
        "UNWIND [{b: 1, a: 2}] AS m CREATE (:K {k: keys(m)})",
        "UNWIND [{b: 1, a: 2}] AS m UNWIND `Keys` (m) AS k MERGE (:K {k: k})",
    };
    struct lift l = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_true(lift_text(&l, texts[i], strlen(texts[i])));
        assert_int_equal(l.hole_count, 2); /* their values, not they */
    }
    lift_fini(&l);
}

/* The key of a text whose parameters a and b are integers. */
static void key_of(struct lift *l, const char *text, struct buf *out)
{
    json_t *params = json_pack("{s:i,s:i}", "a", 1, "b", 2);
    size_t len;

    buf_reset(out);
    assert_true(lift_text(l, text, strlen(text)) && lift_bind(l, text, params));
    const char *key = lift_key(l, text, &len);
    buf_add(out, key, len);
    json_decref(params);
}

static void keys_tell_templates_apart(void **state)
{
    static const struct {
        const char *one, *other;
        bool same;
    } cases[] = {
        {"MATCH (n) WHERE n.v = 1 SET n.w = 2", "MATCH  (n) WHERE n.v = 7 SET n.w = 'x'", true},
        {"MATCH (n) WHERE n.v = 1 SET n.w = 2", "MATCH (n) WHERE n.v = 1.0 SET n.w = 2", false},
        {"MATCH (n) WHERE n.v = 1 SET n.w = 2", "MATCH (n) WHERE n.v = $a SET n.w = 2", false},
        {"MATCH (n) WHERE n.v = 1 SET n.w = n.x", "MATCH (n) WHERE n.x = 1 SET n.w = n.x", false},
        {"MATCH (n) SET n.v = $a, n.w = $b", "MATCH (n) SET n.v = $a, n.w = $b", true},
        {"MATCH (n) SET n.v = $a, n.w = $a", "MATCH (n) SET n.v = $a, n.w = $b", false},
        {"MATCH (n) WHERE n.v IN [1, 2] SET n.w = 1", "MATCH (n) WHERE n.v IN [3] SET n.w = 1",
         true},
        {"MATCH (n) WHERE n.v IN [1, 2] SET n.w = 1", "MATCH (n) WHERE n.v IN ['a'] SET n.w = 1",
         false},
    };
    struct lift l = {0};
    struct buf one = {0}, other = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        key_of(&l, cases[i].one, &one);
        key_of(&l, cases[i].other, &other);
        bool same = one.len == other.len && memcmp(one.data, other.data, one.len) == 0;
        if (same != cases[i].same)
            fail_msg("%s\n%s", cases[i].one, cases[i].other);
    }
    buf_fini(&one);
    buf_fini(&other);
    lift_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_become_parameters),
        cmocka_unit_test(forms_of_a_template),
        cmocka_unit_test(what_a_branch_must_know_is_told),
        cmocka_unit_test(lists_of_maps_stay_where_keys_are_read),
        cmocka_unit_test(keys_tell_templates_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
