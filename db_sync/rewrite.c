/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/rewrite.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db_sync/branch.h"
#include "db_sync/template.h"
#include "db_sync/trial.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 16 /* branches: with more a compilation takes seconds */
#define TOGETHER_LEAST(slots) (8 + 2 * (slots)) /* commands: fewer are no slower one by one */
#define MARK_EVERY 32                           /* commands: a mark takes half the time of one */
#define FIRST_SLOTS 20  /* commands sent singly that could be branches, before the first text */
#define SLOTS_GROW 25   /* times as many before the second: the first holds what came first */
#define NEXT_SLOTS 5000 /* and before the others: a compilation costs as much */
#define WORTH(new, old) ((new) * 4 > (old)*5)
#define CREDIT_MS 2000 /* for trials at a stretch; later a fifth of the time is for them */
#define CREDIT_SHARE 5
#define ASK_MS 10000 /* how long the server's version counts: a newer one may take its place */

struct rewrite {
    struct tx *tx;
    int64_t limit_ms;
    struct templates *templates;
    struct command_desk desk;
    bool scoped;                     /* branch.h */
    int64_t ask_at_ms;               /* when that has to be asked again */
    int64_t credit_ms, credit_at_ms; /* for trials, and when that was so */
    struct template **found;         /* of the commands of the batch; NULL: its text */
    size_t found_room;
    struct template *slots[SLOTS];
    size_t slot_count;
    bool unmarked;         /* the text in use does not tell how far it went */
    size_t missed;         /* commands that could be branches and were not, since the last text */
    size_t patience;       /* so many of them before the next */
    struct buf head;       /* {"statement":"…","parameters":{"__clr":{"rows":[ */
    struct buf bytes;      /* rewritten statements, one after the other */
    struct tx_stmt *stmts; /* those in bytes have no pointer until all are there */
    struct rewrite_range *owners;
    size_t count, room;
    size_t sent[REWRITE_FORMS];
    bool fresh;
};

const char *rewrite_form_name(enum rewrite_form form)
{
    static const char *const names[] = {"texts", "parameters", "coalesced"};

    return names[form];
}

bool rewrite_is_rewritten(const struct rewrite_batch *batch)
{
    return batch->sent[REWRITE_SINGLY] + batch->sent[REWRITE_TOGETHER] > 0;
}

enum rewrite_form rewrite_most(const struct rewrite_batch *batch)
{
    enum rewrite_form most = REWRITE_TEXTS;

    for (enum rewrite_form f = REWRITE_SINGLY; f < REWRITE_FORMS; f++)
        if (batch->sent[f] > batch->sent[most])
            most = f;
    return most;
}

struct rewrite *rewrite_new(struct tx *tx, int64_t limit_ms)
{
    struct rewrite *r = mem_alloc(1, sizeof *r);

    r->tx = tx;
    r->limit_ms = limit_ms;
    r->templates = templates_new();
    r->credit_ms = CREDIT_MS;
    r->credit_at_ms = clock_mono_ms();
    r->patience = FIRST_SLOTS;
    command_desk_init(&r->desk);
    return r;
}

void rewrite_free(struct rewrite *r)
{
    if (r == NULL)
        return;
    templates_free(r->templates);
    command_desk_fini(&r->desk);
    buf_fini(&r->head);
    buf_fini(&r->bytes);
    free(r->found);
    free(r->stmts);
    free(r->owners);
    free(r);
}

/* ---- trials ---- */

/* Which subqueries the server knows. */
static bool ask_scoped(struct rewrite *r, struct err *err)
{
    struct tx_server server;

    if (clock_mono_ms() < r->ask_at_ms)
        return true;
    if (tx_server(r->tx, &server, err) < 0)
        return false;
    r->scoped = tx_scopes_calls(server.version);
    r->ask_at_ms = clock_mono_ms() + ASK_MS;
    return true;
}

