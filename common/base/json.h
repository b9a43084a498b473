/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_JSON_H
#define CYPHERLOG_BASE_JSON_H

/* base/json.h: JSON from outside, parsed with limits settled in one place. Duplicate keys are
 * refused, NUL inside strings is allowed, integers are 64 bits, depth is at most JSON_DEPTH_MAX. */

#include "base/buf.h"
#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

/* Neo4j answers 500 to a parameter nested deeper than 1000; far below that, and above any use. */
#define JSON_DEPTH_MAX 200

/* Before the first thread: seeds jansson's hash tables, and has it allocate as base/mem does, for a
 * parse that failed for want of memory would look like a message that is no JSON. */
void json_init(void);

/* Parses exactly one JSON value from p[0..len-1] (UTF-8). The caller owns the result. NULL with
 * ERR_POISON, code "json.…", and where it stands. */
MUST_CHECK json_t *json_parse(const char *p, size_t len, struct err *err);

/* The member, NULL when absent or JSON null. Borrowed. */
json_t *json_member(const json_t *object, const char *key);

/* The member's text, borrowed; NULL when absent or no string. */
const char *json_text(const json_t *object, const char *key);

/* The member's integer, or otherwise when absent or no integer. */
int64_t json_int(const json_t *object, const char *key, int64_t otherwise);

/* Appends value as compact JSON (any kind of value). */
void json_add(struct buf *out, const json_t *value);

/* The same as jansson's flags say: JSON_INDENT(4) and the like. */
void json_add_as(struct buf *out, const json_t *value, size_t flags);

#endif
