/* SPDX-License-Identifier: Apache-2.0 */

/* neo4j/param.c: one walk over the tokens puts an expression in each place of a parameter that is
 * built. What it must know of the text besides is which items of RETURN have no name: such a column
 * is called by its text, which is another one then. */
#include "neo4j/param.h"

#include "base/mem.h"
#include "cypher/limit.h"
#include "cypher/name.h"
#include "cypher/view.h"
#include "neo4j/typed.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 256

struct built {
    const char *name;
    size_t len;
    struct form *form;
};

/* Within a bracket, or none. */
struct frame {
    bool returning; /* behind RETURN: an item of it is in hand */
    bool named;     /* the item has an AS */
    bool touched;   /* something is built in it */
    size_t start;   /* of the item in the text; 0: its first token is still to come */
};

struct walk {
    const char *text;
    const struct built *built;
    size_t count;
    struct buf *out;
    size_t done; /* what of the text is in out */
    struct view view;
    struct frame frames[FRAMES_MAX]; /* frames[0] is the text itself */
    size_t depth;
    struct buf name;
};

/* ---- tokens ---- */

static bool is_word(const struct walk *w, const struct view_item *item, const char *word)
{
    return view_reads(item, w->text, word);
}

static bool is_one_of(const struct walk *w, const struct view_item *item, const char *const *words)
{
    return view_reads_one_of(item, w->text, words);
}

/* Not `n.return`, `:RETURN`, `AS return`, `{return: 1}`. */
static bool may_be_keyword(const struct walk *w)
{
    return !view_is_op(&w->view.last, '.') && !view_is_op(&w->view.last, ':') &&
           !view_is_op(&w->view.next, ':') && !is_word(w, &w->view.last, "as");
}

/* ---- items of RETURN ---- */

static void copy_to(struct walk *w, size_t end)
{
    buf_add(w->out, w->text + w->done, end - w->done);
    w->done = end;
}

/* The item in hand ended with the last token. */
static void end_item(struct walk *w)
{
    struct frame *f = &w->frames[w->depth];
    const struct lexer_token *last = &w->view.last.token;
    size_t end = last->start + last->len;

    if (f->returning && f->touched && !f->named) {
        copy_to(w, end);
        buf_adds(w->out, " AS ");
        name_add_quoted(w->out, w->text + f->start, end - f->start);
    }
    f->named = f->touched = false;
    f->start = 0;
}

static void note_word(struct walk *w)
{
    static const char *const ends[] = {"order", "skip", "offset", "limit", "union", NULL};
    struct frame *f = &w->frames[w->depth];

    if (!may_be_keyword(w))
        return;
    if (is_word(w, &w->view.now, "return")) {
        end_item(w);
        f->returning = true;
    } else if (f->returning && is_one_of(w, &w->view.now, ends)) {
        end_item(w);
        f->returning = false;
    } else if (f->returning && is_word(w, &w->view.now, "as")) {
        f->named = true;
    }
}

static bool note_bracket(struct walk *w)
{
    switch (w->view.now.token.op) {
    case '(':
    case '[':
    case '{':
        if (w->depth + 1 == FRAMES_MAX)
            return false;
        w->frames[++w->depth] = (struct frame){0};
        return true;
    case ')':
    case ']':
    case '}':
        end_item(w);
        if (w->depth > 0)
            w->depth--;
        return true;
    case ',':
    case ';':
        end_item(w);
        return true;
    default:
        return true;
    }
}

/* An item begins with the first token behind RETURN, DISTINCT or a comma. */
static void note_start(struct walk *w)
{
    struct frame *f = &w->frames[w->depth];

    if (f->returning && f->start == 0 && !view_is_op(&w->view.now, ',') &&
        !is_word(w, &w->view.now, "return"))
        f->start = w->view.now.token.start;
    if (f->returning && is_word(w, &w->view.now, "distinct") && is_word(w, &w->view.last, "return"))
        f->start = 0;
}

/* ---- parameters ---- */

/* The name of the parameter in hand, in w->name. */
static void read_name(struct walk *w)
{
    const struct lexer_token *token = &w->view.now.token;
    size_t len;
    const char *name = lexer_name(&w->view.lexer, token, &len);

    buf_reset(&w->name);
    for (size_t i = 0; i < len; i++) {
        buf_addc(&w->name, name[i]);
        i += token->escaped && name[i] == '`'; /* a doubled one */
    }
}

static const struct built *find(const struct walk *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->built[i].len == w->name.len &&
            (w->name.len == 0 || memcmp(w->built[i].name, w->name.data, w->name.len) == 0))
            return &w->built[i];
    return NULL;
}

