/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/form.h"

#include "base/mem.h"
#include "cypher/name.h"

#include <stdlib.h>
#include <string.h>

enum form_kind {
    FORM_NULL, /* these three can become what they stand beside */
    FORM_REAL,
    FORM_EMPTY, /* a list */
    FORM_PLAIN, /* whatever JSON carries */
    FORM_VALUE,
    FORM_MAP,
    FORM_LIST,  /* all elements have one form */
    FORM_MIXED, /* they have several */
};

struct part {
    const char *key; /* of a map's member */
    size_t key_len;
    struct form *form;
};

struct form {
    enum form_kind kind;
    bool plain;             /* nothing in it is to be built */
    enum carriage carriage; /* FORM_VALUE */
    struct value value;     /* its kind and SRID */
    struct part *parts;     /* members; or the forms of elements */
    size_t count, size;
};

static struct form *new_form(enum form_kind kind)
{
    struct form *f = mem_alloc(1, sizeof *f);

    f->kind = kind;
    f->plain = kind != FORM_VALUE;
    return f;
}

static void drop_parts(struct form *f)
{
    for (size_t i = 0; i < f->count; i++)
        form_free(f->parts[i].form);
    free(f->parts);
    f->parts = NULL;
    f->count = f->size = 0;
}

void form_free(struct form *f)
{
    if (f == NULL)
        return;
    drop_parts(f);
    free(f);
}

struct form *form_new_null(void)
{
    return new_form(FORM_NULL);
}

struct form *form_new_real(void)
{
    return new_form(FORM_REAL);
}

struct form *form_new_plain(void)
{
    return new_form(FORM_PLAIN);
}

struct form *form_new_value(enum carriage carriage, const struct value *v)
{
    struct form *f = new_form(FORM_VALUE);

    f->carriage = carriage;
    f->value = (struct value){.kind = v->kind, .point = v->point};
    return f;
}

struct form *form_new_map(void)
{
    return new_form(FORM_MAP);
}

struct form *form_new_list(void)
{
    return new_form(FORM_EMPTY);
}

static void add_part(struct form *f, const char *key, size_t len, struct form *form)
{
    if (f->count == f->size) {
        f->size = f->size > 0 ? f->size * 2 : 4;
        f->parts = mem_realloc(f->parts, f->size, sizeof *f->parts);
    }
    f->parts[f->count++] = (struct part){.key = key, .key_len = len, .form = form};
    f->plain = f->plain && form->plain;
}

void form_add_member_take(struct form *f, const char *key, size_t len, struct form *value)
{
    add_part(f, key, len, value);
}

/* ---- one form for two values ---- */

/* Whether null goes through it as null. A part of null, such as p[0], is null as well, which
 * duration() refuses; {a: date(null.a)} is a map. */
static bool takes_null(const struct form *f)
{
    if (f->kind == FORM_VALUE)
        return f->carriage == CARRY_FLOAT || f->carriage == CARRY_TEXT ||
               f->carriage == CARRY_POINT;
    return f->kind != FORM_MAP;
}

/* Whether all that has the form a can go as b. */
static bool gives_way(const struct form *a, const struct form *b)
{
    switch (a->kind) {
    case FORM_NULL:
        return takes_null(b);
    case FORM_REAL:
        return b->kind == FORM_VALUE && b->carriage == CARRY_FLOAT;
    case FORM_EMPTY:
        return b->kind == FORM_LIST || b->kind == FORM_MIXED;
    default:
        return false;
    }
}

static bool fits(const struct form *a, const struct form *b);

/* Of the same kind, and so are all parts as far as it matters. */
static bool is_alike(const struct form *a, const struct form *b)
{
    if (a->kind != b->kind || a->count != b->count)
        return false;
    if (a->kind == FORM_VALUE)
        return a->carriage == b->carriage && a->value.kind == b->value.kind &&
               a->value.point.srid == b->value.point.srid;
    for (size_t i = 0; i < a->count; i++) {
        const struct part *x = &a->parts[i], *y = &b->parts[i];
        if (x->key_len != y->key_len ||
            (x->key_len > 0 && memcmp(x->key, y->key, x->key_len) != 0) || !fits(x->form, y->form))
            return false;
    }
    return true;
}

