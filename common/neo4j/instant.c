/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/instant.h"

#include "base/clock.h"

#include <string.h>

const char *instant_offset(const struct value *v, const char **end)
{
    const char *date = memchr(v->p, 'T', v->len), *stop = v->p + v->len;
    const char *time = date != NULL ? date + 1 : v->p;
    const char *zone = memchr(time, '[', (size_t)(stop - time));
    const char *p = time + 8; /* "hh:mm:ss" */

    *end = zone != NULL ? zone : stop;
    while (p < *end && *p != '+' && *p != '-' && *p != 'Z')
        p++;
    return p;
}

static int two_digits(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

void instant_of(const struct value *v, struct instant *out)
{
    const char *time = memchr(v->p, 'T', v->len), *end, *offset = instant_offset(v, &end);
    int64_t year = 0, nanoseconds = 0, away = 0, digits = 0;
    bool minus = *v->p == '-';

    for (const char *p = v->p + (minus || *v->p == '+'); p < time - 6; p++)
        year = year * 10 + (*p - '0');
    for (const char *p = time + 10; p < offset; p++, digits++)
        nanoseconds = nanoseconds * 10 + (*p - '0');
    for (; digits < 9; digits++)
        nanoseconds *= 10;
    for (int64_t unit = 3600, p = 1; offset + p < end; p += 3, unit /= 60)
        away += two_digits(offset + p) * unit;
    int64_t seconds =
        clock_days(minus ? -year : year, two_digits(time - 5), two_digits(time - 2)) * 86400 +
        two_digits(time + 1) * 3600 + two_digits(time + 4) * 60 + two_digits(time + 7);
    out->seconds = *offset == '-' ? seconds + away : seconds - away;
    out->nanoseconds = nanoseconds;
    out->zone = end < v->p + v->len ? end + 1 : offset;
    out->zone_len = (size_t)((end < v->p + v->len ? v->p + v->len - 1 : end) - out->zone);
}