/* May time be spent on a trial? A log of ever new templates would be all trials. */
static bool has_credit(struct rewrite *r)
{
    int64_t now = clock_mono_ms(), more = (now - r->credit_at_ms) / CREDIT_SHARE;

    if (more > 0) {
        r->credit_ms = r->credit_ms + more < CREDIT_MS ? r->credit_ms + more : CREDIT_MS;
        r->credit_at_ms = now;
    }
    return r->credit_ms > 0;
}

/* What cannot be told now is asked again. */
static void judge(struct rewrite *r, struct template *t, const struct command *c)
{
    static const char *const names[] = {"not lifted", "not known yet", "fails",
                                        "refused",    "trusted",       "branch"};
    struct trial trial = {.verdict = TRIAL_UNKNOWN};
    int64_t start = clock_mono_ms();

    if (ask_scoped(r, &trial.why))
        trial_run(&trial, r->tx, r->scoped, r->limit_ms, c, &r->desk);
    if (trial.verdict != TRIAL_BRANCH)
        buf_reset(&trial.branch);
    if (trial.verdict >= TRIAL_ALONE)
        template_trust_take(t, &r->desk.lift, buf_str(&trial.text), &trial.branch);
    else if (trial.verdict != TRIAL_UNKNOWN)
        t->state = TEMPLATE_REFUSED;
    log_debug(log_event("template"), log_int("offset", c->record.offset),
              log_str("state", names[trial.verdict]), log_str("reason", trial.reason),
              log_err(&trial.why));
    trial_fini(&trial);
    r->credit_ms -= clock_mono_ms() - start;
}

/* ---- slots ---- */

static void clear_slots(struct rewrite *r)
{
    for (size_t i = 0; i < r->slot_count; i++)
        r->slots[i]->slot = -1;
    r->slot_count = 0;
}

/* The next text comes as soon as the first did. */
static void empty_slots(struct rewrite *r)
{
    clear_slots(r);
    r->patience = FIRST_SLOTS;
}

static int64_t uses_of(struct template *const *templates, size_t n)
{
    int64_t uses = 0;

    for (size_t i = 0; i < n; i++)
        uses += templates[i]->uses;
    return uses;
}

/* The statement with the first n of them. */
static void add_joint_text(const struct rewrite *r, size_t n, struct buf *out)
{
    struct branch branches[SLOTS];

    for (size_t i = 0; i < n; i++) {
        const struct template *t = r->slots[i];
        branches[i] = (struct branch){buf_str(&t->branch), t->branch.len, t->yields};
    }
    branch_add_text(out, branches, n, r->scoped);
}

static void write_text(struct rewrite *r)
{
    struct buf text = {0};

    for (size_t i = 0; i < r->slot_count; i++)
        r->slots[i]->slot = (int)i;
    add_joint_text(r, r->slot_count, &text);
    buf_reset(&r->head);
    buf_adds(&r->head, "{\"statement\":");
    buf_add_json(&r->head, buf_str(&text), text.len);
    buf_adds(&r->head, ",\"parameters\":" BRANCH_PARAMS_BEGIN);
    r->fresh = true;
    r->unmarked = false;
    log_debug(log_event("templates"), log_int("branches", (int64_t)r->slot_count));
    buf_fini(&text);
}

/* A new text with the templates that were used most, if that is worth its compilation: where many
 * are used alike, others in their place are no better. */
static void fill_slots(struct rewrite *r)
{
    struct template *best[SLOTS];
    size_t n = templates_best(r->templates, best, SLOTS);

    r->missed = 0;
    r->patience = r->patience * SLOTS_GROW < NEXT_SLOTS ? r->patience * SLOTS_GROW : NEXT_SLOTS;
    if (n == 0 || !WORTH(uses_of(best, n), uses_of(r->slots, r->slot_count)))
        return;
    clear_slots(r);
    memcpy(r->slots, best, n * sizeof *best);
    r->slot_count = n;
    write_text(r);
}

