/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/outcome.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *answer;
    size_t results;
    const char *errors;
    bool complete;
} cases[] = {
    {"{\"results\":[{\"columns\":[],\"data\":[]},{\"columns\":[\"a\"],\"data\":[{\"row\":[{}],"
     "\"meta\":[null]}]}],"
     "\"errors\":[],\"lastBookmarks\":[\"x\"]}",
     2, "[]", true},
    {"{\"results\":[],\"errors\":[{\"code\":\"Neo.X\",\"message\":\"a ] } \\\" , b\"}]}", 0,
     "[{\"code\":\"Neo.X\",\"message\":\"a ] } \\\" , b\"}]", true},
    {"{\"results\":[{\"columns\":[\"errors\"],\"data\":[{\"row\":[\"\\\\\"]},{\"row\":[\"results\"]"
     "}]}],\"errors\":[]}",
     1, "[]", true},
    {"{ \"results\" : [ { } , { } ] , \"errors\" : [ ] }", 2, "[ ]", true},
    {"{\"notifications\":[{\"a\":[{}]}],\"results\":[{}],\"errors\":[]}", 1, "[]", true},
    {"{\"results\":[{}],\"errors\":[]", 1, "[]", false},
    {"{\"results\":[{\"columns\":[],\"data\":[{\"row\":[1", 1, "", false},
    {"", 0, "", false},
    {"Internal error", 0, "", false},
    {"[]", 0, "", true},
    {"}}}}", 0, "", true},
};

static void check(size_t i, const struct outcome *o, const char *how)
{
    if (o->results != cases[i].results || o->complete != cases[i].complete ||
        strcmp(buf_str(&o->errors), cases[i].errors) != 0)
        fail_msg("case %zu %s: %zu results, errors %s, complete %d", i, how, o->results,
                 buf_str(&o->errors), o->complete);
}

static void answers_whole_and_in_pieces(void **state)
{
    (void)state;
    srand(1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len = strlen(cases[i].answer);
        struct outcome whole = {0}, bytes = {0}, cut = {0};
        outcome_feed(&whole, cases[i].answer, len);
        check(i, &whole, "whole");
        for (size_t n = 0; n < len; n++)
            outcome_feed(&bytes, cases[i].answer + n, 1);
        check(i, &bytes, "byte by byte");
        for (size_t n = 0, part; n < len; n += part) {
            part = 1 + (size_t)rand() % 9;
            part = part < len - n ? part : len - n;
            outcome_feed(&cut, cases[i].answer + n, part);
        }
        check(i, &cut, "cut at random");
        outcome_fini(&whole);
        outcome_fini(&bytes);
        outcome_fini(&cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_whole_and_in_pieces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
