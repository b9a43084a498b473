/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/cache: an answer comes back as it was kept, for its question and position alone;
 * what is kept is bounded. */
#include "global_server/cache.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 20000

static struct answer_stock stock;
static const struct answer_limits limits = {.page_bytes = PAGE_BYTES,
                                            .max_bytes = 1 << 20,
                                            .max_rows = 1000,
                                            .spool_dir = "/tmp",
                                            .stock = &stock};

static const struct answer_head head = {.id = "i", .id_len = 1, .replica = "a", .request = NULL};

static struct cache_key key_of(const char *text)
{
    struct cache_key key;

    cache_key_make(&key, text, strlen(text), NULL);
    return key;
}

static struct answer *empty(int64_t page_rows)
{
    return answer_new(&limits, ANSWER_PAGES, page_rows);
}

/* So many rows of one column with so many letters. */
static struct answer *make(int rows, size_t letters)
{
    struct answer *a = empty(100);
    struct err err = {0};
    json_t *fields = json_pack("[s]", "x");
    char *text = calloc(letters + 1, 1);

    memset(text, 'x', letters);
    json_t *row = json_pack("[s]", text);
    free(text);
    assert_int_equal(answer_set_fields(a, fields, answer_head_bytes(&head), &err), 0);
    for (int i = 0; i < rows; i++)
        assert_int_equal(answer_add_row(a, row, &err), 0);
    assert_int_equal(answer_finish(a, &err), 0);
    json_decref(row);
    json_decref(fields);
    return a;
}

static char *message(struct answer *a)
{
    struct buf out = {0};
    struct err err = {0};
    bool more;

    answer_rewind(a);
    assert_int_equal(answer_next(a, &head, &out, &more, &err), 0);
    assert_true(more);
    return buf_take(&out);
}

static bool get(struct cache *c, const char *text, const char *replica, int64_t position,
                int64_t page_rows, size_t head_bytes)
{
    struct cache_key key = key_of(text);
    struct answer *a = empty(page_rows);
    bool got = cache_get(c, &key, replica, position, head_bytes, a);

    answer_free(a);
    return got;
}

static void put_take(struct cache *c, const char *text, int64_t position, struct answer *a)
{
    struct cache_key key = key_of(text);

    cache_put(c, &key, "a", position, a);
    answer_free(a);
}

static void an_answer_comes_back(void **state)
{
    struct cache *c = cache_new(1 << 20);
    static const struct {
        int rows;
        size_t letters;
    } shapes[] = {{0, 0}, {1, 5}, {3, 0}, {100, 20}, {1, 15000}};

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct answer *kept = make(shapes[i].rows, shapes[i].letters), *back = empty(100);
        struct cache_key key = key_of("RETURN 1");
        char *before = message(kept), *after;
        cache_put(c, &key, "a", 7, kept);
        answer_free(kept);
        assert_true(cache_get(c, &key, "a", 7, answer_head_bytes(&head), back));
        assert_int_equal(answer_rows(back), shapes[i].rows);
        after = message(back);
        assert_string_equal(before, after);
        free(before);
        free(after);
        answer_free(back);
    }
    cache_free(c);
    assert_int_equal(atomic_load(&stock.bytes), 0);
}

static void only_what_is_the_same(void **state)
{
    struct cache *c = cache_new(1 << 20);
    struct cache_key key = key_of("RETURN 1");

    (void)state;
    put_take(c, "RETURN 1", 7, make(3, 1000));
    assert_true(get(c, "RETURN 1", "a", 7, 100, 300));
    assert_false(get(c, "RETURN 2", "a", 7, 100, 300));
    assert_false(get(c, "RETURN 1", "b", 7, 100, 300));
    assert_false(get(c, "RETURN 1", "a", 8, 100, 300));
    assert_false(get(c, "RETURN 1", "a", 6, 100, 300));
    assert_false(get(c, "RETURN 1", "a", 7, 2, 300));                 /* pages of two rows */
    assert_false(get(c, "RETURN 1", "a", 7, 100, PAGE_BYTES / 2));    /* no room for a row */
    assert_false(get(c, "RETURN 1", "a", 7, 100, PAGE_BYTES - 3000)); /* nor for all */
    assert_true(cache_has(c, &key, 6) && cache_has(c, &key, 7));
    assert_false(cache_has(c, &key, 8)); /* the replica has gone on: it is forgotten */
    assert_false(get(c, "RETURN 1", "a", 7, 100, 300));
    cache_free(c);
}

static void parameters_are_part_of_the_question(void **state)
{
    static const char *const others[] = {"{\"a\":1.0}", "{\"a\":\"1\"}", "{\"b\":1}", "{}",
                                         "{\"a\":1,\"b\":2}"};
    struct cache_key key, same, none;
    json_t *one = json_loads("{\"a\":1,\"c\":[1,{\"x\":null,\"y\":2}]}", 0, NULL);
    json_t *two = json_loads("{\"c\":[1,{\"y\":2,\"x\":null}],\"a\":1}", 0, NULL);

    (void)state;
    cache_key_make(&key, "T", 1, one);
    cache_key_make(&same, "T", 1, two);
    cache_key_make(&none, "T", 1, NULL);
    assert_memory_equal(key.bytes, same.bytes, sizeof key.bytes);
    assert_memory_not_equal(key.bytes, none.bytes, sizeof key.bytes);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        json_t *other = json_loads(others[i], 0, NULL);
        cache_key_make(&same, "T", 1, other);
        assert_memory_not_equal(key.bytes, same.bytes, sizeof key.bytes);
        json_decref(other);
    }
    json_decref(one);
    json_decref(two);
}

static void some_are_not_kept(void **state)
{
    struct cache *c = cache_new(160000);
    struct cache_counts counts;
    struct answer *error = empty(100), *pages = make(150, 10);

    (void)state;
    answer_set_error(error, "some.code", "text");
    put_take(c, "error", 7, error);
    put_take(c, "two pages", 7, pages);
    put_take(c, "large", 7, make(1, 10001)); /* more than a sixteenth */
    cache_count(c, &counts);
    assert_int_equal(counts.entries, 0);
    assert_int_equal(counts.bytes, 0);
    cache_free(c);
}

static void bytes_are_bounded(void **state)
{
    struct cache *c = cache_new(100000);
    struct cache_counts counts;
    char text[32];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "RETURN %d", i);
        put_take(c, text, 7, make(1, 1000));
        assert_true(get(c, "RETURN 0", "a", 7, 100, 300)); /* used all the time: it stays */
    }
    cache_count(c, &counts);
    assert_true(counts.bytes <= 100000 && counts.entries > 20);
    assert_int_equal(counts.entries + counts.evicted, 1000);
    assert_true(get(c, "RETURN 999", "a", 7, 100, 300));
    assert_false(get(c, "RETURN 1", "a", 7, 100, 300));
    put_take(c, "RETURN 999", 8, make(1, 1000)); /* in place of the one before */
    struct cache_counts after;
    cache_count(c, &after);
    assert_int_equal(after.entries, counts.entries);
    assert_int_equal(after.bytes, counts.bytes);
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_back),
        cmocka_unit_test(only_what_is_the_same),
        cmocka_unit_test(parameters_are_part_of_the_question),
        cmocka_unit_test(some_are_not_kept),
        cmocka_unit_test(bytes_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
