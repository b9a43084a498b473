/* SPDX-License-Identifier: Apache-2.0 */

/* cypher/lift.c: one walk over the tokens with a stack of brackets. What a bracket is shows in what
 * stands before it and behind it; what is not known is frozen: nothing is lifted in it. A literal
 * is judged by the token before it (with its sign) and the one behind it. */
#include "cypher/lift.h"

#include "base/mem.h"
#include "cypher/word.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 256

enum frame_kind {
    FRAME_TOP,   /* the text, a block of clauses { … } */
    FRAME_ROUND, /* a pattern, an expression in brackets */
    FRAME_CALL,  /* the arguments of a function that takes any parameter */
    FRAME_LIST,
    FRAME_RELATIONSHIP, /* -[ … ]- : bounds of a path are no expressions */
    FRAME_MAP,          /* {name: …} */
    FRAME_OTHER,
};

struct frame {
    enum frame_kind kind;
    bool frozen;     /* nothing is lifted here */
    bool projection; /* behind WITH, RETURN, ORDER BY, up to the next clause */
    bool set;        /* behind SET, up to the next clause */
    bool stores;     /* behind CREATE or SET: what is in a map is stored, of whatever type */
    bool number;     /* the expression has a literal, or a parameter, already */
};

struct walk {
    struct lift *l;
    const char *text;
    const struct view_item *tokens; /* the last one is LEXER_END */
    size_t at;                      /* the token in hand */
    bool hole;                      /* the one before it was taken out */
    struct frame frames[FRAMES_MAX];
    size_t depth;
};

/* ---- tokens ---- */

static bool is_op(const struct walk *w, size_t at, int op)
{
    return view_is_op(&w->tokens[at], op);
}

/* The n-th token before the one at `at` is that operator. */
static bool was_op(const struct walk *w, size_t at, size_t n, int op)
{
    return at >= n && is_op(w, at - n, op);
}

static bool is_name(const struct walk *w, size_t at)
{
    return view_is_name(&w->tokens[at]);
}

static unsigned flags_at(const struct walk *w, size_t at)
{
    return w->tokens[at].word.flags;
}

static bool is_word(const struct walk *w, size_t at, const char *word)
{
    return view_reads(&w->tokens[at], w->text, word);
}

static bool is_one_of(const struct walk *w, size_t at, const char *const *words)
{
    return view_reads_one_of(&w->tokens[at], w->text, words);
}

/* A clause, operator or the like, as far as its place tells: not `n.set`, `:SET`, `{set: 1}`. */
static bool is_keyword(const struct walk *w, size_t at)
{
    unsigned most = KEYWORD_CLAUSE | KEYWORD_BOOLEAN | KEYWORD_OPERATOR | KEYWORD_OPERAND;

    return (flags_at(w, at) & most) != 0 && !was_op(w, at, 1, '.') && !was_op(w, at, 1, ':') &&
           !is_op(w, at + 1, ':');
}

/* As view_ends_operand, with all that stands beside a word. */
static bool ends_operand(const struct walk *w, size_t at)
{
    const struct view_item *item = &w->tokens[at];

    return item->token.kind == LEXER_WORD ? !is_keyword(w, at) : view_ends_operand(item);
}

static bool is_one_op(const struct walk *w, size_t at, const char *ops)
{
    const struct lexer_token *t = &w->tokens[at].token;

    return t->kind == LEXER_PUNCTUATION && t->op > 0 && t->op < 128 && strchr(ops, t->op) != NULL;
}

static struct frame *top(struct walk *w)
{
    return &w->frames[w->depth];
}

/* ---- what has to be before and behind ---- */

static bool is_arithmetic(const struct walk *w, size_t at)
{
    return is_one_op(w, at, "+-*/%^");
}

static bool is_comparison(const struct walk *w, size_t at)
{
    return is_op(w, at, '=') || is_op(w, at, '<') || is_op(w, at, '>') ||
           is_op(w, at, LEXER_OP_NOT_EQUAL) || is_op(w, at, LEXER_OP_LESS_EQUAL) ||
           is_op(w, at, LEXER_OP_GREATER_EQUAL);
}

