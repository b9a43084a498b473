/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/lanes, habit: who is next. */
#include "global_server/lanes.h"

#include "base/mem.h"
#include "global_server/habit.h"
#include "unit.h"

#include <string.h>

static struct flight flight;
static struct answer_stock stock;

static struct lanes *begin(size_t workers)
{
    struct lanes_conf conf = {
        .workers = workers, .stock = &stock, .stock_bytes = 1000, .flight = &flight};

    atomic_store(&stock.bytes, 0);
    return lanes_new(&conf);
}

/* Everything that was in them has been freed, and soon is right. */
static void end(struct lanes *l)
{
    lanes_free(l);
    assert_int_equal(atomic_load(&flight.jobs), 0);
    assert_int_equal(atomic_load(&flight.soon), 0);
}

static struct job *make_job(uint64_t client, int64_t offset, const char *text)
{
    struct job *job = mem_alloc(1, sizeof *job);

    job->flight = &flight;
    atomic_fetch_add(&flight.jobs, 1);
    job->client = client;
    job->offset = offset;
    job->request.text = mem_strdup(text);
    job->request.text_len = strlen(text);
    return job;
}

static void push(struct lanes *l, uint64_t client, int64_t offset)
{
    lanes_push_take(l, &(struct job *){make_job(client, offset, "RETURN 1")}, 1);
}

/* text NULL: one that stays alone whatever its form. */
static void push_solo(struct lanes *l, uint64_t client, int64_t offset, const char *text)
{
    struct job *job = make_job(client, offset, text != NULL ? text : "RETURN 1");

    job->alone = text == NULL;
    lanes_judge(l, job);
    assert_int_equal(job->lane, LANE_SOLO);
    lanes_push_take(l, &job, 1);
}

static void take(struct lanes *l, struct turn *turn)
{
    bool closed;

    lanes_take(l, 0, turn, &closed);
}

static void finish(struct lanes *l, struct turn *turn)
{
    for (size_t i = 0; i < turn->count; i++)
        job_free(turn->jobs[i]);
    lanes_end(l, turn);
}

