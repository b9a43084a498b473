/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/exact.h"

#include "base/hash.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define EXACT_MAX ((int64_t)1 << 53)

static const struct {
    enum value_kind kind;
    const char *type;
} temporals[] = {
    {VALUE_DATE, "Date"},
    {VALUE_LOCAL_TIME, "LocalTime"},
    {VALUE_TIME, "Time"},
    {VALUE_LOCAL_DATETIME, "LocalDateTime"},
    {VALUE_OFFSET_DATETIME, "OffsetDateTime"},
    {VALUE_ZONED_DATETIME, "ZonedDateTime"},
    {VALUE_DURATION, "Duration"},
};

static void begin_typed(struct buf *out, const char *type)
{
    buf_addf(out, "{\"$type\":\"%s\",\"_value\":\"", type);
}

static void write_point(struct buf *out, const struct value_point *p)
{
    begin_typed(out, "Point");
    buf_addf(out, "SRID=%d;POINT %s(", p->srid, p->dimensions == 3 ? "Z " : "");
    for (size_t i = 0; i < p->dimensions; i++) {
        if (i > 0)
            buf_addc(out, ' ');
        value_write_float(out, p->c[i]);
    }
    buf_adds(out, ")\"}");
}

static void write_temporal(struct buf *out, const struct value *v)
{
    for (size_t i = 0; i < sizeof temporals / sizeof *temporals; i++)
        if (temporals[i].kind == v->kind)
            begin_typed(out, temporals[i].type);
    if (v->kind == VALUE_DURATION)
        value_write_duration(out, &v->duration);
    else
        buf_add(out, v->p, v->len);
    buf_adds(out, "\"}");
}

static void write_number(struct buf *out, const struct value *v)
{
    bool integer = v->kind == VALUE_INTEGER;
    bool plain = integer ? v->integer >= -EXACT_MAX && v->integer <= EXACT_MAX : isfinite(v->real);

    if (!plain)
        begin_typed(out, integer ? "Integer" : "Float");
    if (integer)
        buf_addi(out, v->integer);
    else
        value_write_float(out, v->real);
    if (!plain)
        buf_adds(out, "\"}");
}

static void write_list(struct buf *out, size_t count, const char **p)
{
    buf_addc(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_addc(out, ',');
        exact_write(out, p);
    }
    buf_addc(out, ']');
}

void exact_write(struct buf *out, const char **p)
{
    struct value v;

    value_next(p, &v);
    switch (v.kind) {
    case VALUE_FALSE:
    case VALUE_TRUE:
        buf_adds(out, v.kind == VALUE_TRUE ? "true" : "false");
        break;
    case VALUE_INTEGER:
    case VALUE_FLOAT:
        write_number(out, &v);
        break;
    case VALUE_STRING:
        buf_add_json_ascii(out, v.p, v.len);
        break;
    case VALUE_BYTES:
        begin_typed(out, "Base64");
        hash_add_base64(out, v.p, v.len);
        buf_adds(out, "\"}");
        break;
    case VALUE_POINT:
        write_point(out, &v.point);
        break;
    case VALUE_LIST:
        write_list(out, v.count, p);
        break;
    default:
        write_temporal(out, &v);
        break;
    }
}

static int refuse(struct err *err, const char *what)
{
    return err_set(err, ERR_DAMAGED, "snapshot.value", "%s", what);
}

static int read_integer(const struct tape_value *v, struct buf *out, struct err *err)
{
    int64_t n;

    if (!tape_int(v, &n))
        return refuse(err, "an INTEGER is no number of 64 bits");
    value_add_integer(out, n);
    return 0;
}

static int read_float(const struct tape_value *v, struct buf *out, struct err *err)
{
    double x;

    if (!tape_double(v, &x))
        return refuse(err, "a FLOAT is no number");
    value_add_float(out, x);
    return 0;
}

