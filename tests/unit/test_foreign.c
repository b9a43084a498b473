/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "snapshot/foreign.h"

#include <string.h>

/* want: label and properties with a '|' between; NULL: left out. The first eleven are what
 * Neo4j 4.4 says of such names. */
static const struct {
    const char *name, *text, *want;
} cases[] = {
    {"one property", "CONSTRAINT ON ( b:B ) ASSERT (b.x) IS UNIQUE", "B|x"},
    {"blanks", "CONSTRAINT ON ( x y:x y ) ASSERT (x y.a`b, x y.z) IS UNIQUE", "x y|a`b|z"},
    {"a backtick inside", "CONSTRAINT ON ( tick`t:tick`t ) ASSERT (tick`t.x) IS UNIQUE",
     "tick`t|x"},
    {"not ASCII", "CONSTRAINT ON ( ärger:Ärger ) ASSERT (ärger.ö) IS UNIQUE", "Ärger|ö"},
    {"a comma in a property", "CONSTRAINT ON ( `x:y`:`x:y` ) ASSERT (`x:y`.a, b) IS UNIQUE",
     "x:y|a, b"},
    {"a character of two halves", "CONSTRAINT ON ( 😀:😀 ) ASSERT (😀.😀) IS UNIQUE", "😀|😀"},
    {"a digit first", "CONSTRAINT ON ( 1a:1a ) ASSERT (1a.1a) IS UNIQUE", "1a|1a"},
    {"the text's own words",
     "CONSTRAINT ON ( a) assert:a) ASSERT ) ASSERT (a) assert.SET) IS UNIQUE", "a) ASSERT|SET"},
    {"a word of Cypher", "CONSTRAINT ON ( set:SET ) ASSERT (set.a-b) IS UNIQUE", "SET|a-b"},
    {"quotes and backslash", "CONSTRAINT ON ( _x:_x ) ASSERT (_x.A \\ \"') IS UNIQUE",
     "_x|A \\ \"'"},
    {"lines", "CONSTRAINT ON ( a\nb:a\nb ) ASSERT (a\nb.\n) IS UNIQUE", "a\nb|\n"},
    {"Neo4j 3", "CONSTRAINT ON ( book:Book ) ASSERT book.isbn IS UNIQUE", "Book|isbn"},
    {"another variable", "CONSTRAINT ON ( e:B ) ASSERT (e.x, e.y) IS UNIQUE", "B|x|y"},
    {"backticks, doubled", "CONSTRAINT ON ( e:`a``b` ) ASSERT (e.`c, e.d`, e.```e```) IS UNIQUE",
     "a`b|c, e.d|`e`"},
    {"a bracket in a property", "CONSTRAINT ON ( e:B ) ASSERT (e.x)) IS UNIQUE", "B|x)"},
    {"no Cypher", "CONSTRAINT ON ( e:B) DETACH DELETE e // ) ASSERT (e.x) IS UNIQUE",
     "B) DETACH DELETE e //|x"},
    {"node key", "CONSTRAINT ON ( b:B ) ASSERT (b.x) IS NODE KEY", NULL},
    {"existence", "CONSTRAINT ON ( b:B ) ASSERT exists(b.x)", NULL},
    {"existence, newer", "CONSTRAINT ON ( b:B ) ASSERT (b.x) IS NOT NULL", NULL},
    {"of relationships", "CONSTRAINT ON ()-[ r:R ]-() ASSERT (r.x) IS UNIQUE", NULL},
    {"newer form", "CONSTRAINT FOR (b:B) REQUIRE (b.x) IS UNIQUE", NULL},
    {"two variables", "CONSTRAINT ON ( b:B ) ASSERT (c.x) IS UNIQUE", NULL},
    {"two variables later", "CONSTRAINT ON ( b:B ) ASSERT (b.`x`, c.y) IS UNIQUE", NULL},
    {"two without bracket", "CONSTRAINT ON ( b:B ) ASSERT b.x, b.y IS UNIQUE", NULL},
    {"bracket left open", "CONSTRAINT ON ( b:B ) ASSERT (b.x IS UNIQUE", NULL},
    {"two labels", "CONSTRAINT ON ( b:B:C ) ASSERT (b.x) IS UNIQUE", NULL},
    {"no label", "CONSTRAINT ON ( b: ) ASSERT (b.x) IS UNIQUE", NULL},
    {"no variable", "CONSTRAINT ON ( :B ) ASSERT (.x) IS UNIQUE", NULL},
    {"no property", "CONSTRAINT ON ( b:B ) ASSERT (b.) IS UNIQUE", NULL},
    {"nothing in the bracket", "CONSTRAINT ON ( b:B ) ASSERT () IS UNIQUE", NULL},
    {"no assertion", "CONSTRAINT ON ( b:B ) IS UNIQUE", NULL},
    {"empty backticks", "CONSTRAINT ON ( b:B ) ASSERT (b.``) IS UNIQUE", NULL},
    {"backticks left open", "CONSTRAINT ON ( b:`B ) ASSERT (b.x) IS UNIQUE", NULL},
    {"more after backticks", "CONSTRAINT ON ( b:B ) ASSERT (b.`x` OR b.y) IS UNIQUE", NULL},
    {"more at the end", "CONSTRAINT ON ( b:B ) ASSERT (b.x) IS UNIQUE SET b.y = 1", NULL},
    {"more before it", " CONSTRAINT ON ( b:B ) ASSERT (b.x) IS UNIQUE", NULL},
    {"head and tail meet", "CONSTRAINT ON ( IS UNIQUE", NULL},
    {"head alone", "CONSTRAINT ON ( ", NULL},
    {"anything", "MATCH (n) DETACH DELETE n", NULL},
};

