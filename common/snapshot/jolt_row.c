/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/jolt_row.c: what neo4j/jolt.c does for replies, done for millions of rows: no trees, and
 * into values instead of JSON. */
#include "snapshot/jolt_row.h"

#include "neo4j/value.h"

#include <string.h>

struct row {
    const struct tape *tape;
    struct entity *out;
    struct buf text; /* of a string that is being decoded */
    bool strict, ambiguous;
    struct err *err;
};

static int refuse(struct row *r, const char *what)
{
    char who[64];

    entity_name(r->out, who, sizeof who);
    return err_set(r->err, ERR_DAMAGED, "jolt.shape", "Neo4j's answer, %s: %s", who, what);
}

/* The decoded text of a string, valid until the next call. */
static const struct buf *decode(struct row *r, const struct tape_value *v)
{
    buf_reset(&r->text);
    tape_add_text(&r->text, v);
    return &r->text;
}

static bool is_nonfinite(const struct tape_value *v)
{
    return tape_is(v, "NaN") || tape_is(v, "Infinity") || tape_is(v, "-Infinity");
}

/* Digits alone are an INTEGER beyond 31 bits, also under the sigil of FLOAT. */
static int add_number(struct row *r, const struct tape_value *v)
{
    int64_t n;
    double x;

    if (tape_int(v, &n))
        value_add_integer(&r->out->bytes, n);
    else if (tape_double(v, &x) && memchr(v->p, '.', v->len) == NULL && !is_nonfinite(v))
        return refuse(r, "an INTEGER has more than 64 bits");
    else if (tape_double(v, &x))
        value_add_float(&r->out->bytes, x);
    else
        return refuse(r, "a number is none");
    return 0;
}

static int add_boolean_text(struct row *r, const struct tape_value *v)
{
    bool yes = v->kind == TAPE_TRUE || tape_is(v, "true");

    if (!yes && v->kind != TAPE_FALSE && !tape_is(v, "false"))
        return refuse(r, "a BOOLEAN is neither true nor false");
    value_add_boolean(&r->out->bytes, yes);
    return 0;
}

static int add_string(struct row *r, const struct tape_value *v)
{
    if (v->kind != TAPE_STRING)
        return refuse(r, "a STRING is none");
    if (!v->escaped) {
        value_add_string(&r->out->bytes, v->p, v->len);
        return 0;
    }
    const struct buf *text = decode(r, v);
    value_add_string(&r->out->bytes, buf_str(text), text->len);
    return 0;
}

static int add_temporal(struct row *r, const struct tape_value *v)
{
    const struct buf *text = v->kind == TAPE_STRING ? decode(r, v) : NULL;

    if (text == NULL || !value_add_temporal(&r->out->bytes, buf_str(text), text->len))
        return refuse(r, "a temporal value of an unknown form");
    return 0;
}