static void offsets_are(const struct turn *turn, const int64_t *offsets, size_t count)
{
    assert_int_equal(turn->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(turn->jobs[i]->offset, offsets[i]);
}

static void clients_take_turns(void **state)
{
    static const int64_t order[] = {0, 10, 20, 1, 2};
    struct lanes *l = begin(1);
    struct turn turn;

    (void)state;
    push(l, 1, 0);
    push(l, 1, 1);
    push(l, 1, 2);
    push(l, 2, 10);
    push(l, 3, 20);
    take(l, &turn);
    offsets_are(&turn, order, 5);
    finish(l, &turn);
    end(l);
}

/* Six workers: two for what is quick, each with its share. */
static void few_workers_ask_for_many(void **state)
{
    struct lanes *l = begin(6);
    struct turn turns[3];

    (void)state;
    for (int64_t i = 0; i < 2 * LANES_TOGETHER + 10; i++)
        push(l, (uint64_t)i, i);
    assert_int_equal(atomic_load(&flight.soon), 2 * LANES_TOGETHER + 10);
    take(l, &turns[0]);
    take(l, &turns[1]);
    take(l, &turns[2]);
    assert_int_equal(turns[0].count, LANES_TOGETHER);
    assert_int_equal(turns[1].count, 37); /* half of the 74 that were left */
    assert_int_equal(turns[2].count, 0);
    finish(l, &turns[0]);
    take(l, &turns[2]);
    assert_int_equal(turns[2].count, 19);
    finish(l, &turns[1]);
    finish(l, &turns[2]);
    end(l);
}

/* Where many may be answered without Neo4j a turn is more than a question. */
static void more_in_hand_than_go_together(void **state)
{
    struct lanes_conf conf = {
        .workers = 1, .many = true, .stock = &stock, .stock_bytes = 1000, .flight = &flight};
    struct lanes *l = lanes_new(&conf);
    struct turn turn;

    (void)state;
    for (int64_t i = 0; i < LANES_TURN + 10; i++)
        push(l, 1, i);
    lanes_asked(l, false, 1000);
    take(l, &turn);
    assert_int_equal(turn.count, LANES_TURN);
    assert_int_equal(turn.together, LANES_TOGETHER / 2);
    finish(l, &turn);
    take(l, &turn);
    assert_int_equal(turn.count, 10);
    finish(l, &turn);
    end(l);
}

static void fewer_go_together_after_a_failure(void **state)
{
    struct lanes *l = begin(1);
    struct turn turn;

    (void)state;
    for (int64_t i = 0; i < LANES_TOGETHER; i++)
        push(l, 1, i);
    lanes_asked(l, false, 1000);
    lanes_asked(l, false, 1000);
    lanes_asked(l, true, 1000);
    take(l, &turn);
    assert_int_equal(turn.count, LANES_TOGETHER / 4 + 1);
    finish(l, &turn);
    for (int i = 0; i < 10; i++)
        lanes_asked(l, false, 1000);
    take(l, &turn);
    assert_int_equal(turn.count, 1);
    finish(l, &turn);
    end(l);
}

/* Of those that went together in vain. */
static void what_is_apart_stays_so(void **state)
{
    static const int64_t first[] = {0, 1}, last[] = {3};
    struct lanes *l = begin(1);
    struct turn turn;

    (void)state;
    for (int64_t i = 0; i < 4; i++) {
        struct job *job = make_job(1, i, "RETURN 1");
        job->apart = i == 2;
        lanes_push_take(l, &job, 1);
    }
    take(l, &turn);
    offsets_are(&turn, first, 2);
    finish(l, &turn);
    take(l, &turn);
    assert_int_equal(turn.count, 1);
    assert_true(turn.jobs[0]->apart);
    finish(l, &turn);
    take(l, &turn);
    offsets_are(&turn, last, 1);
    finish(l, &turn);
    end(l);
}

static void patience_follows_what_neo4j_takes(void **state)
{
    struct lanes *l = begin(1);

    (void)state;
    assert_int_equal(lanes_patience_ms(l), 500);
    lanes_asked(l, true, 2000000);
    assert_int_equal(lanes_patience_ms(l), 4000);
    lanes_asked(l, false, 20000000);
    assert_int_equal(lanes_patience_ms(l), 5000);
    for (int i = 0; i < 30; i++)
        lanes_asked(l, true, 5000);
    assert_int_equal(lanes_patience_ms(l), 500);
    end(l);
}

/* Eight workers: six of them, and no more than three for one client. */
static void what_goes_alone_leaves_workers_free(void **state)
{
    struct lanes *l = begin(8);
    struct turn turns[9];

    (void)state;
    for (int64_t i = 0; i < 10; i++)
        push_solo(l, 1, i, NULL);
    for (int64_t i = 0; i < 10; i++)
        push_solo(l, 2, 10 + i, NULL);
    for (int i = 0; i < 6; i++) {
        take(l, &turns[i]);
        assert_int_equal(turns[i].count, 1);
        assert_int_equal(turns[i].jobs[0]->offset, i / 2 + 10 * (i % 2));
    }
    take(l, &turns[6]);
    assert_int_equal(turns[6].count, 0);
    push(l, 1, 50); /* nobody has looked at it */
    take(l, &turns[6]);
    assert_int_equal(turns[6].jobs[0]->offset, 50);
    finish(l, &turns[0]); /* the first client's */
    take(l, &turns[0]);
    assert_int_equal(turns[0].jobs[0]->offset, 3);
    for (int i = 0; i < 7; i++)
        finish(l, &turns[i]);
    end(l);
}

static void one_client_has_half_of_them_at_most(void **state)
{
    struct lanes *l = begin(8);
    struct turn turns[5];

    (void)state;
    for (int64_t i = 0; i < 10; i++)
        push_solo(l, 1, i, NULL);
    for (int i = 0; i < 4; i++)
        take(l, &turns[i]);
    assert_int_equal(turns[2].count, 1);
    assert_int_equal(turns[3].count, 0);
    push_solo(l, 2, 10, NULL); /* passes the first client by */
    take(l, &turns[3]);
    assert_int_equal(turns[3].jobs[0]->offset, 10);
    for (int i = 0; i < 4; i++)
        finish(l, &turns[i]);
    end(l);
}

static void large_answers_go_first(void **state)
{
    struct lanes *l = begin(2);
    struct turn turn;

    (void)state;
    push_solo(l, 1, 0, NULL);
    atomic_store(&stock.bytes, 1001);
    take(l, &turn);
    assert_int_equal(turn.count, 0);
    atomic_store(&stock.bytes, 1000);
    take(l, &turn);
    assert_int_equal(turn.count, 1);
    finish(l, &turn);
    end(l);
}

/* All that may go alone do, and are slow: what is not known is tried, one at a time. */
static void what_is_not_known_is_tried(void **state)
{
    struct lanes *l = begin(8);
    struct turn slow[6], trial, second;

    (void)state;
    for (int i = 0; i < 6; i++) {
        push_solo(l, (uint64_t)i, i, NULL);
        take(l, &slow[i]);
    }
    push_solo(l, 9, 9, NULL);
    push_solo(l, 10, 10, "RETURN 1");
    push_solo(l, 11, 11, "RETURN 2");
    push_solo(l, 12, 12, "RETURN 1 + 1");
    take(l, &trial);
    assert_true(trial.is_trial);
    assert_int_equal(trial.lane, LANE_QUICK);
    assert_int_equal(trial.jobs[0]->offset, 10);
    take(l, &second);
    assert_int_equal(second.count, 0);
    push(l, 13, 13);
    take(l, &second);
    assert_int_equal(second.jobs[0]->offset, 13);
    lanes_note(l, trial.jobs[0]->form, 2 * HABIT_HOPEFUL_US, 10); /* it was slow */
    finish(l, &trial);
    take(l, &trial);
    assert_int_equal(trial.jobs[0]->offset, 12);
    finish(l, &trial);
    finish(l, &second);
    for (int i = 0; i < 6; i++)
        finish(l, &slow[i]);
    end(l);
}

/* The first of a form goes alone; what waits for it goes together afterwards. */
static void a_form_is_learnt(void **state)
{
    struct lanes *l = begin(4);
    struct job *job = make_job(9, 9, "RETURN 77");
    struct turn turn;

    (void)state;
    push_solo(l, 1, 0, "RETURN 1");
    push_solo(l, 1, 1, "RETURN /* two */  22");
    push_solo(l, 1, 2, "RETURN 1 + 1");
    push_solo(l, 2, 3, "RETURN 3");
    take(l, &turn);
    assert_int_equal(turn.lane, LANE_SOLO);
    assert_int_equal(turn.jobs[0]->offset, 0);
    lanes_note(l, turn.jobs[0]->form, 1000, 100);
    finish(l, &turn);
    assert_int_equal(lanes_count(l, LANE_QUICK), 2);
    assert_int_equal(lanes_count(l, LANE_SOLO), 1);
    lanes_judge(l, job);
    assert_int_equal(job->lane, LANE_QUICK);
    assert_int_equal(job->expected_us, 1000);
    job->alone = true;
    lanes_judge(l, job);
    assert_int_equal(job->lane, LANE_SOLO);
    job->alone = false;
    lanes_note(l, job->form, 10 * HABIT_QUICK_US, 100);
    lanes_judge(l, job);
    assert_int_equal(job->lane, LANE_SOLO);
    job_free(job);
    take(l, &turn);
    assert_int_equal(turn.jobs[0]->offset, 2);
    finish(l, &turn);
    end(l);
}

static void after_the_end_nothing_is_taken(void **state)
{
    struct lanes *l = begin(2);
    struct turn turn;
    bool closed;

    (void)state;
    push(l, 1, 0);
    lanes_close(l);
    push(l, 1, 1);
    lanes_take(l, 1000, &turn, &closed);
    assert_int_equal(turn.count, 1);
    assert_false(closed);
    finish(l, &turn);
    lanes_take(l, 1000, &turn, &closed);
    assert_true(closed);
    end(l);
}

static void forms_differ_in_more_than_literals(void **state)
{
    static const char *const same[] = {"MATCH (n:P {id: 1}) RETURN n.name",
                                       "MATCH (n:P {id: 'x'})  RETURN n.name // y"};
    static const char *const others[] = {
        "MATCH (n:P {id: $id}) RETURN n.name", "MATCH (n:Q {id: 1}) RETURN n.name",
        "MATCH (n:P {id: 1}) RETURN n.nam e", "MATCH (n:P {id: [1]}) RETURN n.name", ""};
    struct habits *h = habits_new();
    uint64_t form = habits_form(h, same[0], strlen(same[0]));
    int64_t us;

    (void)state;
    /* an integer and a string are no one form: their plans may differ */
    assert_true(form != habits_form(h, same[1], strlen(same[1])));
    assert_true(form == habits_form(h, "MATCH(n:P{id:22})RETURN n.name", 30));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_true(form != habits_form(h, others[i], strlen(others[i])));
    assert_false(habits_quick(h, form, &us));
    assert_true(habits_note(h, form, 50, 10));
    assert_false(habits_note(h, form, 70, 10));
    assert_true(habits_quick(h, form, &us));
    assert_int_equal(us, 60);
    assert_false(habits_note(h, form, 60, 4 * HABIT_QUICK_BYTES));
    assert_false(habits_quick(h, form, &us));
    habits_free(h);
}

static void a_form_may_change(void **state)
{
    struct habits *h = habits_new();
    int64_t us;

    (void)state;
    assert_true(habits_hopeful(h, 5));
    for (int i = 0; i < 4; i++) /* a server that has just started */
        assert_false(habits_note(h, 5, 8 * HABIT_QUICK_US, 10));
    assert_true(habits_hopeful(h, 5));
    assert_true(habits_note(h, 5, HABIT_QUICK_US / 4, 10));
    habits_late(h, 5);
    assert_false(habits_hopeful(h, 5));
    for (int i = 0; i < HABIT_PROBATION; i++) {
        assert_false(habits_quick(h, 5, &us));
        assert_int_equal(habits_note(h, 5, 100, 10), i == HABIT_PROBATION - 1);
    }
    assert_true(habits_quick(h, 5, &us));
    habits_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_take_turns),
        cmocka_unit_test(few_workers_ask_for_many),
        cmocka_unit_test(more_in_hand_than_go_together),
        cmocka_unit_test(fewer_go_together_after_a_failure),
        cmocka_unit_test(what_is_apart_stays_so),
        cmocka_unit_test(patience_follows_what_neo4j_takes),
        cmocka_unit_test(what_goes_alone_leaves_workers_free),
        cmocka_unit_test(one_client_has_half_of_them_at_most),
        cmocka_unit_test(large_answers_go_first),
        cmocka_unit_test(what_is_not_known_is_tried),
        cmocka_unit_test(a_form_is_learnt),
        cmocka_unit_test(after_the_end_nothing_is_taken),
        cmocka_unit_test(a_form_may_change),
        cmocka_unit_test(forms_differ_in_more_than_literals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
