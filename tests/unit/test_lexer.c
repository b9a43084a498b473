/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/keyword.h"
#include "cypher/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One letter a kind: Word, Quoted name, String, Integer, Float, Parameter, ! invalid; punctuation
 * stands for itself. Small i and f: a number that is not plain; small s and q: escaped. */
static void describe(const char *text, size_t len, char *out, size_t size)
{
    struct lexer lexer;
    struct lexer_token t;
    size_t used = 0, end = 0;

    lexer_init(&lexer, text, len);
    for (lexer_next(&lexer, &t); t.kind != LEXER_END; lexer_next(&lexer, &t)) {
        char c = "_WQSIFP.!"[t.kind];
        assert_true(t.len > 0 && t.start >= end && t.start + t.len <= len);
        end = t.start + t.len;
        if ((t.kind == LEXER_INTEGER || t.kind == LEXER_FLOAT) && !t.plain)
            c = (char)(c | 32);
        if ((t.kind == LEXER_STRING || t.kind == LEXER_QUOTED_NAME) && t.escaped)
            c = (char)(c | 32);
        if (used > 0 && used < size)
            out[used++] = ' ';
        if (used + t.len + 3 > size)
            break;
        if (t.kind != LEXER_PUNCTUATION) {
            out[used++] = c;
            out[used++] = ':';
        }
        memcpy(out + used, text + t.start, t.len);
        used += t.len;
    }
    out[used] = '\0';
    lexer_next(&lexer, &t);
    assert_int_equal(t.kind, LEXER_END);
}

static const struct {
    const char *name, *text, *tokens;
} cases[] = {
    {"empty", "", ""},
    {"blanks and comments", " \t\r\n/* a */ // b\n/**/", ""},
    {"comment to the end", "a // b", "W:a"},
    {"a carriage return ends a comment", "// a\rb", "W:b"},
    {"comments do not nest", "/* /* */ a", "W:a"},
    {"star before the end", "/***/ a /* **/ b", "W:a W:b"},
    {"slash star slash is open", "/*/ a", "!:/*/ a"},
    {"open comment", "a /* b", "W:a !:/* b"},
    {"words", "MATCH n_1 _x", "W:MATCH W:n_1 W:_x"},
    {"letters beyond ASCII",
     "\xC3\xA9"
     "1 a\xE4\xB8\xAD",
     "W:\xC3\xA9"
     "1 W:a\xE4\xB8\xAD"},
    {"no-break space",
     "a\xC2\xA0"
     "b",
     "W:a W:b"},
    {"line separator, ideographic space",
     "a\xE2\x80\xA8"
     "b\xE3\x80\x80"
     "c",
     "W:a W:b W:c"},
    {"zero width space is part of a name",
     "a\xE2\x80\x8B"
     "b",
     "W:a\xE2\x80\x8B"
     "b"},
    {"next line differs between versions",
     "a\xC2\x85"
     "b",
     "W:a !:\xC2\x85 W:b"},
    {"soft hyphen differs between versions",
     "a\xC2\xAD"
     "b",
     "W:a !:\xC2\xAD W:b"},
    {"control characters",
     "a\x01"
     "b\x7F",
     "W:a !:\x01 W:b !:\x7F"},
    {"file separator is a blank",
     "a\x1C"
     "b",
     "W:a W:b"},
    {"dash and arrow heads", "\xE2\x80\x93 \xE2\x9F\xA8 \xE2\x9F\xA9",
     "\xE2\x80\x93 \xE2\x9F\xA8 \xE2\x9F\xA9"},
    {"quoted names", "`a b` `` `a``b`", "Q:`a b` Q:`` q:`a``b`"},
    {"open backtick", "a `b", "W:a !:`b"},
    {"open after a doubled backtick", "`a``", "!:`a``"},
    {"strings", "'a' \"b\" ''", "S:'a' S:\"b\" S:''"},
    {"quotes inside", "'a\"b' \"a'b\"", "S:'a\"b' S:\"a'b\""},
    {"escapes", "'a\\'b' '\\\\' \"\\\"\"", "s:'a\\'b' s:'\\\\' s:\"\\\"\""},
    {"no doubled quotes", "'it''s'", "S:'it' S:'s'"},
    {"line break inside", "'a\nb'", "S:'a\nb'"},
    {"comment inside", "'/*' '//'", "S:'/*' S:'//'"},
    {"open string", "a 'b", "W:a !:'b"},
    {"open by an escape", "'a\\'", "!:'a\\'"},
    {"escape at the end", "'a\\", "!:'a\\"},
    {"integers", "0 1 42 9223372036854775808", "I:0 I:1 I:42 I:9223372036854775808"},
    {"odd integers", "017 08 0x1F 0X1F 0o17 0b1 1_000 1_ 1__0 1e 1x",
     "i:017 i:08 i:0x1F i:0X1F i:0o17 i:0b1 i:1_000 i:1_ i:1__0 i:1e i:1x"},
    {"floats", "1.5 .5 1e3 1E+3 1.5e-3 0.0 0e5", "F:1.5 F:.5 F:1e3 F:1E+3 F:1.5e-3 F:0.0 F:0e5"},
    {"odd floats", "1.5f 1.5d 1_0.5_0 00.5 1e+3x 1.5_",
     "f:1.5f f:1.5d f:1_0.5_0 f:00.5 f:1e+3x f:1.5_"},
    {"integer and dot", "5. 1.e3 1..3 1...5", "I:5 . I:1 . W:e3 I:1 .. I:3 I:1 .. F:.5"},
    {"half exponents", "1e+ 1.5e", "i:1e + f:1.5e"},
    {"version", "1.5.3", "F:1.5 F:.3"},
    {"parameters", "$p $0 $1a $`a b` $ /*c*/ p $\n`q`",
     "P:$p P:$0 P:$1a P:$`a b` P:$ /*c*/ p P:$\n`q`"},
    {"dynamic label", ":$('a') :$all(b)", ": $ ( S:'a' ) : P:$all ( W:b )"},
    {"two dollars", "$$a", "$ P:$a"},
    {"open parameter name", "$`a", "$ !:`a"},
    {"dollar and open comment", "$/*", "$ !:/*"},
    {"a dollar in a name differs between versions", "a$b", "W:a !:$ W:b"},
    {"behind a name", "WITH n AS n$ DELETE n", "W:WITH W:n W:AS W:n !:$ W:DELETE W:n"},
    {"behind a number", "1$a", "I:1 !:$ W:a"},
    {"behind a parameter", "$a$b", "P:$a !:$ W:b"},
    {"operators", "..::+==~<>!=<=>=||", ".. :: += =~ <> != <= >= ||"},
    {"arrows are not put together", "a<-b->c--d", "W:a < - W:b - > W:c - - W:d"},
    {"single ones", "|:,/.=&![{<(-%+^?]})*;>", "| : , / . = & ! [ { < ( - % + ^ ? ] } ) * ; >"},
    {"interpolated string", "s'a{b}' S\"x\" xs'a'", "!:s' W:a { W:b } S:' S\"x\" xs' W:a !:'"},
    {"unknown characters", "# @ ~ \\", "!:# !:@ !:~ !:\\"},
    {"cut in a character", "a\xE2\x80", "W:a\xE2\x80"},
};

