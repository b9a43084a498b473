/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/value.h"

#include "base/tape.h"
#include "neo4j/jolt.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAN_BITS 0x7ff8000000000000u
#define NANOS_PER_SECOND 1000000000
#define NUMBER_MAX 64 /* characters of a number in a duration */

static void add_fixed(struct buf *out, uint64_t n, size_t bytes)
{
    unsigned char le[8];

    for (size_t i = 0; i < bytes; i++)
        le[i] = (unsigned char)(n >> (8 * i));
    buf_add(out, le, bytes);
}

static uint64_t take_fixed(const char **p, size_t bytes)
{
    uint64_t n = 0;

    for (size_t i = 0; i < bytes; i++)
        n |= (uint64_t)(unsigned char)(*p)[i] << (8 * i);
    *p += bytes;
    return n;
}

static void add_slice(struct buf *out, enum value_kind kind, const void *p, size_t len)
{
    assert(len <= UINT32_MAX); /* readers limit a row to far less */
    buf_addc(out, (char)kind);
    add_fixed(out, len, 4);
    buf_add(out, p, len);
}

static void add_double(struct buf *out, double x)
{
    uint64_t bits = NAN_BITS;

    if (!isnan(x))
        memcpy(&bits, &x, sizeof bits);
    add_fixed(out, bits, 8);
}