/* `:$any(…)` is none. */
static bool is_parameter(const struct walk *w)
{
    return w->view.now.token.kind == LEXER_PARAMETER && !view_is_op(&w->view.next, '(');
}

static int put(struct walk *w, struct err *err)
{
    static const char *const counts[] = {"limit", "skip", "offset", NULL};
    const struct lexer_token *token = &w->view.now.token;
    struct buf from = {0};

    read_name(w);
    const struct built *b = find(w);
    if (b == NULL)
        return 0;
    if (is_one_of(w, &w->view.last, counts))
        return err_set(err, ERR_POISON, "param.place",
                       "params.%s is typed and stands behind LIMIT or SKIP, where only a number "
                       "can; send it as plain JSON",
                       buf_str(&w->name));
    copy_to(w, token->start);
    buf_addc(w->out, ' '); /* ELSE$d */
    buf_addc(&from, '$');
    name_add_quoted(&from, buf_str(&w->name), w->name.len);
    form_add_expression(b->form, buf_str(&from), w->out);
    buf_fini(&from);
    w->done = token->start + token->len;
    for (size_t i = 0; i <= w->depth; i++)
        w->frames[i].touched = true;
    return 0;
}

/* ---- the walk ---- */

static int walk(struct walk *w, size_t len, struct err *err)
{
    const struct view_item *now = &w->view.now;

    for (view_init(&w->view, w->text, len); now->token.kind != LEXER_END; view_advance(&w->view)) {
        if (now->token.kind == LEXER_WORD)
            note_word(w);
        note_start(w);
        if (now->token.kind == LEXER_PUNCTUATION && !note_bracket(w))
            return err_set(err, ERR_POISON, "param.place",
                           "brackets are nested too deep for typed parameters");
        if (is_parameter(w) && put(w, err) < 0)
            return -1;
    }
    if (w->view.last.token.len > 0)
        end_item(w);
    copy_to(w, len);
    return 0;
}

static int rewrite(const char *text, size_t len, const struct built *built, size_t count,
                   struct buf *out, struct err *err)
{
    struct walk w = {.text = text, .built = built, .count = count, .out = out};
    struct buf decoded = {0};

    enum lexer_unicode unicode = lexer_decode_unicode(text, len, &decoded);
    buf_fini(&decoded);
    if (unicode != LEXER_UNICODE_NONE)
        return err_set(err, ERR_POISON, "param.place",
                       "a text with typed parameters cannot have \\uXXXX, which the server decodes "
                       "before it reads the text; write the characters themselves");
    out->limit = LIMIT_STRING_BYTES;
    int rc = walk(&w, len, err);
    if (rc == 0 && out->failed)
        rc = err_set(err, ERR_POISON, "param.too-long",
                     "with what builds its typed parameters the text has more than %d bytes; send "
                     "fewer of them",
                     LIMIT_STRING_BYTES);
    buf_fini(&w.name);
    return rc;
}

/* ---- all of it ---- */

/* Members as plain JSON; built gets those that are not, *count of them. */
static int carry_members(json_t *params, json_t *out, struct built *built, size_t *count,
                         struct err *err)
{
    for (void *i = json_object_iter(params); i != NULL; i = json_object_iter_next(params, i)) {
        struct built *b = &built[*count];
        *b = (struct built){.name = json_object_iter_key(i), .len = json_object_iter_key_len(i)};
        json_t *json = typed_carry(json_object_iter_value(i), b->name, b->len, &b->form, err);
        if (json == NULL)
            return -1;
        json_object_setn_new(out, b->name, b->len, json);
        if (form_is_plain(b->form))
            form_free(b->form);
        else
            ++*count;
    }
    return 0;
}

int param_carry(const char *text, size_t len, json_t *params, struct param_sent *out,
                struct err *err)
{
    size_t count = 0;

    *out = (struct param_sent){0};
    if (params == NULL || !typed_is_in(params)) {
        out->params = json_incref(params);
        return 0;
    }
    struct built *built = mem_alloc(json_object_size(params) + 1, sizeof *built);
    out->params = json_object();
    int rc = carry_members(params, out->params, built, &count, err);
    out->rewritten = count > 0;
    if (rc == 0 && count > 0)
        rc = rewrite(text, len, built, count, &out->text, err);
    for (size_t i = 0; i < count; i++)
        form_free(built[i].form);
    free(built);
    if (rc < 0)
        param_fini(out);
    return rc;
}

void param_fini(struct param_sent *sent)
{
    json_decref(sent->params);
    buf_fini(&sent->text);
    *sent = (struct param_sent){0};
}
