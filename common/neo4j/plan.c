/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/plan.h"

#include <assert.h>
#include <string.h>

void plan_fini(struct plan *plan)
{
    json_decref(plan->columns);
    json_decref(plan->root);
    *plan = (struct plan){0};
}

static json_t *keep(const json_t *value)
{
    return json_incref((json_t *)(uintptr_t)value);
}

static int on_fields(void *arg, size_t stmt, const json_t *fields, struct err *err)
{
    struct plan *plans = arg;

    (void)err;
    if (stmt < PLAN_QUESTIONS && plans[stmt].columns == NULL)
        plans[stmt].columns = keep(fields);
    return 0;
}

static int on_summary(void *arg, size_t stmt, const json_t *summary, struct err *err)
{
    struct plan *plans = arg;

    (void)err;
    if (stmt < PLAN_QUESTIONS && plans[stmt].root == NULL)
        plans[stmt].root = keep(json_object_get(json_object_get(summary, "plan"), "root"));
    return 0;
}

static void add_explain(struct buf *out, const struct plan_question *question)
{
    struct buf explained = {0};

    buf_adds(&explained, "EXPLAIN ");
    buf_add(&explained, question->text, question->len);
    tx_add_stmt(out, buf_str(&explained), explained.len, question->params);
    buf_fini(&explained);
}

size_t plan_ask(struct tx *tx, const struct plan_limits *limits,
                const struct plan_question *questions, size_t n, struct plan *plans,
                struct err *err)
{
    const struct tx_reader reader = {
        .on_fields = on_fields, .on_summary = on_summary, .arg = plans};
    struct tx_opts opts = {.read = limits->read,
                           .server_limit_ms = limits->server_ms,
                           .deadline_ms = limits->deadline_ms,
                           .reader = &reader};
    struct tx_stmt stmts[PLAN_QUESTIONS] = {{0}};
    struct buf json[PLAN_QUESTIONS] = {{0}};
    struct tx_failure failure = {0};

    assert(n <= PLAN_QUESTIONS);
    for (size_t i = 0; i < n; i++) {
        plans[i] = (struct plan){0};
        add_explain(&json[i], &questions[i]);
        stmts[i] = (struct tx_stmt){buf_str(&json[i]), json[i].len};
    }
    int rc = tx_commit(tx, stmts, n, &opts, &failure, err);
    for (size_t i = 0; i < n; i++)
        buf_fini(&json[i]);
    if (rc == 0)
        return n;
    return err->class == ERR_POISON && failure.stmt < n ? failure.stmt : n + 1;
}

static size_t count_scans(const json_t *operator)
{
    const char *type = json_text(operator, "operatorType");
    size_t count = type != NULL && strstr(type, "Scan") != NULL, i;
    const json_t *child;

    json_array_foreach (json_object_get(operator, "children"), i, child)
        count += count_scans(child);
    return count;
}

size_t plan_scans(const struct plan *plan)
{
    return count_scans(plan->root);
}

static bool is_one_of(const char *type, size_t len, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strlen(*names) == len && memcmp(*names, type, len) == 0)
            return true;
    return false;
}

/* Their types end with the database's name: NodeIndexSeek@neo4j. */
static void add_operators(const json_t *operator, const char * const * without, struct buf *out)
{
    const char *type = json_text(operator, "operatorType");
    size_t len = type != NULL ? strcspn(type, "@") : 0, i;
    const json_t *child;

    if (len > 0 && !is_one_of(type, len, without)) {
        buf_add(out, type, len);
        buf_addc(out, '\n');
    }
    json_array_foreach (json_object_get(operator, "children"), i, child)
        add_operators(child, without, out);
}

void plan_add_operators(const struct plan *plan, const char *const *without, struct buf *out)
{
    add_operators(plan->root, without, out);
}
