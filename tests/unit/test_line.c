/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/line.h"

#include "unit.h"

#include <string.h>

static void kinds_of_lines(void **state)
{
    static const struct {
        const char *line, *rest;
        enum line_kind kind;
    } cases[] = {
        {"", "", LINE_NOTHING},
        {" \t\r\n", "", LINE_NOTHING},
        {"// a comment\n", "// a comment", LINE_NOTHING},
        {"/* one */ // two", "/* one */ // two", LINE_NOTHING},
        {"\xEF\xBB\xBF"
         "CREATE (:A)\r\n",
         "CREATE (:A)", LINE_CYPHER},
        {"\xEF\xBB\xBF {\"command\":", "{\"command\":", LINE_JSON},
        {"// why\nCREATE (:A)", "// why\nCREATE (:A)", LINE_CYPHER},
        {"[1,2", "[1,2", LINE_CYPHER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = cases[i].line;
        size_t len = strlen(text);
        enum line_kind kind;
        struct err err = {0};
        assert_int_equal(line_read(&text, &len, &kind, &err), 0);
        assert_int_equal(kind, cases[i].kind);
        assert_int_equal(len, strlen(cases[i].rest));
        assert_memory_equal(text, cases[i].rest, len);
    }
}

static void json_that_is_no_object(void **state)
{
    static const char *const cases[] = {"[1,2]", "null", "42", "-1.5", "true", "\"CREATE (:A)\""};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = cases[i];
        size_t len = strlen(text);
        enum line_kind kind;
        struct err err = {0};
        assert_int_equal(line_read(&text, &len, &kind, &err), -1);
        assert_string_equal(err.code, "line.no-object");
        assert_int_equal(err.class, ERR_USAGE);
    }
}

static void parts_and_whole_texts(void **state)
{
    static const struct {
        const char *text;
        bool part;
    } cases[] = {
        /* something is open, or closed too often */
        {"CREATE (:A {", true},
        {"n: 1})", true},
        {"CREATE (:A {n: 'x", true},
        {"CREATE (:A {n: \"x", true},
        {"MATCH (`a", true},
        {"CREATE (:A) /* and", true},
        {"FOREACH (x IN [1,", true},
        {"CALL {", true},
        /* begins in the middle */
        {"WHERE a.x = 1", true},
        {"SET a.x = 1", true},
        {"ON CREATE SET a.x = 1", true},
        {"AND a.x = 1 RETURN a", true},
        {"(a)-[:R]->(b)", true},
        {", (b)", true},
        {"-", true},
        {"DELETE a", true},
        /* ends in the middle */
        {"MATCH (a:A)", true},
        {"match (a:A), (b)", true},
        {"OPTIONAL MATCH p = (a)-->(b) WHERE a.x = 1", true},
        {"MATCH ()-[r]->(b) WITH b", true},
        {"MATCH (a) WITH a ORDER BY a.x LIMIT 1", true},
        {"UNWIND [1, 2] AS x", true},
        {"RETURN 1 AS x UNION", true},
        {"CREATE (a),", true},
        {"CREATE (a)-[:R]->", true},
        {"CYPHER runtime=slotted MATCH (a)", true},
        /* whole */
        {"CREATE (:A {n: '{[('})", false},
        {"CREATE (:A) // {", false},
        {"MATCH (a) SET a.x = 1;", false},
        {"MATCH (a) RETURN *", false},
        {"MATCH (a) RETURN a:%", false},
        {"MATCH (a) RETURN a ORDER BY a.x DESC SKIP 1 LIMIT 2", false},
        {"MATCH (a) WHERE a.x STARTS WITH 'b' RETURN a", false},
        {"MATCH (a) RETURN a.x STARTS WITH 'b'", false},
        {"MATCH (a) RETURN a.x ENDS WITH $b", false},
        {"MERGE (a:A) ON MATCH SET a.x = 1 ON CREATE SET a.x = 2", false},
        {"MATCH (a) DETACH DELETE a", false},
        {"MATCH (a) REMOVE a:B", false},
        {"WITH 1 AS x CREATE (:A {x: x})", false},
        {"UNWIND $rows AS r MERGE (:A {id: r})", false},
        {"RETURN EXISTS { MATCH (a) }", false},
        {"CALL { MATCH (a) SET a.x = 1 }", false},
        {"CALL db.labels()", false},
        {"CALL db.awaitIndexes", false},
        {"MATCH (a) RETURN [(a)-->(b) WHERE b.x | b.x]", false},
        {"RETURN 1 AS match", false},
        {"RETURN 1 AS with, 2 AS unwind", false},
        {"CREATE (match:with {unwind: 1}) SET match.with = 2", false},
        {"MATCH (a) SET a:MATCH", false},
        {"CREATE match = (a)-[:R]->()", false},
        {"FOREACH (x IN [1] | CREATE (:A))", false},
        {"CREATE INDEX i FOR (n:A) ON (n.x)", false},
        {"CREATE VECTOR INDEX i FOR (n:A) ON n.e WITH [n.x]", false},
        {"DROP CONSTRAINT c IF EXISTS", false},
        {"CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS UNIQUE", false},
        {"LOAD CSV WITH HEADERS FROM 'f' AS row CREATE (:A {x: row.x})", false},
        {"MATCH (a:A)\n// and\nSET a.x = 1", false},
        {"MATCH ((a)-->(b)){1,3} RETURN a", false},
        {"USE neo4j MATCH (a) RETURN a", false},
        {"SHOW USERS", false},
        {"FROBNICATE THE GRAPH", false},
        {"CREATE (:A {n: '\\u0027})", false}, /* another text, once it is decoded */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        bool part = line_check_whole(cases[i].text, strlen(cases[i].text), &err) < 0;
        if (part != cases[i].part)
            fail_msg("%s: taken for %s", cases[i].text, part ? "a part" : "a whole text");
        if (part)
            assert_string_equal(err.code, "line.part");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_lines),
        cmocka_unit_test(json_that_is_no_object),
        cmocka_unit_test(parts_and_whole_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
