/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_HABIT_H
#define GLOBAL_SERVER_HABIT_H

/* global_server/habit.h: what queries of one form have taken so far. Two texts have one form when
 * they differ in literals, blanks and comments alone. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HABIT_QUICK_US 100000   /* on the average of the last few; longer is not quick */
#define HABIT_QUICK_BYTES 65536 /* of the answer */

struct habits; /* opaque; one thread at a time */

struct habits *habits_new(void);
void habits_free(struct habits *h);

/* Of a query's text. */
uint64_t habits_form(const struct habits *h, const char *text, size_t len);

/* A query of this form took so long and had so many bytes. True: now the form is quick, which it
 * was not before. The first ones after a start of Neo4j take longer, and it is the last ones that
 * count. */
bool habits_note(struct habits *h, uint64_t form, int64_t us, size_t bytes);

/* A query of this form, which was quick so far, was not answered in time: the form is not quick
 * until HABIT_PROBATION of its queries are again. */
void habits_late(struct habits *h, uint64_t form);

#define HABIT_PROBATION 8

/* Nothing says that its queries are slow: there was none, or the last ones did not take long. */
bool habits_hopeful(const struct habits *h, uint64_t form);

#define HABIT_HOPEFUL_US 1000000

/* Its queries were quick so far, and there was one. *us: what the next one may be expected to
 * take. */
bool habits_quick(const struct habits *h, uint64_t form, int64_t *us);

#endif
