/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_layout.c: any bytes as a row of a backup, or of Neo4j's answer. What is taken for an
 * entity is the same one after either layout; a tape takes nothing that jansson refuses, but for
 * numbers too large for it. */
#include "base/json.h"
#include "snapshot/jolt_row.h"
#include "snapshot/layout.h"
#include "snapshot/layout_read.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_same(const struct entity *a, const struct entity *b)
{
    assert(a->relationship == b->relationship && a->id == b->id && a->start == b->start);
    assert(a->end == b->end && a->label_count == b->label_count);
    assert(a->property_count == b->property_count);
    for (size_t i = 0; i < a->label_count; i++) {
        assert(a->labels[i].len == b->labels[i].len);
        assert(memcmp(entity_text(a, a->labels[i]), entity_text(b, b->labels[i]),
                      a->labels[i].len) == 0);
    }
    for (size_t i = 0; i < a->property_count; i++) {
        const struct entity_property *x = &a->properties[i], *y = &b->properties[i];
        assert(x->key.len == y->key.len && x->value.len == y->value.len);
        assert(memcmp(entity_text(a, x->key), entity_text(b, y->key), x->key.len) == 0);
        assert(memcmp(entity_text(a, x->value), entity_text(b, y->value), x->value.len) == 0);
    }
}

static void through(const struct entity *e, enum layout layout)
{
    static const struct layout_ends ends = {"[]", "[]"};
    struct buf text = {0};
    struct tape tape = {0};
    struct entity back = {0};
    struct err err = {0};
    enum layout found;

    layout_write(&text, layout, e, e->id, layout == LAYOUT_TYPED ? &ends : NULL);
    for (size_t i = 0; i < text.len; i++)
        assert((unsigned char)text.data[i] >= 0x20 && (unsigned char)text.data[i] < 0x80);
    int rc = tape_read(&tape, text.data, text.len, 0, &err);
    assert(rc == 0);
    rc = layout_read(&tape, 0, &back, &found, &err);
    assert(rc == 0 && found == layout);
    assert_same(e, &back);
    buf_fini(&text);
    tape_fini(&tape);
    entity_fini(&back);
}

static void compare_with_jansson(const char *p, size_t size)
{
    struct tape tape = {0};
    struct err err = {0}, why = {0};
    bool taken = tape_read(&tape, p, size, 0, &err) == 0;
    json_t *tree = json_parse(p, size, &why);

    if (taken && tree == NULL)
        assert(strcmp(why.code, "json.number-range") == 0 ||
               strcmp(why.code, "json.duplicate-key") == 0 ||
               strstr(why.text, "NUL byte") != NULL || size >= 300);
    /* jansson passes over a NUL behind a number */
    assert(taken || tree == NULL || memchr(p, '\0', size) != NULL);
    json_decref(tree);
    tape_fini(&tape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    struct tape tape = {0};
    struct entity e = {0};
    struct err err = {0};
    enum layout layout;

    compare_with_jansson(p, size);
    if (tape_read(&tape, p, size, TAPE_NONFINITE, &err) == 0 &&
        layout_read(&tape, 0, &e, &layout, &err) == 0) {
        through(&e, LAYOUT_TYPED);
        through(&e, LAYOUT_LITERAL);
    }
    struct err jolt = {0};
    if (jolt_row_read(&tape, p, size, size % 2 == 0, &e, &jolt) == 0) {
        through(&e, LAYOUT_TYPED);
        through(&e, LAYOUT_LITERAL);
    }
    tape_fini(&tape);
    entity_fini(&e);
    return 0;
}
