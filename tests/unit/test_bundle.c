/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/bundle.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

static struct bundle *find(struct bundles *b, struct lift *l, const char *text, json_t *params)
{
    assert_true(lift_text(l, text, strlen(text)));
    assert_true(lift_bind(l, text, params));
    return bundles_find(b, l, text, strlen(text), params);
}

/* Without a verdict of Neo4j's, which only tests with a server have, nothing goes together. */
static void nothing_goes_together_unasked(void **state)
{
    struct bundles *b = bundles_new();
    struct lift l = {0};
    char text[64];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        assert_null(find(b, &l, "MATCH (n {id: 1}) RETURN n.a", NULL));
        assert_null(find(b, &l, "MATCH (n) RETURN n", NULL));
        snprintf(text, sizeof text, "MATCH (n%d {id: 1}) RETURN n%d", i, i);
        assert_null(find(b, &l, text, NULL));
    }
    bundles_free(b);
    lift_fini(&l);
}

static void a_row_is_a_number_and_values(void **state)
{
    static const char text[] = "MATCH (n {id: $id, s: 'it\\'s'}) WHERE n.x IN [1, 2] RETURN n";
    json_t *params = json_pack("{s:{s:[f]},s:i}", "id", "a", 1.0, "unused", 1);
    struct lift l = {0};
    struct buf values = {0}, out = {0};

    (void)state;
    assert_true(lift_text(&l, text, strlen(text)) && lift_bind(&l, text, params));
    bundle_add_values(&l, text, params, &values);
    bundle_add_row(&out, 0, buf_str(&values), values.len);
    bundle_add_row(&out, 1, "", 0);
    bundle_end(&out);
    assert_string_equal(buf_str(&out), "[0,{\"a\":[1.0]},\"it's\",[1,2]],[1]]}}}");
    json_decref(params);
    buf_fini(&values);
    buf_fini(&out);
    lift_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_together_unasked),
        cmocka_unit_test(a_row_is_a_number_and_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