/* "A|x|y" of the only constraint; "" where there is none. */
static void told(struct buf *out, const json_t *schema)
{
    const json_t *c = json_array_get(json_object_get(schema, "constraints"), 0), *item;
    size_t i;

    assert_int_equal(json_array_size(json_object_get(schema, "indexes")), 0);
    if (c == NULL)
        return;
    assert_string_equal(json_text(c, "type"), "UNIQUENESS");
    assert_string_equal(json_text(c, "entity"), "NODE");
    assert_int_equal(json_array_size(json_object_get(c, "labels")), 1);
    buf_adds(out, json_string_value(json_array_get(json_object_get(c, "labels"), 0)));
    json_array_foreach (json_object_get(c, "properties"), i, item)
        buf_addf(out, "|%s", json_string_value(item));
}

static void texts_of_the_exact_form_are_constraints(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *texts = json_pack("[s]", cases[i].text), *names = json_pack("[s]", "one");
        json_t *left_out = json_array(), *schema = foreign_typed(texts, names, left_out);
        struct buf got = {0};
        bool taken = cases[i].want != NULL;
        told(&got, schema);
        if (strcmp(buf_str(&got), taken ? cases[i].want : "") != 0 ||
            json_array_size(left_out) != (taken ? 0 : 1))
            fail_msg("%s: got %s, %zu left out", cases[i].name, buf_str(&got),
                     json_array_size(left_out));
        if (!taken)
            assert_string_equal(json_string_value(json_array_get(left_out, 0)), cases[i].text);
        buf_fini(&got);
        json_decref(schema);
        json_decref(left_out);
        json_decref(names);
        json_decref(texts);
    }
}

/* Names: from the list, else of the text alone; one that is there already is not lost in silence.
 */
