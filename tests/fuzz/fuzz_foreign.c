/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_foreign.c: any bytes as the older tool's list of constraints, the first of them telling
 * of which layout. Each item is a constraint or told as left out; a constraint has names alone, and
 * written as a text with its names in backticks it is read as the same. */
#include "base/json.h"
#include "snapshot/foreign.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *name_at(const json_t *constraint, const char *key, size_t i)
{
    const json_t *name = json_array_get(json_object_get(constraint, key), i);

    assert(json_string_length(name) > 0 &&
           strlen(json_string_value(name)) == json_string_length(name));
    return json_string_value(name);
}

/* In backticks, doubled inside. */
static void add_name(struct buf *out, const char *name)
{
    buf_addc(out, '`');
    for (; *name != '\0'; name++)
        if (*name == '`')
            buf_adds(out, "``");
        else
            buf_addc(out, *name);
    buf_addc(out, '`');
}

static json_t *as_text(const json_t *constraint)
{
    struct buf text = {0};

    buf_adds(&text, "CONSTRAINT ON ( e:");
    add_name(&text, name_at(constraint, "labels", 0));
    buf_adds(&text, " ) ASSERT (");
    for (size_t i = 0; i < json_array_size(json_object_get(constraint, "properties")); i++) {
        buf_adds(&text, i > 0 ? ", e." : "e.");
        add_name(&text, name_at(constraint, "properties", i));
    }
    buf_adds(&text, ") IS UNIQUE");
    json_t *string = json_stringn(buf_str(&text), text.len);
    buf_fini(&text);
    return string;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    json_t *list = size > 0 ? json_parse((const char *)data + 1, size - 1, &err) : NULL;

    if (!json_is_array(list)) {
        json_decref(list);
        return 0;
    }
    bool typed = data[0] == 't';
    json_t *left_out = json_array(), *texts = json_array(), *names = json_array(), *c;
    json_t *schema = typed ? foreign_typed(list, NULL, left_out) : foreign_literal(list, left_out);
    json_t *constraints = json_object_get(schema, "constraints");
    size_t i;
    assert(json_array_size(constraints) + json_array_size(left_out) <= json_array_size(list));
    json_array_foreach (left_out, i, c)
        assert(json_is_string(c));
    json_array_foreach (constraints, i, c) {
        json_array_append_new(texts, as_text(c));
        json_array_append(names, json_object_get(c, "name"));
    }
    json_t *again = foreign_typed(texts, names, left_out);
    assert(json_equal(again, schema));
    json_decref(again);
    json_decref(names);
    json_decref(texts);
    json_decref(schema);
    json_decref(left_out);
    json_decref(list);
    return 0;
}
