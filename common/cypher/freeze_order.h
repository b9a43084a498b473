/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_FREEZE_ORDER_H
#define CYPHERLOG_CYPHER_FREEZE_ORDER_H

/* cypher/freeze_order.h: where clauses begin, what each does to the order of rows, and what depends
 * on an order that no server promises. A part of freeze. What it finds counts in a text that
 * writes: walk_settle refuses it, or warns, at the end. */

#include "cypher/freeze_walk.h"

/* A word, not behind a dot: it may begin a clause, or stand for one of several paths. */
void freeze_order_word(struct walk *w, size_t at);

/* The call of a function, whose name begins at `at`, that makes a list, path or sum. Others: 0. */
void freeze_order_call(struct walk *w, size_t at, enum chance_call call);

/* A bracket opens as the frame f: COLLECT { … }, [(a)-->(b) | …]. */
void freeze_order_open(const struct walk *w, struct walk_frame *f);

/* The frame f closes. */
void freeze_order_close(struct walk *w, const struct walk_frame *f);

/* A | directly within the frame f. */
void freeze_order_bar(struct walk *w, const struct walk_frame *f);

#endif