static bool compiles(struct rewrite *r, size_t n)
{
    struct buf text = {0};

    add_joint_text(r, n, &text);
    bool passes = trial_compiles(r->tx, r->limit_ms, &text);
    buf_fini(&text);
    return passes;
}

/* A template that passes alone, but not beside another, as a shortestPath() beside SHORTEST. The
 * first of them that does not go with those before it is a branch no more. False: they all go. */
static bool drop_misfit(struct rewrite *r)
{
    size_t pass = 1, fail = r->slot_count;

    if (r->slot_count < 2 || compiles(r, r->slot_count))
        return false;
    while (fail - pass > 1) {
        size_t half = (pass + fail) / 2;
        if (compiles(r, half))
            pass = half;
        else
            fail = half;
    }
    buf_reset(&r->slots[fail - 1]->branch);
    empty_slots(r);
    return true;
}

/* ---- statements ---- */

static void add(struct rewrite *r, struct rewrite_range owner, const char *json, size_t len)
{
    if (r->count == r->room) {
        r->room = r->room > 0 ? r->room * 2 : 1024;
        r->stmts = mem_realloc(r->stmts, r->room, sizeof *r->stmts);
        r->owners = mem_realloc(r->owners, r->room, sizeof *r->owners);
    }
    r->owners[r->count] = owner;
    r->stmts[r->count++] = (struct tx_stmt){json, len};
}

static void add_texts(struct rewrite *r, size_t owner, const struct command *c)
{
    r->sent[REWRITE_TEXTS]++;
    for (size_t i = 0, start = 0; i < c->stmt_count; start = c->stmt_ends[i++])
        add(r, (struct rewrite_range){owner, 1}, c->json + start, c->stmt_ends[i] - start);
}

static bool could_be_branch(const struct template *t)
{
    return t != NULL && t->branch.len > 0 && t->slot < 0;
}

static void add_singly(struct rewrite *r, size_t owner, const struct command *c)
{
    const struct template *t = r->found[owner];
    size_t begin = r->bytes.len;

    if (t == NULL) {
        add_texts(r, owner, c);
        return;
    }
    template_add_statement(t, c, &r->bytes);
    add(r, (struct rewrite_range){owner, 1}, NULL, r->bytes.len - begin);
    r->sent[REWRITE_SINGLY]++;
    r->missed += could_be_branch(t);
}

static void add_row(struct rewrite *r, const struct template *t, const struct command *c,
                    bool marked)
{
    const struct command_lifted *lifted = &c->lifted;
    size_t begin = lifted->key_len;

    buf_addc(&r->bytes, '[');
    buf_addi(&r->bytes, t->slot + (marked ? (int)r->slot_count : 0));
    for (size_t i = 0; i < lifted->count; begin = lifted->ends[i++]) {
        buf_addc(&r->bytes, ',');
        buf_add(&r->bytes, lifted->bytes + begin, lifted->ends[i] - begin);
    }
    buf_addc(&r->bytes, ']');
}

static void add_together(struct rewrite *r, struct command *const *commands, size_t from, size_t to)
{
    size_t begin = r->bytes.len;

    buf_add(&r->bytes, r->head.data, r->head.len);
    for (size_t i = from; i < to; i++) {
        size_t at = i;
#ifdef BREAK_order /* a mistake for tests to find: the last one first */
        at = from + to - 1 - i;
#endif
        if (i > from)
            buf_addc(&r->bytes, ',');
        bool marked = !r->unmarked && (i - from) % MARK_EVERY == MARK_EVERY - 1;
        add_row(r, r->found[at], commands[at], marked);
    }
    buf_adds(&r->bytes, BRANCH_PARAMS_END "}");
    add(r, (struct rewrite_range){from, to - from}, NULL, r->bytes.len - begin);
    r->sent[REWRITE_TOGETHER] += to - from;
}