static void tokens_are_those_of_the_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[512];
        describe(cases[i].text, strlen(cases[i].text), got, sizeof got);
        if (strcmp(got, cases[i].tokens) != 0)
            fail_msg("%s: got %s", cases[i].name, got);
    }
}

static void nul_is_no_end(void **state)
{
    char got[64];

    (void)state;
    describe("a\0b", 3, got, sizeof got);
    assert_memory_equal(got, "W:a !:\0 W:b", 11);
    describe("'\0' //\0\nb", 9, got, sizeof got);
    assert_memory_equal(got, "S:'\0' W:b", 9);
}

/* Each text cut at every byte: no read beyond the cut (the copy has its exact size). */
static void any_cut_is_survived(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t len = 0; len <= strlen(cases[i].text); len++) {
            char got[512], *copy = malloc(len > 0 ? len : 1);
            assert_non_null(copy);
            memcpy(copy, cases[i].text, len);
            describe(copy, len, got, sizeof got);
            free(copy);
        }
}

static void names_lose_their_quotes(void **state)
{
    static const struct {
        const char *text, *name;
    } rows[] = {{"abc", "abc"}, {"`a b`", "a b"}, {"$p", "p"}, {"$ /*`*/ `q`", "q"}, {"``", ""}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lexer lexer;
        struct lexer_token t;
        size_t len;
        lexer_init(&lexer, rows[i].text, strlen(rows[i].text));
        lexer_next(&lexer, &t);
        const char *name = lexer_name(&lexer, &t, &len);
        if (len != strlen(rows[i].name) || memcmp(name, rows[i].name, len) != 0)
            fail_msg("%s: got %.*s", rows[i].text, (int)len, name);
    }
}

