/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/columns.h"

#include "unit.h"

#include <string.h>

/* named: NULL when not every column can have its name. */
static const struct row {
    const char *text, *names, *named;
} rows[] = {
    {"MATCH (n) RETURN n.a", "[\"n.a\"]", "MATCH (n) RETURN n.a AS `n.a`"},
    {"MATCH (n) RETURN n, `m`, n.a AS b, n.c", "[\"n\",\"m\",\"b\",\"n.c\"]",
     "MATCH (n) RETURN n, `m`, n.a AS b, n.c AS `n.c`"},
    {"MATCH (n) RETURN DISTINCT n.a , n . b/* x */,n.c+1 ORDER BY n.a SKIP 1 LIMIT 2",
     "[\"n.a\",\"n . b\",\"n.c+1\"]",
     "MATCH (n) RETURN DISTINCT n.a AS `n.a` , n . b AS `n . b`/* x */,n.c+1 AS `n.c+1` ORDER BY "
     "n.a SKIP 1 LIMIT 2"},
    {"return [n.a, 1], {a: 1, b: n}, f(a, b) limit 1", "[\"x\",\"y\",\"z\"]",
     "return [n.a, 1] AS `x`, {a: 1, b: n} AS `y`, f(a, b) AS `z` limit 1"},
    {"RETURN 'a, b AS c'", "[\"'a`\\\\'\"]", "RETURN 'a, b AS c' AS `'a``\\u005c'`"},
    {"RETURN n.limit, n.return, n:As", "[\"a\",\"b\",\"c\"]",
     "RETURN n.limit AS `a`, n.return AS `b`, n:As AS `c`"},
    {"CALL { MATCH (m) RETURN m.a AS a } MATCH (n) WHERE EXISTS { MATCH (n) RETURN 1 } RETURN a, "
     "n.b",
     "[\"a\",\"n.b\"]",
     "CALL { MATCH (m) RETURN m.a AS a } MATCH (n) WHERE EXISTS { MATCH (n) RETURN 1 } RETURN a, "
     "n.b AS `n.b`"},
    {"RETURN n.a // the last", "[\"n.a\"]", "RETURN n.a AS `n.a` // the last"},
    {"RETURN COUNT { MATCH (m) RETURN m AS x }", "[\"c\"]",
     "RETURN COUNT { MATCH (m) RETURN m AS x } AS `c`"},
    /* the server has another number of columns */
    {"RETURN n.a, n.b", "[\"n.a\"]", NULL},
    {"RETURN n.a", "[\"n.a\",\"n.b\"]", NULL},
    {"RETURN n.a", "[]", NULL},
    {"RETURN n.a", "null", NULL},
    {"RETURN n.a", "[1]", NULL},
    /* all variables, no RETURN, several */
    {"MATCH (n) RETURN *", "[\"n\"]", NULL},
    {"MATCH (n) RETURN *, 1 AS b", "[\"n\",\"b\"]", NULL},
    {"MATCH (n)", "[\"n\"]", NULL},
    {"CALL { RETURN 1 AS a }", "[\"a\"]", NULL},
    {"RETURN 1 AS a UNION RETURN 2 AS a", "[\"a\"]", NULL},
    {"RETURN n.a NEXT RETURN a", "[\"n.a\"]", NULL},
    /* what does not read so */
    {"RETURN", "[\"a\"]", NULL},
    {"RETURN , a", "[\"a\",\"a\"]", NULL},
    {"RETURN a,", "[\"a\",\"a\"]", NULL},
    {"RETURN n.a )", "[\"n.a\"]", NULL},
    {"RETURN (n.a", "[\"n.a\"]", NULL},
    {"RETURN n.a } RETURN 1", "[\"n.a\"]", NULL},
    {"RETURN 'a", "[\"a\"]", NULL},
    {"RETURN n.a $, b", "[\"a\",\"b\"]", NULL},
    {"", "[]", NULL},
};

static void columns_get_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *names = json_loads(rows[i].names, JSON_DECODE_ANY, NULL);
        struct buf out = {0};
        buf_adds(&out, "{ ");
        bool named = columns_add_named(rows[i].text, strlen(rows[i].text), names, &out);
        if (named != (rows[i].named != NULL))
            fail_msg("%s: %s", rows[i].text, buf_str(&out));
        if (strcmp(buf_str(&out) + 2, named ? rows[i].named : "") != 0)
            fail_msg("%s:\n%s", rows[i].text, buf_str(&out));
        buf_fini(&out);
        json_decref(names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_get_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
