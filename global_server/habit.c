/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/habit.h"

#include "base/hash.h"
#include "base/mem.h"
#include "cypher/lexer.h"

#include <stdlib.h>

#define PLACES 4096 /* a form has one of them, and drives out who was there */
#define US_MAX 60000000

struct place {
    uint64_t form; /* 0: free */
    int64_t us;
    size_t bytes;
    unsigned probation; /* quick ones that are wanted before it is trusted again */
};

struct habits {
    uint64_t seed; /* so that nobody can make texts that meet in one place */
    struct place places[PLACES];
};

struct habits *habits_new(void)
{
    struct habits *h = mem_alloc(1, sizeof *h);

    h->seed = (uint64_t)hash_random() << 32 | hash_random();
    return h;
}

void habits_free(struct habits *h)
{
    free(h);
}

uint64_t habits_form(const struct habits *h, const char *text, size_t len)
{
    struct lexer lexer;
    struct lexer_token token;
    uint64_t form = h->seed;

    lexer_init(&lexer, text, len);
    for (lexer_next(&lexer, &token); token.kind != LEXER_END; lexer_next(&lexer, &token)) {
        const char kind = (char)token.kind;
        bool is_literal =
            token.kind == LEXER_STRING || token.kind == LEXER_INTEGER || token.kind == LEXER_FLOAT;
        form = hash_quick(form, &kind, 1);
        if (!is_literal)
            form = hash_quick(form, text + token.start, token.len);
    }
    return form != 0 ? form : 1;
}

static bool is_quick(const struct place *p)
{
    return p->us < HABIT_QUICK_US && p->bytes < HABIT_QUICK_BYTES && p->probation == 0;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool habits_note(struct habits *h, uint64_t form, int64_t us, size_t bytes)
{
    struct place *p = &h->places[form % PLACES];
    int64_t counted_us = smaller(us, US_MAX);
    bool was_quick = p->form == form && is_quick(p);

    if (p->form != form)
        *p = (struct place){.form = form, .us = counted_us, .bytes = bytes};
    p->us = smaller((p->us + counted_us) / 2, 2 * counted_us);
    p->bytes = p->bytes / 2 + bytes / 2;
    if (p->probation > 0 && counted_us < HABIT_QUICK_US)
        p->probation--;
    return !was_quick && is_quick(p);
}

void habits_late(struct habits *h, uint64_t form)
{
    struct place *p = &h->places[form % PLACES];

    *p = (struct place){.form = form, .us = 2 * HABIT_QUICK_US, .probation = HABIT_PROBATION};
}

bool habits_hopeful(const struct habits *h, uint64_t form)
{
    const struct place *p = &h->places[form % PLACES];

    return p->form != form || (p->us < HABIT_HOPEFUL_US && p->probation == 0);
}

bool habits_quick(const struct habits *h, uint64_t form, int64_t *us)
{
    const struct place *p = &h->places[form % PLACES];

    if (p->form != form || !is_quick(p))
        return false;
    *us = p->us;
    return true;
}
