/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/rewrite.h"

#include "unit.h"

static void a_statement_for_many_tells_how_far_it_went(void **state)
{
    static const struct rewrite_range owners[] = {{0, 1}, {1, 100}, {101, 64}, {165, 33}};
    static const struct {
        size_t stmt, rows;
        bool marked;
        struct rewrite_range fault;
    } cases[] = {
        {0, 0, true, {0, 1}},    {0, 7, true, {0, 1}}, /* its own rows are no marks */
        {1, 0, true, {1, 32}},   {1, 1, true, {33, 32}},  {1, 3, true, {97, 4}},
        {1, 4, true, {1, 100}}, /* more marks than there are */
        {1, 0, false, {1, 100}}, {1, 2, false, {1, 100}}, {2, 0, true, {101, 32}},
        {2, 1, true, {133, 32}}, {2, 2, true, {101, 64}}, /* all were done, and still it failed */
        {3, 1, true, {197, 1}},
    };
    struct rewrite_batch batch = {.owners = owners, .count = COUNT(owners)};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        batch.marked = cases[i].marked;
        struct rewrite_range fault = rewrite_fault(&batch, cases[i].stmt, cases[i].rows);
        assert_int_equal(fault.first, cases[i].fault.first);
        assert_int_equal(fault.count, cases[i].fault.count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_for_many_tells_how_far_it_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