static int add_point(struct row *r, const struct tape_value *v)
{
    const struct buf *text = v->kind == TAPE_STRING ? decode(r, v) : NULL;

    if (text == NULL || !value_add_wkt(&r->out->bytes, buf_str(text), text->len))
        return refuse(r, "a POINT of an unknown form");
    return 0;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static int add_bytes(struct row *r, const struct tape_value *v)
{
    bool good = v->kind == TAPE_STRING && v->len % 2 == 0;

    buf_reset(&r->text);
    for (size_t i = 0; good && i < v->len; i += 2) {
        int high = nibble(v->p[i]), low = nibble(v->p[i + 1]);
        good = high >= 0 && low >= 0;
        buf_addc(&r->text, (char)(high * 16 + low));
    }
    if (!good)
        return refuse(r, "BYTES are no text of hexadecimal pairs");
    value_add_bytes(&r->out->bytes, buf_str(&r->text), r->text.len);
    return 0;
}

static int add_list(struct row *r, const struct tape_value *v);

static const struct {
    const char *sigil;
    int (*add)(struct row *r, const struct tape_value *v);
} sigils[] = {
    {"Z", add_number},   {"R", add_number}, {"U", add_string}, {"?", add_boolean_text},
    {"T", add_temporal}, {"@", add_point},  {"#", add_bytes},  {"[]", add_list},
};

static int add_sigil(struct row *r, const struct tape_value *v)
{
    const struct tape_value *key = v + 1;

    for (size_t i = 0; v->count == 1 && i < sizeof sigils / sizeof *sigils; i++)
        if (tape_is(key, sigils[i].sigil))
            return sigils[i].add(r, key + 1);
    return refuse(r, "a value of a type that this version does not know");
}

static int add_value(struct row *r, const struct tape_value *v)
{
    switch (v->kind) {
    case TAPE_TRUE:
    case TAPE_FALSE:
        value_add_boolean(&r->out->bytes, v->kind == TAPE_TRUE);
        return 0;
    case TAPE_INTEGER:
    case TAPE_REAL:
        return add_number(r, v);
    case TAPE_STRING:
        return add_string(r, v);
    case TAPE_ARRAY:
        return add_list(r, v);
    case TAPE_OBJECT:
        return add_sigil(r, v);
    default:
        return refuse(r, "a property without a value");
    }
}

/* Stored lists of FLOAT come bare, [1.0,"NaN"]: beside a number a text is one of those words. In
 * strict Jolt every STRING has its sigil, so a bare text is always one. */
static int add_list(struct row *r, const struct tape_value *v)
{
    bool numbers = r->strict, others = v->count == 0;

    if (v->kind != TAPE_ARRAY)
        return refuse(r, "a LIST is no array");
    const struct tape_value *end = r->tape->v + v->next;
    for (const struct tape_value *e = v + 1; e < end; e = r->tape->v + e->next) {
        numbers = numbers || e->kind == TAPE_REAL;
        others = others || !is_nonfinite(e);
        if (e->kind == TAPE_ARRAY || (e->kind == TAPE_OBJECT && tape_is(e + 1, "[]")))
            return refuse(r, "a LIST inside a LIST");
    }
    if (!numbers && !others)
        r->ambiguous = true;
    value_add_list(&r->out->bytes, v->count);
    for (const struct tape_value *e = v + 1; e < end; e = r->tape->v + e->next)
        if ((numbers && is_nonfinite(e) ? add_number(r, e) : add_value(r, e)) < 0)
            return -1;
    return 0;
}

static int add_labels(struct row *r, const struct tape_value *v)
{
    if (v->kind != TAPE_ARRAY)
        return refuse(r, "labels are no array");
    for (size_t i = tape_index(r->tape, v) + 1; i < v->next; i = r->tape->v[i].next) {
        const struct tape_value *label = &r->tape->v[i];
        if (label->kind == TAPE_OBJECT && label->count == 1 && tape_is(label + 1, "U"))
            label += 2;
        if (label->kind != TAPE_STRING)
            return refuse(r, "a label is no text");
        const struct buf *text = decode(r, label);
        entity_add_label(r->out, buf_str(text), text->len);
    }
    return 0;
}

static int add_properties(struct row *r, const struct tape_value *v)
{
    if (v->kind != TAPE_OBJECT)
        return refuse(r, "properties are no object");
    for (size_t i = tape_index(r->tape, v) + 1; i < v->next; i = r->tape->v[i + 1].next) {
        const struct buf *key = decode(r, &r->tape->v[i]);
        entity_begin_property(r->out, buf_str(key), key->len);
        if (add_value(r, &r->tape->v[i + 1]) < 0)
            return -1;
        entity_end_property(r->out);
    }
    return 0;
}

/* v1 gives id(), as a number or, strictly, under a sigil; v2 an element id whose last part it is.
 */
static int read_id(struct row *r, const struct tape_value *v, int64_t *out)
{
    struct tape_value digits = {.kind = TAPE_INTEGER};

    if (v->kind == TAPE_OBJECT && v->count == 1)
        v += 2;
    digits.p = v->p;
    digits.len = v->len;
    for (const char *p = v->p; v->kind == TAPE_STRING && p < v->p + v->len; p++)
        if (*p == ':') {
            digits.p = p + 1;
            digits.len = (size_t)(v->p + v->len - digits.p);
        }
    for (size_t i = 0; i < digits.len; i++)
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return refuse(r, "an id is no number");
    if (digits.len == 0 || !tape_int(&digits, out))
        return refuse(r, "an id is no number");
    return 0;
}

static int read_node(struct row *r, const struct tape_value *v)
{
    const struct tape_value *id = v + 1;

    if (v->kind != TAPE_ARRAY || v->count != 3)
        return refuse(r, "a NODE is no array of three");
    entity_reset(r->out, false);
    const struct tape_value *labels = r->tape->v + id->next;
    return read_id(r, id, &r->out->id) < 0 || add_labels(r, labels) < 0 ||
                   add_properties(r, r->tape->v + labels->next) < 0
               ? -1
               : 0;
}

static int read_relationship(struct row *r, const struct tape_value *v)
{
    const struct tape_value *part[5];

    if (v->kind != TAPE_ARRAY || v->count != 5)
        return refuse(r, "a RELATIONSHIP is no array of five");
    part[0] = v + 1;
    for (size_t i = 1; i < 5; i++)
        part[i] = r->tape->v + part[i - 1]->next;
    entity_reset(r->out, true);
    if (read_id(r, part[0], &r->out->id) < 0 || read_id(r, part[1], &r->out->start) < 0 ||
        read_id(r, part[3], &r->out->end) < 0)
        return -1;
    const struct tape_value *type = part[2];
    if (type->kind == TAPE_OBJECT && type->count == 1)
        type += 2;
    if (type->kind != TAPE_STRING)
        return refuse(r, "a type is no text");
    const struct buf *text = decode(r, type);
    entity_add_label(r->out, buf_str(text), text->len);
    return add_properties(r, part[4]);
}

int jolt_row_read(struct tape *tape, const char *p, size_t len, bool strict, struct entity *out,
                  struct err *err)
{
    struct row r = {.tape = tape, .out = out, .strict = strict, .err = err};
    int rc = -1;

    entity_reset(out, false);
    if (tape_read(tape, p, len, 0, err) < 0)
        return err_wrap(err, "Neo4j's answer");
    const struct tape_value *data = tape_member(tape, 0, "data");
    const struct tape_value *v =
        data != NULL && data->kind == TAPE_ARRAY && data->count == 1 ? data + 1 : NULL;
    if (v == NULL || v->kind != TAPE_OBJECT || v->count != 1)
        refuse(&r, "a row is no single entity");
    else if (tape_is(v + 1, "()"))
        rc = read_node(&r, v + 2);
    else if (tape_is(v + 1, "->"))
        rc = read_relationship(&r, v + 2);
    else
        refuse(&r, "a row is no single entity");
    buf_fini(&r.text);
    if (rc == 0)
        rc = entity_finish(out, err);
    return rc == 0 && r.ambiguous ? 1 : rc;
}