static double take_double(const char **p)
{
    uint64_t bits = take_fixed(p, 8);
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

void value_add_boolean(struct buf *out, bool b)
{
    buf_addc(out, b ? VALUE_TRUE : VALUE_FALSE);
}

void value_add_integer(struct buf *out, int64_t n)
{
    buf_addc(out, VALUE_INTEGER);
    add_fixed(out, (uint64_t)n, 8);
}

void value_add_float(struct buf *out, double x)
{
    buf_addc(out, VALUE_FLOAT);
    add_double(out, x);
}

void value_add_string(struct buf *out, const char *p, size_t len)
{
    add_slice(out, VALUE_STRING, p, len);
}

void value_add_bytes(struct buf *out, const void *p, size_t len)
{
    add_slice(out, VALUE_BYTES, p, len);
}

void value_add_list(struct buf *out, size_t count)
{
    assert(count <= UINT32_MAX);
    buf_addc(out, VALUE_LIST);
    add_fixed(out, count, 4);
}

void value_add_duration(struct buf *out, const struct value_duration *d)
{
    buf_addc(out, VALUE_DURATION);
    add_fixed(out, (uint64_t)d->months, 8);
    add_fixed(out, (uint64_t)d->days, 8);
    add_fixed(out, (uint64_t)d->seconds, 8);
    add_fixed(out, (uint64_t)d->nanoseconds, 4);
}

void value_add_point(struct buf *out, const struct value_point *p)
{
    buf_addc(out, VALUE_POINT);
    add_fixed(out, (uint64_t)p->srid, 4);
    for (size_t i = 0; i < p->dimensions; i++)
        add_double(out, p->c[i]);
}

bool value_is_temporal(enum value_kind kind)
{
    switch (kind) {
    case VALUE_DATE:
    case VALUE_LOCAL_TIME:
    case VALUE_TIME:
    case VALUE_LOCAL_DATETIME:
    case VALUE_OFFSET_DATETIME:
    case VALUE_ZONED_DATETIME:
        return true;
    default:
        return false;
    }
}

const char *value_function(enum value_kind kind)
{
    switch (kind) {
    case VALUE_FALSE:
    case VALUE_TRUE:
        return "toBoolean";
    case VALUE_INTEGER:
        return "toInteger";
    case VALUE_FLOAT:
        return "toFloat";
    case VALUE_DATE:
        return "date";
    case VALUE_LOCAL_TIME:
        return "localtime";
    case VALUE_TIME:
        return "time";
    case VALUE_LOCAL_DATETIME:
        return "localdatetime";
    case VALUE_OFFSET_DATETIME:
    case VALUE_ZONED_DATETIME:
        return "datetime";
    default:
        return NULL;
    }
}

size_t value_dimensions(int64_t srid)
{
    switch (srid) {
    case VALUE_SRID_CARTESIAN:
    case VALUE_SRID_WGS_84:
        return 2;
    case VALUE_SRID_CARTESIAN_3D:
    case VALUE_SRID_WGS_84_3D:
        return 3;
    default:
        return 0;
    }
}

bool value_has_long_offset(const struct value *v)
{
    if (v->kind != VALUE_TIME && v->kind != VALUE_OFFSET_DATETIME &&
        v->kind != VALUE_ZONED_DATETIME)
        return false;
    const char *zone = memchr(v->p, '[', v->len), *end = zone != NULL ? zone : v->p + v->len;
    return end - v->p > 9 && (end[-9] == '+' || end[-9] == '-'); /* "+00:17:30" */
}

void value_next(const char **p, struct value *out)
{
    *out = (struct value){.kind = (enum value_kind) * *p};
    ++*p;
    switch (out->kind) {
    case VALUE_FALSE:
    case VALUE_TRUE:
        break;
    case VALUE_INTEGER:
        out->integer = (int64_t)take_fixed(p, 8);
        break;
    case VALUE_FLOAT:
        out->real = take_double(p);
        break;
    case VALUE_DURATION:
        out->duration.months = (int64_t)take_fixed(p, 8);
        out->duration.days = (int64_t)take_fixed(p, 8);
        out->duration.seconds = (int64_t)take_fixed(p, 8);
        out->duration.nanoseconds = (int32_t)take_fixed(p, 4);
        break;
    case VALUE_POINT:
        out->point.srid = (int32_t)take_fixed(p, 4);
        out->point.dimensions = value_dimensions(out->point.srid);
        for (size_t i = 0; i < out->point.dimensions; i++)
            out->point.c[i] = take_double(p);
        break;
    case VALUE_LIST:
        out->count = take_fixed(p, 4);
        break;
    default: /* a length and bytes */
        out->len = take_fixed(p, 4);
        out->p = *p;
        *p += out->len;
        break;
    }
}

/* What is left of a text; each take_ function advances it only when it succeeds. */
struct text {
    const char *p, *end;
};

static bool take_char(struct text *t, char c)
{
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

static bool take_word(struct text *t, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(t->end - t->p) < n || memcmp(t->p, word, n) != 0)
        return false;
    t->p += n;
    return true;
}

static size_t digits_at(const struct text *t)
{
    size_t n = 0;

    while (t->p + n < t->end && t->p[n] >= '0' && t->p[n] <= '9')
        n++;
    return n;
}

static bool take_digits(struct text *t, size_t n)
{
    if (digits_at(t) < n)
        return false;
    t->p += n;
    return true;
}

/* A year has four digits; a longer one, to nine, has a sign (java.time: Year). */
static bool take_date(struct text *t)
{
    struct text at = *t;
    bool sign = take_char(&at, '-') || take_char(&at, '+');
    size_t year = digits_at(&at);

    if (year < 4 || year > 9 || (year > 4 && !sign))
        return false;
    at.p += year;
    if (!take_char(&at, '-') || !take_digits(&at, 2) || !take_char(&at, '-') ||
        !take_digits(&at, 2))
        return false;
    *t = at;
    return true;
}

/* A time of day, appended in its canonical form. */
static bool take_time(struct text *t, struct buf *out)
{
    struct text at = *t;

    if (!take_digits(&at, 2) || !take_char(&at, ':') || !take_digits(&at, 2))
        return false;
    if (!take_char(&at, ':')) {
        buf_add(out, t->p, (size_t)(at.p - t->p));
        buf_adds(out, ":00");
        *t = at;
        return true;
    }
    if (!take_digits(&at, 2))
        return false;
    buf_add(out, t->p, (size_t)(at.p - t->p));
    if (take_char(&at, '.')) {
        size_t n = digits_at(&at), kept = n;
        if (n == 0 || n > 9)
            return false;
        while (kept > 0 && at.p[kept - 1] == '0')
            kept--;
        if (kept > 0) {
            buf_addc(out, '.');
            buf_add(out, at.p, kept);
        }
        at.p += n;
    }
    *t = at;
    return true;
}

/* "Z", "+01:00" or "+01:00:30". */
static bool take_offset(struct text *t, struct buf *out)
{
    struct text at = *t;

    if (take_char(&at, 'Z')) {
        buf_addc(out, 'Z');
        *t = at;
        return true;
    }
    if ((!take_char(&at, '+') && !take_char(&at, '-')) || !take_digits(&at, 2) ||
        !take_char(&at, ':') || !take_digits(&at, 2))
        return false;
    if (take_char(&at, ':') && !take_digits(&at, 2))
        return false;
    bool zero = true;
    for (const char *p = t->p + 1; p < at.p; p++)
        zero = zero && (*p == '0' || *p == ':');
    if (zero)
        buf_addc(out, 'Z');
    else
        buf_add(out, t->p, (size_t)(at.p - t->p));
    *t = at;
    return true;
}

/* "[Europe/Paris]": the characters that names of zones have (java.time: ZoneId.of). */
static bool take_zone(struct text *t, struct buf *out)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/~._+-:";
    struct text at = *t;

    if (!take_char(&at, '['))
        return false;
    while (at.p < at.end && *at.p != '\0' && strchr(allowed, *at.p) != NULL)
        at.p++;
    if (at.p == t->p + 1 || !take_char(&at, ']'))
        return false;
    buf_add(out, t->p, (size_t)(at.p - t->p));
    *t = at;
    return true;
}

