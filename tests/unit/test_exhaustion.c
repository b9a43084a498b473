/* SPDX-License-Identifier: Apache-2.0 */

/* The first, second, third … allocation fails until the work gets by without: each time the process
 * must either end with SIGABRT or have done the whole work. Nothing may be cut short, and no
 * message be judged, for want of memory. Linked with --wrap for malloc, calloc and realloc. */
#include "base/conf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/queue.h"
#include "db_sync/command.h"

#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES_MAX 2000

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static int left = -1; /* allocations until one fails; -1: none does */

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

/* Each does its work with what base offers, and returns whether all of it was done and right. */

static bool build_text(void)
{
    struct buf b = {0};
    struct err err = {0};

    for (int i = 0; i < 100; i++)
        buf_addf(&b, "%03d ", i);
    buf_add_json(&b, "a\"b\n\x01", 5);
    buf_addi(&b, -7);
    bool good = buf_check(&b, "text", &err) == 0 && b.len == 400 + 14 + 2 &&
                strcmp(buf_str(&b) + 400, "\"a\\\"b\\n\\u0001\"-7") == 0;
    char *taken = buf_take(&b);
    good = good && strncmp(taken, "000 ", 4) == 0;
    free(taken);
    return good;
}

static bool parse_json(void)
{
    static const char text[] = "{\"a\":[1,2.5,\"x\\u0000y\",{\"b\":null}],\"c\":\"d\"}";
    struct err err = {0};
    struct buf out = {0};
    json_t *value = json_parse(text, sizeof text - 1, &err);

    if (value == NULL)
        return false; /* the text is good: only want of memory could say otherwise */
    json_add(&out, value);
    bool good = out.len == sizeof text - 1 && memcmp(out.data, text, out.len) == 0;
    json_decref(value);
    buf_fini(&out);
    return good;
}

static bool decode_command(void)
{
    static const char text[] = "{\"commands\":[{\"command\":\"CREATE (:A {x: $x, o: $__offset})\","
                               "\"params\":{\"x\":{\"$type\":\"Integer\",\"_value\":\"5\"}}},"
                               "{\"command\":\"MATCH (n:`a b`) DETACH DELETE n\"}]}";
    struct command_desk desk;
    struct record record = {.offset = 7, .value = text, .value_len = sizeof text - 1};
    command_desk_init(&desk);
    struct command *c = command_new_take(&record, 4096, &desk);
    bool good = c->verdict == NULL && c->stmt_count == 2;

    command_free(c);
    command_desk_fini(&desk);
    return good;
}

static bool pass_through_queue(void)
{
    struct queue *q = queue_new(1000, 10, free);
    struct err err = {0};
    void *items[4];
    bool closed, good = true;

    for (int i = 0; i < 3; i++)
        good = good && queue_push_take(q, mem_strdup("x"), 10, &err) == 0;
    good = good && queue_pop_many(q, items, 4, 0, &closed) == 3;
    for (int i = 0; good && i < 3; i++)
        free(items[i]);
    queue_free(q);
    return good;
}

struct settings {
    char *name;
    int64_t size;
    struct conf_pairs pairs;
};

static bool read_settings(void)
{
    static const struct conf_option rows[] = {
        {"NAME", CONF_TEXT, offsetof(struct settings, name), "x", NULL, NULL, 0, 1, "a name"},
        {"SIZE", CONF_BYTES, offsetof(struct settings, size), "1KiB", "1", "1GiB", 0, 1, "a size"},
        {"PAIR", CONF_PAIRS, offsetof(struct settings, pairs), NULL, NULL, NULL, 0, 1, "pairs"},
        {0},
    };
    static const struct conf_command commands[] = {{"run", "", "runs", 1}, {0}};
    static const struct conf_program program = {
        .name = "p", .version = "1", .summary = "", .options = rows, .commands = commands};
    char words[][16] = {"p", "run", "--name=other", "--size", "8MiB", "--pair", "a.b=c"};
    char *argv[] = {words[0], words[1], words[2], words[3], words[4], words[5], words[6], NULL};
    struct settings settings = {0};
    struct conf_args args;
    struct err err = {0};

    bool good = conf_read(&program, 7, argv, &settings, &args, &err) == CONF_GO &&
                strcmp(settings.name, "other") == 0 && settings.size == 8 << 20 &&
                settings.pairs.count == 1;
    conf_fini(&program, &settings);
    return good;
}

/* In a child, with the n-th allocation failing: 0 done and right, 1 wrong, 2 aborted. */
static int try_with(bool (*work)(void), int n)
{
    int status;

    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        left = n;
        bool good = work();
        bool spent = left < 0; /* the failure happened, and yet it went on */
        left = -1;
        _exit(!good ? 1 : spent ? 3 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGABRT ? 2 : 1;
    return WEXITSTATUS(status);
}

static void no_allocation_may_be_missed(void **state)
{
    static const struct {
        const char *name;
        bool (*work)(void);
        int least; /* allocations that it makes, or the test would test nothing */
    } cases[] = {
        {"text", build_text, 3},         {"json", parse_json, 10},
        {"command", decode_command, 20}, {"queue", pass_through_queue, 4},
        {"settings", read_settings, 5},
    };

    (void)state;
    json_init();
    for (size_t i = 0; i < COUNT(cases); i++) {
        int n = 0, outcome = 0;
        while (n < TRIES_MAX && ((outcome = try_with(cases[i].work, n)) == 2 || outcome == 3))
            n++;
        if (outcome != 0 || n < cases[i].least)
            fail_msg("%s: outcome %d when allocation %d failed", cases[i].name, outcome, n);
    }
}

static void what_may_fail_alone_says_so(void **state)
{
    size_t sum;

    (void)state;
    left = 0;
    assert_null(mem_try_alloc(1, 100));
    left = -1;
    assert_null(mem_try_alloc(SIZE_MAX / 2, 4));
    assert_false(mem_add(SIZE_MAX, 1, &sum));
    assert_false(mem_mul(SIZE_MAX / 2, 3, &sum));
    void *p = mem_try_alloc(0, 0);
    assert_non_null(p);
    free(p);
}

static void beyond_a_limit_nothing_is_added(void **state)
{
    struct buf b = {.limit = 10};
    struct err err = {0};

    (void)state;
    buf_adds(&b, "12345678");
    buf_addf(&b, "%d", 999);
    buf_addc(&b, 'x');
    assert_string_equal(buf_str(&b), "12345678");
    assert_int_equal(buf_check(&b, "it", &err), -1);
    assert_string_equal(err.code, "memory.limit");
    buf_reset(&b);
    buf_adds(&b, "1234567890");
    err_clear(&err);
    assert_int_equal(buf_check(&b, "it", &err), 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_allocation_may_be_missed),
        cmocka_unit_test(what_may_fail_alone_says_so),
        cmocka_unit_test(beyond_a_limit_nothing_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
