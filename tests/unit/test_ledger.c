/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/ledger: whatever the order, what is committed is exactly what is settled. */
#include "global_server/ledger.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static const struct ledger_set nothing = {.count = 0};

static void commit_is(struct ledger *l, int64_t offset, const char *metadata)
{
    struct ledger_commit commit;

    assert_int_equal(ledger_take_commits(l, &commit, 1), 1);
    assert_int_equal(commit.offset, offset);
    assert_string_equal(commit.metadata, metadata);
    assert_int_equal(ledger_take_commits(l, &commit, 1), 0);
}

static void gaps_are_kept_as_metadata(void **state)
{
    struct ledger *l = ledger_new();

    (void)state;
    ledger_add_partition(l, 0, 10, &nothing);
    ledger_settle(l, 0, 2, 12); /* offsets 10, 11, 12, 13, 20: sequences 0 … 4 */
    commit_is(l, 10, "2;2,0");
    ledger_settle(l, 0, 4, 20);
    commit_is(l, 10, "2;2,0,8,0");
    ledger_settle(l, 0, 3, 13);
    commit_is(l, 10, "2;2,8"); /* what lies between 13 and 20 is no request */
    ledger_settle(l, 0, 0, 10);
    commit_is(l, 11, "2;1,8");
    ledger_settle(l, 0, 1, 11);
    commit_is(l, 21, "");
    ledger_free(l);
}

static void a_new_owner_skips_what_was_settled(void **state)
{
    struct ledger *l = ledger_new();
    struct ledger_set skip;

    (void)state;
    ledger_set_read(&skip, 10, "2;2,1,7,0");
    assert_int_equal(skip.count, 2);
    assert_true(ledger_set_has(&skip, 12) && ledger_set_has(&skip, 13) &&
                ledger_set_has(&skip, 20));
    assert_false(ledger_set_has(&skip, 11) || ledger_set_has(&skip, 14) ||
                 ledger_set_has(&skip, 19) || ledger_set_has(&skip, 21));
    ledger_add_partition(l, 0, 10, &skip);
    ledger_settle(l, 0, 1, 11);
    commit_is(l, 10, "2;1,0,1,1,7,0");
    ledger_settle(l, 0, 0, 10);
    commit_is(l, 14, "2;6,0");
    ledger_settle(l, 0, 2, 14);
    commit_is(l, 15, "2;5,0");
    ledger_settle(l, 0, 4, 22); /* of 15 to 19 one is a request, the fourth of this owner */
    commit_is(l, 15, "2;5,0,2,0");
    ledger_settle(l, 0, 3, 16);
    commit_is(l, 23, "");
    ledger_free(l);
}

static void a_topic_made_anew_forgets_the_old_one(void **state)
{
    struct ledger *l = ledger_new();
    struct ledger_set skip;

    (void)state;
    ledger_set_read(&skip, 10, "2;2,1,7,0");
    ledger_add_partition(l, 0, 10, &skip);
    ledger_settle(l, 0, 1, 4); /* offsets 3 and 4 of the new log */
    commit_is(l, 0, "2;4,0");
    ledger_settle(l, 0, 0, 3);
    commit_is(l, 5, "");
    ledger_free(l);
}

static void other_metadata_skips_nothing(void **state)
{
    static const char *const texts[] = {"",
                                        "2",
                                        "1;1",
                                        "2;1",
                                        "2;x",
                                        "2;0,1",
                                        "2;-1,1",
                                        "2;1,-1",
                                        "2;1,,2",
                                        "2;1 2",
                                        "2;1,0,3",
                                        "hello",
                                        "2;99999999999999999999,0",
                                        "2;1,9223372036854775807",
                                        "2;9223372036854775807,0"};
    struct ledger_set set;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ledger_set_read(&set, 10, texts[i]);
        if (set.count != 0)
            fail_msg("\"%s\" skips %zu", texts[i], set.count);
    }
    ledger_set_read(&set, -1, "2;1,0");
    assert_int_equal(set.count, 0);
}

