/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_KEYWORD_H
#define CYPHERLOG_CYPHER_KEYWORD_H

/* cypher/keyword.h: the words that policy looks at. Cypher reserves none of them: each may also be
 * a variable, label or property, so what stands around decides. */

#include <stddef.h>

enum keyword {
    KEYWORD_NONE,
    KEYWORD_OTHER, /* of the table, told from the rest by its flags only */
    KEYWORD_AS,
    KEYWORD_CALL,
    KEYWORD_CASE,
    KEYWORD_COMMIT,
    KEYWORD_CREATE,
    KEYWORD_CSV,
    KEYWORD_CYPHER,
    KEYWORD_DEFINE,
    KEYWORD_DELETE,
    KEYWORD_DETACH,
    KEYWORD_DROP,
    KEYWORD_END,
    KEYWORD_EXPLAIN,
    KEYWORD_FOR,
    KEYWORD_FOREACH,
    KEYWORD_IMMUTABLE,
    KEYWORD_IN,
    KEYWORD_LET,
    KEYWORD_LOAD,
    KEYWORD_NEXT,
    KEYWORD_NOT,
    KEYWORD_OR,
    KEYWORD_PERIODIC,
    KEYWORD_PROFILE,
    KEYWORD_REPLACE,
    KEYWORD_SET,
    KEYWORD_SHOW,
    KEYWORD_TERMINATE,
    KEYWORD_TRANSACTIONS, /* and TRANSACTION */
    KEYWORD_TO_FLOAT,     /* toFloat, toFloatOrNull, toFloatList */
    KEYWORD_UNION,
    KEYWORD_USE,
    KEYWORD_USING,
    KEYWORD_WITH,
    KEYWORD_YIELD,
};

enum keyword_flag {
    KEYWORD_CLAUSE = 1,       /* begins a clause or a part of one: a new expression starts */
    KEYWORD_BOOLEAN = 2,      /* AND OR */
    KEYWORD_OPERATOR = 4,     /* XOR NOT IN IS STARTS … */
    KEYWORD_OPERAND = 8,      /* an operand, never a clause, follows it */
    KEYWORD_ADMIN = 16,       /* begins an administration command */
    KEYWORD_ADMIN_NOUN = 32,  /* CREATE and DROP of it is administration */
    KEYWORD_SCHEMA_NOUN = 64, /* CREATE and DROP of it is a schema command */
    KEYWORD_SHOWN = 128,      /* what SHOW can be followed by */
    KEYWORD_BRANCH = 256,     /* WHEN THEN ELSE: also inside CASE */
    KEYWORD_START = 512,      /* begins a command */
    KEYWORD_CHANGES = 1024,   /* may make or delete relationships */
};

struct keyword_info {
    enum keyword keyword;
    unsigned flags;
};

/* What p[0..len-1] is, in any case; {KEYWORD_NONE, 0} for words that mean nothing to policy. */
struct keyword_info keyword_find(const char *p, size_t len);

#endif
