/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/range.h"

#include "base/clock.h"
#include "neo4j/instant.h"

#include <math.h>
#include <string.h>

#define SECONDS_PER_MONTH 2629746
#define SECONDS_PER_DAY 86400
#define OFFSET_MAX (18 * 3600)
#define YEAR_MAX 999999999

static int number_at(const char *p, size_t digits)
{
    int n = 0;

    for (size_t i = 0; i < digits; i++)
        n = n * 10 + (p[i] - '0');
    return n;
}

/* The year of a date, which ends at end, without its sign. */
static int year_of(const char *p, const char *end)
{
    bool sign = *p == '-' || *p == '+';

    return number_at(p + sign, (size_t)(end - p) - 6 - sign);
}

static bool holds_date(const char *p, const char *end)
{
    int year = year_of(p, end), month = number_at(end - 5, 2), day = number_at(end - 2, 2);

    if (*p == '-' && year == 0)
        return false;
    return month >= 1 && month <= 12 && day >= 1 && day <= clock_month_length(year, month);
}

static bool holds_clock(const char *p)
{
    return number_at(p, 2) <= 23 && number_at(p + 3, 2) <= 59 && number_at(p + 6, 2) <= 59;
}

static bool holds_offset(const char *p, const char *end)
{
    int parts[] = {0, 0, 0};

    for (size_t i = 0; p + 1 + 3 * i < end && i < 3; i++)
        parts[i] = number_at(p + 1 + 3 * i, 2);
    return *p == 'Z' || (parts[1] <= 59 && parts[2] <= 59 &&
                         parts[0] * 3600 + parts[1] * 60 + parts[2] <= OFFSET_MAX);
}

/* java.time, ZoneId: a region begins with a letter and has two characters at least. */
static bool holds_zone(const char *p, const char *end)
{
    bool letter = (*p | 32) >= 'a' && (*p | 32) <= 'z';

    return letter && end - p >= 2 && memchr(p, ':', (size_t)(end - p)) == NULL;
}

static bool holds_temporal(const struct value *v)
{
    const char *end = v->p + v->len, *zone, *offset;
    const char *t = memchr(v->p, 'T', v->len), *clock = t != NULL ? t + 1 : v->p;
    bool dated = v->kind != VALUE_LOCAL_TIME && v->kind != VALUE_TIME;
    const char *date_end = t != NULL ? t : end;

    if (dated && !holds_date(v->p, date_end))
        return false;
    if (v->kind == VALUE_DATE)
        return true;
    offset = instant_offset(v, &zone);
    if (!holds_clock(clock) || (offset < zone && !holds_offset(offset, zone)))
        return false;
    if (dated && value_has_long_offset(v) && year_of(v->p, date_end) == YEAR_MAX)
        return false;
    return v->kind != VALUE_ZONED_DATETIME || holds_zone(zone + 1, end - 1);
}

static bool holds_duration(const struct value_duration *d)
{
    int64_t months, days, sum;

    return !__builtin_mul_overflow(d->months, SECONDS_PER_MONTH, &months) &&
           !__builtin_mul_overflow(d->days, SECONDS_PER_DAY, &days) &&
           !__builtin_add_overflow(months, days, &sum) &&
           !__builtin_add_overflow(sum, d->seconds, &sum);
}

static bool holds_point(const struct value_point *p)
{
    for (size_t i = 0; i < p->dimensions; i++)
        if (!isfinite(p->c[i]))
            return false;
    if (p->srid != VALUE_SRID_WGS_84 && p->srid != VALUE_SRID_WGS_84_3D)
        return true;
    return fabs(p->c[0]) <= 180 && fabs(p->c[1]) <= 90;
}

bool range_holds(const struct value *v)
{
    if (value_is_temporal(v->kind))
        return holds_temporal(v);
    if (v->kind == VALUE_DURATION)
        return holds_duration(&v->duration);
    return v->kind != VALUE_POINT || holds_point(&v->point);
}
