/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_CLOCK_H
#define CYPHERLOG_BASE_CLOCK_H

/* base/clock.h: two clocks. Deadlines are on the monotonic one, everything that leaves the process
 * (timestamps, ages) is wall time. Any thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Milliseconds since some fixed moment; never goes back. */
int64_t clock_mono_ms(void);

/* Microseconds on the same clock, for measuring rates. */
int64_t clock_mono_us(void);

/* Milliseconds since 1970-01-01 UTC. */
int64_t clock_wall_ms(void);

/* The moment wait_ms from now, for pthread_cond_timedwait on a monotonic condition. */
struct timespec clock_deadline(int64_t wait_ms);

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar, negative before it; month
 * and day from 1 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil). */
int64_t clock_days(int64_t year, int month, int day);

/* Days that a month, from 1 to 12, has in that calendar: 28 to 31. */
int clock_month_length(int64_t year, int month);

#define CLOCK_TEXT_SIZE 32

/* Writes wall_ms as `2026-01-31T23:59:59.123Z` into out (CLOCK_TEXT_SIZE bytes); returns out. */
const char *clock_text(int64_t wall_ms, char *out, size_t size);

/* Reads a moment as people and programs write it: ISO 8601 with an offset, such as
 * `2026-01-31T23:59:59.5+01:00` or `2026-01-31T22:59Z` (what is finer than milliseconds is
 * dropped), or milliseconds since 1970-01-01 UTC. False: it is neither, or before 1970. */
bool clock_parse(const char *text, int64_t *wall_ms);

#endif
