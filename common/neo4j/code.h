/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_CODE_H
#define CYPHERLOG_NEO4J_CODE_H

/* neo4j/code.h: what a Neo4j status code means for the one who sent the statement. */

#include "base/err.h"

/* The class of a code such as `Neo.ClientError.Statement.SyntaxError`; codes, never messages, are
 * compared. An unknown ClientError is the statement's fault, anything else unknown this server's.
 */
enum err_class code_class(const char *code);

#endif