/* What stands after the T, or the whole of a time of day. */
static bool take_clock(struct text *t, struct buf *out, bool *offset, bool *zone)
{
    *offset = *zone = false;
    if (!take_time(t, out))
        return false;
    *offset = take_offset(t, out);
    *zone = *offset && take_zone(t, out);
    return t->p == t->end;
}

static bool take_instant(struct text *t, struct buf *out, enum value_kind *kind)
{
    const char *begin = t->p;
    bool offset, zone;

    if (take_date(t)) {
        buf_add(out, begin, (size_t)(t->p - begin));
        *kind = VALUE_DATE;
        if (t->p == t->end)
            return true;
        if (!take_char(t, 'T'))
            return false;
        buf_addc(out, 'T');
        if (!take_clock(t, out, &offset, &zone))
            return false;
        *kind = zone ? VALUE_ZONED_DATETIME : offset ? VALUE_OFFSET_DATETIME : VALUE_LOCAL_DATETIME;
        return true;
    }
    if (!take_clock(t, out, &offset, &zone) || zone)
        return false;
    *kind = offset ? VALUE_TIME : VALUE_LOCAL_TIME;
    return true;
}

static bool add_scaled(int64_t *sum, int64_t n, int64_t scale)
{
    int64_t product;

    return !__builtin_mul_overflow(n, scale, &product) &&
           !__builtin_add_overflow(*sum, product, sum);
}

/* The fraction of seconds, as nanoseconds; the point is taken already. */
static bool take_fraction(struct text *t, int64_t *nanoseconds)
{
    size_t n = digits_at(t);

    if (n == 0 || n > 9)
        return false;
    *nanoseconds = 0;
    for (size_t i = 0; i < 9; i++)
        *nanoseconds = *nanoseconds * 10 + (i < n ? t->p[i] - '0' : 0);
    t->p += n;
    return true;
}

/* A component such as -3 or -0.5, its unit, one of units, and what it adds. *units: those that may
 * follow. */
static bool take_component(struct text *t, bool time, bool minus, struct value_duration *d,
                           int64_t *nanoseconds, const char **units)
{
    char number[NUMBER_MAX];
    int64_t fraction = 0;
    const char *begin = t->p;
    bool negative = take_char(t, '-');

    if (!negative)
        (void)take_char(t, '+');
    size_t n = digits_at(t), len = (size_t)(t->p - begin) + n;
    if (n == 0 || len >= sizeof number)
        return false;
    memcpy(number, begin, len);
    number[len] = '\0';
    t->p += n;
    errno = 0;
    int64_t whole = strtoll(number, NULL, 10);
    bool fractional = take_char(t, '.');
    if (errno != 0 || (fractional && !take_fraction(t, &fraction)) || t->p == t->end)
        return false;
    if (minus && __builtin_sub_overflow(0, whole, &whole))
        return false;
    fraction = negative != minus ? -fraction : fraction;
    char unit = *t->p++;
    const char *place = unit != '\0' ? strchr(*units, unit) : NULL;
    if (place == NULL || (fractional && unit != 'S'))
        return false;
    *units = place + 1;
    *nanoseconds += fraction;
    switch (unit) {
    case 'Y':
        return add_scaled(&d->months, whole, 12);
    case 'W':
        return add_scaled(&d->days, whole, 7);
    case 'D':
        return add_scaled(&d->days, whole, 1);
    case 'H':
        return add_scaled(&d->seconds, whole, 3600);
    case 'M':
        return add_scaled(time ? &d->seconds : &d->months, whole, time ? 60 : 1);
    case 'S':
        return add_scaled(&d->seconds, whole, 1);
    default:
        return false;
    }
}

