/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_CODE_H
#define CYPHERLOG_NEO4J_CODE_H

/* neo4j/code.h: what a Neo4j status code means for the one who sent the statement. */

#include "base/err.h"

#include <stdbool.h>

/* The class of a code such as `Neo.ClientError.Statement.SyntaxError`. The message counts only
 * where a server hides behind a code what is no fault of the statement; "" where there is none. An
 * unknown ClientError is the statement's fault, anything else unknown this server's. */
enum err_class code_class(const char *code, const char *message);

/* True for a limit that an operator or the server's size sets: memory, time. What else is
 * ERR_SHRINK is a fault of the server that may pass. */
bool code_is_limit(const char *code);

#define CODE_LIMIT_SIZE 128

/* True for an error of a lock or a time that had a limit: out is the setting's name, as the subject
 * of a sentence; LockClientStopped, of who was ended while it waited for a lock, does not tell by
 * whom. ours: of this program, whose value the request brought along; 4.4 takes the lower
 * of it and its own and does not tell which, later servers take ours (seen). The message may have
 * context before it. */
bool code_limit(const char *code, const char *message, const char *ours,
                char out[static CODE_LIMIT_SIZE]);

/* True for a verdict that may be none: the code is also used for what passes by itself, such as a
 * full disk or a file server that does not answer. It counts when it comes again and again. */
bool code_wants_proof(const char *code);

/* When Neo4j answers HTTP 500 and names no code. */
#define CODE_HTTP_500 "neo4j.http-500"

/* True for HTTP 500, with one code or another: the server broke down over the text or a value, and
 * may have left the transaction open, or the text in its query cache as one that is being compiled
 * (seen on 5.26). */
bool code_is_breakdown(const char *code);

#endif