/* The end of the commands from `from` on that can go together. */
static size_t end_of_branches(const struct rewrite *r, size_t from, size_t n)
{
    while (from < n && r->found[from] != NULL && r->found[from]->slot >= 0)
        from++;
    return from;
}

/* The templates of the batch that may be used; NULL for commands that go as they are. */
static bool find_templates(struct rewrite *r, struct command *const *commands, size_t n)
{
    bool any = false, told = true;

    if (n > r->found_room) {
        r->found_room = n;
        r->found = mem_realloc(r->found, n, sizeof *r->found);
    }
    templates_trim(r->templates);
    for (size_t i = 0; i < n; i++) {
        struct template *t = templates_find(r->templates, commands[i]);
        if (t != NULL && t->state == TEMPLATE_READY && told && has_credit(r)) {
            judge(r, t, commands[i]);
            told = t->state != TEMPLATE_READY;
        }
        r->found[i] = t != NULL && t->state == TEMPLATE_TRUSTED ? t : NULL;
        any |= r->found[i] != NULL;
    }
    return any;
}

static size_t could_be_branches(const struct rewrite *r, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += could_be_branch(r->found[i]);
    return count;
}

static void set_pointers(struct rewrite *r)
{
    size_t begin = 0;

    for (size_t i = 0; i < r->count; i++)
        if (r->stmts[i].json == NULL) {
            r->stmts[i].json = r->bytes.data + begin;
            begin += r->stmts[i].len;
        }
}

void rewrite_batch(struct rewrite *r, struct command *const *commands, size_t n,
                   enum rewrite_form form, struct rewrite_batch *out)
{
    bool any = form != REWRITE_TEXTS && find_templates(r, commands, n);
    bool together = any && form == REWRITE_TOGETHER;

    r->count = 0;
    r->fresh = false;
    memset(r->sent, 0, sizeof r->sent);
    buf_reset(&r->bytes);
    if (together && r->missed + could_be_branches(r, n) >= r->patience)
        fill_slots(r);
    for (size_t i = 0; i < n; i++) {
        size_t end = together ? end_of_branches(r, i, n) : i;
        if (!any) {
            add_texts(r, i, commands[i]);
        } else if (end - i >= TOGETHER_LEAST(r->slot_count)) {
            add_together(r, commands, i, end);
            i = end - 1;
        } else {
            add_singly(r, i, commands[i]);
        }
    }
    set_pointers(r);
    *out = (struct rewrite_batch){.stmts = r->stmts,
                                  .owners = r->owners,
                                  .count = r->count,
                                  .fresh = r->fresh,
                                  .marked = !r->unmarked};
    memcpy(out->sent, r->sent, sizeof out->sent);
}

struct rewrite_range rewrite_fault(const struct rewrite_batch *batch, size_t stmt, size_t rows)
{
    struct rewrite_range all = batch->owners[stmt];

    if (!batch->marked || rows > (all.count - 1) / MARK_EVERY)
        return all;
    size_t done = rows * MARK_EVERY, left = all.count - done;
    return (struct rewrite_range){all.first + done, left < MARK_EVERY ? left : MARK_EVERY};
}

void rewrite_distrust(struct rewrite *r, const struct command *c)
{
    struct template *t = templates_find(r->templates, c);

    if (t == NULL)
        return;
    t->state = TEMPLATE_REFUSED;
    if (t->slot >= 0)
        empty_slots(r);
}

void rewrite_forget(struct rewrite *r)
{
    empty_slots(r);
    r->missed = 0;
    templates_retry(r->templates);
}

void rewrite_part(struct rewrite *r, struct command *const *commands, size_t n)
{
    if (drop_misfit(r))
        return;
    if (!r->unmarked) {
        r->unmarked = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct template *t = templates_find(r->templates, commands[i]);
        if (t != NULL)
            buf_reset(&t->branch);
    }
    empty_slots(r);
}