static bool take_duration(struct text *t, struct value_duration *d)
{
    int64_t nanoseconds = 0;
    bool minus = take_char(t, '-'), time = false;
    const char *units = "YMWD";

    *d = (struct value_duration){0};
    if (!take_char(t, 'P') || t->p == t->end)
        return false;
    while (t->p < t->end) {
        if (!time && take_char(t, 'T')) {
            time = true;
            units = "HMS";
            if (t->p == t->end)
                return false;
        }
        if (!take_component(t, time, minus, d, &nanoseconds, &units))
            return false;
    }
    while (nanoseconds < 0) { /* a few times at most: one for each fraction */
        nanoseconds += NANOS_PER_SECOND;
        if (__builtin_sub_overflow(d->seconds, 1, &d->seconds))
            return false;
    }
    while (nanoseconds >= NANOS_PER_SECOND) {
        nanoseconds -= NANOS_PER_SECOND;
        if (__builtin_add_overflow(d->seconds, 1, &d->seconds))
            return false;
    }
    d->nanoseconds = (int32_t)nanoseconds;
    return true;
}

bool value_add_temporal(struct buf *out, const char *p, size_t len)
{
    struct text t = {p, p + len};
    struct value_duration d;
    enum value_kind kind = VALUE_DATE;
    size_t begin = out->len;

    if (len > 0 && (p[0] == 'P' || (p[0] == '-' && len > 1 && p[1] == 'P'))) {
        if (!take_duration(&t, &d))
            return false;
        value_add_duration(out, &d);
        return true;
    }
    add_slice(out, kind, "", 0);
    if (!take_instant(&t, out, &kind)) {
        buf_truncate(out, begin);
        return false;
    }
    if (!out->failed) { /* now that kind and length are known */
        size_t text_len = out->len - begin - 5;
        out->data[begin] = (char)kind;
        for (size_t i = 0; i < 4; i++)
            out->data[begin + 1 + i] = (char)(unsigned char)(text_len >> (8 * i));
    }
    return true;
}

static bool take_double_text(struct text *t, double *out)
{
    struct tape_value number = {.kind = TAPE_STRING, .p = t->p};

    while (t->p + number.len < t->end && t->p[number.len] != ' ' && t->p[number.len] != ')')
        number.len++;
    if (!tape_double(&number, out))
        return false;
    t->p += number.len;
    return true;
}

bool value_add_wkt(struct buf *out, const char *p, size_t len)
{
    struct text t = {p, p + len};
    struct value_point point = {0};

    if (!take_word(&t, "SRID="))
        return false;
    size_t digits = digits_at(&t);
    if (digits != 4)
        return false;
    for (size_t i = 0; i < digits; i++)
        point.srid = point.srid * 10 + (*t.p++ - '0');
    point.dimensions = value_dimensions(point.srid);
    if (point.dimensions == 0 || !take_word(&t, ";POINT"))
        return false;
    (void)take_char(&t, ' ');
    bool z = take_char(&t, 'Z');
    (void)take_char(&t, ' ');
    if (z != (point.dimensions == 3) || !take_char(&t, '('))
        return false;
    for (size_t i = 0; i < point.dimensions; i++)
        if ((i > 0 && !take_char(&t, ' ')) || !take_double_text(&t, &point.c[i]))
            return false;
    if (!take_char(&t, ')') || t.p != t.end)
        return false;
    value_add_point(out, &point);
    return true;
}

void value_write_float(struct buf *out, double x)
{
    if (isnan(x))
        buf_adds(out, "NaN");
    else if (isinf(x))
        buf_adds(out, x > 0 ? "Infinity" : "-Infinity");
    else
        jolt_add_real(out, x);
}

void value_write_duration(struct buf *out, const struct value_duration *d)
{
    /* -1 s and 5 ns are -0.999999995 s */
    bool borrow = d->seconds < 0 && d->nanoseconds > 0;
    int64_t seconds = d->seconds + borrow;
    int32_t fraction = borrow ? NANOS_PER_SECOND - d->nanoseconds : d->nanoseconds;

    buf_addf(out, "P%" PRId64 "M%" PRId64 "DT", d->months, d->days);
    if (borrow && seconds == 0)
        buf_addc(out, '-');
    buf_addi(out, seconds);
    if (fraction > 0)
        buf_addf(out, ".%09" PRId32, fraction);
    buf_addc(out, 'S');
}
