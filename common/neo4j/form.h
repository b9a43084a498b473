/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_FORM_H
#define CYPHERLOG_NEO4J_FORM_H

/* neo4j/form.h: the form of a parameter that holds typed values: what must be built of the plain
 * JSON that is sent, and where in it. Equal forms give equal Cypher, whatever the values, so that
 * commands of one shape share a text. Forms that differ in little fit into one: a null where
 * another element has a date, 1.5 where another has NaN. Pure. */

#include "neo4j/carriage.h"

struct form; /* opaque */

/* Names of ours in the expressions begin so; they mean something within the expression alone. */
#define FORM_NAME "__typed"

/* How many forms the elements of a list may have. */
#define FORM_MIXED_MAX 64

void form_free(struct form *f);

/* Of what JSON carries: null, a number with a fraction, any other value. */
struct form *form_new_null(void);
struct form *form_new_real(void);
struct form *form_new_plain(void);

/* Of a value that goes as JSON of that carriage. */
struct form *form_new_value(enum carriage carriage, const struct value *v);

/* Of a map that has no member yet. */
struct form *form_new_map(void);

/* Adds a member. key is borrowed for the life of f; value is f's from now on. */
void form_add_member_take(struct form *f, const char *key, size_t len, struct form *value);

/* Of a list that has no element yet. */
struct form *form_new_list(void);

/* Adds an element, f's from now on. Returns which of the list's forms it has, from 0; -1: it would
 * be one more than FORM_MIXED_MAX. When all are added and form_is_mixed, the list goes as [[n,
 * element], …] with these numbers. */
int form_add_element_take(struct form *f, struct form *element);
bool form_is_mixed(const struct form *f);

/* Nothing is to be built: the value goes as it is. */
bool form_is_plain(const struct form *f);

/* Appends the expression that builds the value of `from`, an expression that needs no brackets. */
void form_add_expression(const struct form *f, const char *from, struct buf *out);

#endif
