/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_FREEZE_CLOCK_H
#define CYPHERLOG_CYPHER_FREEZE_CLOCK_H

/* cypher/freeze_clock.h: calls that read the clock, and what is put in place of them (freeze.h has
 * the forms). Also maps with a time zone, which make some calls read it. A part of freeze; what
 * returns an int is as walk_note. */

#include "cypher/freeze_walk.h"

/* A function that makes a date or time: it reads the clock without an argument. */
bool freeze_clock_is(enum chance_call call);

/* The brackets of such a call, the frame f, open. */
MUST_CHECK int freeze_clock_open(struct walk *w, struct walk_frame *f);

/* A map opens as the frame f, in the brackets of call. */
MUST_CHECK int freeze_clock_open_map(struct walk *w, struct walk_frame *call, struct walk_frame *f);

/* The bracket in hand closes the frame f, of whatever kind. */
void freeze_clock_close(struct walk *w, const struct walk_frame *f);

/* timestamp(): its name and the brackets at `at`, which are passed too. */
void freeze_clock_bind_timestamp(struct walk *w, size_t name, size_t at);

/* For each token, before it is judged: puts what goes around a time zone, and sees time zones that
 * are somewhere else than at a clock. */
void freeze_clock_pass(struct walk *w);

/* At the end of the text: whether an argument of a clock may be a map with a time zone. */
MUST_CHECK int freeze_clock_end(struct walk *w);

#endif