/* Runs as far apart, and as long, as numbers can be. */
static void what_is_beyond_a_gap_is_bounded(void **state)
{
    struct ledger *l = ledger_new();
    struct ledger_commit commit;
    struct ledger_set set;
    int64_t step = INT64_MAX / (3 * (LEDGER_RUNS_MAX + 2));

    (void)state;
    ledger_add_partition(l, 0, 0, &nothing);
    for (int64_t i = 1; i <= LEDGER_RUNS_MAX; i++) {
        assert_true(ledger_may_settle(l, 0, 3 * i, 0));
        assert_int_equal(ledger_may_settle(l, 0, 3 * i, 1), i < LEDGER_RUNS_MAX);
        ledger_settle(l, 0, 3 * i, 3 * i * step);
        if (i < LEDGER_RUNS_MAX)
            ledger_settle(l, 0, 3 * i + 1, (3 * i + 1) * step);
    }
    assert_false(ledger_may_settle(l, 0, 3 * (LEDGER_RUNS_MAX + 1), 0));
    assert_true(ledger_may_settle(l, 0, 0, 1)); /* closes a gap */
    assert_int_equal(ledger_take_commits(l, &commit, 1), 1);
    ledger_set_read(&set, commit.offset, commit.metadata);
    assert_int_equal(set.count, LEDGER_RUNS_MAX);
    for (int64_t i = 0; i <= 3 * LEDGER_RUNS_MAX; i++) {
        bool settled = i >= 3 && (i % 3 == 0 || (i % 3 == 1 && i < 3 * LEDGER_RUNS_MAX));
        assert_int_equal(ledger_set_has(&set, i * step), settled);
    }
    for (int64_t i = 0; i < 3 * LEDGER_RUNS_MAX; i++)
        if (i < 3 || i % 3 == 2)
            ledger_settle(l, 0, i, i * step);
    assert_int_equal(ledger_take_commits(l, &commit, 1), 1);
    assert_string_equal(commit.metadata, "");
    ledger_free(l);
}

/* A slow request is at the head, and a thousand others are done. */
static void a_long_run_needs_one_place(void **state)
{
    struct ledger *l = ledger_new();

    (void)state;
    ledger_add_partition(l, 0, 5, &nothing);
    for (int64_t i = 1; i <= 1000; i++)
        ledger_settle(l, 0, i, 5 + 2 * i);
    commit_is(l, 5, "2;2,1998");
    ledger_settle(l, 0, 0, 5);
    commit_is(l, 2006, "");
    ledger_free(l);
}

/* A model: offsets with gaps, settled in random order, handed to a new owner at random moments. */
static void random_orders_lose_and_repeat_nothing(void **state)
{
    enum { COUNT = 400, WINDOW = 40 };

    (void)state;
    srand(7);
    for (int round = 0; round < 200; round++) {
        int64_t offsets[COUNT], at = 5, committed = -1;
        int answered[COUNT] = {0};
        char metadata[LEDGER_METADATA_SIZE] = "";
        for (int i = 0; i < COUNT; i++)
            offsets[i] = at += 1 + rand() % 3;
        for (int owner = 0; owner < 1000; owner++) {
            struct ledger *l = ledger_new();
            struct ledger_set skip;
            ledger_set_read(&skip, committed, metadata);
            ledger_add_partition(l, 0, committed, &skip);
            int order[WINDOW], n = 0;
            for (int i = 0; i < COUNT && n < WINDOW; i++)
                if (offsets[i] >= committed && !ledger_set_has(&skip, offsets[i]))
                    order[n++] = i; /* sequence n */
            if (n == 0) {
                ledger_free(l);
                break;
            }
            int settled = rand() % (n + 1), done[WINDOW] = {0};
            for (int k = 0; k < settled; k++) {
                int s = rand() % n;
                if (done[s]++ > 0 || !ledger_may_settle(l, 0, s, 0))
                    continue;
                struct ledger_commit commit;
                ledger_settle(l, 0, s, offsets[order[s]]);
                answered[order[s]]++;
                assert_int_equal(ledger_take_commits(l, &commit, 1), 1);
                committed = commit.offset;
                memcpy(metadata, commit.metadata, sizeof metadata);
            }
            ledger_free(l);
        }
        for (int i = 0; i < COUNT; i++)
            if (answered[i] != 1)
                fail_msg("round %d: request %d was answered %d times", round, i, answered[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_are_kept_as_metadata),
        cmocka_unit_test(a_new_owner_skips_what_was_settled),
        cmocka_unit_test(a_topic_made_anew_forgets_the_old_one),
        cmocka_unit_test(other_metadata_skips_nothing),
        cmocka_unit_test(what_is_beyond_a_gap_is_bounded),
        cmocka_unit_test(a_long_run_needs_one_place),
        cmocka_unit_test(random_orders_lose_and_repeat_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
