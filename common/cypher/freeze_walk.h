/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_FREEZE_WALK_H
#define CYPHERLOG_CYPHER_FREEZE_WALK_H

/* cypher/freeze_walk.h: where freeze stands in a text, what it found so far, and the text that it
 * writes meanwhile. Private to freeze and its parts; the names begin with walk_. Pure. */

#include "base/err.h"
#include "base/json.h"
#include "cypher/chance.h"
#include "cypher/freeze.h"
#include "cypher/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WALK_FRAMES_MAX 128 /* policy lets fewer pass */
#define WALK_NONE SIZE_MAX  /* no token */

/* date(), date.statement(), date.truncate() */
enum walk_form { WALK_PLAIN, WALK_MOMENT, WALK_TRUNCATE };

/* Within a bracket, or none. */
struct walk_frame {
    int open;              /* ( [ { */
    size_t at;             /* its bracket */
    enum chance_call call; /* whose arguments these are */
    enum walk_form form;
    const char *suffix;          /* goes before its end */
    size_t value, value_end;     /* tokens: a time zone in a map, */
    const char *before, *behind; /* and what goes around it */
    bool direct;                 /* a map that a clock gets: its time zone is seen to */
    bool comma;                  /* has a second argument */
    bool pattern;                /* a list that may be made of a pattern */
    bool collects;               /* COLLECT { … } */
    bool stores;                 /* in a clause that stores values, … */
    bool clause_stores;          /* … which is the one that began here last */
    bool returns;                /* behind RETURN */
    bool rows_ordered, ordered;  /* rows that come into the clause, and leave it, have an order */
};

struct walk {
    struct freeze *f;
    const struct freeze_rules *rules;
    const json_t *params;
    struct err *err;
    const char *text;
    size_t len;
    const struct view_item *items;
    size_t at;
    size_t done;                               /* the text up to here is in f->text */
    struct walk_frame frames[WALK_FRAMES_MAX]; /* frames[0] is the text itself */
    size_t depth;
    size_t call_at;        /* the bracket of a call that was read, */
    enum chance_call call; /* … what it calls, */
    enum walk_form form;   /* … and how */
    bool chained;          /* NEXT: no RETURN is the last */
    bool writes;
    bool zones;   /* a map with a time zone is somewhere else than at a clock */
    bool maps;    /* a map may be made whose keys nobody sees */
    size_t loose; /* a clock whose argument may be such a map */
    bool loose_time;
    unsigned in_writes;         /* warnings that count in a text that writes */
    size_t refused;             /* the first finding about order, … */
    enum chance refused_chance; /* … which is refused if the text writes */
};

/* ---- tokens: at is an index of items, up to VIEW_BEHIND - 1 behind the end ---- */

static inline const struct view_item *walk_item(const struct walk *w, size_t at)
{
    return &w->items[at]; /* the last one is LEXER_END */
}

static inline bool walk_is_op(const struct walk *w, size_t at, int op)
{
    return view_is_op(&w->items[at], op);
}

/* n tokens before at. */
static inline bool walk_was_op(const struct walk *w, size_t at, size_t n, int op)
{
    return at >= n && walk_is_op(w, at - n, op);
}

/* The place in the text behind it. */
static inline size_t walk_end_of(const struct walk *w, size_t at)
{
    return w->items[at].token.start + w->items[at].token.len;
}

static inline bool walk_is_end(const struct walk *w, size_t at)
{
    return w->items[at].token.kind == LEXER_END;
}

static inline bool walk_is_string(const struct walk *w, size_t at)
{
    return walk_item(w, at)->token.kind == LEXER_STRING;
}

static inline bool walk_is_open(const struct walk *w, size_t at)
{
    return walk_is_op(w, at, '(') || walk_is_op(w, at, '[') || walk_is_op(w, at, '{');
}

static inline bool walk_is_close(const struct walk *w, size_t at)
{
    return walk_is_op(w, at, ')') || walk_is_op(w, at, ']') || walk_is_op(w, at, '}');
}

/* The innermost bracket that is open. */
static inline struct walk_frame *walk_top(struct walk *w)
{
    return &w->frames[w->depth];
}

/* The name of a word, quoted name or parameter without quotes and $, as a slice of the text. */
const char *walk_name(const struct walk *w, size_t at, size_t *len);

/* Whether it has that name, in any case; walk_is_word: and is a word without quotes. */
bool walk_has_name(const struct walk *w, size_t at, const char *name);
bool walk_is_word(const struct walk *w, size_t at, const char *word);
bool walk_was_word(const struct walk *w, size_t at, size_t n, const char *word);

/* What the name at `at` means alone. */
enum chance_call walk_find_call(const struct walk *w, size_t at);

/* The end of the bracket at `at`; that of the text when it has none. */
size_t walk_find_close(const struct walk *w, size_t at);

/* ---- findings ---- */

/* Refuses, or notes a warning, as the rules say of what is not about order (freeze_order.h).
 * advice: what to do instead; NULL: as chance.h says. 0; or -1 with ERR_POISON in w->err. */
MUST_CHECK int walk_note(struct walk *w, enum chance chance, size_t at, const char *advice);

/* Whether a clock at the token in hand is to be bound; else it is noted. */
bool walk_binds(struct walk *w);

/* At the end of the text: what counts in one that writes is refused, or becomes a warning. As
 * walk_note. */
MUST_CHECK int walk_settle(struct walk *w);

/* ---- the text: places never go back ---- */

/* What is from..to in the text becomes s. */
void walk_put(struct walk *w, size_t from, size_t to, const char *s);

/* s goes before or behind the token. */
void walk_put_before(struct walk *w, size_t at, const char *s);
void walk_put_behind(struct walk *w, size_t at, const char *s);

#endif
