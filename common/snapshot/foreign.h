/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_FOREIGN_H
#define CYPHERLOG_SNAPSHOT_FOREIGN_H

/* snapshot/foreign.h: what the older tool's files say of a schema, which is uniqueness of nodes
 * alone, as rebuild_schema takes it. A text is never Cypher: one of the exact form is a constraint,
 * any other is left out and told. Pure. */

#include "base/json.h"

/* The schema of constraints.json, in which texts stands, and constraints_names.json, with names in
 * the same order: NULL or too few give the rest names of their own. The caller's. What is no text
 * of the forms below, or has the name of an earlier one, is appended to left_out as a text.
 *
 *   CONSTRAINT ON ( b:B ) ASSERT (b.x, b.y) IS UNIQUE     Neo4j 4
 *   CONSTRAINT ON ( b:B ) ASSERT b.x IS UNIQUE            Neo4j 3
 *
 * with names as they are, or in backticks, which are doubled inside. */
MUST_CHECK json_t *foreign_typed(const json_t *texts, const json_t *names, json_t *left_out);

/* The same of uniqueness_constraints.json: objects with node_label, node_prop, constraint_name, of
 * which those with one name and label are one constraint of several properties. */
MUST_CHECK json_t *foreign_literal(const json_t *objects, json_t *left_out);

#endif
