/* SPDX-License-Identifier: Apache-2.0 */

/* command, letter, apply_cut, sender_message: what db_sync computes without servers. */
#include "db_sync/apply.h"
#include "db_sync/command.h"
#include "db_sync/letter.h"
#include "db_sync/sender.h"

#include "base/json.h"
#include "cypher/word.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT 1000

static struct command *decode(const char *value)
{
    struct command_desk desk;
    struct record record = {.offset = 7,
                            .timestamp_ms = 99,
                            .value = value,
                            .value_len = value != NULL ? strlen(value) : 0};
    command_desk_init(&desk);
    struct command *c = command_new_take(&record, LIMIT, &desk);

    command_desk_fini(&desk);
    return c;
}

static void assert_statement(const struct command *c, size_t i, const char *json)
{
    size_t begin = i > 0 ? c->stmt_ends[i - 1] : 0;

    assert_int_equal(c->stmt_ends[i] - begin, strlen(json));
    assert_memory_equal(c->json + begin, json, strlen(json));
}

static void messages_and_their_verdicts(void **state)
{
    static const struct {
        const char *value, *code; /* NULL: good */
    } cases[] = {
        {"{\"command\":\"CREATE (:A)\"}", NULL},
        {"{\"command\":\"CREATE "
         "(:A)\",\"with_key\":\"k\",\"id\":\"i\",\"params\":{\"x\":[1,{\"y\":null}]},\"other\":1}",
         NULL},
        {"{\"command\":\"CREATE (:A)\",\"params\":null}", NULL},
        {"{\"command\":\"CREATE (:A {t: 'a\\u0000b'})\"}", NULL},
        {"{\"commands\":[{\"command\":\"CREATE (:A)\"},{\"command\":\"CREATE (:B)\"}]}", NULL},
        {NULL, "command.empty"},
        {"", "command.empty"},
        {"x", "json.invalid"},
        {"{\"command\":\"CREATE (:A)\"", "json.invalid"},
        {"{\"command\":\"CREATE (:A)\"} x", "json.invalid"},
        {"[1]", "command.no-object"},
        {"\"CREATE (:A)\"", "command.no-object"},
        {"{}", "command.missing"},
        {"{\"command\":1}", "command.type"},
        {"{\"command\":\"CREATE (:A)\",\"command\":\"CREATE (:B)\"}", "json.duplicate-key"},
        {"{\"command\":\"CREATE (:A)\",\"params\":[1]}", "command.params"},
        {"{\"command\":\"CREATE (:A)\",\"with_key\":1}", "command.type"},
        {"{\"command\":\"CREATE (:A)\",\"params\":{\"n\":9223372036854775808}}",
         "json.number-range"},
        {"{\"command\":\"CREATE "
         "(:A)\",\"params\":{\"d\":{\"$type\":\"Date\",\"_value\":\"2020-02-30\"}}}",
         "param.value"},
        {"{\"command\":\"DROP CONSTRAINT "
         "$d\",\"params\":{\"d\":{\"$type\":\"Date\",\"_value\":\"2020-01-01\"}}}",
         "param.place"},
        {"{\"command\":\"CREATE (:A {o: $__offset})\",\"params\":{\"__offset\":1}}",
         "command.params"},
        {"{\"command\":\"CREATE (:$($l))\",\"params\":{\"l\":[\"A\",\"__db_sync\"]}}",
         "cypher.reserved-name"},
        {"{\"command\":\"CREATE (:A)\",\"commands\":[]}", "command.both"},
        {"{\"commands\":[]}", "command.commands"},
        {"{\"commands\":{}}", "command.commands"},
        {"{\"commands\":[{\"command\":\"CREATE (:A)\"},{\"command\":\"CREATE INDEX i FOR (a:A) ON "
         "(a.b)\"}]}",
         "command.mixed-schema"},
        {"{\"command\":\"DROP CONSTRAINT $n\",\"params\":{\"n\":\"__db_sync_position\"}}",
         "cypher.reserved-name"},
        {"{\"command\":\"DROP CONSTRAINT $__key\",\"with_key\":\"__db_sync_position\"}",
         "cypher.reserved-name"},
        {"{\"command\":\"CREATE (:$($l))\",\"params\":{\"l\":[\"A\",\"__db_sync\"]}}",
         "cypher.reserved-name"},
        {"{\"command\":\"SHOW USERS\"}", "cypher.show"},
        {"{\"command\":\"\"}", "cypher.empty"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct command *c = decode(cases[i].value);
        const char *code = c->verdict != NULL ? c->verdict->code : NULL;
        if ((code == NULL) != (cases[i].code == NULL) ||
            (code != NULL && strcmp(code, cases[i].code) != 0))
            fail_msg("%s: %s", cases[i].value, code != NULL ? code : "good");
        assert_int_equal(c->stmt_count == 0, code != NULL);
        command_free(c);
    }
}

static void too_large_and_too_deep(void **state)
{
    char value[LIMIT + 100];
    const struct freeze_rules rules = {0};
    unsigned warnings;
    struct err err = {0};

    (void)state;
    memset(value, ' ', sizeof value);
    memcpy(value, "{\"command\":\"CREATE (:A)\"}", 25);
    assert_int_equal(command_check(value, LIMIT, LIMIT, &rules, &warnings, &err), 0);
    assert_int_equal(command_check(value, LIMIT + 1, LIMIT, &rules, &warnings, &err), -1);
    assert_string_equal(err.code, "command.too-large");
    err_clear(&err);
    memset(value, '[', 500);
    assert_int_equal(command_check(value, 500, LIMIT, &rules, &warnings, &err), -1);
    assert_string_equal(err.code, "json.too-deep");
}

/* What is sent and what is lifted is the frozen text, of a list of commands too, with its moment.
 */
static void clocks_are_the_records(void **state)
{
    static const char one[] = "{\"command\":\"CREATE (:A {t: timestamp(), n: 1})\"}";
    static const char two[] = "{\"commands\":[{\"command\":\"CREATE (:A)\"},{\"command\":"
                              "\"CREATE (:A {t: timestamp(), s: '\\\\u00f6'})\"}]}";
    struct command_desk desk;
    struct buf text = {0}, lifted = {0};
    json_t *params;
    struct command *c = decode(one);

    (void)state;
    command_desk_init(&desk);
    assert_null(c->verdict);
    assert_true(word_occurs(c->json, c->json_len, "$__timestamp"));
    assert_true(word_occurs(c->json, c->json_len, "\"__timestamp\":99"));
    assert_true(command_lift(c, &desk, &text, &params));
    lift_add_text(&desk.lift, buf_str(&text), &lifted);
    assert_string_equal(buf_str(&lifted), "CREATE (:A {t: $__timestamp, n: $__cl1})");
    assert_int_equal(json_integer_value(json_object_get(params, "__timestamp")), 99);
    json_decref(params);
    command_free(c);
    c = decode(two);
    assert_int_equal(c->stmt_count, 2);
    assert_true(word_occurs(c->json, c->json_len, "{t: $__timestamp, s: '\xc3\xb6'}"));
    assert_true(word_occurs(c->json, c->json_len, "\"__timestamp\":99"));
    command_free(c);
    buf_fini(&text);
    buf_fini(&lifted);
    command_desk_fini(&desk);
}

static void clocks_need_a_timestamp(void **state)
{
    static const char *const texts[] = {"{\"command\":\"CREATE (:A {t: date()})\"}",
                                        "{\"command\":\"CREATE (:A {t: 1})\"}"};
    static const char *const codes[] = {"command.no-timestamp", ""};
    struct command_desk desk;

    (void)state;
    command_desk_init(&desk);
    for (size_t i = 0; i < 2; i++) {
        struct record record = {
            .timestamp_ms = -1, .value = texts[i], .value_len = strlen(texts[i])};
        struct command *c = command_new_take(&record, LIMIT, &desk);
        assert_string_equal(c->verdict != NULL ? c->verdict->code : "", codes[i]);
        command_free(c);
    }
    desk.rules.nondeterminism = NONDETERMINISM_WARN;
    struct record record = {.timestamp_ms = -1, .value = texts[0], .value_len = strlen(texts[0])};
    struct command *c = command_new_take(&record, LIMIT, &desk);
    assert_null(c->verdict);
    assert_int_equal(c->warnings, 1U << CHANCE_CLOCK);
    assert_false(word_occurs(c->json, c->json_len, "__timestamp"));
    command_free(c);
    command_desk_fini(&desk);
}

static void facts_come_from_text_and_parameters(void **state)
{
    struct command *c = decode("{\"command\":\"MATCH (n) DELETE n\"}");

    (void)state;
    assert_true(c->ends_tx && !c->alone && !c->schema);
    command_free(c);
    c = decode("{\"command\":\"CREATE (:A {x: $x})\",\"params\":{\"x\":[{\"y\":-0.0}]}}");
    assert_true(c->alone);
    command_free(c);
    c = decode("{\"command\":\"DROP INDEX i\"}");
    assert_true(c->schema);
    command_free(c);
    c = decode("{\"commands\":[{\"command\":\"CREATE (:A)\"},{\"command\":\"CREATE (:B {n: "
               "$n})\",\"params\":{\"n\":1.0}}]}");
    assert_int_equal(c->stmt_count, 2);
    assert_statement(c, 1, "{\"statement\":\"CREATE (:B {n: $n})\",\"parameters\":{\"n\":1.0}}");
    command_free(c);
}

/* Commands of one shape share a template, whatever their values. */
static void typed_parameters_share_a_template(void **state)
{
    struct command *a = decode("{\"command\":\"CREATE (:A {d: $d, i: 1})\",\"params\":{\"d\":"
                               "{\"$type\":\"Date\",\"_value\":\"2020-01-01\"}}}"),
                   *b = decode("{\"command\":\"CREATE (:A {d: $d, i: 2})\",\"params\":{\"d\":"
                               "{\"$type\":\"Date\",\"_value\":\"1999-12-31\"}}}");
    struct command_desk desk;
    struct buf text = {0};
    json_t *params;

    (void)state;
    assert_statement(a, 0,
                     "{\"statement\":\"CREATE (:A {d:  date($`d`), i: 1})\","
                     "\"parameters\":{\"d\":\"2020-01-01\"}}");
    assert_true(a->lifted.key_len > 0);
    assert_int_equal(a->lifted.key_len, b->lifted.key_len);
    assert_memory_equal(a->lifted.bytes, b->lifted.bytes, a->lifted.key_len);
    assert_int_equal(a->lifted.count, 2);
    command_desk_init(&desk);
    assert_true(command_lift(b, &desk, &text, &params));
    assert_string_equal(buf_str(&text), "CREATE (:A {d:  date($`d`), i: 2})");
    assert_string_equal(json_string_value(json_object_get(params, "d")), "1999-12-31");
    json_decref(params);
    buf_fini(&text);
    command_desk_fini(&desk);
    command_free(a);
    command_free(b);
}

static void own_parameters_are_bound_where_used(void **state)
{
    static const char *const cases[][2] = {
        {"{\"command\":\"CREATE (:A {o: $__offset, t: $`__timestamp`})\",\"params\":{\"n\":1}}",
         "{\"statement\":\"CREATE (:A {o: $__offset, t: $`__timestamp`})\",\"parameters\":"
         "{\"n\":1,\"__offset\":7,\"__timestamp\":99}}"},
        {"{\"command\":\"CREATE (:A {k: $__key})\",\"with_key\":\"k\",\"id\":\"i\"}",
         "{\"statement\":\"CREATE (:A {k: $__key})\",\"parameters\":{\"__key\":\"k\"}}"},
        {"{\"command\":\"CREATE (:A {k: $__key})\"}",
         "{\"statement\":\"CREATE (:A {k: $__key})\",\"parameters\":{\"__key\":null}}"},
        {"{\"command\":\"CREATE (:A)\",\"with_key\":\"k\"}", "{\"statement\":\"CREATE (:A)\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct command *c = decode(cases[i][0]);
        assert_null(c->verdict);
        assert_statement(c, 0, cases[i][1]);
        command_free(c);
    }
}

static void batches_are_cut_where_they_must_be(void **state)
{
    struct command plain = {.json_len = 10}, ends = {.json_len = 10, .ends_tx = true};
    struct command alone = {.json_len = 10, .alone = true}, schema = {.schema = true};
    struct command large = {.json_len = 1000}, starts = {.json_len = 10, .starts_tx = true};
    const struct {
        struct command *list[5];
        size_t count, bytes, k;
    } cases[] = {
        {{&plain, &plain, &plain, NULL}, 10, 100, 3},   {{&plain, &plain, &plain, NULL}, 2, 100, 2},
        {{&plain, &plain, &plain, NULL}, 10, 25, 2},    {{&large, &plain, NULL}, 10, 100, 1},
        {{&plain, &ends, &plain, NULL}, 10, 100, 2},    {{&ends, &plain, NULL}, 10, 100, 1},
        {{&plain, &alone, &plain, NULL}, 10, 100, 1},   {{&alone, &plain, NULL}, 10, 100, 1},
        {{&plain, &schema, NULL}, 10, 100, 1},          {{&schema, &plain, NULL}, 10, 100, 1},
        {{&plain, &large, NULL}, 10, 100, 1},           {{&plain, &starts, NULL}, 10, 100, 1},
        {{&starts, &plain, &starts, NULL}, 10, 100, 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = 0;
        while (cases[i].list[n] != NULL)
            n++;
        size_t k = apply_cut(cases[i].list, n, cases[i].count, cases[i].bytes);
        if (k != cases[i].k)
            fail_msg("case %zu: %zu", i, k);
    }
}

static void letters(void **state)
{
    static const struct {
        const char *value;
        size_t limit;
        const char *body;
    } cases[] = {
        {"{\"command\":\"X\"}", 1000,
         "{\"command\":\"X\",\"error\":{\"code\":\"c.d\",\"message\":\"why\"}}"},
        {"nope", 1000,
         "{\"raw_base64\":\"bm9wZQ==\",\"error\":{\"code\":\"c.d\",\"message\":\"why\"}}"},
        {"[1]", 1000, "{\"raw_base64\":\"WzFd\",\"error\":{\"code\":\"c.d\",\"message\":\"why\"}}"},
        {"abc", 2,
         "{\"size\":3,\"sha256\":"
         "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"first_base64\":"
         "\"YWJj\","
         "\"error\":{\"code\":\"c.d\",\"message\":\"why\"}}"},
    };
    struct err why = {0};

    (void)state;
    err_set(&why, ERR_POISON, "c.d", "why");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf body = {0};
        struct record record = {.value = cases[i].value, .value_len = strlen(cases[i].value)};
        letter_add_body(&body, &record, &why, cases[i].limit);
        assert_string_equal(buf_str(&body), cases[i].body);
        buf_fini(&body);
    }
}

static void keys(void **state)
{
    static const char *const cases[][2] = {{"{\"with_key\":\"k\",\"id\":\"i\"}", "k"},
                                           {"{\"id\":\"i\"}", "i"},
                                           {"{}", "t/0/7"},
                                           {"not json", "t/0/7"}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct command_names names;
        struct record record = {
            .offset = 7, .value = cases[i][0], .value_len = strlen(cases[i][0])};
        command_names_init(&names, &record, "t");
        assert_string_equal(buf_str(&names.key), cases[i][1]);
        command_names_fini(&names);
    }
}

static void lines_become_messages(void **state)
{
    static const struct {
        const char *line, *message, *key;
    } cases[] = {
        {"CREATE (:A)", "{\"command\":\"CREATE (:A)\",\"params\":{\"n\":1},\"with_key\":\"k\"}",
         "k"},
        {"{\"command\":\"X\"}", "{\"command\":\"X\",\"params\":{\"n\":1},\"with_key\":\"k\"}", "k"},
        {"{\"command\":\"X\",\"with_key\":\"own\",\"params\":{}}",
         "{\"command\":\"X\",\"with_key\":\"own\",\"params\":{}}", "own"},
        {"{\"commands\":[],\"with_key\":\"own\"}", "{\"commands\":[],\"with_key\":\"own\"}", "own"},
    };
    struct buf out = {0};
    struct err err = {0};
    json_t *params = json_pack("{s:i}", "n", 1);
    char *key;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len = strlen(cases[i].line);
        assert_int_equal(sender_message(&out, &key, cases[i].line, len, "k", params, &err), 0);
        assert_string_equal(buf_str(&out), cases[i].message);
        assert_string_equal(key, cases[i].key);
        free(key);
        buf_reset(&out);
    }
    assert_int_equal(sender_message(&out, &key, "{\"command\":", 11, NULL, NULL, &err), -1);
    json_decref(params);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_and_their_verdicts),
        cmocka_unit_test(too_large_and_too_deep),
        cmocka_unit_test(clocks_are_the_records),
        cmocka_unit_test(clocks_need_a_timestamp),
        cmocka_unit_test(facts_come_from_text_and_parameters),
        cmocka_unit_test(typed_parameters_share_a_template),
        cmocka_unit_test(own_parameters_are_bound_where_used),
        cmocka_unit_test(batches_are_cut_where_they_must_be),
        cmocka_unit_test(letters),
        cmocka_unit_test(keys),
        cmocka_unit_test(lines_become_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
