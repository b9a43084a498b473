/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_JOLT_TEXT_H
#define CYPHERLOG_NEO4J_JOLT_TEXT_H

/* neo4j/jolt_text.h: a value of a reply as a short text for people, such as a table's cell. Pure.
 */

#include "base/buf.h"
#include "base/json.h"

/* Appends value, which is in the notation that jolt_add writes (neo4j/jolt.h). A string stands
 * bare, but quoted inside lists and maps; a node looks like (:Label {name: "x"}), a relationship
 * like
 * [:TYPE {since: 2020-01-01}]. What is not in that notation is written as the JSON it is. */
void jolt_text_add(struct buf *out, const json_t *value);

#endif
