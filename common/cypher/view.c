/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/view.h"

#include "base/mem.h"

#include <stdlib.h>

static void read_item(struct lexer *lexer, struct view_item *item)
{
    lexer_next(lexer, &item->token);
    item->word = (struct keyword_info){KEYWORD_NONE, 0};
    if (item->token.kind == LEXER_WORD)
        item->word = keyword_find(lexer->text + item->token.start, item->token.len);
}

void view_init(struct view *view, const char *text, size_t len)
{
    *view = (struct view){0};
    lexer_init(&view->lexer, text, len);
    read_item(&view->lexer, &view->now);
    read_item(&view->lexer, &view->next);
}

void view_advance(struct view *view)
{
    view->before = view->last;
    view->last = view->now;
    view->now = view->next;
    read_item(&view->lexer, &view->next);
}

const struct view_item *view_list_read(struct view_list *list, const char *text, size_t len)
{
    struct lexer lexer;
    struct view_item *item;

    lexer_init(&lexer, text, len);
    list->count = 0;
    do {
        if (list->count + VIEW_BEHIND >= list->size) {
            list->size = list->size > 0 ? list->size * 2 : 128;
            list->items = mem_realloc(list->items, list->size, sizeof *list->items);
        }
        item = &list->items[list->count++];
        read_item(&lexer, item);
    } while (item->token.kind != LEXER_END && item->token.kind != LEXER_INVALID);
    for (size_t i = 1; i <= VIEW_BEHIND; i++)
        item[i] = *item;
    return item;
}

void view_list_fini(struct view_list *list)
{
    free(list->items);
    *list = (struct view_list){0};
}

bool view_is_op(const struct view_item *item, int op)
{
    return item->token.kind == LEXER_PUNCTUATION && item->token.op == op;
}

bool view_is_dash(const struct view_item *item)
{
    return view_is_op(item, '-') || view_is_op(item, LEXER_OP_ARROW_LINE);
}

bool view_reads_one_of(const struct view_item *item, const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (view_reads(item, text, *words))
            return true;
    return false;
}

bool view_glues(const struct view_item *item)
{
    return (item->token.kind != LEXER_PUNCTUATION && item->token.kind != LEXER_END) ||
           view_is_op(item, '$');
}

bool view_is_word(const struct view *view, enum keyword keyword)
{
    return view->now.word.keyword == keyword && !view_is_op(&view->last, '.') &&
           !view_is_op(&view->last, ':');
}

bool view_ends_operand(const struct view_item *item)
{
    switch (item->token.kind) {
    case LEXER_WORD:
        return (item->word.flags & (KEYWORD_OPERAND | KEYWORD_OPERATOR)) == 0;
    case LEXER_QUOTED_NAME:
    case LEXER_STRING:
    case LEXER_INTEGER:
    case LEXER_FLOAT:
    case LEXER_PARAMETER:
        return true;
    case LEXER_PUNCTUATION:
        return item->token.op == ')' || item->token.op == ']' || item->token.op == '}';
    case LEXER_END:
    case LEXER_INVALID:
        break;
    }
    return false;
}

bool view_is_name(const struct view_item *item)
{
    return item->token.kind == LEXER_WORD || item->token.kind == LEXER_QUOTED_NAME;
}
