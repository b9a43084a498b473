/* SPDX-License-Identifier: Apache-2.0 */

/* cypher/steady: which queries give the same rows again while the graph does not change. */
#include "cypher/steady.h"

#include "unit.h"

#include <string.h>

static bool is_steady(const char *text)
{
    struct steady s = {0};
    bool found = steady_text(&s, text, strlen(text), NULL);

    assert_int_equal(steady_text(&s, text, strlen(text), NULL), found); /* its memory again */
    steady_fini(&s);
    return found;
}

static void what_is_steady(void **state)
{
    static const char *const texts[] = {
        "MATCH (p:P {n: $n}) RETURN p.n AS n",
        "MATCH (p:P) RETURN count(p)",
        "MATCH (p:P) RETURN p.name AS name, collect(p.n) AS l ORDER BY name SKIP 2 LIMIT 10",
        "MATCH (p:P) WHERE p.at > date('2026-01-01') RETURN sum(p.n), labels(p), keys(p), id(p)",
        "RETURN point.distance(point({x: 1, y: 2}), point({x: 3, y: 4})) AS d",
        "RETURN duration.between(date('2020-01-01'), date('2021-01-01')) AS d",
        "MATCH (p) CALL { WITH p MATCH (p)-->(q) RETURN count(q) AS c } RETURN p.n, c",
        "MATCH (p) WHERE p.n IN [1, 2] AND (p.m = 1) AND EXISTS { (p)-->() } RETURN p // clock()",
        "RETURN 'rand() datetime() SHOW' AS text",
        "MATCH (p:`a b`) RETURN p.`c d`",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!is_steady(texts[i]))
            fail_msg("not steady: %s", texts[i]);
}

static void what_is_not(void **state)
{
    static const char *const texts[] = {
        "RETURN datetime() AS d",
        "RETURN date() AS d",
        "RETURN timestamp() AS t",
        "RETURN datetime.realtime() AS t",
        "RETURN localtime.statement() AS t",
        "RETURN date.truncate('day') AS t",
        "MATCH (p) WHERE p.at < datetime() - duration('P1D') RETURN p",
        "MATCH (p) RETURN p ORDER BY rand() LIMIT 1",
        "RETURN rand /* a comment */ () AS r",
        "RETURN `rand`() AS r",
        "RETURN randomUUID() AS r",
        "RETURN file() AS f",
        "MATCH (p) RETURN my.plugin(p) AS x",
        "MATCH (p) RETURN my . `other plugin` (p) AS x",
        "MATCH (p) RETURN my/**/./**/plugin/**/(p) AS x",
        "RETURN graph.names() AS g",
        "CALL db.labels() YIELD label RETURN label",
        "CALL db.labels()",
        "MATCH (p) CALL my.procedure(p) YIELD x RETURN x",
        "OPTIONAL CALL db.labels() YIELD label RETURN label",
        "SHOW TRANSACTIONS",
        "CYPHER 5 show indexes",
        "EXPLAIN MATCH (p) RETURN p",
        "PROFILE MATCH (p) RETURN p",
        "RETURN \\u0072and() AS r",
        "RETURN 'unended",
        "RETURN (1",
        "RETURN [1}",
        "RETURN 1)",
        "RETURN date({timezone: 'Europe/Paris'}) AS d",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (is_steady(texts[i]))
            fail_msg("steady: %s", texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_steady),
        cmocka_unit_test(what_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
