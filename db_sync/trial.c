/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/trial.h"

#include "base/clock.h"

#include <string.h>

#define ANSWER_GRACE_MS 60000 /* beyond the server's own limit */

enum { ASK_TEXT, ASK_PARAMETERS, ASK_BRANCHES, ASK_COUNT };

/* Operators of each plan that look at all there is of something. */
struct plans {
    size_t scans[ASK_COUNT];
};

static size_t count_scans(const json_t *operator)
{
    const char *type = json_text(operator, "operatorType");
    size_t count = type != NULL && strstr(type, "Scan") != NULL, i;
    const json_t *child;

    json_array_foreach (json_object_get(operator, "children"), i, child)
        count += count_scans(child);
    return count;
}

static int on_summary(void *arg, size_t stmt, const json_t *summary, struct err *err)
{
    struct plans *plans = arg;

    (void)err;
    if (stmt < ASK_COUNT)
        plans->scans[stmt] = count_scans(json_object_get(json_object_get(summary, "plan"), "root"));
    return 0;
}

static void add_explain(struct buf *out, const struct buf *text, const json_t *params)
{
    struct buf explained = {0};

    buf_adds(&explained, "EXPLAIN ");
    buf_add(&explained, buf_str(text), text->len);
    tx_add_stmt(out, buf_str(&explained), explained.len, params);
    buf_fini(&explained);
}

struct question {
    const struct buf *text;
    const json_t *params;
};

/* Asks n questions in turn. Returns how many pass; n + 1: that cannot be told now. */
static size_t ask(struct tx *tx, int64_t limit_ms, const struct question *questions, size_t n,
                  struct plans *plans, struct err *err)
{
    const struct tx_reader reader = {.on_summary = on_summary, .arg = plans};
    struct tx_opts opts = {.server_limit_ms = limit_ms,
                           .deadline_ms = clock_mono_ms() + limit_ms + ANSWER_GRACE_MS,
                           .reader = &reader};
    struct tx_stmt stmts[ASK_COUNT];
    struct buf json[ASK_COUNT] = {{0}};
    size_t failed = 0;

    for (size_t i = 0; i < n; i++) {
        add_explain(&json[i], questions[i].text, questions[i].params);
        stmts[i] = (struct tx_stmt){buf_str(&json[i]), json[i].len};
    }
    int rc = tx_commit(tx, stmts, n, &opts, &failed, err);
    for (size_t i = 0; i < n; i++)
        buf_fini(&json[i]);
    if (rc == 0)
        return n;
    return err->class == ERR_POISON && failed < n ? failed : n + 1;
}

/* Twice the same, so that it stands in a UNION as with others. */
static void add_branches(struct trial *t, const struct lift *lift, bool scoped)
{
    lift_add_row_text(lift, BRANCH_ROW, BRANCH_FIRST, &t->branch);
    struct branch one = {buf_str(&t->branch), t->branch.len, lift->yields};
    branch_add_text(&t->branches, (struct branch[]){one, one}, 2, scoped);
}

static void judge(struct trial *t, size_t passed, size_t asked, const struct plans *plans)
{
    const size_t *scans = plans->scans;

    if (passed > asked) {
        t->verdict = TRIAL_UNKNOWN;
    } else if (passed == ASK_TEXT) {
        t->verdict = TRIAL_FAILS;
    } else if (passed == ASK_PARAMETERS) {
        t->verdict = TRIAL_REFUSED;
    } else if (scans[ASK_PARAMETERS] > scans[ASK_TEXT]) {
        t->verdict = TRIAL_REFUSED;
        t->reason = "with parameters Neo4j would not use an index";
    } else if (passed < asked || asked < ASK_COUNT) {
        t->verdict = TRIAL_ALONE;
    } else if (scans[ASK_BRANCHES] > 2 * scans[ASK_TEXT]) {
        t->verdict = TRIAL_ALONE;
        t->reason = "as a branch Neo4j would not use an index";
    } else {
        t->verdict = TRIAL_BRANCH;
    }
}

void trial_run(struct trial *out, struct tx *tx, bool scoped, int64_t limit_ms,
               const struct command *c, struct command_desk *desk)
{
    const struct lift *lift = &desk->lift;
    struct plans plans = {{0}};
    json_t *params = NULL, *lifted = NULL;
    size_t asked = ASK_COUNT;

    *out = (struct trial){.verdict = TRIAL_UNLIFTED};
    if (!command_lift(c, desk, &out->text, &params))
        goto out;
    lift_add_text(lift, buf_str(&out->text), &out->with_parameters);
    lift_add_params(lift, params, &out->values);
    add_branches(out, lift, scoped);
    if (c->ends_tx)
        out->reason = "its outcome is known at the end of a transaction only, so it ends one";
    else if (lift->projected)
        out->reason = "a parameter stands in WITH, RETURN or ORDER BY, where a row's value would "
                      "group";
    if (out->reason != NULL)
        asked = ASK_BRANCHES;
    out->verdict = TRIAL_UNKNOWN;
    if (tx == NULL)
        goto out;
    lifted = json_parse(buf_str(&out->values), out->values.len, &out->why);
    const struct question questions[ASK_COUNT] = {
        {&out->text, params}, {&out->with_parameters, lifted}, {&out->branches, NULL}};
    judge(out, ask(tx, limit_ms, questions, asked, &plans, &out->why), asked, &plans);
out:
    json_decref(lifted);
    json_decref(params);
}

void trial_fini(struct trial *t)
{
    buf_fini(&t->text);
    buf_fini(&t->with_parameters);
    buf_fini(&t->branches);
    buf_fini(&t->branch);
    buf_fini(&t->values);
}
