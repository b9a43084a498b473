/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_LIMIT_H
#define CYPHERLOG_CYPHER_LIMIT_H

/* cypher/limit.h: what Neo4j takes in one piece. Beyond it the server answers HTTP 500, which says
 * nothing: to a string above 20,000,000 characters and to a name in JSON above 50,000. In bytes,
 * which are no fewer than characters. */

#define LIMIT_STRING_BYTES 19000000 /* a text of Cypher too */
#define LIMIT_NAME_BYTES 45000

#endif
