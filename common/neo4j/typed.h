/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_TYPED_H
#define CYPHERLOG_NEO4J_TYPED_H

/* neo4j/typed.h: a value of a message, typed or plain (the table of param.h), as plain JSON and the
 * form by which it is built of that. Pure. */

#include "base/json.h"
#include "neo4j/form.h"

/* Whether it holds a typed value; one that does not is its own plain JSON. */
bool typed_is_in(json_t *value);

/* The plain JSON of the value of parameter key[0..len-1]: a new reference; *form is the caller's
 * and borrows keys of value. NULL with ERR_POISON and where in it; *form is NULL then. */
MUST_CHECK json_t *typed_carry(json_t *value, const char *key, size_t len, struct form **form,
                               struct err *err);

#endif
