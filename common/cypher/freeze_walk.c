/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/freeze_walk.h"

#include "cypher/word.h"

/* ---- tokens ---- */

const char *walk_name(const struct walk *w, size_t at, size_t *len)
{
    const struct lexer lexer = {.text = w->text, .len = w->len};

    return lexer_name(&lexer, &walk_item(w, at)->token, len);
}

bool walk_has_name(const struct walk *w, size_t at, const char *name)
{
    size_t len;

    if (!view_is_name(walk_item(w, at)) && walk_item(w, at)->token.kind != LEXER_PARAMETER)
        return false;
    const char *p = walk_name(w, at, &len);
    return word_is(p, len, name);
}

bool walk_is_word(const struct walk *w, size_t at, const char *word)
{
    return view_reads(walk_item(w, at), w->text, word);
}

bool walk_was_word(const struct walk *w, size_t at, size_t n, const char *word)
{
    return at >= n && walk_is_word(w, at - n, word);
}

enum chance_call walk_find_call(const struct walk *w, size_t at)
{
    size_t len;
    const char *name = walk_name(w, at, &len);

    return chance_find(name, len);
}

size_t walk_find_close(const struct walk *w, size_t at)
{
    size_t depth = 0;

    for (; !walk_is_end(w, at); at++) {
        if (walk_is_open(w, at))
            depth++;
        else if (walk_is_close(w, at) && --depth == 0)
            break;
    }
    return at;
}

/* ---- findings ---- */

static int refuse(struct walk *w, enum chance chance, size_t at, const char *advice)
{
    const struct chance_info *info = chance_info(chance);
    const struct lexer_token *t = &walk_item(w, at)->token;
    int shown = 0; /* plain characters only: it goes into logs and JSON */

    while ((size_t)shown < t->len && shown < 24 && w->text[t->start + shown] >= ' ' &&
           w->text[t->start + shown] < 127)
        shown++;
    return err_set(w->err, ERR_POISON, info->code, "%.*s at byte %zu: %s", shown,
                   w->text + t->start, t->start, advice != NULL ? advice : info->advice);
}

int walk_note(struct walk *w, enum chance chance, size_t at, const char *advice)
{
    if (w->rules->nondeterminism == NONDETERMINISM_ALLOW)
        return 0;
    if (w->rules->nondeterminism == NONDETERMINISM_FREEZE && chance_info(chance)->code != NULL)
        return refuse(w, chance, at, advice);
    w->f->warnings |= 1U << chance;
    return 0;
}

bool walk_binds(struct walk *w)
{
    if (w->rules->nondeterminism == NONDETERMINISM_FREEZE)
        return true;
    if (w->rules->nondeterminism == NONDETERMINISM_WARN)
        w->f->warnings |= 1U << CHANCE_CLOCK;
    return false;
}

int walk_settle(struct walk *w)
{
    if (!w->writes)
        return 0;
    w->f->warnings |= w->in_writes;
    return w->refused != WALK_NONE ? refuse(w, w->refused_chance, w->refused, NULL) : 0;
}

/* ---- the text ---- */

void walk_put(struct walk *w, size_t from, size_t to, const char *s)
{
    buf_add(&w->f->text, w->text + w->done, from - w->done);
    buf_adds(&w->f->text, s);
    w->done = to;
    w->f->frozen = true;
}

void walk_put_before(struct walk *w, size_t at, const char *s)
{
    walk_put(w, walk_item(w, at)->token.start, walk_item(w, at)->token.start, s);
}

void walk_put_behind(struct walk *w, size_t at, const char *s)
{
    walk_put(w, walk_end_of(w, at), walk_end_of(w, at), s);
}
