/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t now_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_mono_ms(void)
{
    return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000;
}

struct timespec clock_deadline(int64_t wait_ms)
{
    int64_t us = now_us(CLOCK_MONOTONIC) + wait_ms * 1000;

    return (struct timespec){.tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000) * 1000};
}

const char *clock_text(int64_t wall_ms, char *out, size_t size)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    char date[CLOCK_TEXT_SIZE];

    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, size, "%s.%03dZ", date, (int)(wall_ms % 1000));
    return out;
}

/* Reads exactly n digits at *p and moves behind them; -1: they are not there. */
static int take_digits(const char **p, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        value = value * 10 + (**p - '0');
    }
    return value;
}

int64_t clock_days(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year; /* years begin in March: a leap day ends one */
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int clock_month_length(int64_t year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return lengths[month - 1] + (month == 2 && leap);
}

static bool take_date(const char **p, int64_t *days)
{
    int year = take_digits(p, 4);
    int month = year >= 1970 && *(*p)++ == '-' ? take_digits(p, 2) : -1;
    int day = month >= 1 && month <= 12 && *(*p)++ == '-' ? take_digits(p, 2) : -1;

    if (day < 1)
        return false;
    *days = clock_days(year, month, day);
    return day <= clock_month_length(year, month);
}

/* "23:59", "23:59:59", "23:59:59.123456" */
static bool take_time(const char **p, int64_t *ms)
{
    int hour = take_digits(p, 2);
    int minute = hour >= 0 && *(*p)++ == ':' ? take_digits(p, 2) : -1, second = 0;

    if (minute >= 0 && **p == ':') {
        (*p)++;
        second = take_digits(p, 2);
    }
    if (hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;
    *ms = ((hour * 60 + minute) * 60 + second) * INT64_C(1000);
    if (**p != '.')
        return true;
    const char *start = ++*p;
    for (int unit = 100; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
        *ms += (**p - '0') * unit;
    return *p > start;
}

/* "Z", "+01:00", "-0330" */
static bool take_offset(const char **p, int64_t *ms)
{
    char sign = *(*p)++;

    *ms = 0;
    if (sign == 'Z' || sign == 'z')
        return true;
    int hour = sign == '+' || sign == '-' ? take_digits(p, 2) : -1;
    if (hour >= 0 && **p == ':')
        (*p)++;
    int minute = hour >= 0 ? take_digits(p, 2) : -1;
    *ms = (hour * 60 + minute) * INT64_C(60000) * (sign == '-' ? -1 : 1);
    return minute >= 0 && minute <= 59 && hour <= 18;
}

bool clock_parse(const char *text, int64_t *wall_ms)
{
    int64_t days, time, offset;
    const char *p = text;
    size_t digits = strspn(text, "0123456789");

    if (digits > 0 && text[digits] == '\0' && digits <= 15) {
        *wall_ms = strtoll(text, NULL, 10);
        return true;
    }
    if (!take_date(&p, &days) || (*p != 'T' && *p != 't' && *p != ' '))
        return false;
    p++;
    if (!take_time(&p, &time) || !take_offset(&p, &offset) || *p != '\0')
        return false;
    *wall_ms = days * INT64_C(86400000) + time - offset;
    return *wall_ms >= 0;
}