/* The expression has ended before the token at `at`. */
static bool ends_expression(const struct walk *w, size_t at)
{
    static const int ops[] = {',', ')', ']', '}', '|', ';'};

    if (w->tokens[at].token.kind == LEXER_END ||
        (flags_at(w, at) & (KEYWORD_CLAUSE | KEYWORD_BOOLEAN)) != 0 || is_word(w, at, "end") ||
        is_word(w, at, "as"))
        return true;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (is_op(w, at, ops[i]))
            return true;
    return false;
}

/* `{name: ` or `, name: ` in a map. */
static bool is_map_value(const struct walk *w, size_t at)
{
    return w->frames[w->depth].kind == FRAME_MAP && at >= 3 && is_op(w, at - 1, ':') &&
           is_name(w, at - 2) && (is_op(w, at - 3, '{') || is_op(w, at - 3, ','));
}

/* `x.name = ` or `x[…] = ` of SET. Behind `x = ` only a map may stand, and the server checks that
 * where it sees the type. */
static bool is_set_value(const struct walk *w, size_t at)
{
    return w->frames[w->depth].set && at >= 3 && is_op(w, at - 1, '=') &&
           (is_op(w, at - 2, ']') || (is_name(w, at - 2) && is_op(w, at - 3, '.')));
}

enum place { PLACE_NO, PLACE_TYPED, PLACE_ANY };

/* What a literal of n tokens at `at` may be there; list: it is one. */
static enum place place_of(const struct walk *w, size_t at, size_t n, bool list)
{
    const struct frame *f = &w->frames[w->depth];

    if (f->frozen || f->projection || f->number || at == 0 || !ends_expression(w, at + n))
        return PLACE_NO;
    if (is_map_value(w, at)) /* of MATCH and MERGE it may decide which index is used */
        return f->stores ? PLACE_ANY : PLACE_TYPED;
    if (f->kind == FRAME_RELATIONSHIP)
        return PLACE_NO;
    if (is_set_value(w, at))
        return PLACE_ANY;
    if (is_comparison(w, at - 1) || is_word(w, at - 1, "then") || is_word(w, at - 1, "else"))
        return PLACE_TYPED;
    if (list)
        return is_word(w, at - 1, "in") || is_word(w, at - 1, "unwind") ? PLACE_TYPED : PLACE_NO;
    if (is_arithmetic(w, at - 1))
        return at >= 2 && ends_operand(w, at - 2) ? PLACE_TYPED : PLACE_NO;
    if (f->kind == FRAME_CALL && (is_op(w, at - 1, '(') || is_op(w, at - 1, ',')))
        return PLACE_TYPED;
    if (is_word(w, at - 1, "contains"))
        return PLACE_TYPED;
    if (is_word(w, at - 1, "with") && at >= 2 &&
        (is_word(w, at - 2, "starts") || is_word(w, at - 2, "ends")))
        return PLACE_TYPED;
    return PLACE_NO;
}

/* ---- brackets ---- */

/* What the ( at `at` opens. */
static enum frame_kind kind_of_round(const struct walk *w, size_t at)
{
    static const char *const functions[] = {"coalesce", "date",          "datetime",
                                            "duration", "localdatetime", "localtime",
                                            "point",    "time",          NULL};
    static const char *const patterns[] = {"shortestpath", "allshortestpaths", NULL};

    if (at == 0 || !is_name(w, at - 1) || is_one_of(w, at - 1, patterns))
        return FRAME_ROUND;
    if (was_op(w, at, 2, '.') || is_word(w, at - 1, "all"))
        return FRAME_OTHER;
    if (is_one_of(w, at - 1, functions))
        return FRAME_CALL;
    return is_keyword(w, at - 1) ? FRAME_ROUND : FRAME_OTHER;
}

static enum frame_kind kind_of_square(const struct walk *w, size_t at)
{
    if (at == 0)
        return FRAME_OTHER;
    if (view_is_dash(&w->tokens[at - 1]))
        return FRAME_RELATIONSHIP;
    return ends_operand(w, at - 1) ? FRAME_OTHER : FRAME_LIST;
}

