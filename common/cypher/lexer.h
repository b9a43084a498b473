/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_LEXER_H
#define CYPHERLOG_CYPHER_LEXER_H

/* cypher/lexer.h: the tokens of a Cypher text, as the servers see them (Cypher 5 and 25; Neo4j 4.4,
 * 5.26, 2026). Pure; allocates nothing; any bytes are fine, nothing is read beyond the length.
 * Where the versions disagree on where a token ends, the token is LEXER_INVALID and says why. */

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum lexer_kind {
    LEXER_END,
    LEXER_WORD,        /* identifier or keyword */
    LEXER_QUOTED_NAME, /* `name`, with its backticks */
    LEXER_STRING,      /* with its quotes */
    LEXER_INTEGER,     /* what the server's lexer takes for one; plain says that it is a number */
    LEXER_FLOAT,       /* same */
    LEXER_PARAMETER,   /* from the $ to the end of the name, blanks and comments between included */
    LEXER_PUNCTUATION, /* op tells which */
    LEXER_INVALID,     /* why tells why */
};

/* op of a punctuation: the character itself, or one of these. Arrows are not put together: `->` is
 * two tokens, as in `a<-1`. */
enum lexer_op {
    LEXER_OP_RANGE = 256,   /* .. */
    LEXER_OP_TYPE,          /* :: */
    LEXER_OP_ADD_TO,        /* += */
    LEXER_OP_MATCHES,       /* =~ */
    LEXER_OP_NOT_EQUAL,     /* <> and != */
    LEXER_OP_LESS_EQUAL,    /* <= */
    LEXER_OP_GREATER_EQUAL, /* >= */
    LEXER_OP_CONCATENATE,   /* || */
    LEXER_OP_ARROW_LINE,    /* U+2010 and its kin, a - of patterns only */
    LEXER_OP_ARROW_LEFT,    /* U+27E8 and its kin */
    LEXER_OP_ARROW_RIGHT,   /* U+27E9 and its kin */
};

struct lexer_token {
    enum lexer_kind kind;
    int op;          /* LEXER_PUNCTUATION */
    size_t start;    /* offset in the text */
    size_t len;      /* bytes, at least 1 but for LEXER_END */
    bool escaped;    /* string: holds a backslash; quoted name: holds a doubled backtick */
    bool plain;      /* number: written so that all versions read the same value */
    const char *why; /* LEXER_INVALID: what is wrong, for a person */
};

/* A plain value: a copy is a second reader at the same place. Borrows the text. */
struct lexer {
    const char *text;
    size_t len;
    size_t pos;
};

void lexer_init(struct lexer *lexer, const char *text, size_t len);

/* Reads the next token into *token. Tokens come in order and never overlap; LEXER_END repeats.
 * After an invalid token it goes on behind it. */
void lexer_next(struct lexer *lexer, struct lexer_token *token);

/* The name without quotes and $, as a slice of the text: of a word, quoted name, parameter. A
 * doubled backtick stays doubled. */
const char *lexer_name(const struct lexer *lexer, const struct lexer_token *token, size_t *len);

enum lexer_unicode {
    LEXER_UNICODE_NONE,    /* nothing to decode: the text is what the server lexes */
    LEXER_UNICODE_DECODED, /* out holds what the server lexes; ask buf_check */
    LEXER_UNICODE_ODD,     /* a \u that not all versions read alike, or none accepts */
};

/* What the server does first: \uXXXX becomes its character everywhere, also outside strings; a
 * backslash takes the character behind it along, so `\\u` is none. Appends to out, only for
 * LEXER_UNICODE_DECODED. Half a surrogate pair becomes its three bytes. Odd are \uu (4.4 skips the
 * surplus), and anything but four hexadecimal digits (5.26 even takes `\u+041`). Source:
 * UnicodeEscapeReplacementReader of 5.26 and 2026.08, CypherCharStream of 4.4. */
enum lexer_unicode lexer_decode_unicode(const char *text, size_t len, struct buf *out);

#endif
