/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/branch.h"

#include "unit.h"

#include <string.h>

#define HEAD "CYPHER runtime=slotted UNWIND $__clr.rows AS __clr "
#define TAIL "} WITH __clx WHERE __clx < 0 RETURN __clx"

static struct branch branch(const char *text, bool yields)
{
    return (struct branch){text, strlen(text), yields};
}

static void texts(void **state)
{
    const struct branch branches[] = {branch("CREATE (:A {v: __clr[1]})", false),
                                      branch("MERGE (n:Q {id: __clr[1]}) RETURN n", true)};
    static const struct {
        size_t first, n;
        bool scoped;
        const char *text;
    } cases[] = {
        {0, 1, true,
         HEAD "CALL (__clr) { CREATE (:A {v: __clr[1]}) } "
              "WITH __clr WHERE __clr[0] >= 1 RETURN -1 AS __clx"},
        {0, 1, false,
         HEAD "CALL { WITH __clr CREATE (:A {v: __clr[1]}) } "
              "WITH __clr WHERE __clr[0] >= 1 RETURN -1 AS __clx"},
        {1, 1, true, /* it may yield several rows, or none */
         HEAD "WITH __clr, __clr[0] % 1 AS __clt CALL (__clt, __clr) { "
              "WITH __clt, __clr WHERE __clt = 0 "
              "CALL (__clr) { MERGE (n:Q {id: __clr[1]}) RETURN n } "
              "RETURN count(*) AS __clx "
              "UNION ALL WITH __clr WHERE __clr[0] >= 1 RETURN -1 AS __clx " TAIL},
        {0, 2, true,
         HEAD "WITH __clr, __clr[0] % 2 AS __clt CALL (__clt, __clr) { "
              "WITH __clt, __clr WHERE __clt = 0 CREATE (:A {v: __clr[1]}) "
              "RETURN count(*) AS __clx "
              "UNION ALL WITH __clt, __clr WHERE __clt = 1 "
              "CALL (__clr) { MERGE (n:Q {id: __clr[1]}) RETURN n } "
              "RETURN count(*) AS __clx "
              "UNION ALL WITH __clr WHERE __clr[0] >= 2 RETURN -1 AS __clx " TAIL},
        {0, 2, false,
         HEAD "WITH __clr, __clr[0] % 2 AS __clt CALL { WITH __clt, __clr "
              "WITH __clt, __clr WHERE __clt = 0 CREATE (:A {v: __clr[1]}) "
              "RETURN count(*) AS __clx "
              "UNION ALL WITH __clt, __clr WITH __clt, __clr WHERE __clt = 1 "
              "CALL { WITH __clr MERGE (n:Q {id: __clr[1]}) RETURN n } "
              "RETURN count(*) AS __clx "
              "UNION ALL WITH __clt, __clr "
              "WITH __clr WHERE __clr[0] >= 2 RETURN -1 AS __clx " TAIL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out = {0};
        branch_add_text(&out, branches + cases[i].first, cases[i].n, cases[i].scoped);
        assert_string_equal(buf_str(&out), cases[i].text);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