/* A map in a map is no value that can be stored: left to the server. */
static enum frame_kind kind_of_curly(const struct walk *w, size_t at)
{
    if (is_op(w, at + 1, '}') || (is_name(w, at + 1) && is_op(w, at + 2, ':')))
        return w->frames[w->depth].kind == FRAME_MAP ? FRAME_OTHER : FRAME_MAP;
    return is_name(w, at + 1) ? FRAME_TOP : FRAME_OTHER;
}

static bool push(struct walk *w, enum frame_kind kind)
{
    const struct frame *f = top(w);
    bool frozen = f->frozen || f->projection || kind == FRAME_OTHER;

    if (w->depth + 1 == FRAMES_MAX)
        return false;
    bool stores = f->stores && kind != FRAME_CALL && kind != FRAME_TOP;
    w->frames[++w->depth] = (struct frame){.kind = kind, .frozen = frozen, .stores = stores};
    return true;
}

/* A literal in brackets is one of the expression around them too. */
static bool pop(struct walk *w)
{
    const struct frame *f = top(w);
    bool number = f->number && (f->kind == FRAME_ROUND || f->kind == FRAME_LIST);

    if (w->depth == 0)
        return false;
    w->depth--;
    top(w)->number |= number;
    return true;
}

/* ---- what is taken out ---- */

static size_t end_of(const struct walk *w, size_t at)
{
    const struct lexer_token *t = &w->tokens[at].token;

    return t->start + t->len;
}

static struct lift_hole *add_hole(struct walk *w, size_t start, size_t len)
{
    struct lift *l = w->l;

    if (w->at > 0 && view_glues(&w->tokens[w->at - 1]) && end_of(w, w->at - 1) == start)
        buf_addc(&l->template, ' ');
    w->hole = true;
    if (l->hole_count == l->hole_size) {
        l->hole_size = l->hole_size > 0 ? l->hole_size * 2 : 16;
        l->holes = mem_realloc(l->holes, l->hole_size, sizeof *l->holes);
    }
    struct lift_hole *h = &l->holes[l->hole_count++];
    *h = (struct lift_hole){.at = l->template.len,
                            .start = start,
                            .len = len,
                            .json = l->values.len,
                            .type = l->types.len};
    return h;
}

static void add_any_type(struct lift *l, struct lift_hole *h)
{
    buf_truncate(&l->types, h->type);
    buf_addc(&l->types, '*');
    h->type_len = 1;
}

/* Maps of a parameter have their keys in another order, which keys() shows. */
static bool shows_keys(const struct walk *w, size_t types)
{
    if (memchr(buf_str(&w->l->types) + types, '{', w->l->types.len - types) == NULL)
        return false;
    for (const struct view_item *item = w->tokens; item->token.kind != LEXER_END; item++) {
        const struct lexer lexer = {.text = w->text, .len = item->token.start + item->token.len};
        size_t len = 0;
        const char *name = view_is_name(item) ? lexer_name(&lexer, &item->token, &len) : "";
        if (word_is(name, len, "keys"))
            return true;
    }
    return false;
}

/* Takes the literal that begins with the token in hand. Returns how many tokens it is; 0: none, or
 * it stays. */
static size_t take_literal(struct walk *w)
{
    struct lift *l = w->l;
    size_t values = l->values.len, types = l->types.len, at = w->at;
    bool list = is_op(w, at, '[');

    if (is_op(w, at, '-') && at > 0 && ends_operand(w, at - 1))
        return 0; /* minus is between two operands */
    size_t n = constant_read(w->text, w->tokens + at, &l->values, &l->types);
    enum place place = n > 0 ? place_of(w, at, n, list) : PLACE_NO;
    if (place == PLACE_NO || (list && shows_keys(w, types))) {
        buf_truncate(&l->values, values);
        buf_truncate(&l->types, types);
        return 0;
    }
    const struct lexer_token *first = &w->tokens[at].token, *last = &w->tokens[at + n - 1].token;
    struct lift_hole *h = add_hole(w, first->start, last->start + last->len - first->start);
    h->json = values;
    h->json_len = l->values.len - values;
    h->type = types;
    h->type_len = l->types.len - types;
    if (place == PLACE_ANY)
        add_any_type(l, h);
    return n;
}

