/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_CYPHER_TEXT_H
#define CYPHERLOG_SNAPSHOT_CYPHER_TEXT_H

/* snapshot/cypher_text.h: entities as a Cypher text that makes them again and needs no parameters.
 * All rows of a statement are one string literal, which Cypher takes apart and turns into values:
 *
 *     UNWIND split("1␟Ada␟36␞2␟Bob␟41", "␞") AS l WITH split(l, "␟") AS r
 *     CREATE (:`__cypherlog_export`:`P` {`__cypherlog_id`: toInteger(r[0]), `name`: r[1],
 *                                        `age`: toInteger(r[2])})
 *
 * since the server parses one long literal some 40 times faster than a literal for each value
 * (seen on 5.26), and keeps one plan for all statements of a shape. The separators are the
 * control characters made for it, U+001D for elements of a list, U+001E for rows, U+001F for
 * fields; a STRING that holds one of them is escaped by U+001A. Every value comes back exactly but
 * BYTES, which Cypher cannot express. Nodes have a label and a property for the relationships to
 * find them by. Pure. */

#include "snapshot/entity.h"

#define CYPHER_TEXT_LABEL "__cypherlog_export"
#define CYPHER_TEXT_ID "__cypherlog_id"

#define CYPHER_TEXT_HEAD "UNWIND split(\""
#define CYPHER_TEXT_BETWEEN "\\u001e" /* between two rows */

/* Appends the row of an entity, to stand behind the head. What cannot be carried is left out of row
 * and tail. */
void cypher_text_add_row(struct buf *out, const struct entity *e);

/* Appends what follows the rows, without ";". Rows whose entities have equal tails, and no others,
 * may share a statement. */
void cypher_text_add_tail(struct buf *out, const struct entity *e);

/* Whether the property can be carried. */
bool cypher_text_carries(const struct entity *e, const struct entity_property *property);

#endif
