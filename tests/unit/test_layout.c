/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as Neo4j sends them, through both layouts and back. */
#include "unit.h"

#include "base/hash.h"
#include "snapshot/digest.h"
#include "snapshot/jolt_row.h"
#include "snapshot/layout.h"
#include "snapshot/layout_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE(labels, props) "{\"data\":[{\"()\":[7,[" labels "],{" props "}]}]}"
#define RELATIONSHIP(type, props) "{\"data\":[{\"->\":[3,7,\"" type "\",8,{" props "}]}]}"

static const struct {
    const char *name, *jolt, *typed, *literal;
} cases[] = {
    {"plain values", NODE("\"b\",\"A\"", "\"s\":\"x\",\"i\":12,\"f\":{\"R\":\"1.5\"},\"t\":true"),
     "{\"node_id\": 7, \"node_labels\": [\"A\", \"b\"], \"node_props\": {\"f\": 1.5, \"i\": 12, "
     "\"s\": \"x\", \"t\": true}, \"node_props_types\": {\"f\": \"float\", \"i\": \"int\", \"s\": "
     "\"str\", \"t\": \"bool\"}}",
     "{\"node_id\": 7, \"node_labels\": \"A:b\", \"node_props\": {\"f\": 1.5, \"i\": 12, \"s\": "
     "\"x\", \"t\": true}, \"hash_props\": {}}"},
    {"element id", "{\"data\":[{\"()\":[\"4:0aff:12\",[\"L\"],{}]}]}",
     "{\"node_id\": 12, \"node_labels\": [\"L\"], \"node_props\": {}, \"node_props_types\": {}}",
     "{\"node_id\": 12, \"node_labels\": \"L\", \"node_props\": {}, \"hash_props\": {}}"},
    {"labels by lower case", NODE("\"B\",\"a\",\"C\",\"ab\"", ""),
     "{\"node_id\": 7, \"node_labels\": [\"a\", \"ab\", \"B\", \"C\"], \"node_props\": {}, "
     "\"node_props_types\": {}}",
     "{\"node_id\": 7, \"node_labels\": \"a:ab:B:C\", \"node_props\": {}, \"hash_props\": {}}"},
    {"no label", NODE("", ""),
     "{\"node_id\": 7, \"node_labels\": [\"_unlabelled\"], \"node_props\": {}, "
     "\"node_props_types\": {}, \"cypherlog\": {\"labels\": []}}",
     "{\"node_id\": 7, \"node_labels\": \"_unlabelled\", \"node_props\": {}, \"hash_props\": {}, "
     "\"cypherlog\": {\"labels\": []}}"},
    {"odd label and key", NODE("\"A\",\"x:y\"", "\"my key\":1"),
     "{\"node_id\": 7, \"node_labels\": [\"A\"], \"node_props\": {}, \"node_props_types\": {}, "
     "\"cypherlog\": {\"labels\": [\"A\", \"x:y\"], \"props\": {\"my key\": 1}}}",
     "{\"node_id\": 7, \"node_labels\": \"A\", \"node_props\": {\"my key\": 1}, \"hash_props\": "
     "{}, "
     "\"cypherlog\": {\"labels\": [\"A\", \"x:y\"]}}"},
    {"letters beyond ASCII", NODE("\"\xc3\x84\xd0\xb6\"", "\"k\":\"\xf0\x9f\x98\x80\""),
     "{\"node_id\": 7, \"node_labels\": [\"\\u00c4\\u0436\"], \"node_props\": {\"k\": "
     "\"\\ud83d\\ude00\"}, \"node_props_types\": {\"k\": \"str\"}}",
     "{\"node_id\": 7, \"node_labels\": \"\\u00c4\\u0436\", \"node_props\": {\"k\": "
     "\"\\ud83d\\ude00\"}, \"hash_props\": {}}"},
    {"big integer",
     NODE("\"A\"", "\"i\":{\"Z\":\"-9223372036854775808\"},\"j\":{\"R\":\"2147483647\"}"),
     "{\"node_id\": 7, \"node_labels\": [\"A\"], \"node_props\": {\"i\": -9223372036854775808, "
     "\"j\": "
     "2147483647}, \"node_props_types\": {\"i\": \"int\", \"j\": \"int\"}}",
     "{\"node_id\": 7, \"node_labels\": \"A\", \"node_props\": {\"i\": -9223372036854775808, "
     "\"j\": "
     "2147483647}, \"hash_props\": {}}"},
    {"no JSON number", NODE("\"A\"", "\"f\":{\"R\":\"NaN\"},\"l\":[1.0,\"-Infinity\"]"),
     "{\"node_id\": 7, \"node_labels\": [\"A\"], \"node_props\": {}, \"node_props_types\": {}, "
     "\"cypherlog\": {\"props\": {\"f\": {\"$type\":\"Float\",\"_value\":\"NaN\"}, \"l\": "
     "[1.0,{\"$type\":\"Float\",\"_value\":\"-Infinity\"}]}}}",
     "{\"node_id\": 7, \"node_labels\": \"A\", \"node_props\": {}, \"hash_props\": {}, "
     "\"cypherlog\": {\"props\": {\"f\": {\"$type\":\"Float\",\"_value\":\"NaN\"}, \"l\": "
     "[1.0,{\"$type\":\"Float\",\"_value\":\"-Infinity\"}]}}}"},
    {"bytes", NODE("\"A\"", "\"b\":{\"#\":\"00FF10\"}"),
     "{\"node_id\": 7, \"node_labels\": [\"A\"], \"node_props\": {}, \"node_props_types\": {}, "
     "\"cypherlog\": {\"props\": {\"b\": {\"$type\":\"Base64\",\"_value\":\"AP8Q\"}}}}",
     "{\"node_id\": 7, \"node_labels\": \"A\", \"node_props\": {}, \"hash_props\": {}, "
     "\"cypherlog\": {\"props\": {\"b\": {\"$type\":\"Base64\",\"_value\":\"AP8Q\"}}}}"},
    {"times",
     NODE("\"A\"", "\"d\":{\"T\":\"2020-01-01\"},\"l\":{\"T\":\"12:00:00.5\"},\"o\":{\"T\":"
                   "\"12:00:00Z\"},\"z\":{\"T\":\"2020-07-01T12:00:00+02:00[Europe/Paris]\"}"),
     "{\"node_id\": 7, \"node_labels\": [\"A\"], \"node_props\": {\"d\": \"2020-01-01\", \"l\": "
     "\"12:00:00.500000000\", \"o\": \"12:00:00.000000000+00:00\", \"z\": "
     "\"2020-07-01T12:00:00.000000000+02:00[Europe/Paris]\"}, \"node_props_types\": {\"d\": "
     "\"date\", \"l\": \"time\", \"o\": \"time\", \"z\": \"datetime\"}}",
     "{\"node_id\": 7, \"node_labels\": \"A\", \"node_props\": {\"d\": \"$date('2020-01-01')\", "
     "\"l\": \"$time('12:00:00.500000000')\", \"o\": \"$time('12:00:00.000000000+00:00')\", \"z\": "
     "\"$datetime('2020-07-01T12:00:00.000000000+02:00[Europe/Paris]')\"}, \"hash_props\": {}}"},
    {"duration", NODE("\"A\"", "\"d\":{\"T\":\"P1Y2M-3DT-0.999999995S\"}"),
     "{\"node_id\": 7, \"node_labels\": [\"A\"], \"node_props\": {\"d\": {\"months\": 14, "
     "\"days\": "
     "-3, \"seconds\": -1, \"nanoseconds\": 5}}, \"node_props_types\": {\"d\": \"duration\"}}",
     "{\"node_id\": 7, \"node_labels\": \"A\", \"node_props\": {\"d\": "
     "\"$duration('P14M-3DT-0.999999995S')\"}, \"hash_props\": {}}"},
    {"points",
     NODE("\"A\"", "\"p\":{\"@\":\"SRID=7203;POINT(1.0 -0.0)\"},\"q\":{\"@\":\"SRID=4979;POINT Z "
                   "(2.0 1.0 3.0)\"}"),
     "{\"node_id\": 7, \"node_labels\": [\"A\"], \"node_props\": {\"p\": [1.0, -0.0], \"q\": [2.0, "
     "1.0, 3.0]}, \"node_props_types\": {\"p\": \"2d-cartesian-point\", \"q\": "
     "\"3d-WGS-84-point\"}}",
     "{\"node_id\": 7, \"node_labels\": \"A\", \"node_props\": {\"p\": \"$point({x: 1.0, y: -0.0, "
     "crs: 'cartesian'})\", \"q\": \"$point({x: 2.0, y: 1.0, z: 3.0, crs: 'wgs-84-3d'})\"}, "
     "\"hash_props\": {}}"},
    {"lists", NODE("\"A\"", "\"e\":[],\"i\":[1,2],\"t\":[{\"T\":\"2020-01-01\"}]"),
     "{\"node_id\": 7, \"node_labels\": [\"A\"], \"node_props\": {\"e\": [], \"i\": [1, 2], \"t\": "
     "[\"2020-01-01\"]}, \"node_props_types\": {\"e\": [], \"i\": [\"int\", \"int\"], \"t\": "
     "[\"date\"]}}",
     "{\"node_id\": 7, \"node_labels\": \"A\", \"node_props\": {\"e\": [], \"i\": [1, 2], \"t\": "
     "[\"$date('2020-01-01')\"]}, \"hash_props\": {}, \"cypherlog\": {\"props\": {\"t\": "
     "[{\"$type\":\"Date\",\"_value\":\"2020-01-01\"}]}}}"},
    {"text like a literal", NODE("\"A\"", "\"s\":\"$date(1)\",\"l\":[\"$date('2020-01-01')\"]"),
     "{\"node_id\": 7, \"node_labels\": [\"A\"], \"node_props\": {\"l\": "
     "[\"$date('2020-01-01')\"], "
     "\"s\": \"$date(1)\"}, \"node_props_types\": {\"l\": [\"str\"], \"s\": \"str\"}}",
     "{\"node_id\": 7, \"node_labels\": \"A\", \"node_props\": {\"l\": [\"$date('2020-01-01')\"], "
     "\"s\": \"e068909e2b7de691975780e0c654db8376b350c5282f341c099b7e10a4179091\"}, "
     "\"hash_props\": {\"s\": \"$date(1)\"}, \"cypherlog\": {\"props\": {\"l\": "
     "[\"$date('2020-01-01')\"]}}}"},
    {"what the typed importer would break at", NODE("\"A\"", "\"s\":\"a\\\\\",\"t\":\"a\\\\n\""),
     "{\"node_id\": 7, \"node_labels\": [\"A\"], \"node_props\": {\"t\": \"a\\\\n\"}, "
     "\"node_props_types\": {\"t\": \"str\"}, \"cypherlog\": {\"props\": {\"s\": \"a\\\\\"}}}",
     "{\"node_id\": 7, \"node_labels\": \"A\", \"node_props\": {\"s\": \"a\\\\\", \"t\": "
     "\"a\\\\n\"}, "
     "\"hash_props\": {}}"},
    {"relationship", RELATIONSHIP("T", "\"s\":\"$date(1)\""),
     "{\"rel_id\": 3, \"start_node_id\": 7, \"start_node_labels\": [\"A\"], \"end_node_id\": 8, "
     "\"end_node_labels\": [\"B\"], \"rel_type\": \"T\", \"rel_props\": {\"s\": \"$date(1)\"}, "
     "\"rel_props_types\": {\"s\": \"str\"}}",
     "{\"rel_id\": 3, \"start_node_id\": 7, \"end_node_id\": 8, \"rel_type\": \"T\", "
     "\"rel_props\": "
     "{}, \"hash_props\": {}, \"cypherlog\": {\"props\": {\"s\": \"$date(1)\"}}}"},
    {"odd type", RELATIONSHIP("a`b", ""),
     "{\"rel_id\": 3, \"start_node_id\": 7, \"start_node_labels\": [\"A\"], \"end_node_id\": 8, "
     "\"end_node_labels\": [\"B\"], \"rel_type\": \"`a``b`\", \"rel_props\": {}, "
     "\"rel_props_types\": {}, \"cypherlog\": {\"type\": \"a`b\"}}",
     "{\"rel_id\": 3, \"start_node_id\": 7, \"end_node_id\": 8, \"rel_type\": \"`a``b`\", "
     "\"rel_props\": {}, \"hash_props\": {}, \"cypherlog\": {\"type\": \"a`b\"}}"},
};