/* False: blanks or comments are inside, or it is $``. */
static bool take_parameter(struct walk *w)
{
    struct lift *l = w->l;
    const struct lexer_token *t = &w->tokens[w->at].token;
    const struct lexer lexer = {.text = w->text, .len = t->start + t->len};
    size_t len;
    const char *name = lexer_name(&lexer, t, &len);
    bool quoted = w->text[t->start + t->len - 1] == '`';

    if (t->escaped || len == 0 || t->len != len + (quoted ? 3 : 1))
        return false;
    struct lift_hole *h = add_hole(w, t->start, t->len);
    h->name = (size_t)(name - w->text);
    h->name_len = len;
    for (size_t i = 0; i <= w->depth; i++)
        l->projected |= w->frames[i].projection;
    bool any = (is_map_value(w, w->at) && top(w)->stores) || is_set_value(w, w->at);
    if (any && ends_expression(w, w->at + 1))
        add_any_type(l, h);
    return true;
}

/* ---- the walk ---- */

static bool is_literal(const struct walk *w, size_t at)
{
    enum lexer_kind kind = w->tokens[at].token.kind;

    return kind == LEXER_STRING || kind == LEXER_INTEGER || kind == LEXER_FLOAT;
}

/* A clause's word where a variable's name could stand, as in `WITH count(n) AS set`. */
static bool may_be_name(const struct walk *w, size_t at)
{
    static const char *const before_clause[] = {"all", "case", NULL};

    if (at == 0)
        return false;
    if (is_one_op(w, at - 1, ",([+-/%^") || is_comparison(w, at - 1) ||
        is_one_op(w, at + 1, ".,)]/%^") || is_comparison(w, at + 1) || is_word(w, at + 1, "as"))
        return true;
    if (is_op(w, at - 1, '*') && at >= 2 && ends_operand(w, at - 2))
        return true;
    if (is_one_of(w, at - 1, before_clause) ||
        (at >= 2 && is_word(w, at - 1, "match") && is_word(w, at - 2, "on")))
        return false; /* UNION ALL MATCH, CASE WHEN, ON MATCH SET */
    return is_keyword(w, at - 1) && (flags_at(w, at - 1) & KEYWORD_OPERAND) != 0;
}

/* WITH *, count(…): a row's variable would be one of those that group. */
static bool groups_by_all(const struct walk *w)
{
    static const char *const before[] = {"with", "return", "distinct", NULL};

    return w->at > 0 && is_one_of(w, w->at - 1, before) && is_op(w, w->at + 1, ',');
}

/* A new expression begins behind the token. False: it may be a name that looks so. */
static bool note_word(struct walk *w)
{
    static const char *const projections[] = {"with", "return", "order", "yield", NULL};
    static const char *const yielding[] = {"with", "return", "finish", "union", "next", NULL};
    unsigned flags = flags_at(w, w->at);
    struct frame *f = top(w);

    w->l->yields |= w->at == 0 && is_word(w, w->at, "when"); /* WHEN … THEN { … } of Cypher 25 */
    if ((flags & (KEYWORD_CLAUSE | KEYWORD_BOOLEAN)) == 0 || !is_keyword(w, w->at))
        return true;
    if (is_word(w, w->at, "with") && w->at > 0 &&
        (is_word(w, w->at - 1, "starts") || is_word(w, w->at - 1, "ends")))
        return true;
    f->number = false;
    if ((flags & KEYWORD_CLAUSE) != 0 && may_be_name(w, w->at))
        return false;
    if ((flags & KEYWORD_CLAUSE) == 0 || (flags & KEYWORD_BRANCH) != 0)
        return true;
    f->projection = is_one_of(w, w->at, projections);
    f->set = is_word(w, w->at, "set");
    f->stores = f->set || is_word(w, w->at, "create");
    w->l->yields |= is_one_of(w, w->at, yielding);
    return true;
}

