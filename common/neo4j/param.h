/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_PARAM_H
#define CYPHERLOG_NEO4J_PARAM_H

/* neo4j/param.h: parameters from a message, as the transaction API can carry them. Pure.
 *
 * A value may be plain JSON, or typed as in Neo4j's Query API, {"$type":…,"_value":…}, at any
 * depth:
 *
 * | $type                      | _value                          | carried as           |
 * |----------------------------|---------------------------------|----------------------|
 * | Null, Boolean, String      | the JSON value                  | itself               |
 * | Integer                    | "12", or 12                     | a JSON integer       |
 * | Float                      | "1.5", "1.0E10", or a number    | a JSON number        |
 * | Float NaN, Infinity, -…    |                                 | refused: param.float |
 * | List                       | array of values                 | a JSON array         |
 * | Map                        | object; itself no value, so     | a JSON object        |
 * |                            | that a key "$type" can be there |                      |
 * | Base64                     |                                 | refused: param.bytes |
 * | Date … Duration, Point     |                                 | refused: param.typed |
 *
 * The transaction API takes plain JSON only, in which the last two rows cannot be written (Neo4j
 * HTTP API, "Parameters"; tried on 4.4, 5.26 and 2026). */

#include "base/err.h"
#include "base/json.h"

/* The members of params, a JSON object, as plain JSON: a new reference, to params itself where it
 * holds nothing typed. NULL with ERR_POISON: one cannot be carried; the text says what to do. */
MUST_CHECK json_t *param_carry(json_t *params, struct err *err);

#endif
