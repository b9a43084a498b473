/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/word.h"

#include "unit.h"

#include <string.h>

static void is(void **state)
{
    static const struct {
        const char *p, *word;
        bool is;
    } cases[] = {
        {"null", "null", true},       {"NULL", "null", true},     {"nUlL", "null", true},
        {"nul", "null", false},       {"nulls", "null", false},   {"", "null", false},
        {"isempty", "isEmpty", true}, {"\x0eull", "null", false}, {"n\xd5ll", "null", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(word_is(cases[i].p, strlen(cases[i].p), cases[i].word), cases[i].is);
    assert_true(word_is("nullify", 4, "null"));
    assert_false(word_is("null\0", 5, "null"));
}

static void fits(void **state)
{
    static const struct {
        const char *p, *pattern;
        bool fits;
    } cases[] = {
        {"apoc.load.json", "apoc.load.*", true},
        {"APOC.Load.json", "apoc.load.*", true},
        {"apoc.load.", "apoc.load.*", true},
        {"apoc.load", "apoc.load.*", false},
        {"apoc.loads.x", "apoc.load.*", false},
        {"apoc.when", "apoc.when", true},
        {"apoc.whenever", "apoc.when", false},
        {"apoc.whe", "apoc.when", false},
        {"", "apoc.when", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(word_fits(cases[i].p, strlen(cases[i].p), cases[i].pattern),
                         cases[i].fits);
}

static void occurs(void **state)
{
    static const struct {
        const char *p, *word;
        bool occurs;
    } cases[] = {
        {"SET n.x = $__key", "__key", true}, {"__key", "__key", true},  {"__ke", "__key", false},
        {"____key", "__key", true},          {"__KEY", "__key", false}, {"", "__key", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(word_occurs(cases[i].p, strlen(cases[i].p), cases[i].word),
                         cases[i].occurs);
    assert_false(word_occurs("a__key", 5, "__key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is),
        cmocka_unit_test(fits),
        cmocka_unit_test(occurs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
