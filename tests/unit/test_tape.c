/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/json.h"
#include "base/tape.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *text, *code; /* code: NULL for what is good */
} cases[] = {
    {"numbers", "[0,-0,12,-7,1.0,-0.0,1e5,1E-7,1.5e+300,123456789012345678901234567890]", NULL},
    {"words", "[null,true,false]", NULL},
    {"nested", " { \"a\" : [ ] , \"b\" : { } , \"c\" : [ { } , [ 1 ] ] } \n", NULL},
    {"strings", "[\"\",\"a\\n\\\"\\\\\\/\",\"\\u00e9\\ud83d\\ude00\",\"\xc3\xa9\",\"\\u0000\"]",
     NULL},
    {"text alone", "\"x\"", NULL},
    {"nothing", "", "json.syntax"},
    {"blank", "  ", "json.syntax"},
    {"cut array", "[1", "json.syntax"},
    {"cut string", "[\"a", "json.syntax"},
    {"cut escape", "\"\\", "json.syntax"},
    {"two values", "1 2", "json.syntax"},
    {"comma at the end", "[1,]", "json.syntax"},
    {"comma at the end of an object", "{\"a\":1,}", "json.syntax"},
    {"no comma", "[1 2]", "json.syntax"},
    {"no colon", "{\"a\" 1}", "json.syntax"},
    {"key without value", "{\"a\"}", "json.syntax"},
    {"key that is a number", "{1:2}", "json.syntax"},
    {"wrong end", "[1}", "json.syntax"},
    {"leading zero", "01", "json.syntax"},
    {"plus", "+1", "json.syntax"},
    {"point without digits", "1.", "json.syntax"},
    {"exponent without digits", "1e", "json.syntax"},
    {"minus alone", "-", "json.syntax"},
    {"NaN", "NaN", "json.syntax"},
    {"word cut", "tru", "json.syntax"},
    {"control character", "\"a\nb\"", "json.syntax"},
    {"unknown escape", "\"\\x41\"", "json.syntax"},
    {"escape with a NUL", "\"\\\0\"", "json.syntax"},
    {"first half of a pair", "\"\\ud83d\"", "json.encoding"},
    {"second half of a pair", "\"\\ude00\"", "json.encoding"},
    {"Latin-1", "\"\xe9\"", "json.encoding"},
    {"overlong", "\"\xc0\xaf\"", "json.encoding"},
    {"surrogate in UTF-8", "\"\xed\xa0\x80\"", "json.encoding"},
    {"beyond Unicode", "\"\xf4\x90\x80\x80\"", "json.encoding"},
};

/* Back to JSON, for a comparison with what jansson reads. */
static size_t write_value(struct buf *out, const struct tape *t, size_t at)
{
    const struct tape_value *v = &t->v[at];

    switch (v->kind) {
    case TAPE_ARRAY:
    case TAPE_OBJECT:
        buf_addc(out, v->kind == TAPE_ARRAY ? '[' : '{');
        size_t n = 0;
        for (size_t i = at + 1; i < v->next; n++) {
            if (n > 0)
                buf_addc(out, ',');
            i = write_value(out, t, i);
            if (v->kind == TAPE_OBJECT) {
                buf_addc(out, ':');
                i = write_value(out, t, i);
            }
        }
        assert_int_equal(n, v->count);
        buf_addc(out, v->kind == TAPE_ARRAY ? ']' : '}');
        break;
    case TAPE_STRING: {
        struct buf text = {0};
        tape_add_text(&text, v);
        buf_add_json(out, buf_str(&text), text.len);
        buf_fini(&text);
        break;
    }
    default:
        buf_add(out, v->p, v->len);
    }
    return v->next;
}

static void reads_what_json_is_and_nothing_else(void **state)
{
    struct tape tape = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        size_t len = strcmp(cases[i].name, "escape with a NUL") == 0 ? 4 : strlen(cases[i].text);
        int rc = tape_read(&tape, cases[i].text, len, 0, &err);
        if ((rc == 0) != (cases[i].code == NULL) ||
            (rc < 0 && strcmp(err.code, cases[i].code) != 0))
            fail_msg("%s: %d %s %s", cases[i].name, rc, err.code, err.text);
        if (rc < 0)
            continue;
        struct buf back = {0};
        write_value(&back, &tape, 0);
        if (strchr(cases[i].text, '9') != NULL && i == 0) { /* too long for jansson */
            assert_string_equal(buf_str(&back), cases[i].text);
        } else {
            json_t *a = json_parse(cases[i].text, len, NULL);
            json_t *b = json_parse(buf_str(&back), back.len, NULL);
            if (a == NULL || !json_equal(a, b))
                fail_msg("%s: %s", cases[i].name, buf_str(&back));
            json_decref(a);
            json_decref(b);
        }
        buf_fini(&back);
    }
    tape_fini(&tape);
}

static void every_beginning_of_a_text_is_refused(void **state)
{
    static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\xc3\xa9\",{\"b\":null}],\"c\":true}";
    struct tape tape = {0};

    (void)state;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        struct err err = {0};
        char *exact = malloc(len + 1); /* so that a sanitizer sees a look beyond the end */
        assert_non_null(exact);
        memcpy(exact, text, len);
        exact = realloc(exact, len > 0 ? len : 1);
        if (tape_read(&tape, exact, len, 0, &err) == 0)
            fail_msg("%zu bytes are taken for the whole", len);
        free(exact);
    }
    tape_fini(&tape);
}

static void depth_has_a_limit(void **state)
{
    struct buf text = {0};
    struct tape tape = {0};
    struct err err = {0};

    (void)state;
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_addc(&text, '[');
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_addc(&text, ']');
    assert_int_equal(tape_read(&tape, buf_str(&text), text.len, 0, &err), 0);
    buf_reset(&text);
    for (int i = 0; i < 100000; i++)
        buf_addc(&text, '[');
    assert_int_equal(tape_read(&tape, buf_str(&text), text.len, 0, &err), -1);
    assert_string_equal(err.code, "json.depth");
    buf_fini(&text);
    tape_fini(&tape);
}

static void members_numbers_and_words(void **state)
{
    static const char text[] = "{\"n\\u0061me\":\"x\",\"n\":-9223372036854775808,"
                               "\"big\":9223372036854775808,\"w\":[NaN,Infinity,-Infinity]}";
    struct tape tape = {0};
    struct err err = {0};
    int64_t n;

    (void)state;
    assert_int_equal(tape_read(&tape, text, sizeof text - 1, TAPE_NONFINITE, &err), 0);
    assert_true(tape_is(tape_member(&tape, 0, "name"), "x"));
    assert_null(tape_member(&tape, 0, "nam"));
    assert_null(tape_member(&tape, 1, "name"));
    assert_true(tape_int(tape_member(&tape, 0, "n"), &n));
    assert_true(n == INT64_MIN);
    assert_false(tape_int(tape_member(&tape, 0, "big"), &n));
    size_t w = tape_index(&tape, tape_member(&tape, 0, "w"));
    assert_int_equal(tape.v[w + 1].kind, TAPE_NAN);
    assert_int_equal(tape.v[w + 2].kind, TAPE_INFINITY);
    assert_int_equal(tape.v[w + 3].kind, TAPE_MINUS_INFINITY);
    assert_int_equal(tape.v[w].count, 3);
    tape_fini(&tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_json_is_and_nothing_else),
        cmocka_unit_test(every_beginning_of_a_text_is_refused),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(members_numbers_and_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