static int base64_digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* RFC 4648, section 4, with its padding. */
static int read_bytes(const struct tape_value *v, struct buf *out, struct err *err)
{
    struct buf bytes = {0};
    size_t padding = 0;
    bool good = v->len % 4 == 0;

    while (padding < 2 && padding < v->len && v->p[v->len - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; good && i < v->len; i += 4) {
        uint32_t bits = 0;
        bool last = i + 4 == v->len;
        for (size_t j = 0; j < 4; j++) {
            int digit = last && j >= 4 - padding ? 0 : base64_digit(v->p[i + j]);
            good = good && digit >= 0;
            bits = bits << 6 | (uint32_t)(digit & 63);
        }
        const char three[] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        buf_add(&bytes, three, last ? 3 - padding : 3);
    }
    if (good)
        value_add_bytes(out, buf_str(&bytes), bytes.len);
    buf_fini(&bytes);
    return good ? 0 : refuse(err, "BYTES are no base64");
}

static int read_temporal(const struct tape_value *v, enum value_kind kind, struct buf *out,
                         struct err *err)
{
    size_t begin = out->len;

    if (!value_add_temporal(out, v->p, v->len))
        return refuse(err, "a temporal value of an unknown form");
    if (!out->failed && out->data[begin] != (char)kind)
        return refuse(err, "a temporal value is of another type than it says");
    return 0;
}

static int read_typed(const struct tape *tape, size_t at, struct buf *out, struct err *err)
{
    const struct tape_value *type = tape_member(tape, at, "$type");
    const struct tape_value *v = tape_member(tape, at, "_value");

    if (tape->v[at].count != 2 || type == NULL || v == NULL || v->kind != TAPE_STRING || v->escaped)
        return refuse(err, "an object that is no typed value");
    if (tape_is(type, "Integer"))
        return read_integer(v, out, err);
    if (tape_is(type, "Float"))
        return read_float(v, out, err);
    if (tape_is(type, "Base64"))
        return read_bytes(v, out, err);
    if (tape_is(type, "Point"))
        return value_add_wkt(out, v->p, v->len) ? 0 : refuse(err, "a POINT of an unknown form");
    for (size_t i = 0; i < sizeof temporals / sizeof *temporals; i++)
        if (tape_is(type, temporals[i].type))
            return read_temporal(v, temporals[i].kind, out, err);
    return refuse(err, "a value of a type that this version does not know");
}

static int read_list(const struct tape *tape, size_t at, struct buf *out, struct err *err)
{
    const struct tape_value *list = &tape->v[at];

    value_add_list(out, list->count);
    for (size_t i = at + 1; i < list->next; i = tape->v[i].next) {
        if (tape->v[i].kind == TAPE_ARRAY)
            return refuse(err, "a LIST inside a LIST");
        if (exact_read(tape, i, out, err) < 0)
            return -1;
    }
    return 0;
}

int exact_read(const struct tape *tape, size_t at, struct buf *out, struct err *err)
{
    const struct tape_value *v = &tape->v[at];
    struct buf text = {0};

    switch (v->kind) {
    case TAPE_TRUE:
    case TAPE_FALSE:
        value_add_boolean(out, v->kind == TAPE_TRUE);
        return 0;
    case TAPE_INTEGER:
        return read_integer(v, out, err);
    case TAPE_REAL:
    case TAPE_NAN:
    case TAPE_INFINITY:
    case TAPE_MINUS_INFINITY:
        return read_float(v, out, err);
    case TAPE_STRING:
        tape_add_text(&text, v);
        value_add_string(out, buf_str(&text), text.len);
        buf_fini(&text);
        return 0;
    case TAPE_ARRAY:
        return read_list(tape, at, out, err); /* whose elements are no lists: no deeper than this */
    case TAPE_OBJECT:
        return read_typed(tape, at, out, err);
    case TAPE_NULL:
        break;
    }
    return refuse(err, "a property without a value");
}