static const struct {
    const char *name, *file, *names, *want, *left_out;
} lists[] = {
    {"names in order",
     "[\"CONSTRAINT ON ( b:B ) ASSERT (b.x) IS UNIQUE\", "
     "\"CONSTRAINT ON ( c:C ) ASSERT (c.x) IS UNIQUE\"]",
     "[\"one\", \"two\"]", "one:B|x two:C|x", "[]"},
    {"a name too few",
     "[\"CONSTRAINT ON ( b:B ) ASSERT (b.x) IS UNIQUE\", "
     "\"CONSTRAINT ON ( c:C ) ASSERT (c.x) IS UNIQUE\"]",
     "[\"one\"]", "one:B|x constraint_2fb848f1518a5121:C|x", "[]"},
    {"what is left out has a name too",
     "[\"CONSTRAINT ON ( b:B ) ASSERT exists(b.x)\", "
     "\"CONSTRAINT ON ( c:C ) ASSERT (c.x) IS UNIQUE\"]",
     "[\"one\", \"two\"]", "two:C|x", "[\"CONSTRAINT ON ( b:B ) ASSERT exists(b.x)\"]"},
    {"a name twice",
     "[\"CONSTRAINT ON ( b:B ) ASSERT (b.x) IS UNIQUE\", "
     "\"CONSTRAINT ON ( c:C ) ASSERT (c.x) IS UNIQUE\"]",
     "[\"one\", \"one\"]", "one:B|x", "[\"CONSTRAINT ON ( c:C ) ASSERT (c.x) IS UNIQUE\"]"},
    {"no text", "[1, {\"a\": null}, \"\"]", "[]", "",
     "[\"1\", \"{\\\"a\\\":null}\", \"\\\"\\\"\"]"},
    {"NUL", "[\"CONSTRAINT ON ( b:B ) ASSERT (b.\\u0000) IS UNIQUE\"]", "[\"one\"]", "",
     "[\"\\\"CONSTRAINT ON ( b:B ) ASSERT (b.\\\\u0000) IS UNIQUE\\\"\"]"},
    {"our own",
     "[\"CONSTRAINT ON ( __db_sync:__db_sync ) ASSERT (__db_sync.topic, "
     "__db_sync.partition) IS UNIQUE\"]",
     "[\"__db_sync_position\"]", "", "[]"},
    {"empty", "[]", "[]", "", "[]"},
    {"literal", "[{\"node_label\": \"B\", \"node_prop\": \"x\", \"constraint_name\": \"one\"}]",
     NULL, "one:B|x", "[]"},
    {"literal, flattened",
     "[{\"node_label\": \"B\", \"node_prop\": \"x\", \"constraint_name\": \"one\"}, "
     "{\"node_label\": \"a b\", \"node_prop\": \"`\", \"constraint_name\": \"two x\"}, "
     "{\"node_label\": \"B\", \"node_prop\": \"y\", \"constraint_name\": \"one\"}]",
     NULL, "one:B|x|y two x:a b|`", "[]"},
    {"literal, a name of two labels",
     "[{\"node_label\": \"B\", \"node_prop\": \"x\", \"constraint_name\": \"one\"}, "
     "{\"constraint_name\": \"one\", \"node_label\": \"C\", \"node_prop\": \"x\"}]",
     NULL, "one:B|x",
     "[\"{\\\"constraint_name\\\":\\\"one\\\",\\\"node_label\\\":\\\"C\\\",\\\"node_prop\\\":"
     "\\\"x\\\"}\"]"},
    {"literal, no objects of that form",
     "[{\"node_label\": 1, \"node_prop\": \"x\", \"constraint_name\": \"one\"}, \"x\", "
     "{\"node_label\": \"B\", \"constraint_name\": \"one\"}]",
     NULL, "",
     "[\"{\\\"node_label\\\":1,\\\"node_prop\\\":\\\"x\\\",\\\"constraint_name\\\":\\\"one\\\"}\", "
     "\"x\", \"{\\\"node_label\\\":\\\"B\\\",\\\"constraint_name\\\":\\\"one\\\"}\"]"},
    {"literal, our own",
     "[{\"node_label\": \"__db_sync\", \"node_prop\": \"topic\", "
     "\"constraint_name\": \"__db_sync_position\"}, "
     "{\"node_label\": \"__db_sync\", \"node_prop\": \"partition\", "
     "\"constraint_name\": \"__db_sync_position\"}]",
     NULL, "", "[]"},
};

static void add_constraints(struct buf *out, const json_t *schema)
{
    const json_t *c, *item;
    size_t i, j;

    json_array_foreach (json_object_get(schema, "constraints"), i, c) {
        buf_addf(out, "%s%s:%s", i > 0 ? " " : "", json_text(c, "name"),
                 json_string_value(json_array_get(json_object_get(c, "labels"), 0)));
        json_array_foreach (json_object_get(c, "properties"), j, item)
            buf_addf(out, "|%s", json_string_value(item));
    }
}

static void lists_give_schemas(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lists); i++) {
        json_t *file = json_loads(lists[i].file, JSON_ALLOW_NUL, NULL), *left_out = json_array();
        json_t *names = lists[i].names != NULL ? json_loads(lists[i].names, 0, NULL) : NULL;
        json_t *schema =
            names != NULL ? foreign_typed(file, names, left_out) : foreign_literal(file, left_out);
        json_t *want = json_loads(lists[i].left_out, 0, NULL);
        struct buf got = {0};
        assert_non_null(file);
        assert_non_null(want);
        add_constraints(&got, schema);
        if (strcmp(buf_str(&got), lists[i].want) != 0 || !json_equal(left_out, want)) {
            char *left = json_dumps(left_out, 0);
            fail_msg("%s: got %s, left out %s", lists[i].name, buf_str(&got), left);
        }
        buf_fini(&got);
        json_decref(want);
        json_decref(schema);
        json_decref(names);
        json_decref(left_out);
        json_decref(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_the_exact_form_are_constraints),
        cmocka_unit_test(lists_give_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