static bool note_punctuation(struct walk *w)
{
    size_t at = w->at;

    switch (w->tokens[at].token.op) {
    case '(':
        return push(w, kind_of_round(w, at));
    case '[':
        return push(w, kind_of_square(w, at));
    case '{':
        return push(w, kind_of_curly(w, at));
    case ')':
    case ']':
    case '}':
        return pop(w);
    case '*':
        w->l->projected |= groups_by_all(w);
        return true;
    case ',':
    case '|':
    case LEXER_OP_ADD_TO:
        top(w)->number = false;
        return true;
    default:
        if (is_comparison(w, at) || is_map_value(w, at + 1))
            top(w)->number = false;
        return true;
    }
}

/* The token in hand and those that belong to it; *taken of them. */
static bool take(struct walk *w, size_t *taken)
{
    const struct lexer_token *t = &w->tokens[w->at].token;

    *taken = 1;
    if (t->kind == LEXER_PARAMETER) {
        top(w)->number = true;
        return take_parameter(w);
    }
    size_t n = take_literal(w);
    if (n > 0) {
        top(w)->number = true;
        *taken = n;
        return true;
    }
    w->hole = false;
    buf_add(&w->l->template, w->text + t->start, t->len);
    if (is_literal(w, w->at))
        top(w)->number = true;
    if (t->kind == LEXER_WORD && !note_word(w))
        return false;
    return t->kind != LEXER_PUNCTUATION || note_punctuation(w);
}

/* What stands between two tokens: one blank, but in a projection, where the text of an expression
 * is the name of its column. */
static void add_gap(struct walk *w, size_t start, size_t end)
{
    const struct frame *f = top(w);

    if (start < end && (f->projection || f->frozen))
        buf_add(&w->l->template, w->text + start, end - start);
    else if (start < end || (w->hole && view_glues(&w->tokens[w->at])))
        buf_addc(&w->l->template, ' ');
}

static bool walk(struct walk *w)
{
    size_t end = w->l->tokens.count - 1, taken;

    if (end > 0 && is_op(w, end - 1, ';'))
        end--;
    for (; w->at < end; w->at += taken) {
        if (w->at > 0)
            add_gap(w, end_of(w, w->at - 1), w->tokens[w->at].token.start);
        if (!take(w, &taken))
            return false;
    }
    return w->depth == 0;
}

/* ---- the text ---- */

static bool read_tokens(struct lift *l, const char *text, size_t len)
{
    return view_list_read(&l->tokens, text, len)->token.kind == LEXER_END && l->tokens.count > 1 &&
           (l->tokens.items[0].word.flags & KEYWORD_START) != 0;
}

static void reset(struct lift *l)
{
    buf_reset(&l->template);
    buf_reset(&l->values);
    buf_reset(&l->types);
    l->hole_count = 0;
    l->projected = l->yields = false;
}

/* Field by field: the frames are too large to be zeroed for every text. */
static void walk_init(struct walk *w, struct lift *l, const char *text)
{
    w->l = l;
    w->text = text;
    w->tokens = l->tokens.items;
    w->at = 0;
    w->hole = false;
    w->frames[0] = (struct frame){0};
    w->depth = 0;
}

bool lift_text(struct lift *l, const char *text, size_t len)
{
    struct walk w;

    reset(l);
    if (word_occurs(text, len, LIFT_NAME) || !read_tokens(l, text, len) ||
        lexer_decode_unicode(text, len, &l->key) != LEXER_UNICODE_NONE) {
        reset(l);
        return false;
    }
    walk_init(&w, l, text);
    if (walk(&w))
        return true;
    reset(l);
    return false;
}

bool lift_bind(struct lift *l, const char *text, const json_t *params)
{
    json_t *any = (json_t *)(uintptr_t)params; /* jansson iterates over non-const ones only */

    for (void *at = json_object_iter(any); at != NULL; at = json_object_iter_next(any, at))
        if (word_occurs(json_object_iter_key(at), json_object_iter_key_len(at), LIFT_NAME))
            return false;
    for (size_t i = 0; i < l->hole_count; i++) {
        struct lift_hole *h = &l->holes[i];
        if (h->name_len == 0)
            continue;
        const json_t *value = json_object_getn(params, text + h->name, h->name_len);
        if (value == NULL)
            return false;
        if (h->type_len > 0)
            continue;
        h->type = l->types.len;
        constant_add_type(&l->types, value);
        h->type_len = l->types.len - h->type;
    }
    return true;
}

