/* SPDX-License-Identifier: Apache-2.0 */
/* cypher/freeze.c: one walk over the tokens with a stack of brackets. What has to be put into the
 * text is put there as the walk passes the place, so the text is copied once, from left to right.
 */
#include "cypher/freeze.h"

#include "base/utf8.h"
#include "cypher/freeze_clock.h"
#include "cypher/freeze_order.h"
#include "cypher/freeze_walk.h"
#include "cypher/procedure.h"

#include <string.h>

/* ---- calls ---- */

/* Reads `a . b . c` at `at` into name; *len is at most size. Returns the token behind it. */
static size_t read_chain(const struct walk *w, size_t at, char *name, size_t size, size_t *len,
                         size_t *parts)
{
    for (*len = *parts = 0;; at += 2) {
        size_t n;
        const char *part = walk_name(w, at, &n);
        for (size_t i = 0; i < n && *len < size; i++)
            name[(*len)++] = part[i];
        ++*parts;
        if (!walk_is_op(w, at + 1, '.') || !view_is_name(walk_item(w, at + 2)))
            return at + 1;
        if (*len < size)
            name[(*len)++] = '.';
    }
}

static int judge_id(struct walk *w, size_t at)
{
    const struct walk_frame *f = walk_top(w);

    if (f->stores || f->clause_stores)
        return walk_note(w, CHANCE_STORED_ID, at, NULL);
    if (w->rules->nondeterminism != NONDETERMINISM_ALLOW && (!w->frames[0].returns || w->chained))
        w->in_writes |= 1U << CHANCE_ID;
    return 0;
}

/* The function, or procedure, whose name begins at `at` and has its arguments in the brackets at
 * `open`. */
static int judge_call(struct walk *w, size_t at, size_t open, enum chance_call call)
{
    bool empty = walk_is_op(w, open, '(') && walk_is_op(w, open + 1, ')');

    switch (call) {
    case CHANCE_CALL_TIMESTAMP:
        if (empty)
            freeze_clock_bind_timestamp(w, at, open);
        return 0;
    case CHANCE_CALL_DATE:
    case CHANCE_CALL_TIME:
    case CHANCE_CALL_DATETIME:
        w->call_at = open;
        w->call = call;
        return 0;
    case CHANCE_CALL_CLOCK:
        return walk_note(w, CHANCE_CLOCK, at, NULL);
    case CHANCE_CALL_RANDOM:
        return open - at > 1 || empty ? walk_note(w, CHANCE_RANDOM, at, NULL) : 0;
    case CHANCE_CALL_OUTSIDE:
        return open - at > 1 || empty ? walk_note(w, CHANCE_OUTSIDE, at, NULL) : 0;
    case CHANCE_CALL_ID:
        return judge_id(w, at);
    case CHANCE_CALL_HIDDEN:
        return walk_note(w, CHANCE_HIDDEN, at, NULL);
    case CHANCE_CALL_COLLECT:
    case CHANCE_CALL_LIST:
    case CHANCE_CALL_PATH:
    case CHANCE_CALL_SUM:
        freeze_order_call(w, at, call);
        return 0;
    case CHANCE_CALL_MAP:
        w->maps = true;
        return 0;
    case CHANCE_CALL_NONE:
        break;
    }
    return 0;
}

static bool is_call_clause(const struct walk *w, size_t at)
{
    return walk_was_word(w, at, 1, "call") && !walk_was_op(w, at, 2, '.') &&
           !walk_was_op(w, at, 2, ':');
}

/* A name that is not behind a dot. */
static int judge_name(struct walk *w, size_t at)
{
    static const char *const moments[] = {"statement", "transaction", "realtime"};
    char name[64];
    size_t len, parts, open = at + 1;

    if (walk_is_op(w, open, '.'))
        open = read_chain(w, at, name, sizeof name, &len, &parts);
    bool procedure = is_call_clause(w, at);
    if (!walk_is_op(w, open, '(') && !procedure)
        return 0;
    open = read_chain(w, at, name, sizeof name, &len, &parts);
    if (procedure && procedure_find(name, len) != PROCEDURE_READS)
        w->writes = true;
    w->form = WALK_PLAIN;
    if (parts != 2)
        return judge_call(w, at, open, chance_find(name, len));
    enum chance_call base = walk_find_call(w, at);
    if (!freeze_clock_is(base))
        return judge_call(w, at, open, chance_find(name, len));
    w->form = WALK_TRUNCATE;
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        if (walk_has_name(w, at + 2, moments[i]))
            w->form = WALK_MOMENT;
    if (w->form == WALK_TRUNCATE && !walk_has_name(w, at + 2, "truncate"))
        return 0; /* datetime.fromEpoch */
    return judge_call(w, at, open, base);
}

/* ---- brackets ---- */

static int push(struct walk *w)
{
    struct walk_frame *outer = walk_top(w), *f = outer + 1;

    if (w->depth + 1 == WALK_FRAMES_MAX)
        return err_set(w->err, ERR_POISON, "cypher.too-deep", "brackets are nested too deep");
    w->depth++;
    *f = (struct walk_frame){.open = walk_item(w, w->at)->token.op,
                             .at = w->at,
                             .value = WALK_NONE,
                             .value_end = WALK_NONE,
                             .stores = outer->stores || outer->clause_stores,
                             .rows_ordered = outer->rows_ordered,
                             .ordered = true};
    if (f->open == '(' && w->at == w->call_at) {
        f->call = w->call;
        f->form = w->form;
        return freeze_clock_open(w, f);
    }
    freeze_order_open(w, f);
    return f->open == '{' ? freeze_clock_open_map(w, outer, f) : 0;
}

