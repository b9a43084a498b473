/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/trial.h"

#include "base/clock.h"
#include "neo4j/plan.h"

#define ANSWER_GRACE_MS 60000 /* beyond the server's own limit */

static size_t ask(struct tx *tx, int64_t limit_ms, const struct plan_question *questions, size_t n,
                  struct plan *plans, struct err *err)
{
    const struct plan_limits limits = {.server_ms = limit_ms,
                                       .deadline_ms = clock_mono_ms() + limit_ms + ANSWER_GRACE_MS};

    return plan_ask(tx, &limits, questions, n, plans, err);
}

static json_t *no_rows(void)
{
    static const char text[] = BRANCH_PARAMS_BEGIN BRANCH_PARAMS_END;

    return json_parse(text, sizeof text - 1, NULL);
}

bool trial_compiles(struct tx *tx, int64_t limit_ms, const struct buf *text)
{
    json_t *rows = no_rows();
    const struct plan_question question = {buf_str(text), text->len, rows};
    struct plan plan;
    struct err why = {0};

    size_t passed = ask(tx, limit_ms, &question, 1, &plan, &why);
    plan_fini(&plan);
    json_decref(rows);
    return passed != 0;
}

/* Its own text, and its template as the only branch of a statement. Where that passes, so would the
 * template with parameters: of a row's value Neo4j knows less. *scans: of the text. */
static void ask_branch(struct trial *t, struct tx *tx, int64_t limit_ms, const json_t *params,
                       size_t *scans)
{
    json_t *rows = no_rows();
    const struct plan_question questions[] = {{buf_str(&t->text), t->text.len, params},
                                              {buf_str(&t->statement), t->statement.len, rows}};
    size_t n = t->reason == NULL ? 2 : 1;
    struct plan plans[2] = {{0}};

    size_t passed = ask(tx, limit_ms, questions, n, plans, &t->why);
    json_decref(rows);
    *scans = plan_scans(&plans[0]);
    t->verdict = passed > n    ? TRIAL_UNKNOWN
                 : passed == 0 ? TRIAL_FAILS
                 : passed == 2 ? TRIAL_BRANCH
                               : TRIAL_ALONE;
    if (passed == 2 && plan_scans(&plans[1]) > *scans) {
        t->verdict = TRIAL_ALONE;
        t->reason = "as a branch Neo4j would not use an index";
    }
    plan_fini(&plans[0]);
    plan_fini(&plans[1]);
}

/* Its template with parameters, for one that is no branch. */
static void ask_parameters(struct trial *t, struct tx *tx, int64_t limit_ms, size_t scans)
{
    json_t *params = json_parse(buf_str(&t->values), t->values.len, NULL);
    const struct plan_question question = {buf_str(&t->with_parameters), t->with_parameters.len,
                                           params};
    struct plan plan;
    struct err why = {0};

    size_t passed = ask(tx, limit_ms, &question, 1, &plan, &why);
    json_decref(params);
    size_t with_parameters = plan_scans(&plan);
    plan_fini(&plan);
    if (passed == 1 && with_parameters <= scans)
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