/* Whether one form can do for the values of both. */
static bool fits(const struct form *a, const struct form *b)
{
    return (a->plain && b->plain) || gives_way(a, b) || gives_way(b, a) || is_alike(a, b);
}

static void note_plain(struct form *f)
{
    f->plain = f->kind <= FORM_PLAIN || f->kind == FORM_MAP || f->kind == FORM_LIST;
    for (size_t i = 0; i < f->count && f->plain; i++)
        f->plain = f->parts[i].form->plain;
}

/* Makes *a the form of both, which fit; b is gone. */
static void join_take(struct form *a, struct form *b)
{
    if (is_alike(a, b)) {
        for (size_t i = 0; i < a->count; i++) {
            join_take(a->parts[i].form, b->parts[i].form);
            b->parts[i].form = NULL;
        }
        note_plain(a);
    } else if (gives_way(a, b)) {
        struct form less = *a;
        *a = *b;
        *b = less;
    } else if (!gives_way(b, a)) {
        drop_parts(a);
        a->kind = FORM_PLAIN;
    }
    form_free(b);
}

int form_add_element_take(struct form *f, struct form *element)
{
    for (size_t i = 0; i < f->count; i++) {
        if (fits(f->parts[i].form, element)) {
            join_take(f->parts[i].form, element);
            f->plain = f->count == 1 && f->parts[0].form->plain;
            return (int)i;
        }
    }
    if (f->count == FORM_MIXED_MAX) {
        form_free(element);
        return -1;
    }
    add_part(f, NULL, 0, element);
    f->kind = f->count == 1 ? FORM_LIST : FORM_MIXED;
    f->plain = f->plain && f->kind == FORM_LIST;
    return (int)f->count - 1;
}

bool form_is_mixed(const struct form *f)
{
    return f->kind == FORM_MIXED;
}

bool form_is_plain(const struct form *f)
{
    return f->plain;
}

/* ---- the expression ---- */

static void add_expression(const struct form *f, const char *from, size_t depth, struct buf *out);

static void add_map(const struct form *f, const char *from, size_t depth, struct buf *out)
{
    struct buf member = {0};

    buf_addc(out, '{');
    for (size_t i = 0; i < f->count; i++) {
        const struct part *p = &f->parts[i];
        buf_reset(&member);
        buf_addf(&member, "%s.", from);
        name_add_quoted(&member, p->key, p->key_len);
        buf_adds(out, i > 0 ? ", " : "");
        name_add_quoted(out, p->key, p->key_len);
        buf_adds(out, ": ");
        add_expression(p->form, buf_str(&member), depth, out);
    }
    buf_addc(out, '}');
    buf_fini(&member);
}

static void add_list(const struct form *f, const char *from, size_t depth, struct buf *out)
{
    struct buf element = {0};

    buf_addf(&element, FORM_NAME "%zu", depth);
    buf_addf(out, "[%s IN %s | ", buf_str(&element), from);
    if (f->kind == FORM_LIST) {
        add_expression(f->parts[0].form, buf_str(&element), depth + 1, out);
    } else {
        buf_addf(out, "CASE %s[0]", buf_str(&element));
        buf_adds(&element, "[1]");
        for (size_t i = 0; i < f->count; i++) {
            buf_addf(out, " WHEN %zu THEN ", i);
            add_expression(f->parts[i].form, buf_str(&element), depth + 1, out);
        }
        buf_adds(out, " END");
    }
    buf_addc(out, ']');
    buf_fini(&element);
}

static void add_expression(const struct form *f, const char *from, size_t depth, struct buf *out)
{
    if (out->failed)
        return;
    if (f->plain)
        buf_adds(out, from);
    else if (f->kind == FORM_VALUE)
        carriage_add_expression(out, f->carriage, &f->value, from);
    else if (f->kind == FORM_MAP)
        add_map(f, from, depth, out);
    else
        add_list(f, from, depth, out);
}

void form_add_expression(const struct form *f, const char *from, struct buf *out)
{
    add_expression(f, from, 0, out);
}
