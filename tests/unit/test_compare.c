/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/compare.h"

#include "unit.h"

#include <string.h>

/* A replica that has done commands 0..offset-1, of which those in failed did not work; hashes are
 * noted at every multiple of `every`. */
static struct compare_side replica(int64_t offset, const int64_t *failed, int64_t every)
{
    struct position p;
    struct compare_side side, points = {0};
    char outcome[HASH_ID_SIZE];

    position_init(&p, 0, "r");
    for (int64_t i = 0; i < offset; i++) {
        struct err why = {0};
        bool fails = false;
        for (const int64_t *f = failed; *f >= 0; f++)
            fails |= *f == i;
        if (fails) {
            err_set(&why, ERR_POISON, "X.Y", "because");
            position_add_failure(&p, i, &why);
        }
        position_add_outcome(&p, i, fails ? "X.Y" : "");
        p.next_offset = i + 1;
        if (p.next_offset % every == 0 || p.next_offset == offset) {
            position_outcome_text(&p, outcome);
            compare_add_point(&points, p.next_offset, outcome);
        }
    }
    compare_init(&side, &p);
    memcpy(side.points, points.points, sizeof side.points);
    side.point_count = points.point_count;
    return side;
}

/* What another replica reads of it. */
static struct compare_side told(const struct compare_side *side)
{
    struct compare_side out;
    json_t *status =
        json_pack("{s:I,s:s}", "offset", (json_int_t)side->offset, "outcome",
                  side->point_count > 0 ? side->points[side->point_count - 1].outcome : "");

    compare_add_to(status, side);
    assert_true(compare_read(&out, status));
    json_decref(status);
    return out;
}

#define FAILS(...) ((const int64_t[]){__VA_ARGS__, -1})
#define NONE ((const int64_t[]){-1})

static void differences_are_found(void **state)
{
    const struct {
        const char *name;
        int64_t mine_offset;
        const int64_t *mine;
        int64_t theirs_offset;
        const int64_t *theirs;
        enum compare_result result;
        int64_t offset;
    } cases[] = {
        {"equal, same offset", 50, FAILS(7), 50, FAILS(7), COMPARE_EQUAL, 0},
        {"equal, at a checkpoint", 2500, FAILS(7), 1200, FAILS(7), COMPARE_EQUAL, 0},
        {"nothing in common", 50, NONE, 60, NONE, COMPARE_NOTHING, 0},
        {"I failed", 50, FAILS(7, 9), 50, FAILS(7), COMPARE_DIFFERENT, 9},
        {"they failed", 50, FAILS(7), 50, FAILS(7, 9), COMPARE_DIFFERENT, 9},
        {"the first one counts", 1500, FAILS(9, 30), 1500, FAILS(30, 40), COMPARE_DIFFERENT, 9},
        {"behind a checkpoint", 3700, FAILS(7, 2003), 3000, FAILS(7), COMPARE_DIFFERENT, 2003},
        {"after the last common point", 3700, FAILS(3500), 3000, NONE, COMPARE_EQUAL, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t offset = 0, before = 0;
        struct compare_side mine = replica(cases[i].mine_offset, cases[i].mine, COMPARE_EVERY);
        struct compare_side theirs =
            replica(cases[i].theirs_offset, cases[i].theirs, COMPARE_EVERY);
        theirs = told(&theirs);
        enum compare_result result = compare_sides(&mine, &theirs, &offset, &before);
        if (result != cases[i].result || offset != cases[i].offset)
            fail_msg("%s: %d at %ld", cases[i].name, result, (long)offset);
    }
}

static void two_codes_do_not_hide_what_comes_after(void **state)
{
    struct compare_side mine = replica(60, FAILS(7, 30), COMPARE_EVERY);
    struct compare_side theirs = replica(60, FAILS(7), COMPARE_EVERY);
    int64_t offset = 0, before = 0;

    (void)state;
    memcpy(theirs.failures[0].code, "X.Z", 4);
    assert_int_equal(compare_sides(&mine, &theirs, &offset, &before), COMPARE_DIFFERENT);
    assert_int_equal(offset, 30);
    mine.failure_count = 1;
    assert_int_equal(compare_sides(&mine, &theirs, &offset, &before), COMPARE_DIFFERENT);
    assert_int_equal(offset, 7);
}

static void lists_that_do_not_reach_back_name_a_bound(void **state)
{
    int64_t many[41], offset = 0, before = 0;

    (void)state;
    for (int i = 0; i < 40; i++)
        many[i] = 10 + i;
    many[40] = -1;
    struct compare_side mine = replica(100, many, COMPARE_EVERY);
    many[0] = 5;
    struct compare_side theirs = replica(100, many, COMPARE_EVERY);
    assert_int_equal(compare_sides(&mine, &theirs, &offset, &before), COMPARE_DIFFERENT);
    assert_int_equal(offset, -1);
    assert_int_equal(before, 100);
    assert_null(compare_outcome_of(&mine, 10));
    assert_string_equal(compare_outcome_of(&mine, 49), "X.Y");
    assert_string_equal(compare_outcome_of(&mine, 60), "");
}

static void other_origins_and_poor_statuses_are_not_compared(void **state)
{
    struct compare_side mine = replica(50, NONE, COMPARE_EVERY), theirs = mine, out;
    int64_t offset, before;

    (void)state;
    theirs.since = 1;
    assert_int_equal(compare_sides(&mine, &theirs, &offset, &before), COMPARE_NOTHING);
    json_t *status = json_pack("{s:i,s:s}", "offset", 7, "outcome", "00");
    assert_false(compare_read(&out, status));
    json_decref(status);
    assert_false(compare_read(&out, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_are_found),
        cmocka_unit_test(two_codes_do_not_hide_what_comes_after),
        cmocka_unit_test(lists_that_do_not_reach_back_name_a_bound),
        cmocka_unit_test(other_origins_and_poor_statuses_are_not_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
