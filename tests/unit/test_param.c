/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/param.h"

#include "unit.h"

#include <string.h>

static const struct {
    const char *params, *carried, *code; /* one of the two */
} cases[] = {
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
    {"{\"a\":{\"$type\":\"Float\",\"_value\":\"NaN\"}}", NULL, "param.float"},
    {"{\"a\":[{\"$type\":\"Float\",\"_value\":\"-Infinity\"}]}", NULL, "param.float"},
    {"{\"a\":{\"$type\":\"Float\",\"_value\":\"1e999\"}}", NULL, "param.value"},
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
    {"{\"a\":{\"$type\":\"Date\",\"_value\":\"2020-01-01\"}}", NULL, "param.typed"},
    {"{\"a\":{\"$type\":\"Point\",\"_value\":\"SRID=7203;POINT (1.0 2.0)\"}}", NULL, "param.typed"},
    {"{\"a\":{\"$type\":\"Node\",\"_value\":{}}}", NULL, "param.type"},
    {"{\"a\":{\"$type\":1}}", NULL, "param.type"},
    {"{\"$type\":\"a parameter of this name\"}", "{\"$type\":\"a parameter of this name\"}", NULL},
};

static void values_are_carried_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        struct buf text = {0};
        json_t *params = json_parse(cases[i].params, strlen(cases[i].params), &err);
        assert_non_null(params);
        json_t *carried = param_carry(params, &err);
        if (carried != NULL)
            json_add(&text, carried);
        if ((carried != NULL) != (cases[i].carried != NULL) ||
            strcmp(carried != NULL ? buf_str(&text) : err.code,
                   carried != NULL ? cases[i].carried : cases[i].code) != 0)
            fail_msg("%s: got %s %s", cases[i].params, buf_str(&text), err.code);
        buf_fini(&text);
        json_decref(carried);
        json_decref(params);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values_are_carried_or_refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
