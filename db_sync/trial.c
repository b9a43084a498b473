/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/trial.h"

#include "base/clock.h"

#include <string.h>

#define ANSWER_GRACE_MS 60000 /* beyond the server's own limit */

#define QUESTIONS 2 /* at most in a request */

/* Operators of each plan that look at all there is of something. */
struct plans {
    size_t scans[QUESTIONS];
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
    if (stmt < QUESTIONS)
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
    struct tx_stmt stmts[QUESTIONS];
    struct buf json[QUESTIONS] = {{0}};
    struct tx_failure failure = {0};

    for (size_t i = 0; i < n; i++) {
        add_explain(&json[i], questions[i].text, questions[i].params);
        stmts[i] = (struct tx_stmt){buf_str(&json[i]), json[i].len};
    }
    int rc = tx_commit(tx, stmts, n, &opts, &failure, err);
    for (size_t i = 0; i < n; i++)
        buf_fini(&json[i]);
    if (rc == 0)
        return n;
    return err->class == ERR_POISON && failure.stmt < n ? failure.stmt : n + 1;
}

static json_t *no_rows(void)
{
    static const char text[] = BRANCH_PARAMS_BEGIN BRANCH_PARAMS_END;

    return json_parse(text, sizeof text - 1, NULL);
}

bool trial_compiles(struct tx *tx, int64_t limit_ms, const struct buf *text)
{
    json_t *rows = no_rows();
    const struct question question = {text, rows};
    struct plans plans = {{0}};
    struct err why = {0};

    size_t passed = ask(tx, limit_ms, &question, 1, &plans, &why);
    json_decref(rows);
    return passed != 0;
}

/* Its own text, and its template as the only branch of a statement. Where that passes, so would the
 * template with parameters: of a row's value Neo4j knows less. *scans: of the text. */
static void ask_branch(struct trial *t, struct tx *tx, int64_t limit_ms, const json_t *params,
                       size_t *scans)
{
    json_t *rows = no_rows();
    const struct question questions[] = {{&t->text, params}, {&t->statement, rows}};
    size_t n = t->reason == NULL ? 2 : 1;
    struct plans plans = {{0}};

    size_t passed = ask(tx, limit_ms, questions, n, &plans, &t->why);
    json_decref(rows);
    *scans = plans.scans[0];
    t->verdict = passed > n    ? TRIAL_UNKNOWN
                 : passed == 0 ? TRIAL_FAILS
                 : passed == 2 ? TRIAL_BRANCH
                               : TRIAL_ALONE;
    if (passed == 2 && plans.scans[1] > *scans) {
        t->verdict = TRIAL_ALONE;
        t->reason = "as a branch Neo4j would not use an index";
    }
}

/* Its template with parameters, for one that is no branch. */
static void ask_parameters(struct trial *t, struct tx *tx, int64_t limit_ms, size_t scans)
{
    json_t *params = json_parse(buf_str(&t->values), t->values.len, NULL);
    const struct question question = {&t->with_parameters, params};
    struct plans plans = {{0}};
    struct err why = {0};

    size_t passed = ask(tx, limit_ms, &question, 1, &plans, &why);
    json_decref(params);
    if (passed == 1 && plans.scans[0] <= scans)
        return;
    t->verdict = passed > 1 ? TRIAL_UNKNOWN : TRIAL_REFUSED;
    t->reason = passed == 1 ? "with parameters Neo4j would not use an index" : NULL;
    t->why = why;
}

void trial_run(struct trial *out, struct tx *tx, bool scoped, int64_t limit_ms,
               const struct command *c, struct command_desk *desk)
{
    const struct lift *lift = &desk->lift;
    json_t *params = NULL;
    size_t scans = 0;

    *out = (struct trial){.verdict = TRIAL_UNLIFTED};
    if (!command_lift(c, desk, &out->text, &params))
        goto out;
    lift_add_text(lift, buf_str(&out->text), &out->with_parameters);
    lift_add_params(lift, params, &out->values);
    lift_add_row_text(lift, BRANCH_ROW, BRANCH_FIRST, &out->branch);
    branch_add_text(&out->statement,
                    &(struct branch){buf_str(&out->branch), out->branch.len, lift->yields}, 1,
                    scoped);
    if (c->ends_tx)
        out->reason = "its outcome is known at the end of a transaction only, so it ends one";
    else if (lift->projected)
        out->reason = "a parameter, or all variables, stand in WITH, RETURN or ORDER BY, where a "
                      "row would group";
    out->verdict = TRIAL_UNKNOWN;
    if (tx == NULL)
        goto out;
    ask_branch(out, tx, limit_ms, params, &scans);
    if (out->verdict == TRIAL_ALONE)
        ask_parameters(out, tx, limit_ms, scans);
out:
    json_decref(params);
}

void trial_fini(struct trial *t)
{
    buf_fini(&t->text);
    buf_fini(&t->with_parameters);
    buf_fini(&t->statement);
    buf_fini(&t->branch);
    buf_fini(&t->values);
}
