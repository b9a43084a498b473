/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/rewrite.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db_sync/template.h"

#include <stdlib.h>

#define ANSWER_GRACE_MS 60000 /* beyond the server's own limit */

struct rewrite {
    struct tx *tx;
    int64_t limit_ms;
    struct templates *templates;
    struct command_desk desk;
    struct buf bytes;      /* rewritten statements, one after the other */
    struct tx_stmt *stmts; /* those in bytes have no pointer until all are there */
    size_t *owners;
    size_t count, room;
};

struct rewrite *rewrite_new(struct tx *tx, int64_t limit_ms)
{
    struct rewrite *r = mem_alloc(1, sizeof *r);

    r->tx = tx;
    r->limit_ms = limit_ms;
    r->templates = templates_new();
    command_desk_init(&r->desk);
    return r;
}

void rewrite_free(struct rewrite *r)
{
    if (r == NULL)
        return;
    templates_free(r->templates);
    command_desk_fini(&r->desk);
    buf_fini(&r->bytes);
    free(r->stmts);
    free(r->owners);
    free(r);
}

/* ---- trials ---- */

/* Whether the server would run it; it runs nothing. */
static int explain(struct rewrite *r, const struct buf *text, const json_t *params, struct err *err)
{
    struct tx_opts opts = {.server_limit_ms = r->limit_ms,
                           .deadline_ms = clock_mono_ms() + r->limit_ms + ANSWER_GRACE_MS};
    struct buf explained = {0};
    json_t *row = NULL;

    buf_adds(&explained, "EXPLAIN ");
    buf_add(&explained, buf_str(text), text->len);
    int rc = tx_query_row(r->tx, buf_str(&explained), params, &opts, &row, err);
    json_decref(row);
    buf_fini(&explained);
    return rc;
}

static int try_both(struct rewrite *r, const struct buf *text, const json_t *params,
                    struct err *err)
{
    const struct lift *lift = &r->desk.lift;
    struct buf with = {0}, values = {0};
    json_t *lifted;
    int rc = -1;

    lift_add_text(lift, buf_str(text), &with);
    lift_add_params(lift, params, &values);
    lifted = json_parse(buf_str(&values), values.len, err);
    if (lifted != NULL && explain(r, text, params, err) == 0)
        rc = explain(r, &with, lifted, err);
    json_decref(lifted);
    buf_fini(&with);
    buf_fini(&values);
    return rc;
}

/* The server checks types where it sees literals, and parameters' values; so the first text of a
 * template, whose types all others share, tells for all. What cannot be asked now is asked again.
 */
static void judge(struct rewrite *r, struct template *t, const struct command *c)
{
    struct err why = {0};
    json_t *params;
    struct buf text = {0};

    if (!command_lift(c, &r->desk, &text, &params))
        t->state = TEMPLATE_REFUSED;
    else if (try_both(r, &text, params, &why) == 0)
        template_trust(t, &r->desk.lift, buf_str(&text));
    else if (why.class == ERR_POISON)
        t->state = TEMPLATE_REFUSED;
    log_debug(log_event("template"), log_int("offset", c->record.offset),
              log_str("state", t->state == TEMPLATE_TRUSTED   ? "trusted"
                               : t->state == TEMPLATE_REFUSED ? "refused"
                                                              : "not known yet"),
              log_err(&why));
    json_decref(params);
    buf_fini(&text);
}

/* ---- statements ---- */

static void add(struct rewrite *r, size_t owner, const char *json, size_t len)
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
    for (size_t i = 0, start = 0; i < c->stmt_count; start = c->stmt_ends[i++])
        add(r, owner, c->json.data + start, c->stmt_ends[i] - start);
}

static bool add_rewritten(struct rewrite *r, size_t owner, const struct command *c)
{
    struct template *t = templates_find(r->templates, c);
    size_t begin = r->bytes.len;

    if (t != NULL && t->state == TEMPLATE_READY)
        judge(r, t, c);
    if (t == NULL || t->state != TEMPLATE_TRUSTED)
        return false;
    template_add_statement(t, c, &r->bytes);
    add(r, owner, NULL, r->bytes.len - begin);
    return true;
}

void rewrite_batch(struct rewrite *r, struct command *const *commands, size_t n, bool plain,
                   struct rewrite_batch *out)
{
    size_t begin = 0;

    r->count = 0;
    buf_reset(&r->bytes);
    out->rewritten = false;
    for (size_t i = 0; i < n; i++) {
        if (!plain && add_rewritten(r, i, commands[i]))
            out->rewritten = true;
        else
            add_texts(r, i, commands[i]);
    }
    for (size_t i = 0; i < r->count; i++)
        if (r->stmts[i].json == NULL) {
            r->stmts[i].json = r->bytes.data + begin;
            begin += r->stmts[i].len;
        }
    out->stmts = r->stmts;
    out->owners = r->owners;
    out->count = r->count;
}

void rewrite_distrust(struct rewrite *r, const struct command *c)
{
    struct template *t = templates_find(r->templates, c);

    if (t != NULL)
        t->state = TEMPLATE_REFUSED;
}