static bool same_slices(const struct entity *a, struct entity_slice x, const struct entity *b,
                        struct entity_slice y)
{
    return x.len == y.len && memcmp(entity_text(a, x), entity_text(b, y), x.len) == 0;
}

static void assert_same(const char *name, const struct entity *a, const struct entity *b)
{
    bool same = a->relationship == b->relationship && a->id == b->id && a->start == b->start &&
                a->end == b->end && a->label_count == b->label_count &&
                a->property_count == b->property_count;

    for (size_t i = 0; same && i < a->label_count; i++)
        same = same_slices(a, a->labels[i], b, b->labels[i]);
    for (size_t i = 0; same && i < a->property_count; i++)
        same = same_slices(a, a->properties[i].key, b, b->properties[i].key) &&
               same_slices(a, a->properties[i].value, b, b->properties[i].value);
    if (!same)
        fail_msg("%s: what was read is not what was written", name);
}

static void one_layout(const char *name, enum layout layout, const struct entity *e,
                       const char *expected)
{
    static const struct layout_ends ends = {"[\"A\"]", "[\"B\"]"};
    struct buf text = {0};
    struct tape tape = {0};
    struct entity back = {0};
    struct err err = {0};
    enum layout found;

    layout_write(&text, layout, e, e->id, e->relationship && layout == LAYOUT_TYPED ? &ends : NULL);
    if (strcmp(buf_str(&text), expected) != 0)
        fail_msg("%s: got\n%s\n, not\n%s", name, buf_str(&text), expected);
    if (tape_read(&tape, buf_str(&text), text.len, 0, &err) < 0 ||
        layout_read(&tape, 0, &back, &found, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    assert_int_equal(found, layout);
    assert_same(name, e, &back);
    buf_fini(&text);
    tape_fini(&tape);
    entity_fini(&back);
}

static void rows_come_back_from_both_layouts(void **state)
{
    struct tape tape = {0};
    struct entity e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        if (jolt_row_read(&tape, cases[i].jolt, strlen(cases[i].jolt), false, &e, &err) != 0)
            fail_msg("%s: %s", cases[i].name, err.text);
        one_layout(cases[i].name, LAYOUT_TYPED, &e, cases[i].typed);
        one_layout(cases[i].name, LAYOUT_LITERAL, &e, cases[i].literal);
    }
    tape_fini(&tape);
    entity_fini(&e);
}

/* What the older tool writes, and what nobody should; shown: our typed row, NULL when refused. */
static const struct {
    const char *name, *row, *shown;
} foreign[] = {
    {"splice in a literal",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{\"d\":\"$date('2020-01-01') SET n:X "
     "//\"},\"hash_props\":{}}",
     "{\"d\": \"$date('2020-01-01') SET n:X //\"}"},
    {"literal that is none",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{\"d\":\"$point({x: 1.0, y: 2.0, crs: "
     "'wgs-84-3d'})\"},\"hash_props\":{}}",
     "{\"d\": \"$point({x: 1.0, y: 2.0, crs: 'wgs-84-3d'})\"}"},
    {"bare NaN",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"f\":NaN},\"node_props_types\":{"
     "\"f\":"
     "\"float\"}}",
     "{}, \"node_props_types\": {}, \"cypherlog\": {\"props\": {\"f\": "
     "{\"$type\":\"Float\",\"_value\":\"NaN\"}}}"},
    {"float without a point",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"f\":2},\"node_props_types\":{\"f\":"
     "\"float\"}}",
     "{\"f\": 2.0}"},
    {"signs of a duration",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"d\":{\"months\":0,\"days\":0,"
     "\"seconds\":-1,\"nanoseconds\":-500000000}},\"node_props_types\":{\"d\":\"duration\"}}",
     "{\"d\": {\"months\": 0, \"days\": 0, \"seconds\": -2, \"nanoseconds\": 500000000}}"},
    {"list of durations as 0.2.4 writes it",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"d\":[{\"months\":[-1,1,0,-5],"
     "\"days\":[]},{\"months\":[-1,1,0,-5],\"days\":[]}]},\"node_props_types\":{\"d\":["
     "\"duration\",\"duration\"]}}",
     "{\"d\": [{\"months\": -1, \"days\": 1, \"seconds\": -1, \"nanoseconds\": 999999995}, "
     "{\"months\": 0, \"days\": 0, \"seconds\": 0, \"nanoseconds\": 0}]}"},
    {"the fifth of such durations",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"d\":[{\"months\":[]},1,1,1,"
     "{\"months\":[]}]},\"node_props_types\":{\"d\":[\"duration\",\"int\",\"int\",\"int\","
     "\"duration\"]}}",
     NULL},
    {"such a duration of three parts",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"d\":[{\"months\":[1,2,3]}]},"
     "\"node_props_types\":{\"d\":[\"duration\"]}}",
     NULL},
    {"texts of which one looks like a date",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{\"l\":[\"$date('2020-01-01')\",\"x\"]},"
     "\"hash_props\":{}}",
     "{\"l\": [\"$date('2020-01-01')\", \"x\"]}, \"node_props_types\": {\"l\": [\"str\", "
     "\"str\"]}"},
    {"texts that look like a date and a time",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{\"l\":[\"$date('2020-01-01')\","
     "\"$time('12:00:00Z')\"]},\"hash_props\":{}}",
     "{\"l\": [\"$date('2020-01-01')\", \"$time('12:00:00Z')\"]}, \"node_props_types\": {\"l\": "
     "[\"str\", \"str\"]}"},
    {"moments with and without zone name",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{\"l\":[\"$datetime('2020-01-01T12:00:"
     "00Z')\","
     "\"$datetime('2020-07-01T12:00:00+02:00[Europe/Paris]')\"]},\"hash_props\":{}}",
     "\"node_props_types\": {\"l\": [\"datetime\", \"datetime\"]}"},
    {"no type",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"f\":2},\"node_props_types\":{}}",
     NULL},
    {"unknown type",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"f\":2},\"node_props_types\":{\"f\":"
     "\"x\"}}",
     NULL},
    {"wrong type",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"f\":\"2\"},\"node_props_types\":{"
     "\"f\":\"int\"}}",
     NULL},
    {"text as a date",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"f\":\"x\"},\"node_props_types\":{"
     "\"f\":\"date\"}}",
     NULL},
    {"time as a date",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"f\":\"12:00:00\"},\"node_props_"
     "types\":{\"f\":\"date\"}}",
     NULL},
    {"types of a list",
     "{\"node_id\":1,\"node_labels\":[\"A\"],\"node_props\":{\"f\":[1,2]},\"node_props_types\":{"
     "\"f\":[\"int\"]}}",
     NULL},
    {"list in a list",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{\"f\":[[1]]},\"hash_props\":{}}", NULL},
    {"object",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{\"f\":{\"a\":1}},\"hash_props\":{}}",
     NULL},
    {"null", "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{\"f\":null},\"hash_props\":{}}",
     NULL},
    {"two of a key",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{\"f\":1,\"f\":2},\"hash_props\":{}}",
     NULL},
    {"two of a label",
     "{\"node_id\":1,\"node_labels\":\"A:A\",\"node_props\":{},\"hash_props\":{}}", NULL},
    {"empty label", "{\"node_id\":1,\"node_labels\":\"A::B\",\"node_props\":{},\"hash_props\":{}}",
     NULL},
    {"wrong hash",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{\"f\":\"00\"},\"hash_props\":{\"f\":\"$"
     "date(1)\"}}",
     NULL},
    {"no id", "{\"node_labels\":\"A\",\"node_props\":{},\"hash_props\":{}}", NULL},
    {"id is a text",
     "{\"node_id\":\"1\",\"node_labels\":\"A\",\"node_props\":{},\"hash_props\":{}}", NULL},
    {"id too big",
     "{\"node_id\":9223372036854775808,\"node_labels\":\"A\",\"node_props\":{},\"hash_props\":{}}",
     NULL},
    {"no hash_props", "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{}}", NULL},
    {"no end",
     "{\"rel_id\":1,\"start_node_id\":1,\"rel_type\":\"T\",\"rel_props\":{},\"hash_props\":{}}",
     NULL},
    {"no rel_type", "{\"start_node_id\":1,\"end_node_id\":1,\"rel_props\":{},\"hash_props\":{}}",
     NULL},
    {"no row", "[]", NULL},
    {"other object", "{}", NULL},
    {"own field",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{},\"hash_props\":{},\"cypherlog\":1}",
     NULL},
    {"own value",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{},\"hash_props\":{},\"cypherlog\":{"
     "\"props\":{\"a\":{\"$type\":\"Base64\",\"_value\":\"A\"}}}}",
     NULL},
    {"own type",
     "{\"node_id\":1,\"node_labels\":\"A\",\"node_props\":{},\"hash_props\":{},\"cypherlog\":{"
     "\"props\":{\"a\":{\"$type\":\"Date\",\"_value\":\"12:00:00\"}}}}",
     NULL},
};

static void rows_of_others(void **state)
{
    struct tape tape = {0};
    struct entity e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(foreign); i++) {
        struct err err = {0};
        enum layout layout;
        struct buf text = {0};
        if (tape_read(&tape, foreign[i].row, strlen(foreign[i].row), TAPE_NONFINITE, &err) < 0)
            fail_msg("%s: %s", foreign[i].name, err.text);
        if (layout_read(&tape, 0, &e, &layout, &err) < 0) {
            if (foreign[i].shown != NULL || err.class != ERR_DAMAGED || err.text[0] == '\0')
                fail_msg("%s: %s", foreign[i].name, err.text);
            continue;
        }
        layout_write(&text, LAYOUT_TYPED, &e, 1, NULL);
        if (foreign[i].shown == NULL || strstr(buf_str(&text), foreign[i].shown) == NULL)
            fail_msg("%s: got %s", foreign[i].name, buf_str(&text));
        buf_fini(&text);
    }
    tape_fini(&tape);
    entity_fini(&e);
}

static void texts_that_may_be_numbers_are_told(void **state)
{
    static const char sparse[] = NODE("\"A\"", "\"l\":[\"NaN\",\"Infinity\"]");
    static const char numbers[] =
        "{\"data\":[{\"()\":[{\"Z\":\"7\"},[{\"U\":\"A\"}],{\"l\":[\"NaN\"]}]}]}";
    static const char texts[] =
        "{\"data\":[{\"()\":[{\"Z\":\"7\"},[{\"U\":\"A\"}],{\"l\":[{\"U\":\"NaN\"}]}]}]}";
    struct tape tape = {0};
    struct entity e = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(jolt_row_read(&tape, sparse, sizeof sparse - 1, false, &e, &err), 1);
    assert_int_equal(e.id, 7);
    assert_int_equal(jolt_row_read(&tape, numbers, sizeof numbers - 1, true, &e, &err), 0);
    assert_int_equal(entity_text(&e, e.properties[0].value)[5], 'R');
    assert_int_equal(jolt_row_read(&tape, texts, sizeof texts - 1, true, &e, &err), 0);
    assert_int_equal(entity_text(&e, e.properties[0].value)[5], 'S');
    tape_fini(&tape);
    entity_fini(&e);
}

static struct digest digest_of(const char *jolt)
{
    struct digest ends[2] = {{1, 2}, {3, 4}}, d;
    struct tape tape = {0};
    struct entity e = {0};
    struct err err = {0};
    struct hash *h = hash_new();

    assert_int_equal(jolt_row_read(&tape, jolt, strlen(jolt), false, &e, &err), 0);
    d = digest_entity(h, &e, &ends[0], &ends[1]);
    hash_free(h);
    tape_fini(&tape);
    entity_fini(&e);
    return d;
}

static void digests_tell_entities_apart(void **state)
{
    static const char *const different[] = {
        NODE("\"A\"", ""),
        NODE("", "\"A\":1"),
        NODE("\"A\"", "\"i\":1"),
        NODE("\"A\"", "\"i\":{\"R\":\"1.0\"}"),
        NODE("\"A\"", "\"i\":\"1\""),
        NODE("\"A\"", "\"i\":[1]"),
        NODE("\"A\"", "\"i\":{\"R\":\"0.0\"}"),
        NODE("\"A\"", "\"i\":{\"R\":\"-0.0\"}"),
        RELATIONSHIP("A", ""),
    };
    struct digest a, b;
    char text[DIGEST_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT(different); i++)
        for (size_t j = 0; j < i; j++) {
            a = digest_of(different[i]);
            b = digest_of(different[j]);
            if (digest_equal(&a, &b))
                fail_msg("%s and %s", different[i], different[j]);
        }
    a = digest_of(NODE("\"A\",\"B\"", "\"x\":1,\"y\":2"));
    b = digest_of("{\"data\":[{\"()\":[99,[\"B\",\"A\"],{\"y\":2,\"x\":{\"Z\":\"1\"}}]}]}");
    assert_true(digest_equal(&a, &b));
    /* written down once: it must never change, snapshots hold it */
    digest_text(&a, text);
    assert_string_equal(text, "aa7ecb6fbb84180679cdf9931fb1f5b3");
    assert_true(digest_parse(text, &b) && digest_equal(&a, &b));
    assert_false(digest_parse("12", &b));
    a = (struct digest){UINT64_MAX, UINT64_MAX};
    digest_add(&a, &(struct digest){1, 0});
    assert_true(a.low == 0 && a.high == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_from_both_layouts),
        cmocka_unit_test(rows_of_others),
        cmocka_unit_test(texts_that_may_be_numbers_are_told),
        cmocka_unit_test(digests_tell_entities_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
