/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_VIEW_H
#define CYPHERLOG_CYPHER_VIEW_H

/* cypher/view.h: a token with its neighbours and what its word means. What a word is in Cypher,
 * which reserves none, shows in what stands beside it. */

#include "cypher/keyword.h"
#include "cypher/lexer.h"
#include "cypher/word.h"

struct view_item {
    struct lexer_token token;
    struct keyword_info word; /* KEYWORD_NONE when the token is no word */
};

struct view {
    struct lexer lexer;            /* behind next */
    struct view_item before, last; /* LEXER_END before the text */
    struct view_item now, next;
};

/* now is the first token. Borrows the text. */
void view_init(struct view *view, const char *text, size_t len);

/* One token on. */
void view_advance(struct view *view);

/* All tokens of a text. {0} is empty; kept from text to text, its memory is used again. */
struct view_list {
    struct view_item *items; /* behind the last one stand VIEW_BEHIND more like it */
    size_t count, size;
};

#define VIEW_BEHIND 7 /* so that one may look ahead */

/* Reads text up to its end, or to the first token that is invalid; returns that LEXER_END or
 * LEXER_INVALID, which is the list's last item. */
const struct view_item *view_list_read(struct view_list *list, const char *text, size_t len);
void view_list_fini(struct view_list *list);

bool view_is_op(const struct view_item *item, int op);

/* A minus, or what else is drawn as one in patterns. */
bool view_is_dash(const struct view_item *item);

/* A word without quotes that is `word`, in any case; text is what the tokens are slices of. */
static inline bool view_reads(const struct view_item *item, const char *text, const char *word)
{
    return item->token.kind == LEXER_WORD &&
           word_is(text + item->token.start, item->token.len, word);
}

/* The same for one of words, which end with NULL. */
bool view_reads_one_of(const struct view_item *item, const char *text, const char *const *words);

/* Directly beside a word or parameter it would be read as one with it, as in `ELSE$x`, `$x$`. */
bool view_glues(const struct view_item *item);

/* A word, but not directly behind a dot or colon, where it is a property, label or value. */
bool view_is_word(const struct view *view, enum keyword keyword);

/* An operand can end with it: a closing bracket, literal, parameter, name. A word that an operand
 * must follow (AND, RETURN, …) is none, though it may be a variable. */
bool view_ends_operand(const struct view_item *item);

/* A word or quoted name. */
bool view_is_name(const struct view_item *item);

#endif