/* Of a number; every command of the log goes through here, and no person reads it. */
static void add_bytes(struct buf *out, size_t number)
{
    buf_add(out, (const char *)&number, sizeof number);
}

const char *lift_key(struct lift *l, const char *text, size_t *len)
{
    buf_reset(&l->key);
    add_bytes(&l->key, l->template.len);
    buf_add(&l->key, buf_str(&l->template), l->template.len);
    for (size_t i = 0; i < l->hole_count; i++) {
        const struct lift_hole *h = &l->holes[i];
        add_bytes(&l->key, h->at);
        add_bytes(&l->key, h->type_len);
        buf_add(&l->key, buf_str(&l->types) + h->type, h->type_len);
        add_bytes(&l->key, h->name_len);
        buf_add(&l->key, text + h->name, h->name_len);
    }
    *len = l->key.len;
    return buf_str(&l->key);
}

/* ---- what is made of it ---- */

static void add_with_holes(const struct lift *l, struct buf *out,
                           void (*add)(const struct lift *l, size_t hole, const void *arg,
                                       struct buf *out),
                           const void *arg)
{
    size_t done = 0;

    for (size_t i = 0; i < l->hole_count; i++) {
        buf_add(out, buf_str(&l->template) + done, l->holes[i].at - done);
        add(l, i, arg, out);
        done = l->holes[i].at;
    }
    buf_add(out, buf_str(&l->template) + done, l->template.len - done);
}

static void add_parameter(const struct lift *l, size_t hole, const void *arg, struct buf *out)
{
    const struct lift_hole *h = &l->holes[hole];

    if (h->name_len > 0)
        buf_add(out, (const char *)arg + h->start, h->len);
    else
        buf_addf(out, "$" LIFT_NAME "%zu", hole);
}

void lift_add_text(const struct lift *l, const char *text, struct buf *out)
{
    add_with_holes(l, out, add_parameter, text);
}

void lift_add_params(const struct lift *l, const json_t *params, struct buf *out)
{
    size_t begin = out->len + 1;

    if (json_object_size(params) > 0) {
        json_add(out, params);
        buf_truncate(out, out->len - 1); /* its } */
    } else {
        buf_addc(out, '{');
    }
    for (size_t i = 0; i < l->hole_count; i++) {
        const struct lift_hole *h = &l->holes[i];
        if (h->name_len > 0)
            continue;
        buf_adds(out, out->len > begin ? "," : "");
        buf_addf(out, "\"" LIFT_NAME "%zu\":", i);
        buf_add(out, buf_str(&l->values) + h->json, h->json_len);
    }
    buf_addc(out, '}');
}

struct place_in_row {
    const char *row;
    size_t first;
};

static void add_place(const struct lift *l, size_t hole, const void *arg, struct buf *out)
{
    const struct place_in_row *p = arg;

    (void)l;
    buf_addf(out, "%s[%zu]", p->row, p->first + hole);
}

void lift_add_row_text(const struct lift *l, const char *row, size_t first, struct buf *out)
{
    const struct place_in_row place = {row, first};

    add_with_holes(l, out, add_place, &place);
}

void lift_add_value(const struct lift *l, size_t hole, const char *text, const json_t *params,
                    struct buf *out)
{
    const struct lift_hole *h = &l->holes[hole];

    if (h->name_len > 0)
        json_add(out, json_object_getn(params, text + h->name, h->name_len));
    else
        buf_add(out, buf_str(&l->values) + h->json, h->json_len);
}

void lift_fini(struct lift *l)
{
    buf_fini(&l->template);
    buf_fini(&l->values);
    buf_fini(&l->types);
    buf_fini(&l->key);
    free(l->holes);
    view_list_fini(&l->tokens);
    *l = (struct lift){0};
}