static const struct {
    const char *name, *text;
    enum lexer_unicode outcome;
    const char *decoded;
} unicodes[] = {
    {"none", "RETURN 'a'", LEXER_UNICODE_NONE, ""},
    {"other escapes", "'\\n\\\\'", LEXER_UNICODE_NONE, ""},
    {"safe", "'\\\\u0041'", LEXER_UNICODE_NONE, ""},
    {"plain", "\\u0041", LEXER_UNICODE_DECODED, "A"},
    {"three backslashes", "\\\\\\u0041", LEXER_UNICODE_DECODED, "\\\\A"},
    {"a quote", "'a\\u0027 + \\u0027b'", LEXER_UNICODE_DECODED, "'a' + 'b'"},
    {"in a keyword", "EXPLA\\u0049N", LEXER_UNICODE_DECODED, "EXPLAIN"},
    {"a decoded backslash escapes nothing", "\\u005c\\u0041", LEXER_UNICODE_DECODED, "\\A"},
    {"a decoded backslash does not decode", "\\u005cu0041", LEXER_UNICODE_DECODED, "\\u0041"},
    {"two and three bytes", "\\u00e9\\u4E2D", LEXER_UNICODE_DECODED, "\xC3\xA9\xE4\xB8\xAD"},
    {"pair", "\\uD83D\\uDE00", LEXER_UNICODE_DECODED, "\xF0\x9F\x98\x80"},
    {"half a pair", "\\ud83dx", LEXER_UNICODE_DECODED, "\xED\xA0\xBDx"},
    {"halves the wrong way round", "\\ude00\\ud83d", LEXER_UNICODE_DECODED,
     "\xED\xB8\x80\xED\xA0\xBD"},
    {"surplus u", "\\uu0041", LEXER_UNICODE_ODD, ""},
    {"short", "\\u004", LEXER_UNICODE_ODD, ""},
    {"no digits", "\\u", LEXER_UNICODE_ODD, ""},
    {"sign", "\\u+041", LEXER_UNICODE_ODD, ""},
    {"odd behind a good one", "\\u0041\\u00g1", LEXER_UNICODE_ODD, ""},
    {"backslash at the end", "a\\", LEXER_UNICODE_NONE, ""},
};

static void unicode_is_decoded_as_by_the_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof unicodes / sizeof unicodes[0]; i++) {
        struct buf out = {0};
        enum lexer_unicode outcome =
            lexer_decode_unicode(unicodes[i].text, strlen(unicodes[i].text), &out);
        if (outcome != unicodes[i].outcome || strcmp(buf_str(&out), unicodes[i].decoded) != 0)
            fail_msg("%s: got %d, %s", unicodes[i].name, (int)outcome, buf_str(&out));
        buf_fini(&out);
    }
}

static void nul_is_decoded(void **state)
{
    struct buf out = {0};

    (void)state;
    assert_int_equal(lexer_decode_unicode("a\\u0000b", 8, &out), LEXER_UNICODE_DECODED);
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.data, "a\0b", 3);
    buf_fini(&out);
}

/* A table that is not sorted would hide words. */
static void each_keyword_is_found(void **state)
{
    static const char *const words[] = {
        "alias",     "AND",           "as",           "call",    "Case",         "create", "cypher",
        "delete",    "detach",        "drop",         "explain", "grant",        "in",     "index",
        "load",      "NOT",           "or",           "profile", "relationship", "return", "show",
        "terminate", "toFloatOrNull", "transactions", "union",   "uniqueness",   "use",    "using",
        "vector",    "with",          "xor",          "yield",   "start",        "stop",   "starts",
        "all",       "end",           "ends",         "role",    "roles",        "user",   "users",
        "databases", "constraints"};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (keyword_find(words[i], strlen(words[i])).keyword == KEYWORD_NONE)
            fail_msg("%s", words[i]);
    assert_int_equal(keyword_find("x", 1).keyword, KEYWORD_NONE);
    assert_int_equal(keyword_find("delete\0", 7).keyword, KEYWORD_NONE);
    assert_int_equal(keyword_find("administratively", 16).keyword, KEYWORD_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_those_of_the_servers),
        cmocka_unit_test(nul_is_no_end),
        cmocka_unit_test(any_cut_is_survived),
        cmocka_unit_test(names_lose_their_quotes),
        cmocka_unit_test(unicode_is_decoded_as_by_the_server),
        cmocka_unit_test(nul_is_decoded),
        cmocka_unit_test(each_keyword_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