/* False: brackets do not match; a syntax error. */
static bool pop(struct walk *w)
{
    static const char pairs[] = "()[]{}";
    struct walk_frame *f = walk_top(w);

    if (w->depth == 0 || strchr(pairs, f->open)[1] != walk_item(w, w->at)->token.op)
        return false;
    w->depth--;
    freeze_clock_close(w, f);
    freeze_order_close(w, f);
    return true;
}

/* ---- the walk ---- */

static int judge_word(struct walk *w, size_t at)
{
    if (walk_is_word(w, at, "load") && walk_is_word(w, at + 1, "csv") &&
        walk_note(w, CHANCE_OUTSIDE, at, NULL) < 0)
        return -1;
    freeze_order_word(w, at);
    return 0;
}

static int judge_punctuation(struct walk *w, bool *balanced)
{
    struct walk_frame *f = walk_top(w);

    if (walk_is_open(w, w->at))
        return push(w);
    if (walk_is_close(w, w->at)) {
        *balanced = pop(w);
        return 0;
    }
    if (walk_is_op(w, w->at, ','))
        f->comma = true;
    if (walk_is_op(w, w->at, '|'))
        freeze_order_bar(w, f);
    return 0;
}

static int judge_token(struct walk *w, bool *balanced)
{
    const struct view_item *now = walk_item(w, w->at);

    freeze_clock_pass(w);
    if (now->token.kind == LEXER_PUNCTUATION)
        return judge_punctuation(w, balanced);
    if (!view_is_name(now) || walk_was_op(w, w->at, 1, '.'))
        return 0;
    if (now->token.kind == LEXER_WORD && judge_word(w, w->at) < 0)
        return -1;
    return judge_name(w, w->at);
}

static int walk(struct walk *w)
{
    bool balanced = true;

    for (; balanced && !walk_is_end(w, w->at); w->at++)
        if (judge_token(w, &balanced) < 0)
            return -1;
    if (!balanced || w->depth > 0) { /* the server's to say */
        w->f->frozen = false;
        w->f->warnings = 0;
        return 0;
    }
    if (freeze_clock_end(w) < 0 || walk_settle(w) < 0)
        return -1;
    buf_add(&w->f->text, w->text + w->done, w->len - w->done);
    return 0;
}

/* ---- the text as the server reads it ---- */

static int read_items(struct freeze *f, struct walk *w)
{
    const struct lexer_token *last = &view_list_read(&f->tokens, w->text, w->len)->token;

    if (last->kind == LEXER_INVALID)
        return err_set(w->err, ERR_POISON, "cypher.unreadable", "at byte %zu: %s", last->start,
                       last->why);
    w->items = f->tokens.items;
    for (size_t i = 0; i < f->tokens.count; i++)
        w->chained |= w->items[i].word.keyword == KEYWORD_NEXT;
    return 0;
}

/* The frozen text is read by the server once more, which decodes again. */
static int check_decoded(struct freeze *f, struct err *err)
{
    buf_reset(&f->again);
    if (utf8_is(f->text.data, f->text.len) &&
        lexer_decode_unicode(f->text.data, f->text.len, &f->again) == LEXER_UNICODE_NONE)
        return 0;
    return err_set(err, ERR_POISON, chance_info(CHANCE_CLOCK)->code,
                   "a clock beside \\u escapes that cannot be decoded first; write the characters "
                   "themselves");
}

/* As freeze_text, for a text in which there may be something. */
static int freeze_tokens(struct freeze *f, const char *text, size_t len, const json_t *params,
                         const struct freeze_rules *rules, struct err *err)
{
    struct walk w = {.f = f,
                     .rules = rules,
                     .params = params,
                     .err = err,
                     .text = text,
                     .len = len,
                     .call_at = WALK_NONE,
                     .loose = WALK_NONE,
                     .refused = WALK_NONE};

    w.frames[0] = (struct walk_frame){.value = WALK_NONE, .value_end = WALK_NONE, .ordered = true};
    enum lexer_unicode unicode = lexer_decode_unicode(text, len, &f->decoded);
    if (unicode == LEXER_UNICODE_DECODED) {
        if (buf_check(&f->decoded, "command", err) < 0)
            return -1;
        w.text = buf_str(&f->decoded);
        w.len = f->decoded.len;
    }
    if (read_items(f, &w) < 0 || walk(&w) < 0)
        return -1;
    if (!f->frozen) {
        buf_reset(&f->text);
        return 0;
    }
    if (buf_check(&f->text, "command", err) < 0)
        return -1;
    return unicode == LEXER_UNICODE_DECODED ? check_decoded(f, err) : 0;
}

int freeze_text(struct freeze *f, const char *text, size_t len, const json_t *params,
                const struct freeze_rules *rules, struct err *err)
{
    buf_reset(&f->text);
    buf_reset(&f->decoded);
    f->frozen = false;
    f->warnings = 0;
    f->possible = chance_is_possible(text, len);
    return f->possible ? freeze_tokens(f, text, len, params, rules, err) : 0;
}

void freeze_fini(struct freeze *f)
{
    view_list_fini(&f->tokens);
    buf_fini(&f->text);
    buf_fini(&f->decoded);
    buf_fini(&f->again);
    *f = (struct freeze){0};
}
